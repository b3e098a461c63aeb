//! [`Route`]: whether a command may share the connection, needs one of its own, or is refused.

use std::time::Duration;

use super::call_options::CallOptions;
use super::packed::Packed;
use crate::command::{CommandInfo, Effect};
use crate::error::{Error, ErrorKind};
use crate::report::printable;

/// Which connection a command goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Route {
    /// The connection that all callers share.
    Shared,
    /// The same, or a connection without a database while the one that all callers share cannot select its
    /// own: the command ends what keeps the server busy.
    Rescue {
        /// On a connection of its own in any case: the reply comes late.
        is_alone: bool,
    },
    /// A connection of its own, for a command that may block for so long.
    Dedicated(Duration),
    /// As [`Dedicated`](Route::Dedicated), and no command comes after it: it may change the session.
    Once(Duration),
}

impl Route {
    /// Returns the route of the command with these arguments, the first of which is its name.
    #[inline]
    pub(crate) fn of<'a>(
        info: CommandInfo,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<Route, Error> {
        match info.effect(arguments.clone()) {
            Effect::None => Ok(Route::Shared),
            Effect::Rescues { holds_reply } => Ok(Route::Rescue {
                is_alone: holds_reply,
            }),
            Effect::Blocks(block) | Effect::WaitsForWrites(block) => Ok(Route::Dedicated(block)),
            Effect::ChangesSession(help) => Err(changes_session(arguments, help)),
            Effect::MayChangeSession(help) => Err(may_change_session(arguments, help)),
            Effect::NoSingleReply(help) => Err(no_single_reply(arguments, help)),
            Effect::Unknown => Ok(Route::of_unknown(arguments)),
        }
    }

    /// A module, whose commands are called such as `JSON.GET`, has no way to change the session.
    fn of_unknown<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> Route {
        match arguments.next() {
            Some(name) if name.contains(&b'.') => Route::Dedicated(Duration::ZERO),
            _ => Route::Once(Duration::ZERO),
        }
    }

    /// Returns the route of a command that is sent alone, as [`of`](Route::of).
    pub(crate) fn of_single<'a>(
        info: CommandInfo,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<Route, Error> {
        check_wait(info, arguments.clone(), false, false)?;
        Route::of(info, arguments)
    }

    /// Returns the route of all commands of a pipeline, or of a transaction, together; `infos` has what is
    /// known about each.
    pub(crate) fn of_all(
        commands: &[Vec<&[u8]>],
        infos: &[CommandInfo],
        is_transaction: bool,
    ) -> Result<Route, Error> {
        let mut route: Option<Route> = None;
        let mut has_writes = false;
        for (command, info) in commands.iter().zip(infos) {
            let arguments = command.iter().copied();
            check_wait(*info, arguments.clone(), has_writes, is_transaction)?;
            has_writes |= !info.reads();
            let next = Route::of(*info, arguments)?;
            route = Some(route.map_or(next, |route| route.and(next)));
        }
        Ok(route.unwrap_or(Route::Shared))
    }

    /// Returns the route of two commands together.
    pub(crate) fn and(self, other: Route) -> Route {
        match (self, other) {
            (Route::Rescue { is_alone: one }, Route::Rescue { is_alone: other }) => Route::Rescue {
                is_alone: one || other,
            },
            // Beside it there is a command that needs the database.
            (Route::Rescue { is_alone: true }, Route::Shared)
            | (Route::Shared, Route::Rescue { is_alone: true }) => Route::Once(Duration::ZERO),
            (Route::Rescue { .. } | Route::Shared, Route::Rescue { .. } | Route::Shared) => {
                Route::Shared
            }
            (Route::Shared | Route::Rescue { .. }, route)
            | (route, Route::Shared | Route::Rescue { .. }) => route,
            (Route::Dedicated(one), Route::Dedicated(other)) => {
                Route::Dedicated(one.saturating_add(other))
            }
            (
                Route::Dedicated(one) | Route::Once(one),
                Route::Dedicated(other) | Route::Once(other),
            ) => Route::Once(one.saturating_add(other)),
        }
    }

    /// Returns the options of what goes this way.
    pub(crate) fn extend(self, options: CallOptions) -> CallOptions {
        match self {
            Route::Shared | Route::Rescue { .. } => options,
            Route::Dedicated(block) | Route::Once(block) => options.extended_by(block),
        }
    }
}

/// Returns the longest time that the commands of `packed` may block together.
pub(crate) fn blocking_time(packed: &Packed<'_>) -> Duration {
    let commands = packed.commands();
    let times = commands
        .iter()
        .map(|command| blocking_time_of(command.iter().copied()));
    times.fold(Duration::ZERO, Duration::saturating_add)
}

/// Returns the longest time that a command may block. Of one that the table lacks only the server knows.
pub(crate) fn blocking_time_of<'a>(arguments: impl Iterator<Item = &'a [u8]> + Clone) -> Duration {
    match CommandInfo::of(arguments.clone()).effect(arguments) {
        Effect::Blocks(block) | Effect::WaitsForWrites(block) => block,
        Effect::Unknown => Duration::MAX,
        _ => Duration::ZERO,
    }
}

/// Returns the options of a command on a dedicated connection, where it may change the session.
pub(crate) fn dedicated_options<'a>(
    info: CommandInfo,
    arguments: impl Iterator<Item = &'a [u8]> + Clone,
    options: CallOptions,
) -> Result<CallOptions, Error> {
    match info.effect(arguments.clone()) {
        Effect::None
        | Effect::Rescues { .. }
        | Effect::ChangesSession(_)
        | Effect::MayChangeSession(_)
        | Effect::Unknown => Ok(options),
        Effect::Blocks(block) | Effect::WaitsForWrites(block) => Ok(options.extended_by(block)),
        Effect::NoSingleReply(help) => Err(no_single_reply(arguments, help)),
    }
}

/// Fails for `WAIT` and `WAITAOF` where they would promise what is not so: they speak of the writes before
/// them on their own connection, and those of a transaction are sent to replicas after its end.
pub(crate) fn check_wait<'a>(
    info: CommandInfo,
    arguments: impl Iterator<Item = &'a [u8]> + Clone,
    is_behind_writes: bool,
    is_in_transaction: bool,
) -> Result<(), Error> {
    let (why, help) = match info.effect(arguments.clone()) {
        Effect::WaitsForWrites(_) if is_in_transaction => (
            "does not wait for the writes of its own transaction",
            "send it after the transaction, on a dedicated connection: \
             `Client::dedicated_connection`",
        ),
        Effect::WaitsForWrites(_) if !is_behind_writes => (
            "has no write before it on its connection to wait for",
            "put it into the pipeline of the write, behind it, or use a dedicated connection: \
             `Client::dedicated_connection`",
        ),
        _ => return Ok(()),
    };
    let message = format!("`{}` {why}", name(arguments));
    Err(Error::new(ErrorKind::InvalidCommand, message).with_help(help))
}

fn may_change_session<'a>(arguments: impl Iterator<Item = &'a [u8]>, help: &str) -> Error {
    let message = format!(
        "`{}` may change the session that all callers share: the server does not say that it reads or \
         writes data",
        name(arguments)
    );
    Error::new(ErrorKind::InvalidCommand, message).with_help(help)
}

fn changes_session<'a>(arguments: impl Iterator<Item = &'a [u8]>, help: &str) -> Error {
    let message = format!(
        "`{}` would change the session that all callers share: {help}",
        name(arguments)
    );
    Error::new(ErrorKind::InvalidCommand, message).with_help(help)
}

fn no_single_reply<'a>(arguments: impl Iterator<Item = &'a [u8]>, help: &str) -> Error {
    let message = format!(
        "`{}` is not answered by a single reply: {help}",
        name(arguments)
    );
    Error::new(ErrorKind::InvalidCommand, message).with_help(help)
}

/// Returns the name of a command, and its subcommand if that is what is refused, fit to print.
fn name<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> String {
    let command = arguments.next().unwrap_or_default();
    let subcommand = arguments.next().filter(|_| is_container(command));
    let words = [Some(command), subcommand].into_iter().flatten();
    let words: Vec<_> = words.map(String::from_utf8_lossy).collect();
    printable(&words.join(" ").to_uppercase())
}

/// Returns whether a command consists of subcommands some of which change the session.
fn is_container(command: &[u8]) -> bool {
    let containers: [&[u8]; 3] = [b"CLIENT", b"SCRIPT", b"HIMPORT"];
    containers
        .iter()
        .any(|container| command.eq_ignore_ascii_case(container))
}
