//! Servers behind real sentinels, as applications see them: one module per promise.

#![cfg(all(feature = "testing", unix))]

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod disagreement;
mod failovers;
mod harness;
#[allow(dead_code, reason = "the tests of clusters use all of it")]
#[path = "../cluster/load.rs"]
mod load;
mod replicas;
mod starting;
mod tls;

use redis::RedisError;
use redis_ready::Error;

/// All that is told of an error.
fn report(error: &RedisError) -> String {
    match Error::from_redis(error) {
        Some(error) => format!("{error:?}"),
        None => error.to_string(),
    }
}

/// Whether the command may have run, as far as its caller is told. The server's own errors say that it
/// has not.
fn may_have_run(error: &RedisError) -> bool {
    Error::from_redis(error).is_some_and(Error::may_have_run)
}
