//! [`ConnectionTask`]: the I/O thread's task for one connection, until it ends.
//!
//! It drives the connection, or watches over the resident that does. In both cases the I/O thread keeps
//! the time, reads what has come before it tells a caller that it is late, and sees to the end of the
//! connection.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::task::JoinHandle;

use super::super::errors::{closed, connection_lost, ended_by_another};
use super::super::hosting::{DriverMode, Hosting, Residence, Transport};
use super::super::late::Pause;
use super::super::state::{Purpose, State};
use super::super::timer::{Timer, reactor_turn};
use super::turn::{Turn, read_all, take_turn};
use super::watch::Watch;
use crate::connect::Connected;
use crate::error::{Error, ErrorKind};
use crate::runtime::Wakers;

/// The future of one connection. Its output is why it ended; by then the queue knows.
pub(in super::super) struct ConnectionTask<'a> {
    state: &'a State,
    residence: Arc<Residence>,
    hosting: Hosting,
    timer: Timer,
    /// The timer has rung, and the silence of the server is not judged yet.
    rang: bool,
    /// The reactor has a turn between the failure of the socket and the last read.
    last_turn: Option<JoinHandle<()>>,
    wakers: Wakers,
    place: Place,
}

/// Where the connection is.
enum Place {
    Here(Box<Transport>),
    /// A resident has it.
    Away(Watch),
    /// On the way between the two.
    Between,
}

impl<'a> ConnectionTask<'a> {
    pub(in super::super) fn new(state: &'a State, connected: Connected) -> ConnectionTask<'a> {
        let mut wakers = Wakers::default();
        let inline = connected.stream.inline();
        let now = Instant::now();
        let mode = mode_of(state);
        let residence = Residence::new(mode);
        state.set_residence(&residence);
        let number = {
            let mut queue = state.lock();
            // Callers who are late already are told that nothing was sent.
            let _ = queue.expire(now, None, &mut wakers);
            queue.connected(now, inline, &mut wakers)
        };
        ConnectionTask {
            state,
            residence,
            hosting: Hosting::new(mode, now),
            timer: Timer::new(),
            rang: false,
            last_turn: None,
            wakers,
            place: Place::Here(Box::new(Transport::new(number, connected))),
        }
    }

    /// Does what can be done without waiting; an error is the end of the connection.
    fn advance(
        &mut self,
        transport: &mut Transport,
        mut alarm_is_late: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Error> {
        loop {
            if transport.socket_failure.is_some() {
                return self.end_after_socket_failure(transport, cx);
            }
            self.timer.set(self.state, alarm_is_late, &mut self.wakers);
            while self.timer.poll(cx).is_ready() {
                self.rang = true;
                let now = Instant::now();
                // Callers are told that they are late after a look for their replies.
                read_all(self.state, transport, cx)?;
                self.timer.expire(now, None, self.state, &mut self.wakers);
            }
            self.wakers.wake_all();
            let turn = take_turn(self.state, transport, true, cx)?;
            // Judged after a read: what the server has said while this thread had no turn counts.
            let is_judged = turn != Turn::Yields && std::mem::take(&mut self.rang);
            if is_judged && self.state.lock().is_silent(Instant::now()) {
                return Err(self.lost("the server has been silent", io::ErrorKind::TimedOut));
            }
            if turn != Turn::IoThread {
                return Ok(());
            }
            if transport.socket_failure.is_some() {
                continue;
            }
            let mut queue = self.state.lock();
            if queue.is_leaving() && queue.has_left(Instant::now()) {
                drop(queue);
                return Err(self.lost("the role of the server has changed", io::ErrorKind::Other));
            }
            if queue.is_closed() {
                return Err(closed());
            }
            alarm_is_late = queue.alarm_is_late();
            if !alarm_is_late {
                // Nothing more is written: it waits for replies.
                queue.driver_sleeps();
                return Ok(());
            }
        }
    }

    fn lost(&self, cause: &str, kind: io::ErrorKind) -> Error {
        connection_lost(&self.state.peer, &io::Error::new(kind, cause))
    }

    /// Ends the connection with why its socket has failed. The server may have said why, and may have
    /// answered commands before: that is read first.
    fn end_after_socket_failure(
        &mut self,
        transport: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Result<(), Error> {
        let turn = self.last_turn.get_or_insert_with(reactor_turn);
        if Pin::new(turn).poll(cx).is_pending() {
            return Ok(());
        }
        let last = read_all(self.state, transport, cx);
        match transport.socket_failure.take() {
            Some(cause) => Err(transport.lost(&self.state.peer, &cause)),
            None => last,
        }
    }

    /// Drives for one turn; the output is why the connection has ended.
    fn drive(&mut self, transport: &mut Transport, cx: &mut Context<'_>) -> Poll<Error> {
        let (is_closed, alarm_is_late) = {
            let mut queue = self.state.lock();
            queue.driver_runs(cx.waker());
            (queue.is_closed(), queue.alarm_is_late())
        };
        if is_closed {
            transport.failure = Some(closed());
        }
        if transport.failure.is_none() {
            match self.advance(transport, alarm_is_late, cx) {
                Ok(()) => return Poll::Pending,
                Err(error) => transport.failure = Some(error),
            }
        }
        self.end(transport)
    }

    /// Ends the connection, once no caller writes to it any more.
    fn end(&mut self, transport: &mut Transport) -> Poll<Error> {
        let mut queue = self.state.lock();
        if queue.is_writing() {
            // A caller is in the middle of a write to this very socket.
            queue.await_writer();
            return Poll::Pending;
        }
        let Some(error) = transport.failure.take() else {
            return Poll::Pending;
        };
        let (sent, rest) = if transport.is_blocked() {
            (
                transport.output_start + transport.written as u64,
                &transport.output[transport.written..],
            )
        } else {
            (queue.taken(), &[][..])
        };
        let is_reply = error.kind() == ErrorKind::Protocol;
        let others = is_reply.then(|| ended_by_another(&self.state.peer));
        queue.lost(sent, rest, &error, others.as_ref(), &mut self.wakers);
        drop(queue);
        self.wakers.wake_all();
        Poll::Ready(error)
    }

    /// Gives the connection to a resident, if that is better and there is one; else asks callers for one.
    fn offer(&mut self, transport: Box<Transport>, cx: &Context<'_>) -> Place {
        let Residence { handover, .. } = &*self.residence;
        if handover.has_candidate(cx.waker()) {
            if self.may_go(&transport) {
                return self.give(transport, cx);
            }
            handover.dismiss();
        } else if let Some(is_wanted) = self.hosting.consider(&transport.load) {
            self.residence.set_open(is_wanted);
            self.state.lock().ask_caller();
        }
        Place::Here(transport)
    }

    fn may_go(&self, transport: &Transport) -> bool {
        !self.rang
            && !self.timer.is_ringing()
            && transport.socket_failure.is_none()
            && self.state.lock().may_be_away()
    }

    fn give(&mut self, mut transport: Box<Transport>, cx: &Context<'_>) -> Place {
        let socket = Arc::clone(transport.stream.socket());
        transport.stream.detach();
        // From here on callers wake this thread for what the resident does not do.
        self.state.lock().set_watcher(Some(cx.waker()));
        let watch = Watch::new(socket, &self.residence);
        match self.residence.handover.give(transport, cx.waker()) {
            Ok(()) => {
                self.hosting.given(Instant::now());
                Place::Away(watch)
            }
            Err(transport) => self.take_over(transport, None),
        }
    }

    /// Watches over the resident. Returns the connection when it has come back.
    fn watch(&mut self, mut watch: Watch, cx: &mut Context<'_>) -> Place {
        let (may_be_away, alarm_is_late) = {
            let mut queue = self.state.lock();
            queue.set_watcher(Some(cx.waker()));
            (queue.may_be_away(), queue.alarm_is_late())
        };
        self.timer.set(self.state, alarm_is_late, &mut self.wakers);
        let is_due = self.timer.poll_due(self.state, &mut self.wakers, cx);
        self.wakers.wake_all();
        let finding = watch.poll(self.state, &self.residence, cx);
        let handover = &self.residence.handover;
        let is_wanted = !may_be_away || is_due || finding.is_some();
        if !is_wanted && !handover.is_returned(cx.waker()) {
            return Place::Away(watch);
        }
        let now = Instant::now();
        if let Some(transport) = handover.reclaim(cx.waker()) {
            self.hosting
                .came_back(&transport.load, watch.is_idle(), now);
            return self.take_over(transport, watch.take_socket_failure());
        }
        // The resident is in the middle of a poll, at the end of which it wakes this thread.
        if watch.waits_too_long(now) && is_due {
            let pause = watch.in_vain_for(now).map(Pause::Runtime);
            self.timer.expire(now, pause, self.state, &mut self.wakers);
            self.wakers.wake_all();
        }
        Place::Away(watch)
    }

    /// Drives from now on; the socket may have failed.
    fn take_over(&mut self, mut transport: Box<Transport>, failure: Option<io::Error>) -> Place {
        self.state.lock().set_watcher(None);
        let attached = transport.stream.attach();
        if let Some(error) = failure {
            transport.socket_failure.get_or_insert(error);
        }
        if let Err(error) = attached
            && transport.failure.is_none()
        {
            transport.failure = Some(transport.lost(&self.state.peer, &error));
        }
        Place::Here(transport)
    }
}

fn mode_of(state: &State) -> DriverMode {
    match state.purpose {
        _ if state.target.client().io_thread_only() => DriverMode::IoThread,
        Purpose::Shared | Purpose::Session => DriverMode::of_process(),
        // It runs a command now and then.
        Purpose::Blocking => DriverMode::IoThread,
    }
}

impl Future for ConnectionTask<'_> {
    type Output = Error;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let this = &mut *self;
        loop {
            match std::mem::replace(&mut this.place, Place::Between) {
                Place::Here(mut transport) => {
                    if let Poll::Ready(error) = this.drive(&mut transport, cx) {
                        return Poll::Ready(error);
                    }
                    this.place = if transport.failure.is_some() {
                        Place::Here(transport)
                    } else {
                        this.offer(transport, cx)
                    };
                    if matches!(this.place, Place::Here(_)) {
                        return Poll::Pending;
                    }
                }
                Place::Away(watch) => {
                    this.place = this.watch(watch, cx);
                    if matches!(this.place, Place::Away(_)) {
                        return Poll::Pending;
                    }
                }
                Place::Between => return Poll::Pending,
            }
        }
    }
}

impl Drop for ConnectionTask<'_> {
    fn drop(&mut self) {
        self.residence.set_open(false);
        self.residence.handover.end();
    }
}
