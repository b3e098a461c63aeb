//! What a command does to the connection that it is sent on.

use std::time::Duration;

use super::arguments::{is, number, read_stream_options};

/// What a command does to the connection that it is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing that other callers would notice.
    None,
    /// Ends what keeps the server busy, and needs no database.
    Rescues {
        /// The server holds the reply back while it serves others.
        holds_reply: bool,
    },
    /// The server may hold back its reply for this long, [`Duration::MAX`] without a limit.
    Blocks(Duration),
    /// As [`Blocks`](Effect::Blocks), until the writes before it on the same connection are safe.
    WaitsForWrites(Duration),
    /// Changes the session; the text says what to do instead.
    ChangesSession(&'static str),
    /// May change the session: the server's description does not rule it out. The text says what to do
    /// instead.
    MayChangeSession(&'static str),
    /// Is not answered by exactly one reply, so that no connection of this crate can carry it; the text
    /// says what to do instead.
    NoSingleReply(&'static str),
    /// Not known: it may block, change the session, and more.
    Unknown,
}

/// What a command does to the session.
#[derive(Debug, Clone, Copy)]
pub(super) enum Session {
    Unchanged,
    /// As [`Effect::Rescues`].
    NotNeeded,
    /// As [`Effect::Unknown`].
    Unknown,
    /// As [`Effect::MayChangeSession`].
    MaybeChanged(&'static str),
    /// As [`Effect::ChangesSession`].
    Changed(&'static str),
    /// As [`Effect::NoSingleReply`].
    NoSingleReply(&'static str),
}

/// Which argument says how long the server may hold back its reply.
#[derive(Debug, Clone, Copy)]
pub(super) enum Blocks {
    /// The command does not block.
    No,
    /// The last argument, in seconds.
    LastSeconds,
    /// The argument with this number, in seconds; the name is number 0.
    Seconds(usize),
    /// The last argument, in milliseconds; as [`Effect::WaitsForWrites`].
    UntilWritesAreSafe,
    /// The argument of the option `BLOCK` of `XREAD` and `XREADGROUP`, in milliseconds.
    BlockOption,
    /// None: it is held back while the work is done, which is over at once with the argument `ASYNC`.
    WhileItWorks,
    /// Not known which. The largest number among the arguments, in seconds, is not less; a zero may mean
    /// no limit.
    LargestNumber,
}

impl Blocks {
    /// Returns the effect of the command with these arguments.
    ///
    /// An argument that is not a time has none: the server refuses the command at once.
    pub(super) fn effect<'a>(self, arguments: impl Iterator<Item = &'a [u8]>) -> Effect {
        let effect = match self {
            Blocks::UntilWritesAreSafe => Effect::WaitsForWrites,
            _ => Effect::Blocks,
        };
        self.limit(arguments).map_or(Effect::None, effect)
    }

    fn limit<'a>(self, mut arguments: impl Iterator<Item = &'a [u8]>) -> Option<Duration> {
        match self {
            Blocks::No => None,
            Blocks::LastSeconds => seconds(arguments.skip(1).last()?),
            Blocks::Seconds(number) => seconds(arguments.nth(number)?),
            Blocks::UntilWritesAreSafe => milliseconds(arguments.skip(1).last()?),
            Blocks::BlockOption => milliseconds(read_stream_options(&mut arguments.skip(1))?),
            Blocks::WhileItWorks => {
                let is_async = arguments.any(|argument| is(argument, "ASYNC"));
                // Its caller waits no longer than for any other command.
                (!is_async).then_some(Duration::ZERO)
            }
            Blocks::LargestNumber => Some(
                arguments
                    .skip(1)
                    .filter_map(seconds)
                    .max()
                    .unwrap_or_default(),
            ),
        }
    }
}

fn seconds(argument: &[u8]) -> Option<Duration> {
    let seconds = number::<f64>(argument).filter(|seconds| *seconds >= 0.0)?;
    let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    Some(unlimited_if_zero(limit))
}

fn milliseconds(argument: &[u8]) -> Option<Duration> {
    let limit = Duration::from_millis(number(argument)?);
    Some(unlimited_if_zero(limit))
}

/// The server takes zero as no limit.
fn unlimited_if_zero(limit: Duration) -> Duration {
    if limit.is_zero() {
        Duration::MAX
    } else {
        limit
    }
}
