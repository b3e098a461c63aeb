//! Callers whose commands the server has refused without running them: they wait here until it serves.
//!
//! The link asks for all of them, on the connection it has, so that a server that loads its data does
//! not get each of their commands over and over. A server that turns out to be a replica is left,
//! because the name may lead to another one by now, but not more often than once a second.

use std::task::Waker;
use std::time::{Duration, Instant};

use redis::{FromRedisValue, Value};

use super::super::delivery::Refusal;
use super::super::slots::SlotId;
use super::pending::{Caller, Pending, after};
use super::{Limits, Next, Outcome, Queue, Shape, State};
use crate::error::Error;

/// Between two questions whether the server serves now.
const PAUSE: Duration = Duration::from_millis(200);
/// Between two connections that are left because their server is a replica.
const STAY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Who waits, and until when.
    held: Vec<(SlotId, Instant)>,
    closed: Option<Closed>,
    /// When a connection was left the last time.
    left: Option<Instant>,
    /// The connection is being left: nothing more is written, and at this time it ends.
    leaving: Option<Instant>,
}

#[derive(Debug)]
struct Closed {
    cause: Refusal,
    limits: Limits,
    /// When to ask; `None` while the answer is outstanding.
    ask_at: Option<Instant>,
    /// It was another connection's server that refused.
    moved: bool,
}

/// What the answer to a question says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Serves,
    Refuses,
    /// The server does not say: its next refusal will.
    Unknown,
}

impl Refusal {
    fn question(self) -> &'static [u8] {
        match self {
            Refusal::ReadOnly => b"*1\r\n$4\r\nROLE\r\n",
            Refusal::ClusterDown => b"*2\r\n$7\r\nCLUSTER\r\n$4\r\nINFO\r\n",
            _ => b"*1\r\n$4\r\nPING\r\n",
        }
    }

    fn verdict(self, answer: &Value) -> Verdict {
        match (self, answer) {
            (_, answer) if Refusal::of(answer).is_some() => Verdict::Refuses,
            (_, Value::ServerError(_)) => Verdict::Unknown,
            (Refusal::ReadOnly, answer) => match Vec::<Value>::from_redis_value_ref(answer) {
                Ok(role) if is_primary(&role) => Verdict::Serves,
                Ok(_) => Verdict::Refuses,
                Err(_) => Verdict::Unknown,
            },
            (Refusal::ClusterDown, answer) => match String::from_redis_value_ref(answer) {
                Ok(info) if info.contains("cluster_state:fail") => Verdict::Refuses,
                _ => Verdict::Serves,
            },
            _ => Verdict::Serves,
        }
    }

    /// Whether another server may be behind the name by now.
    fn is_of_a_replica(self) -> bool {
        matches!(self, Refusal::ReadOnly | Refusal::MasterDown)
    }
}

fn is_primary(role: &[Value]) -> bool {
    matches!(role.first(), Some(Value::BulkString(name)) if name == b"master")
}

impl Queue {
    /// Lets a caller wait until the server serves again, at most for `wait`; its outcome will be
    /// [`Outcome::Again`].
    pub(in super::super) fn hold(
        &mut self,
        refusal: Refusal,
        wait: Duration,
        limits: Limits,
        waker: &Waker,
    ) -> Result<(SlotId, Next), Error> {
        self.check_open()?;
        let now = Instant::now();
        let until = after(now, wait);
        let slot = self.slots.wait(waker.clone());
        self.gate.held.push((slot, until));
        let pause = if refusal.is_of_a_replica() {
            Duration::ZERO
        } else {
            PAUSE
        };
        let closed = self.gate.closed.get_or_insert_with(|| Closed {
            cause: refusal,
            limits,
            ask_at: Some(after(now, pause)),
            moved: false,
        });
        let due = closed.ask_at.map_or(until, |ask_at| ask_at.min(until));
        Ok((slot, self.ring_at(due)))
    }

    /// The caller that is held in `slot` goes away.
    pub(in super::super) fn leave_gate(&mut self, slot: SlotId) {
        self.gate.held.retain(|(held, _)| *held != slot);
        self.slots.free(slot);
    }

    /// Whether anybody waits until the server serves.
    pub(super) fn is_holding(&self) -> bool {
        !self.gate.held.is_empty()
    }

    /// Writes nothing more on this connection, and ends it once what is in flight has been answered, or
    /// after `limit`.
    pub(in super::super) fn leave(&mut self, limit: Duration) {
        if matches!(self.state, State::Up { .. }) {
            self.gate
                .leaving
                .get_or_insert(after(Instant::now(), limit));
            self.alarm_is_late = true;
        }
    }

    /// Whether nothing more may be written on this connection.
    pub(in super::super) fn is_leaving(&self) -> bool {
        self.gate.leaving.is_some()
    }

    /// Whether the connection that is being left has nothing more to say, or has had its time.
    pub(in super::super) fn has_left(&self, now: Instant) -> bool {
        let answered = self
            .pending
            .front()
            .is_none_or(|front| front.bytes.start >= self.taken);
        self.gate
            .leaving
            .is_some_and(|until| answered || until <= now)
    }

    /// There is another connection.
    pub(super) fn gate_moves(&mut self, now: Instant) {
        self.gate.leaving = None;
        if let Some(closed) = &mut self.gate.closed {
            closed.ask_at = Some(now);
            closed.moved = true;
            self.alarm_is_late = true;
        }
    }

    /// Everybody tries again, or learns that there is no sense in it.
    pub(super) fn open_gate(&mut self, wakers: &mut Vec<Waker>) {
        self.gate.closed = None;
        for (slot, _) in self.gate.held.drain(..) {
            wakers.extend(self.slots.settle(slot, || Outcome::Again));
        }
    }

    /// Lets those go whose time is up, and asks the server if it is time to. Returns when to look again.
    pub(super) fn tend_gate(&mut self, now: Instant, wakers: &mut Vec<Waker>) -> Option<Instant> {
        let Queue {
            gate, slots, state, ..
        } = self;
        gate.held.retain(|(slot, until)| {
            let waits = *until > now;
            if !waits {
                wakers.extend(slots.settle(*slot, || Outcome::Again));
            }
            waits
        });
        let next = gate.held.iter().map(|(_, until)| *until).min();
        if next.is_none()
            && gate
                .closed
                .as_ref()
                .is_some_and(|gate| gate.ask_at.is_some())
        {
            gate.closed = None;
        }
        let leaving = gate.leaving.filter(|until| *until > now);
        let ask_at = match (state, &gate.closed) {
            (State::Up { .. }, Some(closed)) if gate.leaving.is_none() => closed.ask_at,
            _ => None,
        };
        if ask_at.is_some_and(|ask_at| ask_at <= now) {
            self.ask(now);
        }
        let ask_at = ask_at.filter(|ask_at| *ask_at > now);
        [next, leaving, ask_at].into_iter().flatten().min()
    }

    fn ask(&mut self, now: Instant) {
        let Some(closed) = &mut self.gate.closed else {
            return;
        };
        closed.ask_at = None;
        let (question, limits) = (closed.cause.question(), closed.limits);
        let start = self.end();
        self.unsent.extend_from_slice(question);
        self.pending.push_back(Pending {
            caller: Caller::Gate,
            bytes: start..self.end(),
            shape: Shape::One,
            submitted: now,
            limits,
        });
    }

    /// The question has come to an end, with an answer or without.
    pub(super) fn answered(&mut self, outcome: Outcome, wakers: &mut Vec<Waker>) {
        let Some(closed) = &mut self.gate.closed else {
            return;
        };
        let now = Instant::now();
        closed.ask_at = Some(after(now, PAUSE));
        self.alarm_is_late = true;
        let Outcome::Reply(answer) = outcome else {
            return;
        };
        let replica = closed.cause.is_of_a_replica();
        match closed.cause.verdict(&answer) {
            Verdict::Serves => self.open_gate(wakers),
            Verdict::Unknown if closed.moved || !replica => self.open_gate(wakers),
            Verdict::Unknown | Verdict::Refuses => {
                let stayed = |left| now.saturating_duration_since(left) >= STAY;
                if replica && self.gate.left.is_none_or(stayed) {
                    self.gate.left = Some(now);
                    self.gate.leaving = Some(after(now, closed.limits.response_timeout));
                }
            }
        }
    }
}
