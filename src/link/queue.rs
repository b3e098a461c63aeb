//! What callers have submitted and the server has not answered: the state that callers and the I/O
//! thread share, without any I/O of its own.
//!
//! Commands stand in `pending` in the order of their bytes, which is the order of their replies.
//! Every byte has an offset in one endless stream: what lies before `taken` has been handed to a
//! write, what lies behind it is in `unsent`. So it is always known which commands the server cannot
//! have seen: these move to the next connection, and only these.

mod attention;
mod expiry;
mod pending;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use redis::Value;

use self::attention::{Attention, Writer};
use self::pending::{Caller, Collected, Pending, after};
use super::slots::{SlotId, Slots};
use super::stream::Socket;
use crate::error::{Error, ErrorKind};

pub(super) use self::expiry::Late;
pub(crate) use self::pending::Limits;
pub(super) use self::pending::Shape;

/// Commands that may wait while there is no connection.
const MAX_WAITING: usize = 1_000;
/// Bytes of commands that may wait while there is no connection.
const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;
/// Capacity of the write buffers that is kept when they were needed larger for a while, in bytes.
pub(super) const KEPT_CAPACITY: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Queue {
    state: State,
    max_in_flight: usize,
    slots: Slots,
    pending: VecDeque<Pending>,
    /// How many at the front of `pending` have nobody left who waits.
    unwatched: usize,
    /// Callers beyond `max_in_flight`, in order, and until when they wait.
    admission: VecDeque<(SlotId, Instant)>,
    /// Callers that have been let in and have not come back yet.
    admitted: usize,
    unsent: Vec<u8>,
    spare: Vec<u8>,
    taken: u64,
    writer: Writer,
    /// Replies of the pipeline at the front so far.
    collected: Collected,
    attention: Attention,
    closing: bool,
    /// Waits for the last command in flight before the link closes.
    drained: Option<Waker>,
    last_submitted: Option<Instant>,
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
    /// There is room now: submit again.
    Admitted,
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
}

pub(super) enum Submitted {
    Waiting(SlotId, Next),
    Unanswered(Next),
    /// In line for admission; the slot's outcome will be [`Outcome::Admitted`].
    InLine(SlotId),
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
            admission: VecDeque::new(),
            admitted: 0,
            unsent: Vec::new(),
            spare: Vec::new(),
            taken: 0,
            writer: Writer::Nobody,
            collected: Collected::default(),
            attention: Attention::Nobody,
            closing: false,
            drained: None,
            last_submitted: None,
        }
    }

    // ---- callers

    /// Takes one submission. `waker` is `None` where no reply is wanted; `admitted` where the caller
    /// has been let in before.
    pub(super) fn submit(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>),
        shape: Shape,
        limits: Limits,
        waker: Option<&Waker>,
        admitted: bool,
    ) -> Submitted {
        self.admitted -= usize::from(admitted);
        if let Some(error) = self.refusal() {
            return Submitted::Refused(error);
        }
        let now = Instant::now();
        self.last_submitted = Some(now);
        let full = self.pending.len() + self.admitted >= self.max_in_flight;
        if (full || !self.admission.is_empty()) && !admitted {
            let Some(waker) = waker else {
                return Submitted::Refused(full_queue("in flight"));
            };
            let slot = self.slots.wait(waker.clone());
            self.admission
                .push_back((slot, after(now, limits.deadline)));
            return Submitted::InLine(slot);
        }
        let was_idle = self.pending.is_empty();
        let start = self.end();
        encode(&mut self.unsent);
        let slot = waker.map(|waker| self.slots.wait(waker.clone()));
        let bytes = start..self.end();
        let caller = slot.map_or(Caller::Unanswered, Caller::Waiting);
        self.pending.push_back(Pending {
            caller,
            bytes,
            shape,
            submitted: now,
            limits,
        });
        let next = self.after_submit(was_idle);
        match slot {
            Some(slot) => Submitted::Waiting(slot, next),
            None => Submitted::Unanswered(next),
        }
    }

    fn refusal(&self) -> Option<Error> {
        match &self.state {
            State::Closed(error) => Some(error.clone()),
            _ if self.closing => Some(super::closed()),
            State::Down {
                refusing: Some(error),
                ..
            } => Some(error.clone()),
            State::Down { .. }
                if self.pending.len() >= MAX_WAITING || self.unsent.len() >= MAX_WAITING_BYTES =>
            {
                Some(full_queue("waiting for a connection"))
            }
            State::Down { .. } | State::Up { .. } => None,
        }
    }

    fn after_submit(&mut self, was_idle: bool) -> Next {
        if let Attention::Nobody = self.attention {
            self.attention = Attention::Awake(None);
            return Next::Start;
        }
        if self.writer != Writer::Nobody {
            return Next::Nothing;
        }
        if let State::Up {
            inline: Some(socket),
            ..
        } = &self.state
            && was_idle
            && self.attention.is_asleep()
        {
            let socket = Arc::clone(socket);
            self.writer = Writer::Writing;
            self.taken += self.unsent.len() as u64;
            let buffer = std::mem::replace(&mut self.unsent, std::mem::take(&mut self.spare));
            return Next::Write(buffer, socket);
        }
        self.wake()
    }

    /// A caller has written the first `written` bytes of `buffer` itself.
    pub(super) fn written(&mut self, mut buffer: Vec<u8>, written: usize) -> Next {
        let awaited = std::mem::replace(&mut self.writer, Writer::Nobody) == Writer::Awaited;
        if written < buffer.len() {
            self.taken -= (buffer.len() - written) as u64;
            buffer.drain(..written);
            buffer.append(&mut self.unsent);
            std::mem::swap(&mut buffer, &mut self.unsent);
        }
        self.keep(buffer);
        if self.unsent.is_empty() && !awaited {
            return Next::Nothing;
        }
        self.wake()
    }

    pub(super) fn take(&mut self, slot: SlotId, waker: &Waker) -> Option<Outcome> {
        self.slots.take(slot, waker)
    }

    /// The caller that waits in `slot` goes away.
    pub(super) fn abandon(&mut self, slot: SlotId, in_line: bool) -> Vec<Waker> {
        let mut wakers = Vec::new();
        if in_line {
            let before = self.admission.len();
            self.admission.retain(|(waiting, _)| *waiting != slot);
            if before == self.admission.len() {
                // It had been let in, or had failed, without knowing yet.
                let let_in = self.slots.take(slot, Waker::noop());
                if let Some(Outcome::Admitted) = let_in {
                    self.admitted -= 1;
                    self.admit(&mut wakers);
                }
                return wakers;
            }
            self.slots.free(slot);
        } else {
            self.slots.abandon(slot);
        }
        wakers
    }

    // ---- the I/O thread

    /// The driver runs; `waker` wakes it from now on.
    pub(super) fn arrive(&mut self, waker: &Waker) {
        self.attention.arrive(waker);
    }

    /// The driver goes to sleep; from now on callers wake it.
    pub(super) fn sleep(&mut self) {
        self.attention.sleep();
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

    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.admission.is_empty() && self.admitted == 0
    }

    pub(super) fn has_been_idle_for(&self, now: Instant, idle: Duration) -> bool {
        self.is_idle()
            && self
                .last_submitted
                .is_none_or(|last| now.saturating_duration_since(last) >= idle)
    }

    /// Ready once somebody needs a connection.
    pub(super) fn poll_demand(&self) -> Poll<()> {
        if self.is_idle() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Ready once nobody waits any more.
    pub(super) fn poll_drained(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.is_idle() {
            return Poll::Ready(());
        }
        self.drained = Some(cx.waker().clone());
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

    /// There is a connection. What nobody waits for any more is forgotten instead of sent.
    pub(super) fn connected(&mut self, now: Instant, inline: Option<Arc<Socket>>) {
        self.retain_from(self.taken, &[]);
        self.state = State::Up { since: now, inline };
    }

    /// An attempt to connect has failed. With `refuse`, everybody is told at once.
    pub(super) fn unreachable(&mut self, error: &Error, refuse: bool) -> Vec<Waker> {
        if !matches!(self.state, State::Closed(_)) {
            let refusing = refuse.then(|| error.clone());
            self.state = State::Down {
                refusing,
                last: Some(error.clone()),
            };
        }
        if refuse {
            self.fail_all(error)
        } else {
            Vec::new()
        }
    }

    /// The connection is gone. `sent` is the stream offset up to which bytes were written, `rest` is
    /// what a write had taken and not written. What the server cannot have seen stays in line.
    pub(super) fn lost(&mut self, sent: u64, rest: &[u8], error: &Error) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while self
            .pending
            .front()
            .is_some_and(|front| front.bytes.start < sent)
        {
            let Some(front) = self.pending.pop_front() else {
                break;
            };
            self.settle(&front, || Outcome::Failed(error.clone()), &mut wakers);
        }
        self.collected = Collected::default();
        self.retain_from(sent, rest);
        if !matches!(self.state, State::Closed(_)) {
            self.state = State::Down {
                refusing: None,
                last: Some(error.clone()),
            };
        }
        self.admit(&mut wakers);
        wakers
    }

    /// Nothing will ever be sent again.
    pub(super) fn close(&mut self, error: &Error) -> Vec<Waker> {
        self.state = State::Closed(error.clone());
        let mut wakers = self.fail_all(error);
        wakers.extend(self.attention.wake());
        wakers
    }

    /// Refuses new commands; those in line go on.
    pub(super) fn start_closing(&mut self) {
        self.closing = true;
    }

    /// The supervisor has ended without being asked to: the next submission starts another.
    pub(super) fn abandoned_by_supervisor(&mut self, error: &Error) -> Vec<Waker> {
        self.attention = Attention::Nobody;
        self.writer = Writer::Nobody;
        self.lost(self.end(), &[], error)
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

    // ---- both

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
        if let Caller::Waiting(slot) = front.caller {
            wakers.extend(self.slots.settle(slot, outcome));
        }
    }

    /// Lets callers in as far as there is room.
    fn admit(&mut self, wakers: &mut Vec<Waker>) {
        while self.pending.len() + self.admitted < self.max_in_flight {
            let Some((slot, _)) = self.admission.pop_front() else {
                break;
            };
            if let Some(waker) = self.slots.settle(slot, || Outcome::Admitted) {
                self.admitted += 1;
                wakers.push(waker);
            }
        }
        if self.drained.is_some() && self.is_idle() {
            wakers.extend(self.drained.take());
        }
    }

    /// Keeps the commands from the stream offset `from` on that somebody still wants. `head` is what
    /// lies between `from` and `unsent`.
    fn retain_from(&mut self, from: u64, head: &[u8]) {
        let mut bytes = Vec::with_capacity(head.len() + self.unsent.len());
        bytes.extend_from_slice(head);
        bytes.append(&mut self.unsent);
        self.taken = from;
        let place = |offset: u64| usize::try_from(offset - from).unwrap_or(usize::MAX);
        let mut kept = Vec::with_capacity(bytes.len());
        let slots = &mut self.slots;
        self.pending.retain_mut(|pending| {
            match pending.caller {
                Caller::Gone => return false,
                Caller::Waiting(slot) if slots.is_abandoned(slot) => {
                    slots.free(slot);
                    return false;
                }
                Caller::Waiting(_) | Caller::Unanswered => {}
            }
            let start = from + kept.len() as u64;
            kept.extend_from_slice(&bytes[place(pending.bytes.start)..place(pending.bytes.end)]);
            pending.bytes = start..from + kept.len() as u64;
            true
        });
        self.unsent = kept;
        self.unwatched = 0;
    }

    fn fail_all(&mut self, error: &Error) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while let Some(front) = self.pending.pop_front() {
            self.settle(&front, || Outcome::Failed(error.clone()), &mut wakers);
        }
        while let Some((slot, _)) = self.admission.pop_front() {
            wakers.extend(self.slots.settle(slot, || Outcome::Failed(error.clone())));
        }
        self.taken = self.end();
        self.unsent.clear();
        self.collected = Collected::default();
        wakers
    }
}

fn full_queue(doing: &str) -> Error {
    Error::new(
        ErrorKind::QueueFull,
        format!("too many commands are {doing} already"),
    )
}

#[cfg(test)]
mod tests;
