//! [`CallOptions`]: what a handle has settled for its commands.

use std::fmt;
use std::time::Duration;

use super::retry::Resend;
use super::timeouts::Timeouts;
use crate::config::Config;

/// What a handle has settled for its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallOptions {
    pub(crate) resend: Resend,
    pub(crate) timeouts: Timeouts,
    /// They fail at once where they would have to wait for a connection, for room or until the server
    /// serves.
    pub(crate) fail_fast: bool,
    pub(crate) limited_by: LimitedBy,
}

/// What has set the time limits, as errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitedBy {
    /// The parameters of the URL, or their defaults.
    Config,
    /// [`Client::with_timeout`](crate::Client::with_timeout).
    Handle,
    /// [`Client::ready`](crate::Client::ready), which asks until this time is up.
    Ready(Duration),
}

impl From<&Config> for CallOptions {
    /// The commands of a client as it is opened.
    fn from(config: &Config) -> CallOptions {
        CallOptions {
            resend: Resend::AtMostOnce,
            ..CallOptions::once(Timeouts::from(config))
        }
    }
}

impl CallOptions {
    /// A command that is never sent again.
    pub(crate) fn once(timeouts: Timeouts) -> CallOptions {
        CallOptions {
            resend: Resend::Never,
            timeouts,
            fail_fast: false,
            limited_by: LimitedBy::Config,
        }
    }

    /// Limits both the wait for the reply and the whole command to `limit`.
    pub(crate) fn with_own_timeout(self, limit: Duration) -> CallOptions {
        let timeouts = Timeouts {
            response_timeout: limit,
            deadline: limit,
        };
        CallOptions {
            timeouts,
            limited_by: LimitedBy::Handle,
            ..self
        }
    }

    #[inline]
    pub(crate) fn with_timeouts(self, timeouts: Timeouts) -> CallOptions {
        CallOptions { timeouts, ..self }
    }

    /// Sends commands again when they are lost, as they may run twice.
    pub(crate) fn idempotent(self) -> CallOptions {
        CallOptions {
            resend: Resend::Idempotent,
            ..self
        }
    }

    /// Waits for nothing but the reply of a live connection, and a first attempt to connect.
    pub(crate) fn fail_fast(self) -> CallOptions {
        CallOptions {
            fail_fast: true,
            ..self
        }
    }

    /// Lets the server hold back the reply for `block`.
    pub(crate) fn extended_by(self, block: Duration) -> CallOptions {
        self.with_timeouts(self.timeouts.extended_by(block))
    }

    /// Takes off the deadline what the caller has `waited` already.
    pub(crate) fn after(self, waited: Duration) -> CallOptions {
        self.with_timeouts(self.timeouts.after(waited))
    }

    /// Adds what `Debug` of a handle shows of them.
    pub(crate) fn describe(&self, handle: &mut fmt::DebugStruct<'_, '_>) {
        let CallOptions {
            resend,
            timeouts,
            fail_fast,
            limited_by,
        } = self;
        handle.field("idempotent", &(*resend == Resend::Idempotent));
        if *limited_by == LimitedBy::Handle {
            handle.field("timeout", &timeouts.deadline);
        }
        handle.field("fail_fast", fail_fast);
    }
}
