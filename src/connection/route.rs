//! [`Route`]: whether a command may share the connection, needs one of its own, or is refused.

use std::time::Duration;

use super::packed::Packed;
use super::timeouts::Timeouts;
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
    Rescue,
    /// A connection of its own, for a command that may block for so long.
    Dedicated(Duration),
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
            Effect::Rescues => Ok(Route::Rescue),
            Effect::Blocks(block) => Ok(Route::Dedicated(block)),
            Effect::ChangesSession(help) => Err(changes_session(arguments, help)),
            Effect::NoSingleReply(help) => Err(no_single_reply(arguments, help)),
        }
    }

    /// Returns the route of all commands of `packed` together.
    pub(crate) fn of_packed(packed: &Packed<'_>) -> Result<Route, Error> {
        let mut route: Option<Route> = None;
        for command in packed.commands() {
            let arguments = command.iter().copied();
            let next = Route::of(CommandInfo::of(arguments.clone()), arguments)?;
            route = Some(route.map_or(next, |route| route.and(next)));
        }
        Ok(route.unwrap_or(Route::Shared))
    }

    /// Returns the route of two commands together.
    pub(crate) fn and(self, other: Route) -> Route {
        match (self, other) {
            (Route::Rescue, Route::Rescue) => Route::Rescue,
            // Beside it there is a command that needs the database.
            (Route::Rescue | Route::Shared, Route::Rescue | Route::Shared) => Route::Shared,
            (Route::Shared | Route::Rescue, route) | (route, Route::Shared | Route::Rescue) => {
                route
            }
            (Route::Dedicated(one), Route::Dedicated(other)) => {
                Route::Dedicated(one.saturating_add(other))
            }
        }
    }

    /// Returns the timeouts of what goes this way.
    pub(crate) fn extend(self, timeouts: Timeouts) -> Timeouts {
        match self {
            Route::Shared | Route::Rescue => timeouts,
            Route::Dedicated(block) => timeouts.extended_by(block),
        }
    }
}

/// Returns the timeouts of a command on a dedicated connection, where it may change the session.
pub(crate) fn dedicated_timeouts<'a>(
    arguments: impl Iterator<Item = &'a [u8]> + Clone,
    timeouts: Timeouts,
) -> Result<Timeouts, Error> {
    match CommandInfo::of(arguments.clone()).effect(arguments.clone()) {
        Effect::None | Effect::Rescues | Effect::ChangesSession(_) => Ok(timeouts),
        Effect::Blocks(block) => Ok(timeouts.extended_by(block)),
        Effect::NoSingleReply(help) => Err(no_single_reply(arguments, help)),
    }
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
    let is_container =
        command.eq_ignore_ascii_case(b"CLIENT") || command.eq_ignore_ascii_case(b"SCRIPT");
    let subcommand = arguments.next().filter(|_| is_container);
    let words = [Some(command), subcommand].into_iter().flatten();
    let words: Vec<_> = words.map(String::from_utf8_lossy).collect();
    printable(&words.join(" ").to_uppercase())
}
