//! [`CommandQueue`]: the parts of the queue together.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::super::late::{Hindrance, Late};
use super::super::reply::Reply;
use super::super::retry::Budget;
use super::admission::Admission;
use super::alarm::Alarm;
use super::driver_wakeup::DriverWakeup;
use super::history::History;
use super::in_flight::{Caller, InFlight};
use super::login::Login;
use super::not_ready::NotReady;
use super::out_buffer::OutBuffer;
use super::waiters::Waiters;
use crate::connect::Socket;
use crate::error::Error;
use crate::resp::{BeyondLimit, Decoded};
use crate::runtime::Wakers;

/// Bytes of commands that may wait: for a connection, or to be written on one.
pub(super) const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;

/// What callers have submitted and the server has not answered.
#[derive(Debug)]
pub(in super::super) struct CommandQueue {
    pub(super) connection: Connection,
    /// Counts connections, so that a driver whose connection has ended does not act on the next one.
    pub(super) number: u64,
    pub(super) waiters: Waiters<Outcome>,
    pub(super) in_flight: InFlight,
    pub(super) admission: Admission,
    pub(super) not_ready: NotReady,
    pub(super) login: Login,
    pub(super) out: OutBuffer,
    pub(super) alarm: Alarm,
    pub(super) driver: DriverWakeup,
    /// Wakes the I/O thread while it watches over a resident.
    pub(super) watcher: Option<Waker>,
    /// The next caller that submits is asked on which runtime it is.
    pub(super) asks_caller: bool,
    /// New commands are refused.
    pub(super) is_closing: bool,
    /// Those who wait for the last command in flight before the connection closes.
    drained: Vec<Waker>,
    resends: Budget,
    /// The response timeout of the client: what a handle has set for itself ends no connection earlier.
    pub(super) response_timeout: Duration,
    /// When the server has sent anything the last time.
    pub(super) last_heard: Instant,
    pub(super) last_submitted: Option<Instant>,
    /// Since when the server had been silent to a command when the connection was lost.
    pub(super) silent_since: Option<Instant>,
    /// The server has answered a command on this connection or on the last one.
    pub(super) has_served: bool,
    pub(super) history: History,
}

/// The connection as callers see it.
#[derive(Debug)]
pub(super) enum Connection {
    /// There is none. `refusing` fails new commands at once, `last` explains those past their deadline.
    Down {
        refusing: Option<Error>,
        last: Option<Error>,
        /// The last attempt to connect has failed.
        is_outage: bool,
        /// A command that must not wait fails: the server does not answer, so far as is known.
        fails_fast: bool,
    },
    Up {
        /// The socket, where callers may write to it themselves.
        inline: Option<Arc<Socket>>,
    },
    Closed(Error),
}

impl Connection {
    /// There is none, and new commands wait for the next one.
    pub(super) fn down(last: Option<Error>) -> Connection {
        Connection::Down {
            refusing: None,
            last,
            is_outage: false,
            fails_fast: false,
        }
    }
}

/// What a caller that waits is told.
#[derive(Debug)]
pub(in super::super) enum Outcome {
    Reply(Reply),
    /// There is room now: submit.
    Admitted,
    /// The server may serve now, or the time is up: submit again, or give up.
    Retry,
    Late(Late),
    /// It must not wait, and would have to.
    Hindered(Hindrance),
    Failed(Error),
    /// Its reply has ended the connection, or may have: it must not be sent again.
    CutOff(Error),
    /// Its reply was skipped over.
    Beyond(BeyondLimit),
}

impl CommandQueue {
    pub(in super::super) fn new(max_in_flight: usize, response_timeout: Duration) -> CommandQueue {
        let now = Instant::now();
        CommandQueue {
            connection: Connection::down(None),
            number: 0,
            waiters: Waiters::default(),
            in_flight: InFlight::new(),
            admission: Admission::new(max_in_flight),
            not_ready: NotReady::default(),
            login: Login::default(),
            out: OutBuffer::default(),
            alarm: Alarm::default(),
            driver: DriverWakeup::NotStarted,
            watcher: None,
            asks_caller: false,
            is_closing: false,
            drained: Vec::new(),
            resends: Budget::default(),
            response_timeout,
            last_heard: now,
            last_submitted: None,
            silent_since: None,
            has_served: false,
            history: History::new(now),
        }
    }

    /// Returns the number of the connection.
    #[inline]
    pub(in super::super) fn number(&self) -> u64 {
        self.number
    }

    /// Tells whether the driver could not write all it has taken.
    pub(in super::super) fn set_blocked(&mut self, blocked: bool) {
        self.out.set_blocked(blocked);
    }

    /// Returns whether a caller is writing to the socket.
    pub(in super::super) fn is_writing(&self) -> bool {
        self.out.is_writing()
    }

    /// The driver goes to sleep until the caller that writes is done.
    pub(in super::super) fn await_writer(&mut self) {
        self.out.await_writer();
        self.driver.sleep();
    }

    pub(in super::super) fn is_closed(&self) -> bool {
        matches!(self.connection, Connection::Closed(_))
    }

    /// Returns why the connection is down, if it was lost or could not be made.
    pub(in super::super) fn failure(&self) -> Option<Error> {
        match &self.connection {
            Connection::Down { last, .. } => last.clone(),
            _ => None,
        }
    }

    /// Returns why a command that must not wait for the connection fails, if it does.
    pub(in super::super) fn hindrance(&self) -> Option<Hindrance> {
        match &self.connection {
            Connection::Down {
                fails_fast: true,
                last,
                ..
            } => Some(Hindrance::NotConnected(last.clone())),
            _ => None,
        }
    }

    /// Returns whether there is a connection to a server that serves.
    pub(in super::super) fn serves(&self) -> bool {
        self.is_up() && !self.not_ready.has_parked()
    }

    /// Returns whether callers wait for a connection that was lost or could not be made, or for a
    /// server that does not serve.
    pub(in super::super) fn is_troubled(&self) -> bool {
        let failed = matches!(self.connection, Connection::Down { last: Some(_), .. });
        failed && self.needs_connection() || self.not_ready.has_parked()
    }

    pub(in super::super) fn is_up(&self) -> bool {
        matches!(self.connection, Connection::Up { .. })
    }

    /// Returns whether the server has answered a command on this connection or on the last one.
    pub(in super::super) fn has_served(&self) -> bool {
        self.has_served
    }

    /// Takes one command from what may be sent again after a loss.
    pub(in super::super) fn may_resend(&mut self) -> bool {
        self.resends.spend()
    }

    /// Returns whether the I/O thread has to look for late commands earlier than it means to.
    pub(in super::super) fn alarm_is_late(&self) -> bool {
        self.alarm.is_late()
    }

    fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.admission.len() == 0
    }

    pub(in super::super) fn has_been_idle_for(&self, now: Instant, idle: Duration) -> bool {
        !self.needs_connection()
            && self
                .last_submitted
                .is_none_or(|last| now.saturating_duration_since(last) >= idle)
    }

    /// Returns whether the server had been silent to a command for this long when the connection was lost.
    pub(in super::super) fn had_been_silent_for(&self, now: Instant, silence: Duration) -> bool {
        let since = self.silent_since;
        since.is_some_and(|since| now.saturating_duration_since(since) >= silence)
    }

    /// Ready once a caller needs a connection.
    pub(in super::super) fn poll_demand(&self) -> Poll<()> {
        if self.needs_connection() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn needs_connection(&self) -> bool {
        !self.is_idle() || self.not_ready.has_parked()
    }

    /// Ready once no caller waits any more.
    pub(in super::super) fn poll_drained(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.is_idle() {
            return Poll::Ready(());
        }
        self.drained.push(cx.waker().clone());
        Poll::Pending
    }

    /// Returns the stream offset up to which bytes have been handed to a write.
    pub(in super::super) fn taken(&self) -> u64 {
        self.out.taken()
    }

    pub(in super::super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(in super::super) fn has_unsent(&self) -> bool {
        self.out.unsent() > 0
    }

    /// Swaps the unsent bytes for the empty `buffer`; returns where they start in the stream.
    pub(in super::super) fn take_unsent(&mut self, buffer: &mut Vec<u8>) -> u64 {
        if self.in_flight.gone_bytes() > 0 {
            self.drop_abandoned();
        }
        self.out.take(buffer)
    }

    /// Hands replies to their callers, in order. `begun` is how many bytes have come of the next one.
    ///
    /// # Errors
    /// No command waits for one of the replies: the connection cannot be trusted any more.
    pub(in super::super) fn deliver(
        &mut self,
        replies: &mut Vec<Decoded>,
        begun: u64,
        wakers: &mut Wakers,
    ) -> Result<(), ()> {
        self.last_heard = Instant::now();
        self.resends.earn(replies.len());
        self.history.replies += replies.len() as u64;
        for reply in replies.drain(..) {
            if let Some((caller, reply)) = self.in_flight.take_reply(reply, self.out.taken())? {
                self.has_served |= !caller.is_connection();
                let outcome = || reply.map_or_else(Outcome::Beyond, Outcome::Reply);
                self.complete(caller, outcome, wakers);
            }
        }
        self.in_flight.set_begun(begun);
        self.admit(wakers);
        Ok(())
    }

    #[inline]
    pub(super) fn complete(
        &mut self,
        caller: Caller,
        outcome: impl FnOnce() -> Outcome,
        wakers: &mut Wakers,
    ) {
        match caller {
            Caller::Waiting(waiter) => {
                wakers.extend(self.waiters.complete(waiter, outcome));
            }
            Caller::Probe => self.probed(&outcome(), wakers),
            Caller::Login => self.logged_in(&outcome(), wakers),
            Caller::Unanswered | Caller::Gone => {}
        }
    }

    /// A probe has come to its end, with an answer or without.
    fn probed(&mut self, outcome: &Outcome, wakers: &mut Wakers) {
        let answer = match outcome {
            Outcome::Reply(Reply::One(answer)) => Some(answer),
            _ => None,
        };
        self.alarm.ring_now();
        if self.not_ready.probed(answer, Instant::now()) {
            self.release_parked(wakers);
        }
    }

    pub(super) fn release_parked(&mut self, wakers: &mut Wakers) {
        self.not_ready
            .release(|| Outcome::Retry, &mut self.waiters, wakers);
    }

    pub(super) fn is_full(&self) -> bool {
        let is_full =
            self.admission.is_full(self.in_flight.len()) || self.out.unsent() >= MAX_WAITING_BYTES;
        is_full && self.is_full_without_gone()
    }

    /// Returns whether it is full without the commands that are not waited for any more.
    #[cold]
    fn is_full_without_gone(&self) -> bool {
        self.admission.is_full(self.in_flight.waiting()) || self.is_full_of_bytes()
    }

    pub(super) fn is_full_of_bytes(&self) -> bool {
        self.out.unsent() - self.in_flight.gone_bytes() >= MAX_WAITING_BYTES
    }

    /// Lets callers in as far as there is room.
    pub(super) fn admit(&mut self, wakers: &mut Wakers) {
        while self.admission.has_line() && !self.is_full() {
            let waiters = &mut self.waiters;
            let admit = |waiter| waiters.complete(waiter, || Outcome::Admitted);
            let Some(waker) = self.admission.pop(admit) else {
                break;
            };
            self.admission.let_in();
            wakers.push(waker);
        }
        if self.is_idle() {
            wakers.extend(self.drained.drain(..));
        }
    }
}
