//! [`Admission`]: the callers that wait for room, because too many commands are in flight.

use std::collections::VecDeque;
use std::time::Instant;

use super::waiters::WaiterId;

/// The callers that wait for room, in their order.
#[derive(Debug)]
pub(super) struct Admission {
    max_in_flight: usize,
    /// Each with the time until which it waits.
    line: VecDeque<(WaiterId, Instant)>,
    /// How many have been let in and have not submitted their command yet.
    admitted: usize,
}

impl Admission {
    pub(super) fn new(max_in_flight: usize) -> Admission {
        Admission {
            max_in_flight,
            line: VecDeque::new(),
            admitted: 0,
        }
    }

    /// Returns how many callers wait, or have been let in without having submitted yet.
    pub(super) fn len(&self) -> usize {
        self.line.len() + self.admitted
    }

    pub(super) fn has_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// Returns whether `in_flight` commands leave no room for one more.
    pub(super) fn is_full(&self, in_flight: usize) -> bool {
        in_flight + self.admitted >= self.max_in_flight
    }

    pub(super) fn push_back(&mut self, waiter: WaiterId, until: Instant) {
        self.line.push_back((waiter, until));
    }

    /// Puts a caller first that had been let in too early.
    pub(super) fn push_front(&mut self, waiter: WaiterId, until: Instant) {
        self.line.push_front((waiter, until));
    }

    /// Takes the first caller out of the line, to let it in or to tell it why not.
    pub(super) fn pop(&mut self) -> Option<WaiterId> {
        self.line.pop_front().map(|(waiter, _)| waiter)
    }

    /// A caller has been let in.
    pub(super) fn let_in(&mut self) {
        self.admitted += 1;
    }

    /// A caller that had been let in has submitted its command, or has gone away.
    pub(super) fn arrived(&mut self) {
        self.admitted = self.admitted.saturating_sub(1);
    }

    /// Removes a caller; returns whether it was still in the line.
    pub(super) fn leave(&mut self, waiter: WaiterId) -> bool {
        let before = self.line.len();
        self.line.retain(|(waiting, _)| *waiting != waiter);
        self.line.len() < before
    }

    /// Removes the callers whose time is up, and passes them to `on_late`.
    pub(super) fn expire(&mut self, now: Instant, mut on_late: impl FnMut(WaiterId)) {
        self.line.retain(|(waiter, until)| {
            let waits = *until > now;
            if !waits {
                on_late(*waiter);
            }
            waits
        });
    }

    /// Returns when the time of the first caller is up.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.line.iter().map(|(_, until)| *until).min()
    }
}
