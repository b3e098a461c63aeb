//! [`Outcome`]: how an operation has ended, in words of which there are few.
//!
//! They become attributes of spans and labels of metrics. What a server answers can hold keys, and a script
//! can answer any code, so only codes of servers are passed on.

use redis::{RedisError, RedisResult};

use super::answer::Answer;
use crate::error::{Error, ErrorKind};

/// How an operation has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Answered,
    /// The server has answered an error with this code.
    ServerError(&'static str),
    Failed(ErrorKind),
}

impl Outcome {
    pub(crate) fn of<T: Answer>(result: &RedisResult<T>) -> Outcome {
        match result {
            Ok(answer) => answer
                .error_code()
                .map_or(Outcome::Answered, |code| Outcome::ServerError(known(code))),
            Err(error) => Outcome::of_error(error),
        }
    }

    fn of_error(error: &RedisError) -> Outcome {
        match (Error::from_redis(error), error.code()) {
            (Some(error), _) => Outcome::Failed(error.kind()),
            (None, Some(code)) => Outcome::ServerError(known(code)),
            (None, None) => Outcome::Failed(ErrorKind::InvalidCommand),
        }
    }

    /// Returns the attribute `db.response.status_code`.
    pub(crate) fn status_code(self) -> Option<&'static str> {
        match self {
            Outcome::ServerError(code) => Some(code),
            Outcome::Answered | Outcome::Failed(_) => None,
        }
    }

    /// Returns the attribute `error.type`: the code of a server or the kind of our error.
    pub(crate) fn error_type(self) -> Option<&'static str> {
        match self {
            Outcome::Answered => None,
            Outcome::ServerError(code) => Some(code),
            Outcome::Failed(kind) => Some(kind.as_str()),
        }
    }

    /// Returns the label `redis.client.errors.category`.
    #[cfg(feature = "metrics")]
    pub(crate) fn category(self) -> Option<&'static str> {
        Some(match self {
            Outcome::Answered => return None,
            Outcome::ServerError("NOAUTH" | "WRONGPASS" | "NOPERM") => "auth",
            Outcome::ServerError(_) => "server",
            Outcome::Failed(kind) => category(kind),
        })
    }
}

/// Returns the label `redis.client.errors.category` of an error of this crate.
#[cfg(feature = "metrics")]
pub(super) fn category(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unreachable | ErrorKind::ConnectionLost | ErrorKind::TimedOut => "network",
        ErrorKind::Tls => "tls",
        ErrorKind::Authentication => "auth",
        ErrorKind::NotReady | ErrorKind::ConnectionRefused => "server",
        _ => "other",
    }
}

/// Codes with which Redis and Valkey begin an error, in their order.
const CODES: [&str; 31] = [
    "ASK",
    "BUSY",
    "BUSYGROUP",
    "BUSYKEY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "DENIED",
    "ERR",
    "EXECABORT",
    "INPROG",
    "IOERR",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOGOODSLAVE",
    "NOGROUP",
    "NOPERM",
    "NOPROTO",
    "NOQUORUM",
    "NOREPLICAS",
    "NOSCRIPT",
    "NOTBUSY",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNBLOCKED",
    "UNKILLABLE",
    "WRONGPASS",
    "WRONGTYPE",
];

fn known(code: &str) -> &'static str {
    match CODES.binary_search(&code) {
        Ok(at) => CODES[at],
        Err(_) => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_their_order_and_others_have_one_name() {
        assert!(CODES.is_sorted());
        assert!(CODES.iter().all(|code| known(code) == *code));
        assert_eq!(known("key:of:a:script"), "_OTHER");
    }
}
