//! When a command may be sent again.
//!
//! Refused by the server without running: again, for nothing has happened. The error code proves that
//! for a single command, unless it runs a script, which can write and then return any error; for a
//! pipeline if every command of it was refused, and for a transaction if its queueing was.
//!
//! Written, and then the connection was lost: again if it only reads, or if the caller has said that it
//! is idempotent. After a time-out the caller is told, on time: behind the first one on the same
//! connection a second could only add load, and a connection that stays silent is replaced, upon which
//! what is in flight counts as lost.
//!
//! In all a command is written at most [`MAX_WRITES`] times. What is sent again after a loss is taken
//! from a [`Budget`] that all callers share, so that an outage is not multiplied.

use redis::{ServerError, Value};

use super::call::Reply;
use super::read_only::is_read_only;

/// So often a command is written at most.
pub(crate) const MAX_WRITES: u8 = 3;

/// Under what conditions a caller's commands are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resend {
    /// Under none: they belong to a session.
    Never,
    /// Where it is certain that nothing is done twice.
    AtMostOnce,
    /// Whenever it is of use: doing them twice is as good as once.
    Idempotent,
}

/// Why the server has refused a command without running it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Loading,
    Busy,
    TryAgain,
    ClusterDown,
    /// A replica that has lost its primary.
    MasterDown,
    /// A write on a replica.
    ReadOnly,
}

impl Refusal {
    pub(super) fn of(value: &Value) -> Option<Refusal> {
        let Value::ServerError(error) = value else {
            return None;
        };
        Some(match error.code() {
            "LOADING" => Refusal::Loading,
            "BUSY" => Refusal::Busy,
            "TRYAGAIN" => Refusal::TryAgain,
            "CLUSTERDOWN" => Refusal::ClusterDown,
            "MASTERDOWN" => Refusal::MasterDown,
            "READONLY" => Refusal::ReadOnly,
            "UNBLOCKED" if is_left_behind(error) => Refusal::ReadOnly,
            _ => return None,
        })
    }

    /// Whether another node of the cluster may run what was refused so.
    pub(super) fn is_of_this_node(self) -> bool {
        matches!(
            self,
            Refusal::TryAgain | Refusal::MasterDown | Refusal::ReadOnly
        )
    }

    /// Returns why nothing has run of what was answered with `reply`, where that is certain as long as
    /// there is no script among the commands.
    pub(super) fn of_reply(reply: &Reply) -> Option<Refusal> {
        match reply {
            Reply::One(value) => Refusal::of(value),
            Reply::Many(values) => all(values),
            Reply::Aborted(refused) => all(refused.iter().map(|(_, value)| value)),
        }
    }
}

/// Whether this UNBLOCKED is of a command that was waiting when its server became a replica. An operator's
/// CLIENT UNBLOCK is another.
pub(crate) fn is_left_behind(error: &ServerError) -> bool {
    error
        .details()
        .is_some_and(|text| text.contains("instance state changed"))
}

fn all<'a>(values: impl IntoIterator<Item = &'a Value>) -> Option<Refusal> {
    let mut refusal = None;
    for value in values {
        refusal = Some(Refusal::of(value)?);
    }
    refusal
}

/// Whether an error code in answer to the command of this name proves that it has not run.
pub(crate) fn is_refused_whole(name: &[u8]) -> bool {
    const SCRIPTS: [&str; 8] = [
        "EVAL",
        "EVAL_RO",
        "EVALSHA",
        "EVALSHA_RO",
        "FCALL",
        "FCALL_RO",
        "TFCALL",
        "TFCALLASYNC",
    ];
    !SCRIPTS
        .iter()
        .any(|script| name.eq_ignore_ascii_case(script.as_bytes()))
}

/// Whether the command can be run twice without anybody noticing. `MULTI` and `EXEC` are as good as what
/// stands between them.
pub(super) fn is_repeatable(name: &[u8], subcommand: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"MULTI")
        || name.eq_ignore_ascii_case(b"EXEC")
        || is_read_only(name, subcommand)
}

/// What all callers of a link may send again after a loss: so many commands at once, and one for every
/// [`Budget::REPLIES`] replies on the long run.
#[derive(Debug)]
pub(super) struct Budget {
    /// In replies.
    left: usize,
}

impl Budget {
    /// As many as may wait while there is no connection.
    const COMMANDS: usize = 1_000;
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
