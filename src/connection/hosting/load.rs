//! [`Load`]: how busy a connection is.

use std::time::Instant;

/// Over how many values an average moves.
const SPAN: usize = 16;

/// How busy a connection is, by averages that move over the last 16 values.
#[derive(Debug)]
pub(in super::super) struct Load {
    /// Commands in flight when replies came, times 16.
    in_flight: usize,
    /// Bytes that were read in one turn, times 16.
    bytes: usize,
    /// Bytes that have been read in the turn at hand.
    bytes_of_turn: usize,
    replies: u64,
    heard: Instant,
}

impl Load {
    pub(in super::super) fn new() -> Load {
        Load {
            in_flight: 0,
            bytes: 0,
            bytes_of_turn: 0,
            replies: 0,
            heard: Instant::now(),
        }
    }

    /// Returns how many commands were in flight lately.
    pub(in super::super) fn in_flight(&self) -> usize {
        self.in_flight / SPAN
    }

    /// Returns how many bytes were read in one turn lately.
    pub(in super::super) fn bytes(&self) -> usize {
        self.bytes / SPAN
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
        if self.bytes_of_turn > 0 {
            self.bytes = self.bytes - self.bytes / SPAN + self.bytes_of_turn;
            self.bytes_of_turn = 0;
        }
    }

    /// So many `bytes` have been read.
    pub(in super::super) fn read(&mut self, bytes: usize) {
        self.bytes_of_turn += bytes;
    }

    /// `replies` have come while `in_flight` commands were in flight.
    pub(in super::super) fn replied(&mut self, in_flight: usize, replies: usize, now: Instant) {
        self.in_flight = self.in_flight - self.in_flight / SPAN + in_flight;
        self.replies += replies as u64;
        self.heard = now;
    }
}
