//! When a command may be sent again.
//!
//! Refused by the server without running: again, for nothing has happened. The error code proves that
//! for a single command, unless it runs a script, which can write and then return any error; for a
//! pipeline if every command of it was refused, and for a transaction if its queueing was.
//!
//! Written, and then the connection was lost: again if it only reads, or if the caller has said that it
//! is idempotent. After a timeout the caller is told at once: behind the first one on the same
//! connection a second could only add load, and a connection that stays silent is replaced, upon which
//! what is in flight counts as lost.
//!
//! In all a command is written at most [`MAX_WRITES`] times. What is sent again after a loss is taken
//! from a [`Budget`] that all callers share, so that an outage is not multiplied.

/// How often a command is written at most.
pub(crate) const MAX_WRITES: u8 = 3;

/// Under what conditions a caller's commands are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resend {
    /// Never: they belong to a session.
    Never,
    /// Where it is certain that nothing is done twice.
    AtMostOnce,
    /// Always: doing them twice is as good as once.
    Idempotent,
}

/// What all callers of a connection may send again after a loss: 1,000 commands at once, and one for
/// every ten replies in the long run.
#[derive(Debug)]
pub(super) struct Budget {
    /// In replies.
    left: usize,
}

impl Budget {
    /// Commands at once: as many as may wait without a connection.
    const COMMANDS: usize = 1_000;
    /// Replies that earn one more command.
    const REPLIES: usize = 10;

    pub(super) fn earn(&mut self, replies: usize) {
        self.left = (self.left + replies).min(Budget::COMMANDS * Budget::REPLIES);
    }

    /// Takes one command from the budget, if there is one.
    pub(super) fn spend(&mut self) -> bool {
        match self.left.checked_sub(Budget::REPLIES) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            left: Budget::COMMANDS * Budget::REPLIES,
        }
    }
}
