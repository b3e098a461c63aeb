//! Commands whose time is up.

use std::task::Waker;
use std::time::{Duration, Instant};

use super::pending::{Caller, after};
use super::{Outcome, Queue, State};
use crate::error::Error;

/// So many response timeouts without one byte from the server, and the connection is given up.
const MAX_SILENCES: u32 = 3;

/// What the I/O thread reports when a command is late.
pub(in super::super) enum Late<'a> {
    Response(Duration),
    Admission,
    Disconnected(Duration, Option<&'a Error>),
}

impl Queue {
    /// Fails those whose time is up, and returns when to look again.
    pub(in super::super) fn expire(
        &mut self,
        now: Instant,
        error: impl Fn(Late<'_>) -> Error,
        wakers: &mut Vec<Waker>,
    ) -> Option<Instant> {
        let Queue {
            admission, slots, ..
        } = self;
        admission.retain(|(slot, until)| {
            let waits = *until > now;
            if !waits {
                wakers.extend(slots.settle(*slot, || Outcome::Failed(error(Late::Admission))));
            }
            waits
        });
        let gate = self.tend_gate(now, wakers);
        let due = match &self.state {
            State::Up { since, .. } => {
                let since = *since;
                self.expire_in_flight(now, since, &error, wakers)
            }
            State::Down { .. } | State::Closed(_) => self.expire_waiting(now, &error, wakers),
        };
        self.admit(wakers);
        let admission = self.admission.iter().map(|(_, until)| *until).min();
        let silence = self.silent_at().filter(|due| *due > now);
        self.alarm = [due, admission, gate, silence].into_iter().flatten().min();
        self.alarm_is_late = false;
        self.alarm_covers = self
            .alarm
            .map_or(Duration::MAX, |alarm| alarm.saturating_duration_since(now));
        self.alarm
    }

    /// When the connection counts as dead, if nothing is heard until then. Whether anybody still waits
    /// for the reply makes no difference, nor whether its command is about to be written.
    fn silent_at(&self) -> Option<Instant> {
        let front = self.pending.front()?;
        matches!(self.state, State::Up { .. }).then(|| {
            let silence = front.limits.response_timeout.saturating_mul(MAX_SILENCES);
            after(front.submitted.max(self.heard), silence)
        })
    }

    /// Whether the server has been silent for too long.
    pub(in super::super) fn is_silent(&self, now: Instant) -> bool {
        self.silent_at().is_some_and(|due| due <= now)
    }

    /// On a live connection late commands keep their place: their replies will still come.
    fn expire_in_flight(
        &mut self,
        now: Instant,
        since: Instant,
        error: &impl Fn(Late<'_>) -> Error,
        wakers: &mut Vec<Waker>,
    ) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for pending in self.pending.range_mut(self.unwatched..) {
            if next.is_some() && pending.bytes.start >= self.unordered {
                break;
            }
            if let Caller::Waiting(slot) = pending.caller
                && !self.slots.is_abandoned(slot)
            {
                let due = pending.due(since);
                if due > now {
                    next = Some(next.map_or(due, |next| next.min(due)));
                    continue;
                }
                pending.caller = Caller::Gone;
                let limit = pending.limits.response_timeout.min(pending.limits.deadline);
                wakers.extend(
                    self.slots
                        .settle(slot, || Outcome::Failed(error(Late::Response(limit)))),
                );
            }
            self.unwatched += usize::from(next.is_none());
        }
        next
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
        let mut next: Option<Instant> = None;
        let mut is_late = false;
        for pending in &mut self.pending {
            if next.is_some() && pending.bytes.start >= self.unordered {
                break;
            }
            let due = after(pending.submitted, pending.limits.deadline);
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            is_late = true;
            if let Caller::Waiting(slot) = std::mem::replace(&mut pending.caller, Caller::Gone) {
                let limit = pending.limits.deadline;
                let late = || Outcome::Failed(error(Late::Disconnected(limit, last.as_ref())));
                wakers.extend(self.slots.settle(slot, late));
            }
        }
        if is_late {
            self.retain_from(self.taken, &[]);
        }
        next
    }
}
