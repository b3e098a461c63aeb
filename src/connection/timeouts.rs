//! [`Timeouts`]: how long a caller waits.

use std::time::Duration;

use crate::config::Config;

/// How long a caller waits for the reply of a live connection, and in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeouts {
    pub(crate) response_timeout: Duration,
    pub(crate) deadline: Duration,
}

impl From<&Config> for Timeouts {
    fn from(config: &Config) -> Timeouts {
        Timeouts {
            response_timeout: config.response_timeout(),
            deadline: config.deadline(),
        }
    }
}

impl Timeouts {
    /// Returns the timeouts of a command whose reply the server may hold back for `block`.
    pub(crate) fn extended_by(self, block: Duration) -> Timeouts {
        Timeouts {
            response_timeout: self.response_timeout.saturating_add(block),
            deadline: self.deadline.saturating_add(block),
        }
    }

    /// Returns what is left of them for a caller who has `waited` already.
    pub(crate) fn after(self, waited: Duration) -> Timeouts {
        self.with_deadline(self.deadline.saturating_sub(waited))
    }

    /// Returns the timeouts of what has `deadline` left.
    pub(crate) fn with_deadline(self, deadline: Duration) -> Timeouts {
        Timeouts { deadline, ..self }
    }
}
