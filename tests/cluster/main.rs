//! A cluster of real servers, as applications see it: one module per promise.

#![cfg(all(feature = "testing", unix))]

#[path = "../support/mod.rs"]
mod support;

mod exactly_once;
mod load;
mod migrations;
mod node_loss;
mod replicas;
mod restarts;
mod routing;
mod sessions;
#[cfg(feature = "tls")]
mod tls;
mod urls;

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

/// Whether the caller is told what a client of a cluster is to follow or to wait for.
fn is_redirection(error: &RedisError) -> bool {
    matches!(error.code(), Some("MOVED" | "ASK" | "TRYAGAIN"))
}
