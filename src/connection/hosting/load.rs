//! [`Load`]: how busy a connection is.

use std::time::Instant;

/// How busy a connection is.
#[derive(Debug)]
pub(in super::super) struct Load {
    /// Bytes that have been read in the turn at hand.
    bytes_of_turn: usize,
    replies: u64,
    heard: Instant,
}

impl Load {
    pub(in super::super) fn new() -> Load {
        Load {
            bytes_of_turn: 0,
            replies: 0,
            heard: Instant::now(),
        }
    }

    /// Returns how many bytes have been read in the turn at hand.
    pub(in super::super) fn bytes_of_turn(&self) -> usize {
        self.bytes_of_turn
    }

    /// Returns how many replies have come.
    pub(in super::super) fn replies(&self) -> u64 {
        self.replies
    }

    /// Returns when the last reply has come.
    pub(in super::super) fn heard(&self) -> Instant {
        self.heard
    }

    /// A turn begins.
    pub(in super::super) fn start_turn(&mut self) {
        self.bytes_of_turn = 0;
    }

    /// So many `bytes` have been read.
    pub(in super::super) fn read(&mut self, bytes: usize) {
        self.bytes_of_turn += bytes;
    }

    /// So many `replies` have come.
    pub(in super::super) fn replied(&mut self, replies: usize, now: Instant) {
        self.replies += replies as u64;
        self.heard = now;
    }
}
