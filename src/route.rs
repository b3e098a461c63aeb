//! Which connection a command goes to, and which commands go to none.

use std::time::Duration;

use redis::{Cmd, Pipeline, RedisError, RedisResult};

use crate::error::{Error, ErrorKind};
use crate::link::{Effect, Limits, arguments, effect};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Route {
    Shared,
    /// A connection of its own, for a command that may block for so long.
    Own(Duration),
}

impl Route {
    #[inline]
    pub(crate) fn of(command: &Cmd) -> RedisResult<Route> {
        check_command(command)?;
        Ok(Route::Shared.with(effect(arguments(command)))?)
    }

    /// As [`of`](Route::of), for a command that is not empty.
    pub(crate) fn of_checked(command: &Cmd) -> Result<Route, Error> {
        Route::Shared.with(effect(arguments(command)))
    }

    pub(crate) fn of_pipeline(
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Route> {
        check_pipeline(pipeline, offset, count)?;
        let mut route = Route::Shared;
        for command in pipeline.cmd_iter() {
            route = route.with(effect(arguments(command)))?;
        }
        Ok(route)
    }

    /// The route of commands that have been encoded, and parted again.
    pub(crate) fn of_parted(commands: &[Vec<&[u8]>]) -> RedisResult<Route> {
        let mut route = Route::Shared;
        for command in commands {
            route = route.with(effect(command.iter().copied()))?;
        }
        Ok(route)
    }

    /// The route of two commands together.
    pub(crate) fn and(self, other: Route) -> Route {
        match (self, other) {
            (Route::Shared, route) | (route, Route::Shared) => route,
            (Route::Own(one), Route::Own(other)) => Route::Own(one.saturating_add(other)),
        }
    }

    /// The route of what was routed so far and one more command.
    #[inline]
    fn with(self, effect: Effect) -> Result<Route, Error> {
        match (self, effect) {
            (route, Effect::None) => Ok(route),
            (route, Effect::Blocks(block)) => Ok(route.and(Route::Own(block))),
            (_, Effect::ChangesSession(help) | Effect::NoSingleReply(help)) => Err(refused(help)),
        }
    }
}

/// The limits of `command` on a connection of one's own.
pub(crate) fn limits_alone(command: &Cmd, limits: Limits) -> RedisResult<Limits> {
    check_command(command)?;
    Ok(alone(limits, effect(arguments(command)))?)
}

/// The limits of `pipeline` on a connection of one's own.
pub(crate) fn limits_of_pipeline_alone(
    pipeline: &Pipeline,
    offset: usize,
    count: usize,
    limits: Limits,
) -> RedisResult<Limits> {
    check_pipeline(pipeline, offset, count)?;
    let mut limits = limits;
    for command in pipeline.cmd_iter() {
        limits = alone(limits, effect(arguments(command)))?;
    }
    Ok(limits)
}

/// The limits of what was limited so far and one more command, on a connection of one's own.
fn alone(limits: Limits, effect: Effect) -> Result<Limits, Error> {
    match effect {
        Effect::None | Effect::ChangesSession(_) => Ok(limits),
        Effect::Blocks(block) => Ok(limits.extended_by(block)),
        Effect::NoSingleReply(help) => Err(refused(help)),
    }
}

fn refused(help: &str) -> Error {
    let message = "a command that changes how the connection answers, or for whom, is refused";
    Error::new(ErrorKind::InvalidCommand, message).with_help(help)
}

/// An empty command would be written as `*0`, which no server answers: every later reply would go to
/// the wrong caller.
fn check_command(command: &Cmd) -> RedisResult<()> {
    if command.args_iter().len() == 0 {
        Err(empty_command())
    } else {
        Ok(())
    }
}

/// One reply more or less than there are commands would be the next caller's, too.
fn check_pipeline(pipeline: &Pipeline, offset: usize, count: usize) -> RedisResult<()> {
    let expected = if pipeline.is_transaction() {
        (pipeline.len() + 1, 1)
    } else {
        (0, pipeline.len())
    };
    if (offset, count) != expected || count == 0 {
        return Err(empty_command());
    }
    pipeline.cmd_iter().try_for_each(check_command)
}

/// The error that redis-rs has for it.
pub(crate) fn empty_command() -> RedisError {
    (redis::ErrorKind::Client, "empty command").into()
}
