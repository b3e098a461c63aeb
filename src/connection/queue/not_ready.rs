//! [`NotReady`]: the callers whose commands the server has refused without running them.
//!
//! They wait here until it serves. The connection asks for all of them, so that a server that loads its
//! data does not get each of their commands over and over. A server that turns out to be a replica is
//! left, because the name may lead to another one by now, but at most once a second.
//!
//! A server looks at permissions before it looks whether it is ready, so a user who may not run a probe
//! learns nothing from it. Where no probe tells, the callers try again themselves, later and later.

use std::time::{Duration, Instant};

use redis::{FromRedisValue, Value};

use super::super::timeouts::Timeouts;
use super::waiters::{WaiterId, Waiters};
use crate::resp::{Refusal, Unavailable};
use crate::runtime::{Wakers, later};

/// Time between two probes whether the server serves.
const PROBE_INTERVAL: Duration = Duration::from_millis(200);
/// Shortest time between two connections that are left because their server is a replica.
const MIN_STAY_ON_REPLICA: Duration = Duration::from_secs(1);

/// Returns whether a connection to a replica may be left at `now`, if one was left at `last`.
pub(in super::super) fn may_leave_replica(last: Option<Instant>, now: Instant) -> bool {
    last.is_none_or(|last| now.saturating_duration_since(last) >= MIN_STAY_ON_REPLICA)
}

/// The callers that wait until the server serves, and what the connection does about it.
#[derive(Debug, Default)]
pub(super) struct NotReady {
    parked: Vec<Parked>,
    probing: Option<Probing>,
    /// When the server was asked the last time for its role, without a caller that waits for the answer.
    last_asked: Option<Instant>,
    /// When a connection was left the last time because its server is a replica.
    last_left: Option<Instant>,
    /// The connection is being left: nothing more is written, and at this time it ends.
    leaving_until: Option<Instant>,
}

/// A caller that waits.
#[derive(Debug)]
struct Parked {
    waiter: WaiterId,
    since: Instant,
    until: Instant,
}

impl Parked {
    /// Returns when it tries again. Without probes it is after half of the time that it has left, so that
    /// it spends what it may write neither at once nor at the end.
    fn due(&self, has_probes: bool) -> Instant {
        if has_probes {
            self.until
        } else {
            self.since + self.until.saturating_duration_since(self.since) / 2
        }
    }
}

/// The connection asks whether the server serves.
#[derive(Debug)]
struct Probing {
    cause: Refusal,
    timeouts: Timeouts,
    question: Question,
    /// When to probe; `None` while the answer is outstanding.
    next: Option<Instant>,
    /// The refusal came from the server of an earlier connection.
    has_reconnected: bool,
    /// The next probe is sent even if no caller is parked.
    is_asked_for: bool,
}

/// What a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// What fits the refusal best.
    First,
    /// `DBSIZE`, which every user may run who may run all commands that read.
    Second,
    /// None: the user may run neither.
    None,
}

/// What the answer to a probe says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Serves,
    Refuses,
    /// The answer does not tell: the next refusal of a command will.
    Unknown,
}

/// A probe that is due.
pub(super) struct Probe {
    pub(super) command: &'static [u8],
    pub(super) timeouts: Timeouts,
}

fn probe_command(cause: &Refusal, question: Question) -> &'static [u8] {
    match cause {
        _ if question == Question::Second => b"*1\r\n$6\r\nDBSIZE\r\n",
        Refusal::ReadOnly => b"*1\r\n$4\r\nROLE\r\n",
        Refusal::Unavailable(Unavailable::ClusterDown) => b"*2\r\n$7\r\nCLUSTER\r\n$4\r\nINFO\r\n",
        _ => b"*1\r\n$4\r\nPING\r\n",
    }
}

fn verdict(cause: &Refusal, answer: &Value) -> Verdict {
    match (cause, answer) {
        (_, answer) if Refusal::of(answer).is_some() => Verdict::Refuses,
        (_, Value::ServerError(_)) => Verdict::Unknown,
        (Refusal::ReadOnly, answer) => match Vec::<Value>::from_redis_value_ref(answer) {
            Ok(role) if is_primary(&role) => Verdict::Serves,
            Ok(_) => Verdict::Refuses,
            Err(_) => Verdict::Unknown,
        },
        (Refusal::Unavailable(Unavailable::ClusterDown), answer) => {
            match String::from_redis_value_ref(answer) {
                Ok(info) if info.contains("cluster_state:fail") => Verdict::Refuses,
                _ => Verdict::Serves,
            }
        }
        _ => Verdict::Serves,
    }
}

impl Probing {
    /// The answer to the last question does not tell: asks the next one.
    fn ask_otherwise(&mut self) {
        let has_second = self.cause != Refusal::Unavailable(Unavailable::ClusterDown);
        self.question = match self.question {
            Question::First if has_second => Question::Second,
            _ => {
                self.next = None;
                Question::None
            }
        };
    }
}

fn is_primary(role: &[Value]) -> bool {
    matches!(role.first(), Some(Value::BulkString(name)) if name == b"master")
}

impl NotReady {
    /// Parks a caller until `until`. Returns when the I/O thread has to look.
    pub(super) fn park(
        &mut self,
        waiter: WaiterId,
        until: Instant,
        refusal: Refusal,
        timeouts: Timeouts,
        now: Instant,
    ) -> Instant {
        let parked = Parked {
            waiter,
            since: now,
            until,
        };
        let delay = if refusal.is_by_a_replica() {
            Duration::ZERO
        } else {
            PROBE_INTERVAL
        };
        let probing = self.probing.get_or_insert_with(|| Probing {
            cause: refusal,
            timeouts,
            question: Question::First,
            next: Some(later(now, delay)),
            has_reconnected: false,
            is_asked_for: false,
        });
        let due = parked.due(probing.question != Question::None);
        self.parked.push(parked);
        probing.next.map_or(due, |next| next.min(due))
    }

    /// Asks the server for its role, at most once a second, because a reply that went to its caller says
    /// that it is a replica. Returns whether the I/O thread has to look.
    pub(super) fn ask_role(&mut self, timeouts: Timeouts, now: Instant) -> bool {
        let is_busy = self.probing.is_some() || self.leaving_until.is_some();
        if is_busy || !may_leave_replica(self.last_asked, now) {
            return false;
        }
        self.last_asked = Some(now);
        self.probing = Some(Probing {
            cause: Refusal::ReadOnly,
            timeouts,
            question: Question::First,
            next: Some(now),
            has_reconnected: false,
            is_asked_for: true,
        });
        true
    }

    /// A caller that is parked goes away.
    pub(super) fn leave(&mut self, waiter: WaiterId) {
        self.parked.retain(|parked| parked.waiter != waiter);
    }

    pub(super) fn has_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Returns since when callers are parked.
    pub(super) fn parked_since(&self) -> Option<Instant> {
        self.parked.iter().map(|parked| parked.since).min()
    }

    /// Writes nothing more on this connection, and ends it at `until` at the latest.
    pub(super) fn leave_connection(&mut self, until: Instant) {
        self.leaving_until.get_or_insert(until);
    }

    /// Returns until when the connection is being left, if it is.
    pub(super) fn leaving_until(&self) -> Option<Instant> {
        self.leaving_until
    }

    /// There is another connection: it is probed at once. Returns whether there is one to probe for.
    pub(super) fn reconnected(&mut self, now: Instant) -> bool {
        self.leaving_until = None;
        if let Some(probing) = &mut self.probing {
            probing.question = Question::First;
            probing.next = Some(now);
            probing.has_reconnected = true;
        }
        self.probing.is_some()
    }

    /// Lets all callers try again.
    pub(super) fn release<T>(
        &mut self,
        outcome: impl Fn() -> T,
        waiters: &mut Waiters<T>,
        wakers: &mut Wakers,
    ) {
        self.probing = None;
        for parked in self.parked.drain(..) {
            wakers.extend(waiters.complete(parked.waiter, &outcome));
        }
    }

    /// Releases the callers that are past their deadline or due to try again. Returns when to look again,
    /// and, on a connection that `is_up`, the probe that is due.
    pub(super) fn poll<T>(
        &mut self,
        now: Instant,
        is_up: bool,
        outcome: impl Fn() -> T,
        waiters: &mut Waiters<T>,
        wakers: &mut Wakers,
    ) -> (Option<Instant>, Option<Probe>) {
        let question = self.probing.as_ref().map(|probing| probing.question);
        let has_probes = question != Some(Question::None);
        self.parked.retain(|parked| {
            let waits = parked.due(has_probes) > now;
            if !waits {
                wakers.extend(waiters.complete(parked.waiter, &outcome));
            }
            waits
        });
        let next = self.parked.iter().map(|parked| parked.due(has_probes));
        let next = next.min();
        let is_unneeded = |probing: &mut Probing| {
            (probing.next.is_some() || !has_probes) && !probing.is_asked_for
        };
        if next.is_none() {
            self.probing.take_if(is_unneeded);
        }
        let leaving = self.leaving_until.filter(|until| *until > now);
        let may_probe = is_up && self.leaving_until.is_none();
        let probing = self.probing.as_mut().filter(|_| may_probe);
        let (probe_at, probe) = match probing {
            Some(probing) if probing.next.is_some_and(|next| next <= now) => {
                probing.next = None;
                probing.is_asked_for = false;
                let probe = Probe {
                    command: probe_command(&probing.cause, probing.question),
                    timeouts: probing.timeouts,
                };
                (None, Some(probe))
            }
            Some(probing) => (probing.next, None),
            None => (None, None),
        };
        ([next, leaving, probe_at].into_iter().flatten().min(), probe)
    }

    /// A probe has ended, with an `answer` or without. Returns whether to release the callers, because the
    /// server serves, or is another one.
    pub(super) fn probed(&mut self, answer: Option<&Value>, now: Instant) -> bool {
        let Some(probing) = &mut self.probing else {
            return false;
        };
        probing.next = Some(later(now, PROBE_INTERVAL));
        let Some(answer) = answer else {
            return false;
        };
        let by_a_replica = probing.cause.is_by_a_replica();
        match verdict(&probing.cause, answer) {
            Verdict::Serves => true,
            Verdict::Unknown if !by_a_replica => {
                probing.ask_otherwise();
                false
            }
            Verdict::Unknown if probing.has_reconnected => true,
            Verdict::Unknown | Verdict::Refuses => {
                if by_a_replica && may_leave_replica(self.last_left, now) {
                    let limit = probing.timeouts.response_timeout;
                    self.last_left = Some(now);
                    self.leaving_until = Some(later(now, limit));
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
