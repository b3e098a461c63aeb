//! [`Late`]: why the time of a command is up, and [`Hindrance`]: why one that must not wait has failed. Both are
//! worded by the caller's own task.

use std::fmt;
use std::io;
use std::time::Duration;

use redis::{ServerError, Value};

use super::call_options::{CallOptions, LimitedBy};
use super::errors::Arrived;
use super::reply::Reply;
use crate::error::{Error, ErrorKind};
use crate::report::printable;
use crate::timeout_cause::TimeoutCause;

/// The limit that has passed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// Longest silence of the server.
    Response(Duration),
    /// Longest time of the command in all.
    Deadline(Duration),
}

/// What is known of the reply of a command that was written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress {
    /// The server is silent.
    Nothing,
    /// So much of it has come.
    Arrived(Arrived),
    /// The server has answered other commands, the last time so long ago.
    Others(Duration),
}

/// What a command was waiting for.
#[derive(Debug, Clone)]
pub(super) enum WaitedFor {
    /// Its reply: it was written.
    Reply(Progress),
    /// Room beside others in flight.
    Room,
    /// A connection; the error says why there is none.
    Connection(Option<Error>),
}

/// What did not run while the time of a command was up, and for how long at least.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pause {
    /// This process.
    Process(Duration),
    /// The runtime on which the connection is driven.
    Runtime(Duration),
}

/// Why the time of a command is up.
#[derive(Debug, Clone)]
pub(super) struct Late {
    pub(super) limit: Limit,
    pub(super) waited_for: WaitedFor,
    pub(super) pause: Option<Pause>,
}

/// Why a command that must not wait has failed.
#[derive(Debug, Clone)]
pub(super) enum Hindrance {
    /// There is no connection; the error says why.
    NotConnected(Option<Error>),
    /// There is no room.
    NoRoom,
}

/// Which call an error is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) peer: &'a str,
    pub(super) options: CallOptions,
    pub(super) max_in_flight: usize,
}

impl About<'_> {
    /// Returns the limit as messages name it.
    fn told(&self, limit: Limit) -> String {
        let (limit, parameter) = match limit {
            Limit::Response(limit) => (limit, "response_timeout"),
            Limit::Deadline(limit) => (in_milliseconds(limit), "deadline"),
        };
        match self.options.limited_by {
            LimitedBy::Config => format!("{limit:?} (`{parameter}`)"),
            LimitedBy::Handle => format!("{limit:?} (`with_timeout`)"),
            LimitedBy::Ready(limit) => format!("{limit:?} (`ready`)"),
        }
    }

    /// Returns how commands get more time.
    fn more_time(&self, limit: Limit) -> String {
        let parameter = match (self.options.limited_by, limit) {
            (LimitedBy::Handle, _) => {
                return "allow more time with `client.with_timeout(..)`".to_owned();
            }
            (LimitedBy::Ready(_), _) => {
                return "allow more time with `client.ready(..)`".to_owned();
            }
            (LimitedBy::Config, Limit::Response(_)) => "response_timeout",
            (LimitedBy::Config, Limit::Deadline(_)) => "deadline",
        };
        format!(
            "allow more time with `?{parameter}=5s`, or single commands with `client.with_timeout(..)`"
        )
    }
}

impl Late {
    pub(super) fn into_error(self, about: About<'_>) -> Error {
        let Late {
            limit,
            waited_for,
            pause,
        } = self;
        let because = pause.map(|pause| format!(", because {pause}"));
        let because = because.unwrap_or_default();
        let (told, help) = (about.told(limit), about.more_time(limit));
        let (error, cause) = match waited_for {
            WaitedFor::Reply(progress) => {
                let message = no_reply(about.peer, progress, limit, &told) + &because;
                let error = Error::new(ErrorKind::TimedOut, message).with_help(help);
                let cause = match progress {
                    Progress::Nothing => TimeoutCause::NoReply,
                    Progress::Arrived(_) | Progress::Others(_) => TimeoutCause::SlowReply,
                };
                (error.after_writing(), cause)
            }
            WaitedFor::Room => {
                let About {
                    peer,
                    max_in_flight,
                    ..
                } = about;
                let message = format!(
                    "too many commands in flight to `{peer}`: no room beside {max_in_flight} others \
                     (`max_in_flight`) within {told}{because}"
                );
                let help = format!("send less at once, raise `max_in_flight`, or {help}");
                let error = Error::new(ErrorKind::QueueFull, message).with_help(help);
                (error, TimeoutCause::WaitingForRoom)
            }
            WaitedFor::Connection(cause) => {
                let message = format!("no connection to `{}` within {told}{because}", about.peer);
                let error = match &cause {
                    None => Error::new(ErrorKind::Unreachable, message)
                        .with_io_kind(io::ErrorKind::TimedOut)
                        .with_help(help),
                    Some(cause) => unconnected(&message, cause),
                };
                (error.not_run(), TimeoutCause::NotConnected)
            }
        };
        match pause {
            Some(pause) => error
                .with_help(pause.help())
                .timed_out(TimeoutCause::NotScheduled),
            None => error.timed_out(cause),
        }
    }
}

fn no_reply(peer: &str, progress: Progress, limit: Limit, told: &str) -> String {
    match (progress, limit) {
        (Progress::Nothing, _) => format!("no reply from `{peer}` within {told}"),
        (Progress::Arrived(arrived), Limit::Deadline(_)) => {
            format!("{arrived} came from `{peer}` within {told}")
        }
        (Progress::Arrived(arrived), Limit::Response(_)) => {
            format!("{arrived} came from `{peer}`, and then nothing for {told}")
        }
        (Progress::Others(ago), _) => {
            let ago = in_milliseconds(ago);
            format!(
                "no reply from `{peer}` within {told}, though it answered other commands {ago:?} before"
            )
        }
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, time) = match self {
            Pause::Process(time) => ("this process", time),
            Pause::Runtime(time) => ("the runtime that drives the connection", time),
        };
        write!(
            f,
            "{what} did not run for at least {:?}",
            in_milliseconds(*time)
        )
    }
}

impl Pause {
    fn help(self) -> &'static str {
        match self {
            Pause::Process(_) => {
                "look at the CPU limits of this process, and whether it was stopped; single commands get \
                 more time with `client.with_timeout(..)`"
            }
            Pause::Runtime(_) => {
                "look for code that blocks the runtime; single commands get more time with \
                 `client.with_timeout(..)`"
            }
        }
    }
}

impl Hindrance {
    pub(super) fn into_error(self, peer: &str) -> Error {
        let no_connection = format!("no connection to `{peer}`");
        let error = match self {
            Hindrance::NotConnected(None) => Error::new(ErrorKind::Unreachable, no_connection),
            Hindrance::NotConnected(Some(cause)) => unconnected(&no_connection, &cause),
            Hindrance::NoRoom => {
                let message = format!("too many commands in flight to `{peer}` (`max_in_flight`)");
                Error::new(ErrorKind::QueueFull, message)
            }
        };
        error.not_run().note(AT_ONCE)
    }
}

const AT_ONCE: &str = "it did not wait: its handle is one of `Client::fail_fast`";

/// The server has refused a command with `reply`, which may prove that it `has_not_run`, and was not ready
/// within `limit`; at once without one.
pub(super) fn refused(
    about: About<'_>,
    reply: &Reply,
    has_not_run: bool,
    limit: Option<Limit>,
) -> Error {
    let (code, words) = match reply.first() {
        Some(Value::ServerError(error)) => {
            let words = format!("{} {}", error.code(), error.details().unwrap_or_default());
            (code(error), printable(words.trim_end()))
        }
        _ => (None, "it refused the command".to_owned()),
    };
    let when = match limit {
        Some(limit) => format!("was not ready within {}", about.told(limit)),
        None => "is not ready".to_owned(),
    };
    let message = format!("`{}` {when}: {words}", about.peer);
    let error = Error::new(ErrorKind::NotReady, message);
    let error = match code {
        Some(code) => error.with_code(code),
        None => error,
    };
    let error = if has_not_run {
        error.not_run()
    } else {
        error.after_writing()
    };
    match limit {
        Some(limit) => error
            .with_help(about.more_time(limit))
            .timed_out(TimeoutCause::NotReady),
        None => error.note(AT_ONCE),
    }
}

/// Returns the code of a refusal, with which redis-rs knows the error as one of the server.
fn code(error: &ServerError) -> Option<&'static str> {
    let codes = ["LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "BUSY"];
    codes.into_iter().find(|code| *code == error.code())
}

fn in_milliseconds(duration: Duration) -> Duration {
    Duration::from_millis(duration.as_millis().try_into().unwrap_or(u64::MAX))
}

/// The error of a command without a connection. redis-rs shows one line of an error, so the cause stands in
/// it.
fn unconnected(message: &str, cause: &Error) -> Error {
    let kind = match cause.kind() {
        // The last connection was lost; this command was never on it.
        ErrorKind::ConnectionLost => ErrorKind::Unreachable,
        kind => kind,
    };
    Error::new(kind, format!("{message}: {cause:#}"))
        .with_io_kind_of(cause)
        .with_help_if(cause.help())
}
