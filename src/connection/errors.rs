//! The errors of a connection, in one place so that they are worded alike.

use std::fmt;
use std::io;
use std::time::Duration;

use redis::ServerError;

use super::last_words::is_about_length;
use crate::config::Target;
use crate::error::{Error, ErrorKind};
use crate::resp::BeyondLimit;
use crate::timeout_cause::TimeoutCause;

const ASKED_WHAT_IT_IS: &str =
    "the command has not run: the server was asked what it is, by `COMMAND INFO`";

/// Length of an argument that servers take unless they are configured otherwise, in bytes.
pub(super) const MAX_ARGUMENT: usize = 512 * 1024 * 1024;
pub(super) const LENGTH_HELP: &str =
    "send less in one argument, or raise `proto-max-bulk-len` of the server, 512 MiB by default";

/// The error of every call after the client was closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the client is closed")
}

pub(crate) fn connection_lost(peer: &str, cause: &io::Error) -> Error {
    let message = format!("connection to `{peer}` lost: {cause}");
    Error::new(ErrorKind::ConnectionLost, message)
}

/// The error about a connection that has ended after the server had said `words` about it.
pub(crate) fn connection_lost_after(peer: &str, cause: &io::Error, words: &str) -> Error {
    let message = format!("connection to `{peer}` lost: {cause}, after the server said `{words}`");
    let help = is_about_length(words).then_some(LENGTH_HELP);
    Error::new(ErrorKind::ConnectionLost, message).with_help_if(help)
}

/// The error about a command with an argument that the server has not read to its end.
pub(super) fn argument_too_long(peer: &str, words: &str) -> Error {
    let message = format!("an argument is longer than `{peer}` takes: {words}");
    Error::new(ErrorKind::InvalidCommand, message)
        .not_run()
        .with_help(LENGTH_HELP)
}

pub(crate) fn protocol_error(peer: &str, what: &str) -> Error {
    let message = format!("`{peer}` sent bytes that are not RESP: {what}");
    Error::new(ErrorKind::Protocol, message).note("the connection is closed and a new one is made")
}

/// The error of the callers behind the one whose reply has ended the connection.
pub(super) fn ended_by_another(peer: &str) -> Error {
    let cause = "the connection was closed because of another command's reply";
    connection_lost(peer, &io::Error::other(cause))
}

/// The error of the caller part of whose reply had come when the connection was lost.
pub(super) fn cut_off(error: &Error, arrived: Arrived) -> Error {
    let message = format!("{error}, when {arrived} had come");
    Error::new(error.kind(), message)
        .note("it is not sent again: the same reply may end the next connection, too")
        .after_writing()
}

pub(super) fn beyond_limit(peer: &str, limit: BeyondLimit) -> Error {
    let message = format!("a reply from `{peer}` is beyond the limit of this client: {limit}");
    Error::new(ErrorKind::Protocol, message)
        .note("the connection goes on, and no other command is affected")
        .with_help("ask for less at once, such as with `GETRANGE`, `LRANGE` or `SCAN`")
        .after_writing()
}

pub(super) fn session_ended(peer: &str, error: &Error) -> Error {
    let message = format!("the dedicated connection to `{peer}` has ended");
    Error::new(ErrorKind::Closed, message)
        .caused_by(error.clone())
        .with_io_kind(io::ErrorKind::ConnectionAborted)
        .with_help("ask the client for another dedicated connection")
}

/// The error of a server that answers and does not serve.
pub(super) fn not_ready(peer: &str, error: ServerError) -> Error {
    Error::new(ErrorKind::NotReady, format!("`{peer}` is not ready")).caused_by(error)
}

/// The error of a server that takes no commands without a login on a connection that had been made.
pub(super) fn not_authenticated(peer: &str, error: ServerError) -> Error {
    Error::new(
        ErrorKind::Authentication,
        format!("`{peer}` asks for a password"),
    )
    .caused_by(error)
    .with_help("write the password into the URL: `redis://:<password>@<host>`")
}

pub(super) fn queue_full(what: &str) -> Error {
    let message = format!("too many commands are {what} already");
    Error::new(ErrorKind::QueueFull, message)
}

/// The error of a command that was not sent because of `error`: the server could not be asked what it is.
pub(super) fn has_not_run(error: Error) -> Error {
    if error.may_have_run() {
        let message = error.to_string();
        let not_run = Error::new(error.kind(), message).note(ASKED_WHAT_IT_IS);
        return not_run.with_help_if(error.help());
    }
    error
}

/// The server has not said within `limit` what a command is.
pub(super) fn no_answer_about_command(target: &Target, limit: Duration) -> Error {
    let message = format!("no reply from `{target}` within {limit:?}");
    Error::new(ErrorKind::TimedOut, message)
        .note(ASKED_WHAT_IT_IS)
        .timed_out(TimeoutCause::NoReply)
}

/// The error about a URL that names a node of a cluster as a standalone server.
pub(super) fn is_a_cluster_node(peer: &str, uses_tls: bool) -> Error {
    let scheme = if uses_tls {
        "rediss-cluster"
    } else {
        "redis-cluster"
    };
    // redis-rs shows one line of an error, so the URL to write stands in it.
    let message = format!(
        "`{peer}` is a node of a cluster, and another one has the key: the URL is `{scheme}://{peer}`"
    );
    Error::new(ErrorKind::InvalidUrl, message).with_help(format!("write `{scheme}://{peer}`"))
}

/// What has come of a reply, or of the replies to a pipeline.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arrived {
    /// Replies that are complete, and how many are expected.
    pub(super) replies: usize,
    pub(super) expected: usize,
    /// Bytes of the one that is not.
    pub(super) bytes: u64,
}

impl Arrived {
    pub(super) fn is_nothing(self) -> bool {
        self.replies == 0 && self.bytes == 0
    }
}

impl fmt::Display for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.replies > 0 {
            write!(f, "{} of {} replies", self.replies, self.expected)
        } else {
            write!(f, "{} bytes of the reply", self.bytes)
        }
    }
}
