//! [`Admission`]: the callers that wait for room, because too many commands are in flight.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::waiters::WaiterId;

/// Commands that are taken without a connection; any more wait in line, or fail at once in an outage.
pub(super) const MAX_WAITING: usize = 1_000;

/// A caller in line.
#[derive(Debug, Clone, Copy)]
pub(super) struct InLine {
    pub(super) waiter: WaiterId,
    /// The time until which it waits, and how long that is.
    pub(super) until: Instant,
    pub(super) limit: Duration,
}

/// The callers that wait for room, in their order.
#[derive(Debug)]
pub(super) struct Admission {
    max_in_flight: usize,
    /// How many may be in flight now.
    room: usize,
    line: VecDeque<InLine>,
    /// How many in the line have gone away.
    gone: usize,
    /// How many have been let in and have not submitted their command yet.
    admitted: usize,
}

impl Admission {
    pub(super) fn new(max_in_flight: usize) -> Admission {
        Admission {
            max_in_flight,
            room: max_in_flight.min(MAX_WAITING),
            line: VecDeque::new(),
            gone: 0,
            admitted: 0,
        }
    }

    /// Returns how many callers wait, or have been let in without having submitted yet.
    pub(super) fn len(&self) -> usize {
        self.line.len() - self.gone + self.admitted
    }

    pub(super) fn has_line(&self) -> bool {
        self.line.len() > self.gone
    }

    /// Returns whether `in_flight` commands leave no room for one more.
    pub(super) fn is_full(&self, in_flight: usize) -> bool {
        in_flight + self.admitted >= self.room
    }

    /// There is a connection, or there is none: then fewer commands are taken before it comes.
    pub(super) fn set_connected(&mut self, is_connected: bool) {
        let most = if is_connected {
            usize::MAX
        } else {
            MAX_WAITING
        };
        self.room = self.max_in_flight.min(most);
    }

    pub(super) fn push_back(&mut self, caller: InLine) {
        self.line.push_back(caller);
    }

    /// Puts a caller first that had been let in too early.
    pub(super) fn push_front(&mut self, caller: InLine) {
        self.line.push_front(caller);
    }

    /// Takes the first caller out of the line, passes it to `complete`, which returns its waker if it still
    /// waits, and returns that; `None` once the line is empty.
    pub(super) fn pop(
        &mut self,
        mut complete: impl FnMut(WaiterId) -> Option<Waker>,
    ) -> Option<Waker> {
        while let Some(first) = self.line.pop_front() {
            if let Some(waker) = complete(first.waiter) {
                return Some(waker);
            }
            self.gone = self.gone.saturating_sub(1);
        }
        None
    }

    /// A caller has been let in.
    pub(super) fn let_in(&mut self) {
        self.admitted += 1;
    }

    /// A caller that had been let in has submitted its command, or has gone away.
    pub(super) fn arrived(&mut self) {
        self.admitted = self.admitted.saturating_sub(1);
    }

    /// A caller has gone away. `is_gone` frees those that have, which is done for many at once.
    pub(super) fn leave(&mut self, mut is_gone: impl FnMut(WaiterId) -> bool) {
        self.gone += 1;
        if self.gone * 2 >= self.line.len() {
            self.line.retain(|caller| !is_gone(caller.waiter));
            self.gone = 0;
        }
    }

    /// Removes the callers past their deadline, and passes them to `on_late`, which returns whether they still
    /// wait.
    pub(super) fn expire(&mut self, now: Instant, mut on_late: impl FnMut(InLine) -> bool) {
        let gone = &mut self.gone;
        self.line.retain(|caller| {
            let waits = caller.until > now;
            if !waits && !on_late(*caller) {
                *gone = gone.saturating_sub(1);
            }
            waits
        });
    }

    /// Returns when the time of the first caller is up.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.line.iter().map(|caller| caller.until).min()
    }
}
