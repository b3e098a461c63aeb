//! [`History`]: what health and statistics tell of a connection, and what the queue does not need itself.

use std::time::Instant;

use crate::connect::Greeting;
use crate::error::Error;

/// What health and statistics tell of a connection, and what the queue does not need itself.
#[derive(Debug)]
pub(super) struct History {
    /// Since when the connection is as it is.
    pub(super) since: Instant,
    /// It has ended while it was idle, and the next one is made when a caller needs it.
    pub(super) is_dormant: bool,
    pub(super) failure: Option<(Error, Instant)>,
    pub(super) greeting: Greeting,
    /// The server, where another one than the target is named by Sentinels.
    pub(super) server: Option<String>,
    /// When the log was told the last time that the server does not serve.
    pub(super) told_not_ready: Option<Instant>,
    /// Submissions that were taken.
    pub(super) submitted: u64,
    /// Replies that have come.
    pub(super) replies: u64,
}

impl History {
    pub(super) fn new(now: Instant) -> History {
        History {
            since: now,
            is_dormant: false,
            failure: None,
            greeting: Greeting::default(),
            server: None,
            told_not_ready: None,
            submitted: 0,
            replies: 0,
        }
    }

    /// The connection is another one from now on, or there is none any more.
    pub(super) fn changed(&mut self) {
        self.since = Instant::now();
        self.is_dormant = false;
    }

    /// The connection was lost.
    pub(super) fn lost(&mut self, error: &Error) {
        self.changed();
        self.failed(error);
    }

    /// The connection was lost or could not be made.
    pub(super) fn failed(&mut self, error: &Error) {
        self.failure = Some((error.clone(), Instant::now()));
    }
}
