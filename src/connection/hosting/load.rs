//! [`Load`]: how busy a connection is.

use std::time::Instant;

/// How busy a connection is.
#[derive(Debug)]
pub(in super::super) struct Load {
    replies: u64,
    heard: Instant,
}

impl Load {
    pub(in super::super) fn new() -> Load {
        Load {
            replies: 0,
            heard: Instant::now(),
        }
    }

    /// Returns how many replies have come.
    pub(in super::super) fn replies(&self) -> u64 {
        self.replies
    }

    /// Returns when the last reply has come.
    pub(in super::super) fn heard(&self) -> Instant {
        self.heard
    }

    /// So many `replies` have come.
    pub(in super::super) fn replied(&mut self, replies: usize, now: Instant) {
        self.replies += replies as u64;
        self.heard = now;
    }
}
