//! What callers have submitted and the server has not answered: the state that callers and the I/O
//! thread share, without any I/O of its own.
//!
//! Commands stand in `pending` in the order of their bytes, which is the order of their replies.
//! Every byte has an offset in one endless stream: what lies before `taken` has been handed to a
//! write, what lies behind it is in `unsent`. So it is always known which commands the server cannot
//! have seen: these move to the next connection, and only these.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use redis::Value;

use super::slots::{SlotId, Slots};
use super::stream::Socket;
use crate::config::Config;
use crate::error::{Error, ErrorKind};

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
    /// A caller is writing to the socket itself.
    writing: bool,
    /// The driver waits for that caller to finish.
    awaited: bool,
    /// Replies of the pipeline at the front so far.
    collected: Collected,
    /// The driver will look at the queue before it sleeps.
    scheduled: bool,
    driver: Option<Waker>,
    supervised: bool,
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
struct Pending {
    caller: Caller,
    bytes: Range<u64>,
    shape: Shape,
    submitted: Instant,
    limits: Limits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Waiting(SlotId),
    /// Never wanted the reply, but wants the command to run.
    Unanswered,
    /// Has been told that it is late.
    Gone,
}

/// How many replies a submission gets, and which of them its caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    /// Skips the first `skip` replies, keeps the next `count`. With `skip`, it is a transaction.
    Many {
        skip: usize,
        count: usize,
    },
}

/// How long a caller waits: for the reply of a live connection, and in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) response_timeout: Duration,
    pub(crate) deadline: Duration,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Limits {
        Limits {
            response_timeout: config.response_timeout(),
            deadline: config.deadline(),
        }
    }
}

impl Limits {
    /// The limits of a command that the server may hold back for `block`.
    pub(crate) fn extended_by(self, block: Duration) -> Limits {
        Limits {
            response_timeout: self.response_timeout.saturating_add(block),
            deadline: self.deadline.saturating_add(block),
        }
    }
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

#[derive(Debug, Default)]
struct Collected {
    seen: usize,
    values: Vec<Value>,
    refused: Vec<(usize, Value)>,
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

/// What the I/O thread reports when a command is late.
pub(super) enum Late<'a> {
    Response(Duration),
    Admission,
    Disconnected(Option<&'a Error>),
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
            writing: false,
            awaited: false,
            collected: Collected::default(),
            scheduled: false,
            driver: None,
            supervised: false,
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
        if !self.supervised {
            self.supervised = true;
            self.scheduled = true;
            return Next::Start;
        }
        if let State::Up {
            inline: Some(socket),
            ..
        } = &self.state
            && was_idle
            && !self.scheduled
            && !self.writing
        {
            let socket = Arc::clone(socket);
            self.writing = true;
            self.taken += self.unsent.len() as u64;
            let buffer = std::mem::replace(&mut self.unsent, std::mem::take(&mut self.spare));
            return Next::Write(buffer, socket);
        }
        if self.scheduled || self.writing {
            return Next::Nothing;
        }
        self.wake()
    }

    /// A caller has written the first `written` bytes of `buffer` itself.
    pub(super) fn written(&mut self, mut buffer: Vec<u8>, written: usize) -> Next {
        self.writing = false;
        if written < buffer.len() {
            self.taken -= (buffer.len() - written) as u64;
            buffer.drain(..written);
            buffer.append(&mut self.unsent);
            std::mem::swap(&mut buffer, &mut self.unsent);
        }
        self.keep(buffer);
        if self.unsent.is_empty() && !self.awaited {
            return Next::Nothing;
        }
        self.awaited = false;
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

    pub(super) fn set_driver(&mut self, waker: &Waker) {
        match &mut self.driver {
            Some(driver) => driver.clone_from(waker),
            None => self.driver = Some(waker.clone()),
        }
    }

    /// The driver goes to sleep; from now on callers wake it.
    pub(super) fn sleep(&mut self) {
        self.scheduled = false;
    }

    pub(super) fn wake(&mut self) -> Next {
        if self.scheduled {
            return Next::Nothing;
        }
        self.scheduled = true;
        self.driver.clone().map_or(Next::Nothing, Next::Wake)
    }

    pub(super) fn stay_awake(&mut self) {
        self.scheduled = true;
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing
    }

    /// The driver goes to sleep until the caller that writes is done.
    pub(super) fn await_writer(&mut self) {
        self.awaited = true;
        self.sleep();
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
        wakers.extend(self.driver.clone());
        wakers
    }

    /// Refuses new commands; those in line go on.
    pub(super) fn start_closing(&mut self) {
        self.closing = true;
    }

    /// The supervisor has ended without being asked to: the next submission starts another.
    pub(super) fn abandoned_by_supervisor(&mut self, error: &Error) -> Vec<Waker> {
        self.supervised = false;
        self.driver = None;
        self.writing = false;
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

    /// Fails those whose time is up, and returns when to look again.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        error: impl Fn(Late<'_>) -> Error,
        wakers: &mut Vec<Waker>,
    ) -> Option<Instant> {
        while self
            .admission
            .front()
            .is_some_and(|(_, until)| *until <= now)
        {
            let Some((slot, _)) = self.admission.pop_front() else {
                break;
            };
            wakers.extend(
                self.slots
                    .settle(slot, || Outcome::Failed(error(Late::Admission))),
            );
        }
        let due = match &self.state {
            State::Up { since, .. } => {
                let since = *since;
                self.expire_in_flight(now, since, &error, wakers)
            }
            State::Down { .. } | State::Closed(_) => self.expire_waiting(now, &error, wakers),
        };
        self.admit(wakers);
        let admission = self.admission.front().map(|(_, until)| *until);
        [due, admission].into_iter().flatten().min()
    }

    /// On a live connection late commands keep their place: their replies will still come.
    fn expire_in_flight(
        &mut self,
        now: Instant,
        since: Instant,
        error: &impl Fn(Late<'_>) -> Error,
        wakers: &mut Vec<Waker>,
    ) -> Option<Instant> {
        while let Some(pending) = self.pending.get_mut(self.unwatched) {
            let slot = match pending.caller {
                Caller::Waiting(slot) if !self.slots.is_abandoned(slot) => slot,
                _ => {
                    self.unwatched += 1;
                    continue;
                }
            };
            let due = pending.due(since);
            if due > now {
                return Some(due);
            }
            pending.caller = Caller::Gone;
            let limit = pending.limits.response_timeout.min(pending.limits.deadline);
            wakers.extend(
                self.slots
                    .settle(slot, || Outcome::Failed(error(Late::Response(limit)))),
            );
            self.unwatched += 1;
        }
        None
    }

    /// Without a connection late commands are forgotten: they must not run once their callers have
    /// been told that they will not.
    fn expire_waiting(
        &mut self,
        now: Instant,
        error: &impl Fn(Late<'_>) -> Error,
        wakers: &mut Vec<Waker>,
    ) -> Option<Instant> {
        let State::Down { last, .. } = &self.state else {
            return None;
        };
        let last = last.clone();
        let mut due = None;
        let mut forgotten = self.taken;
        while let Some(front) = self.pending.front() {
            due = Some(after(front.submitted, front.limits.deadline));
            if due > Some(now) {
                break;
            }
            due = None;
            let Some(front) = self.pending.pop_front() else {
                break;
            };
            forgotten = front.bytes.end;
            self.settle(
                &front,
                || Outcome::Failed(error(Late::Disconnected(last.as_ref()))),
                wakers,
            );
        }
        let length = usize::try_from(forgotten - self.taken).unwrap_or(usize::MAX);
        self.unsent.drain(..length.min(self.unsent.len()));
        self.taken = forgotten;
        due
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

impl Pending {
    fn due(&self, since: Instant) -> Instant {
        let response = after(self.submitted.max(since), self.limits.response_timeout);
        response.min(after(self.submitted, self.limits.deadline))
    }
}

impl Collected {
    /// Adds the next reply; returns the outcome once it is the last one.
    fn add(&mut self, reply: Value, skip: usize, count: usize) -> Option<Outcome> {
        self.seen += 1;
        if self.seen > skip {
            self.values.push(reply);
        } else if let Value::ServerError(_) = reply {
            self.refused.push((self.seen.saturating_sub(2), reply));
        }
        if self.seen < skip + count {
            return None;
        }
        let Collected {
            seen: _,
            values,
            refused,
        } = std::mem::take(self);
        Some(if refused.is_empty() {
            Outcome::Replies(values)
        } else {
            Outcome::Aborted(refused)
        })
    }
}

fn full_queue(doing: &str) -> Error {
    Error::new(
        ErrorKind::QueueFull,
        format!("too many commands are {doing} already"),
    )
}

/// Adds, where "for ever" is a year.
fn after(start: Instant, wait: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    start.checked_add(wait.min(YEAR)).unwrap_or(start)
}
