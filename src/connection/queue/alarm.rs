//! [`Alarm`]: when the I/O thread looks for commands past their deadline.

use std::time::{Duration, Instant};

/// When the I/O thread looks for commands past their deadline.
#[derive(Debug)]
pub(super) struct Alarm {
    /// When it means to look.
    at: Option<Instant>,
    /// The time of a command is up before that: the I/O thread has to set its timer anew.
    is_late: bool,
    /// A wait of at least so long needs no other alarm: this one rings earlier.
    covers: Duration,
}

impl Default for Alarm {
    fn default() -> Alarm {
        Alarm {
            at: None,
            is_late: false,
            covers: Duration::MAX,
        }
    }
}

impl Alarm {
    pub(super) fn is_late(&self) -> bool {
        self.is_late
    }

    /// Returns whether what waits for `wait` from now on is looked for in time without a change.
    pub(super) fn covers(&self, wait: Duration) -> bool {
        wait >= self.covers
    }

    /// The I/O thread looks now, and again at `at`.
    pub(super) fn set(&mut self, now: Instant, at: Option<Instant>) {
        self.at = at;
        self.is_late = false;
        self.covers = at.map_or(Duration::MAX, |at| at.saturating_duration_since(now));
    }

    /// The time of a command is up at `due`. Returns whether the I/O thread has to be told.
    pub(super) fn ring_at(&mut self, due: Instant) -> bool {
        if self.at.is_none_or(|at| due < at) {
            self.is_late = true;
        }
        self.is_late
    }

    /// The time of a command is up at `due`. Returns whether the I/O thread has not been told of one so early.
    pub(super) fn is_earlier(&mut self, due: Instant) -> bool {
        !self.is_late && self.ring_at(due)
    }

    /// The I/O thread has to look as soon as it can.
    pub(super) fn ring_now(&mut self) {
        self.is_late = true;
    }
}
