//! [`Deadline`]: until when a caller waits, whichever node it waits for.

use std::time::{Duration, Instant};

/// Until when a caller waits, whichever node it waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    start: Instant,
    limit: Duration,
}

impl Deadline {
    /// Begins to count now.
    pub(super) fn new(limit: Duration) -> Deadline {
        Deadline {
            start: Instant::now(),
            limit,
        }
    }

    /// Counts since `start`; begins to count now if nothing has been waited for yet.
    pub(super) fn since(start: Option<Instant>, limit: Duration) -> Deadline {
        let start = start.unwrap_or_else(Instant::now);
        Deadline { start, limit }
    }

    /// Returns a deadline that began at the same time.
    pub(super) fn with_limit(self, limit: Duration) -> Deadline {
        Deadline { limit, ..self }
    }

    pub(super) fn left(self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }

    pub(super) fn is_over(self) -> bool {
        self.left().is_zero()
    }
}
