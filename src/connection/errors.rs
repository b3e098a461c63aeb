//! The errors of a connection, in one place so that they are worded alike.

use std::io;
use std::time::Duration;

use redis::ServerError;

use crate::error::{Error, ErrorKind};

/// The error of every call after the client was closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the client is closed")
}

pub(super) fn connection_lost(peer: &str, cause: &io::Error) -> Error {
    let message = format!("connection to `{peer}` lost: {cause}");
    Error::new(ErrorKind::ConnectionLost, message)
}

pub(super) fn protocol_error(peer: &str, what: &str) -> Error {
    let message = format!("`{peer}` sent bytes that are not RESP: {what}");
    Error::new(ErrorKind::Protocol, message).note("the connection is closed and a new one is made")
}

pub(super) fn session_ended(peer: &str, error: &Error) -> Error {
    let message = format!("the dedicated connection to `{peer}` has ended");
    Error::new(ErrorKind::Closed, message)
        .caused_by(error.clone())
        .as_io(io::ErrorKind::ConnectionAborted)
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

/// Why the time of a command is up.
#[derive(Debug, Clone)]
pub(super) enum TimeoutCause {
    /// It was written, and no reply has come within this response timeout.
    NoReply(Duration),
    /// Too many others were in flight.
    NotAdmitted,
    /// No connection was made within this deadline; the error says why.
    NotConnected(Duration, Option<Error>),
}

impl TimeoutCause {
    pub(super) fn into_error(self, peer: &str) -> Error {
        match self {
            TimeoutCause::NoReply(limit) => {
                let message = format!("no reply from `{peer}` within {limit:?}");
                Error::new(ErrorKind::TimedOut, message).after_writing()
            }
            TimeoutCause::NotAdmitted => {
                let message = format!("too many commands in flight to `{peer}`");
                Error::new(ErrorKind::QueueFull, message)
            }
            TimeoutCause::NotConnected(limit, cause) => not_connected(peer, limit, cause),
        }
    }
}

fn not_connected(peer: &str, limit: Duration, cause: Option<Error>) -> Error {
    let limit = Duration::from_millis(limit.as_millis().try_into().unwrap_or(u64::MAX));
    let message = format!("no connection to `{peer}` within {limit:?}");
    let error = match cause {
        None => Error::new(ErrorKind::Unreachable, message)
            .as_io(io::ErrorKind::TimedOut)
            .with_help("allow more time with `?deadline=5s`"),
        // redis-rs shows one line of an error, so the cause stands in it.
        Some(cause) => {
            let kind = match cause.kind() {
                // The last connection was lost; this command was never on it.
                ErrorKind::ConnectionLost => ErrorKind::Unreachable,
                kind => kind,
            };
            Error::new(kind, format!("{message}: {cause:#}"))
                .as_io_like(&cause)
                .with_help_if(cause.help())
        }
    };
    error.note("the command has not run")
}
