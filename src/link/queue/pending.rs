//! What one submission is: whose it is, where its bytes are, and until when it may take.

use std::ops::Range;
use std::time::{Duration, Instant};

use redis::Value;

use super::super::slots::SlotId;
use super::Outcome;
use crate::config::Config;

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) caller: Caller,
    pub(super) bytes: Range<u64>,
    pub(super) shape: Shape,
    pub(super) submitted: Instant,
    pub(super) limits: Limits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Waiting(SlotId),
    /// Never wanted the reply, but wants the command to run.
    Unanswered,
    /// Has been told that it is late.
    Gone,
    /// The link itself, for all that are held at the gate.
    Gate,
}

/// How many replies a submission gets, and which of them its caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Shape {
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

#[derive(Debug, Default)]
pub(super) struct Collected {
    seen: usize,
    values: Vec<Value>,
    refused: Vec<(usize, Value)>,
}

impl Pending {
    pub(super) fn due(&self, since: Instant) -> Instant {
        let response = after(self.submitted.max(since), self.limits.response_timeout);
        response.min(self.until())
    }

    pub(super) fn until(&self) -> Instant {
        after(self.submitted, self.limits.deadline)
    }
}

impl Collected {
    /// Adds the next reply; returns the outcome once it is the last one.
    pub(super) fn add(&mut self, reply: Value, skip: usize, count: usize) -> Option<Outcome> {
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

/// Adds, where "for ever" is a year.
pub(super) fn after(start: Instant, wait: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    start.checked_add(wait.min(YEAR)).unwrap_or(start)
}
