//! What a caller is told of an error.

use redis::{RedisError, RedisResult};
use redis_ready::{Error, ErrorKind};

/// All that an error says.
pub(crate) fn report(error: &RedisError) -> String {
    match Error::from_redis(error) {
        Some(error) => format!("{error:?}"),
        None => error.to_string(),
    }
}

/// What a command has returned; fails with all that its error says.
#[track_caller]
pub(crate) fn ok<T>(reply: RedisResult<T>) -> T {
    reply.unwrap_or_else(|error| panic!("{}", report(&error)))
}

/// Whether the command may have run, as far as its caller is told. The server's own errors say that it
/// has not.
pub(crate) fn may_have_run(error: &RedisError) -> bool {
    Error::from_redis(error).is_some_and(Error::may_have_run)
}

/// Our kind of an error; none where it is the server's or redis-rs's own.
pub(crate) fn kind(error: &RedisError) -> Option<ErrorKind> {
    Error::from_redis(error).map(Error::kind)
}

/// Our kind of the error that a call has failed with.
pub(crate) fn kind_of<T>(result: RedisResult<T>) -> Option<ErrorKind> {
    kind(&result.err()?)
}

/// Our error out of redis-rs's.
#[track_caller]
pub(crate) fn ours(error: &RedisError) -> Error {
    let ours = Error::from_redis(error);
    ours.unwrap_or_else(|| panic!("not ours: {error}")).clone()
}
