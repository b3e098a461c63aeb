//! What callers have submitted and the server has not answered: the state that callers and the I/O
//! thread share, without any I/O of its own.
//!
//! Commands stand in `pending` in the order of their bytes, which is the order of their replies.
//! Every byte has an offset in one endless stream: what lies before `taken` has been handed to a
//! write, what lies behind it is in `unsent`. So it is always known which commands the server cannot
//! have seen: these move to the next connection, and only these.

mod attention;
mod connection;
mod expiry;
mod gate;
mod pending;
mod submission;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use redis::Value;

use self::attention::{Attention, Writer};
use self::gate::Gate;
use self::pending::{Caller, Collected, Pending};
use super::delivery::Budget;
use super::slots::{SlotId, Slots};
use super::stream::Socket;
use crate::error::Error;

pub(super) use self::expiry::Late;
pub(crate) use self::pending::Limits;
pub(super) use self::pending::Shape;

/// Commands that may wait while there is no connection.
const MAX_WAITING: usize = 1_000;
/// Bytes of commands that may wait: without a connection for one, with one to be written.
const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;
/// Capacity of a buffer that is kept when it was needed larger for a while, in bytes. With 64 KiB, 64
/// callers of 16 KiB each made every write allocate anew: a fifth less throughput.
pub(super) const KEPT_CAPACITY: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct Queue {
    state: State,
    max_in_flight: usize,
    slots: Slots,
    pending: VecDeque<Pending>,
    /// How many at the front of `pending` have nobody left who waits.
    unwatched: usize,
    /// The latest deadline of any submission. What is submitted again has less time left.
    latest: Instant,
    /// Up to this offset somebody may be late before those in front.
    unordered: u64,
    /// Callers beyond `max_in_flight`, in order, and until when they wait.
    admission: VecDeque<(SlotId, Instant)>,
    /// Callers that have been let in and have not come back yet.
    admitted: usize,
    unsent: Vec<u8>,
    spare: Vec<u8>,
    taken: u64,
    writer: Writer,
    /// The driver has bytes that the socket has not taken yet.
    blocked: bool,
    /// Replies of the pipeline at the front so far.
    collected: Collected,
    attention: Attention,
    closing: bool,
    /// Wait for the last command in flight before the link closes.
    drained: Vec<Waker>,
    gate: Gate,
    resends: Budget,
    /// When the server has sent anything the last time.
    heard: Instant,
    last_submitted: Option<Instant>,
    /// When the I/O thread will look for late commands.
    alarm: Option<Instant>,
    /// Somebody's time is up before that.
    alarm_is_late: bool,
    /// Who waits for at least so long needs no other alarm: it rings earlier.
    alarm_covers: Duration,
}

#[derive(Debug)]
enum State {
    /// No connection. `refusing` fails new commands at once, `last` explains those that expire.
    Down {
        refusing: Option<Error>,
        last: Option<Error>,
    },
    Up {
        since: Instant,
        inline: Option<Arc<Socket>>,
    },
    Closed(Error),
}

#[derive(Debug)]
pub(super) enum Outcome {
    Reply(Value),
    Replies(Vec<Value>),
    /// The transaction whose commands at these places (1 is the first) the server did not queue.
    Aborted(Vec<(usize, Value)>),
    /// There is room now: submit.
    Admitted,
    /// The server may serve now, or the time is up: submit again, or give up.
    Again,
    Failed(Error),
}

/// What to do once the lock is released.
pub(super) enum Next {
    Nothing,
    Wake(Waker),
    /// Write these bytes to this socket, then call [`Queue::written`].
    Write(Vec<u8>, Arc<Socket>),
    /// Start the supervisor.
    Start,
    /// See whether this is the process that has an I/O thread.
    Check,
}

pub(super) enum Submitted {
    /// Since when it waits is part of it.
    Waiting(SlotId, Instant, Next),
    Unanswered(Next),
    /// In line for admission; the slot's outcome will be [`Outcome::Admitted`].
    InLine(SlotId, Instant, Next),
    Refused(Error),
}

impl Queue {
    pub(super) fn new(max_in_flight: usize) -> Queue {
        Queue {
            state: State::Down {
                refusing: None,
                last: None,
            },
            max_in_flight,
            slots: Slots::default(),
            pending: VecDeque::new(),
            unwatched: 0,
            latest: Instant::now(),
            unordered: 0,
            admission: VecDeque::new(),
            admitted: 0,
            unsent: Vec::new(),
            spare: Vec::new(),
            taken: 0,
            writer: Writer::Nobody,
            blocked: false,
            collected: Collected::default(),
            attention: Attention::Nobody,
            closing: false,
            drained: Vec::new(),
            gate: Gate::default(),
            resends: Budget::default(),
            heard: Instant::now(),
            last_submitted: None,
            alarm: None,
            alarm_is_late: false,
            alarm_covers: Duration::MAX,
        }
    }

    /// The driver runs; `waker` wakes it from now on.
    pub(super) fn arrive(&mut self, waker: &Waker) {
        self.attention.arrive(waker);
    }

    /// The driver goes to sleep; from now on callers wake it.
    pub(super) fn sleep(&mut self) {
        self.attention.sleep();
    }

    /// Whether the driver could not write all it has taken: nobody may write past it.
    pub(super) fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
    }

    fn wake(&mut self) -> Next {
        self.attention.wake().map_or(Next::Nothing, Next::Wake)
    }

    /// Whether a caller is writing to the socket.
    pub(super) fn is_writing(&self) -> bool {
        self.writer != Writer::Nobody
    }

    /// The driver goes to sleep until the caller that writes is done.
    pub(super) fn await_writer(&mut self) {
        self.writer = Writer::Awaited;
        self.attention.sleep();
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    /// Why there is no connection, if one was lost or could not be made.
    pub(super) fn failure(&self) -> Option<Error> {
        match &self.state {
            State::Down { last, .. } => last.clone(),
            _ => None,
        }
    }

    /// Whether there is a connection to a server that serves.
    pub(super) fn serves(&self) -> bool {
        matches!(self.state, State::Up { .. }) && !self.is_holding()
    }

    /// Whether somebody waits for a connection that was lost or could not be made, or for a server
    /// that does not serve.
    pub(super) fn is_troubled(&self) -> bool {
        let failed = matches!(self.state, State::Down { last: Some(_), .. });
        failed && self.needs_connection() || self.is_holding()
    }

    /// Takes one command from what may be sent again after a loss.
    pub(super) fn may_resend(&mut self) -> bool {
        self.resends.spend()
    }

    /// Whether the I/O thread has to look for late commands earlier than it means to.
    pub(super) fn alarm_is_late(&self) -> bool {
        self.alarm_is_late
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.admission.is_empty() && self.admitted == 0
    }

    pub(super) fn has_been_idle_for(&self, now: Instant, idle: Duration) -> bool {
        !self.needs_connection()
            && self
                .last_submitted
                .is_none_or(|last| now.saturating_duration_since(last) >= idle)
    }

    /// Ready once somebody needs a connection.
    pub(super) fn poll_demand(&self) -> Poll<()> {
        if self.needs_connection() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn needs_connection(&self) -> bool {
        !self.is_idle() || self.is_holding()
    }

    /// Ready once nobody waits any more.
    pub(super) fn poll_drained(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.is_idle() {
            return Poll::Ready(());
        }
        self.drained.push(cx.waker().clone());
        Poll::Pending
    }

    /// The stream offset up to which bytes have been handed to a write.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) fn in_flight(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Swaps what has not been sent for the empty `buffer`; returns where it starts in the stream.
    pub(super) fn take_unsent(&mut self, buffer: &mut Vec<u8>) -> u64 {
        let start = self.taken;
        self.taken = self.end();
        std::mem::swap(&mut self.unsent, buffer);
        start
    }

    pub(super) fn keep(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_CAPACITY && self.spare.capacity() < buffer.capacity() {
            buffer.clear();
            self.spare = buffer;
        }
    }

    /// Hands replies to their callers, in order.
    ///
    /// # Errors
    /// Where nobody has asked for a reply: the connection cannot be trusted any more.
    pub(super) fn deliver(
        &mut self,
        replies: &mut Vec<Value>,
        wakers: &mut Vec<Waker>,
    ) -> Result<(), ()> {
        self.heard = Instant::now();
        self.resends.earn(replies.len());
        for reply in replies.drain(..) {
            let front = self
                .pending
                .front()
                .filter(|front| front.bytes.start < self.taken)
                .ok_or(())?;
            let outcome = match front.shape {
                Shape::One => Outcome::Reply(reply),
                Shape::Many { skip, count } => match self.collected.add(reply, skip, count) {
                    Some(outcome) => outcome,
                    None => continue,
                },
            };
            let Some(front) = self.pending.pop_front() else {
                continue;
            };
            self.settle(&front, || outcome, wakers);
        }
        self.admit(wakers);
        Ok(())
    }

    fn end(&self) -> u64 {
        self.taken + self.unsent.len() as u64
    }

    fn settle(
        &mut self,
        front: &Pending,
        outcome: impl FnOnce() -> Outcome,
        wakers: &mut Vec<Waker>,
    ) {
        self.unwatched = self.unwatched.saturating_sub(1);
        match front.caller {
            Caller::Waiting(slot) => wakers.extend(self.slots.settle(slot, outcome)),
            Caller::Gate => self.answered(outcome(), wakers),
            Caller::Unanswered | Caller::Gone => {}
        }
    }

    fn is_full(&self) -> bool {
        self.pending.len() + self.admitted >= self.max_in_flight
            || self.unsent.len() >= MAX_WAITING_BYTES
    }

    /// Lets callers in as far as there is room.
    fn admit(&mut self, wakers: &mut Vec<Waker>) {
        while !self.admission.is_empty() && !self.is_full() {
            let Some((slot, _)) = self.admission.pop_front() else {
                break;
            };
            if let Some(waker) = self.slots.settle(slot, || Outcome::Admitted) {
                self.admitted += 1;
                wakers.push(waker);
            }
        }
        if self.is_idle() {
            wakers.append(&mut self.drained);
        }
    }
}

#[cfg(test)]
mod tests;
