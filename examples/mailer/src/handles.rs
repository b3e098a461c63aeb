//! [`Handles`]: the connection to Redis, with the limits that each part needs.

use std::time::Duration;

use redis_ready::Client;
use redis_ready::redis::aio::ConnectionLike;

/// Any connection of redis-rs that can be shared.
///
/// What serves requests takes this rather than a [`Client`], as a library would.
pub trait Redis: ConnectionLike + Clone + Send + Sync + 'static {}

impl<R: ConnectionLike + Clone + Send + Sync + 'static> Redis for R {}

/// How long a request waits for the cache at most.
const CACHE_TIMEOUT: Duration = Duration::from_millis(50);

/// Three handles to the same connection.
#[derive(Clone)]
pub struct Handles<R> {
    /// For commands that must not run twice.
    pub once: R,
    /// For commands that may run twice: they are sent again after a lost connection.
    pub repeatable: R,
    /// For what the application can do without: in an outage its commands fail at once.
    pub cache: R,
}

impl Handles<Client> {
    #[must_use]
    pub fn of(client: &Client) -> Handles<Client> {
        Handles {
            once: client.clone(),
            repeatable: client.idempotent(),
            cache: client.fail_fast().with_timeout(CACHE_TIMEOUT),
        }
    }
}

impl<R: Redis> Handles<R> {
    /// For a connection without such limits.
    #[must_use]
    pub fn all(connection: &R) -> Handles<R> {
        Handles {
            once: connection.clone(),
            repeatable: connection.clone(),
            cache: connection.clone(),
        }
    }
}
