//! [`Refusal`]: the errors by which a server says that it has not run a command.
//!
//! The code proves that for a single command, unless the command runs a script: a script can write and
//! then return any error. What it proves for a pipeline or a transaction is for the caller to judge.

use redis::{ServerError, Value};

/// Why a server has refused a command without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another node of the cluster serves the keys.
    Redirect(Redirect),
    /// Some keys of the command are being moved to another node: `TRYAGAIN`.
    TryAgain,
    /// The server does not serve for now.
    Unavailable(Unavailable),
    /// The server is a replica, and the command writes: `READONLY`.
    ReadOnly,
}

/// The address to which a node of a cluster redirects a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// From now on all commands for the slot go to this address.
    Moved { slot: u16, address: String },
    /// This one command goes to this address, after `ASKING`: the slot is on its way there.
    Ask { slot: u16, address: String },
}

/// Why a server does not serve for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It loads its data.
    Loading,
    /// It runs a long script.
    Busy,
    /// Its cluster does not serve, such as with slots that no node has.
    ClusterDown,
    /// It is a replica without a connection to its primary.
    PrimaryDown,
}

impl Refusal {
    /// Returns the refusal that `value` is, if it is one.
    pub(crate) fn of(value: &Value) -> Option<Refusal> {
        match value {
            Value::ServerError(error) => Refusal::of_error(error),
            _ => None,
        }
    }

    pub(crate) fn of_error(error: &ServerError) -> Option<Refusal> {
        let slot_and_address = || {
            let (slot, address) = error.details()?.split_once(' ')?;
            let is_one_word = !address.contains(' ');
            is_one_word.then_some((slot.parse().ok()?, address.to_owned()))
        };
        Some(match error.code() {
            "MOVED" => {
                let (slot, address) = slot_and_address()?;
                Refusal::Redirect(Redirect::Moved { slot, address })
            }
            "ASK" => {
                let (slot, address) = slot_and_address()?;
                Refusal::Redirect(Redirect::Ask { slot, address })
            }
            "TRYAGAIN" => Refusal::TryAgain,
            "LOADING" => Refusal::Unavailable(Unavailable::Loading),
            "BUSY" => Refusal::Unavailable(Unavailable::Busy),
            "CLUSTERDOWN" => Refusal::Unavailable(Unavailable::ClusterDown),
            "MASTERDOWN" => Refusal::Unavailable(Unavailable::PrimaryDown),
            "READONLY" => Refusal::ReadOnly,
            "UNBLOCKED" if is_by_role_change(error) => Refusal::ReadOnly,
            _ => return None,
        })
    }

    /// Returns the last refusal of `values`; `None` if one of them is something else.
    pub(crate) fn of_all<'a>(values: impl IntoIterator<Item = &'a Value>) -> Option<Refusal> {
        let mut refusal = None;
        for value in values {
            refusal = Some(Refusal::of(value)?);
        }
        refusal
    }

    /// Returns whether another server may be behind the same name by now: this one is a replica.
    pub(crate) fn is_by_a_replica(&self) -> bool {
        matches!(
            self,
            Refusal::ReadOnly | Refusal::Unavailable(Unavailable::PrimaryDown)
        )
    }
}

/// Returns whether `error` says that the server is a replica. Where a script or `EXEC` has met that error,
/// its code may stand within the text of another one:
/// `ERR Error running script (…): @user_script:1: -READONLY You can't write against a read only replica.`
///
/// It proves nothing: a script can return any text.
pub(crate) fn says_replica(error: &ServerError) -> bool {
    let is_code = |word: &str| matches!(word, "READONLY" | "MASTERDOWN");
    let mut words = error.details().unwrap_or_default().split(' ');
    Refusal::of_error(error).is_some_and(|refusal| refusal.is_by_a_replica())
        || words.any(|word| is_code(word.strip_prefix('-').unwrap_or(word)))
}

/// Returns whether this `UNBLOCKED` ended a command that was waiting when its server became a replica.
/// The `CLIENT UNBLOCK` of an operator has another text.
fn is_by_role_change(error: &ServerError) -> bool {
    let text = error.details().unwrap_or_default();
    text.contains("instance state changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: impl Into<Option<Refusal>>) {
        let value = redis::parse_redis_value(format!("-{answer}\r\n").as_bytes());
        let expected = expected.into();
        assert_eq!(Refusal::of(&value.expect("RESP")), expected, "{answer}");
    }

    #[test]
    fn only_an_error_that_proves_that_nothing_has_run_is_a_refusal() {
        let address = || "h:1".to_owned();
        let moved = Redirect::Moved {
            slot: 16_383,
            address: address(),
        };
        check("MOVED 16383 h:1", Some(Refusal::Redirect(moved)));
        check("MOVED -1 h:1", None);
        check("MOVED 70000 h:1", None);
        check("MOVED", None);
        check("MOVED 5 h:1 and more", None);
        let ask = Redirect::Ask {
            slot: 5,
            address: address(),
        };
        check("ASK 5 h:1", Some(Refusal::Redirect(ask)));
        check("ASK 5", None);
        check(
            "TRYAGAIN Multiple keys request during rehashing of slot",
            Some(Refusal::TryAgain),
        );
        let unavailable = |why| Some(Refusal::Unavailable(why));
        check("LOADING x", unavailable(Unavailable::Loading));
        check("BUSY x", unavailable(Unavailable::Busy));
        check("CLUSTERDOWN x", unavailable(Unavailable::ClusterDown));
        check("MASTERDOWN x", unavailable(Unavailable::PrimaryDown));
        check("READONLY x", Some(Refusal::ReadOnly));
        let state = "UNBLOCKED force unblock from blocking operation, instance state changed";
        check(state, Some(Refusal::ReadOnly));
        check("UNBLOCKED client unblocked via CLIENT UNBLOCK", None);
        check("ERR MOVED 5 h:1", None);
        check("NOTBUSY x", None);
    }

    #[test]
    fn a_refusal_of_all_is_one_of_each() {
        let error = |text: &str| redis::parse_redis_value(text.as_bytes()).expect("RESP");
        let (busy, other) = (error("-BUSY x\r\n"), error("-ERR x\r\n"));
        assert!(Refusal::of_all([&busy, &busy]).is_some());
        assert_eq!(Refusal::of_all([&busy, &other]), None);
        assert_eq!(Refusal::of_all([&busy, &Value::Okay]), None);
        assert_eq!(Refusal::of_all([]), None);
    }
}
