//! The errors of subscriptions, in one place so that they are worded alike.

use std::time::Duration;

use redis::ServerError;

use super::topic::{Kind, Topic};
use crate::error::{Error, ErrorKind};
use crate::report::printable_start;

/// The most that an error shows of what a server says, in characters.
const MAX_WORDS: usize = 200;

fn words_of(error: &ServerError) -> String {
    let words = format!("{} {}", error.code(), error.details().unwrap_or_default());
    printable_start(words.trim_end(), MAX_WORDS)
}

/// The server at `peer` refuses to subscribe to `topic`.
pub(super) fn refusal_error(peer: &str, topic: &Topic, error: &ServerError) -> Error {
    let words = words_of(error);
    let command = topic.kind.subscribe();
    let message = format!("`{peer}` does not subscribe to `{topic}`: {words}");
    match error.code() {
        "NOPERM" => {
            let rights = match topic.kind {
                Kind::Channel | Kind::Pattern => "allows the channels, such as `&news.*`",
                Kind::Sharded => "allows the channels, such as `&{news}.*`",
            };
            let command = command.to_lowercase();
            let help = format!("`ACL SETUSER` with `+{command}` permits it, and {rights}");
            Error::new(ErrorKind::Authentication, message).with_help(help)
        }
        _ if words.contains("unknown command") => {
            let message = format!("`{peer}` does not know `{command}`");
            Error::new(ErrorKind::Unsupported, message)
                .with_help("sharded channels are there since Redis 7.0")
        }
        _ => Error::new(ErrorKind::InvalidCommand, message),
    }
}

/// The server at `peer` has ended subscriptions by itself, as it does with those of a slot that moves.
pub(super) fn ended_by_server(peer: &str, topics: &[Topic]) -> Error {
    let message = match topics {
        [topic] => format!("`{peer}` does not serve `{topic}` any more"),
        topics => format!("`{peer}` does not serve {} channels any more", topics.len()),
    };
    Error::new(ErrorKind::ConnectionLost, message)
}

/// A call names nothing to subscribe to.
pub(super) fn no_names(kind: Kind) -> Error {
    let what = match kind {
        Kind::Channel => "channel",
        Kind::Pattern => "pattern",
        Kind::Sharded => "sharded channel",
    };
    let message = format!("expected at least one {what} to subscribe to, found none");
    Error::new(ErrorKind::InvalidCommand, message)
}

/// The server at `peer` does not subscribe to `topic` for now.
pub(super) fn postponed(peer: &str, topic: &Topic, error: &ServerError) -> Error {
    let words = words_of(error);
    let message = format!("`{peer}` does not subscribe to `{topic}` for now: {words}");
    Error::new(ErrorKind::NotReady, message)
}

/// Another node than that at `peer` serves channels by now.
pub(super) fn moved(peer: &str) -> Error {
    let message = format!("another node than `{peer}` serves the slot by now");
    Error::new(ErrorKind::ConnectionLost, message)
}

/// Nothing came within `limit`.
pub(super) fn no_event(limit: Duration) -> Error {
    Error::new(ErrorKind::TimedOut, format!("no event within {limit:?}"))
}

/// The subscription was not confirmed within `limit`; `cause` is why there is no connection.
pub(super) fn late(peer: &str, limit: Duration, cause: Option<Error>) -> Error {
    let message = format!("not subscribed at `{peer}` within {limit:?} (`deadline`)");
    match cause {
        None => Error::new(ErrorKind::TimedOut, message),
        Some(cause) => {
            let kind = match cause.kind() {
                ErrorKind::ConnectionLost => ErrorKind::Unreachable,
                kind => kind,
            };
            Error::new(kind, format!("{message}: {cause:#}"))
                .with_io_kind_of(&cause)
                .with_help_if(cause.help())
        }
    }
}

/// The task of the connection has ended, with its thread or with the process of which this one is a fork.
pub(super) fn task_ended() -> Error {
    let message =
        "the connection has ended with the I/O thread, or is one of the parent of this process";
    Error::new(ErrorKind::ConnectionLost, message)
}

/// The connection to `peer` is left: another server has its place now.
pub(super) fn left(peer: &str) -> Error {
    let message = format!("the connection to `{peer}` was left: another server has its role now");
    Error::new(ErrorKind::ConnectionLost, message)
}

/// The server at `peer` has become a replica: behind its name may be another one.
pub(super) fn is_replica(peer: &str) -> Error {
    let message = format!("the connection to `{peer}` was left: the server is a replica");
    Error::new(ErrorKind::ConnectionLost, message)
}

/// The server at `peer` is a replica without a connection to its primary.
pub(super) fn is_cut_off(peer: &str) -> Error {
    let message = format!("`{peer}` is a replica without a connection to its primary");
    Error::new(ErrorKind::ConnectionLost, message)
}

/// There is no node to connect to.
pub(super) fn unplaced() -> Error {
    Error::new(ErrorKind::Unreachable, "no node of the cluster is known")
}
