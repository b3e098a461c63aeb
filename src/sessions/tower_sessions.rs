//! [`RedisStore`]: sessions of [tower-sessions](https://docs.rs/tower-sessions) 0.15, for axum and other
//! frameworks on tower.
//!
//! ```no_run
//! use redis_ready::redis_client;
//! use redis_ready::tower_sessions::RedisStore;
//!
//! # fn main() -> Result<(), redis_ready::Error> {
//! let store = RedisStore::new(redis_client!()?);
//! // let app = app.layer(tower_sessions::SessionManagerLayer::new(store));
//! # Ok(())
//! # }
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use redis::RedisError;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::{Error, Result, SessionStore};

use super::keys::{ID_ATTEMPTS, SessionKeys};
use crate::client::Client;

/// Keeps sessions of tower-sessions in Redis.
///
/// Each method is one command:
///
/// | method | command | |
/// |---|---|---|
/// | `create` | `SET … NX PX` | A new session never replaces another one: if the id is taken, a new id is. |
/// | `save` | `SET … XX PX` | A session that was deleted meanwhile, as by a sign-out, stays deleted. |
/// | `load` | `GET` | |
/// | `delete` | `DEL` | |
///
/// The server deletes a session when its time is over. After a lost connection the commands are sent
/// again within their deadline.
///
/// # Format
///
/// The key is `session:`, or [another prefix](RedisStore::with_key_prefix), and the id. The value is the
/// record in `MessagePack`, as tower-sessions-redis-store has it: with the prefix `""` its sessions are
/// found, and an application that changes to this store signs no user out.
///
/// # Replicas
///
/// A client with `read_from=replica` or `prefer_replica` may load a session before its last change has
/// arrived at the replica, and takes a new one for unknown. Give the store a client that reads from the
/// primary, which is the default.
///
/// As the cache of a `CachingSessionStore` it would not take up sessions of the store behind it, because
/// `save` creates none; as that store it is right.
#[derive(Debug, Clone)]
pub struct RedisStore(SessionKeys);

impl RedisStore {
    /// Returns a store on the connection of `client`, without connecting.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a client is a handle, and stores take handles"
    )]
    pub fn new(client: Client) -> RedisStore {
        RedisStore(SessionKeys::new(&client))
    }

    /// Sets what the keys begin with. Default: `session:`.
    #[must_use]
    pub fn with_key_prefix(self, prefix: impl Into<String>) -> RedisStore {
        RedisStore(self.0.with_prefix(prefix.into()))
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        for _ in 0..ID_ATTEMPTS {
            let id = record.id.to_string();
            let session = encoded(record)?;
            let created = self.0.create(&id, &session, time_left(record));
            if created.await.map_err(|error| backend(&error))? {
                return Ok(());
            }
            record.id = Id::default();
        }
        let message = format!("{ID_ATTEMPTS} new session ids were taken");
        Err(Error::Backend(message))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let id = record.id.to_string();
        let session = encoded(record)?;
        let saved = self.0.replace(&id, &session, time_left(record));
        saved.await.map_err(|error| backend(&error))?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let stored = self
            .0
            .load(&id.to_string())
            .await
            .map_err(|error| backend(&error))?;
        let record = stored.map(|stored| rmp_serde::from_slice(&stored));
        record
            .transpose()
            .map_err(|error| Error::Decode(error.to_string()))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.0
            .delete(&id.to_string())
            .await
            .map_err(|error| backend(&error))
    }
}

fn encoded(record: &Record) -> Result<Vec<u8>> {
    rmp_serde::to_vec(record).map_err(|error| Error::Encode(error.to_string()))
}

/// Returns how long the record lives, in milliseconds. By the clock that its date was made with; that of the
/// server may be off.
fn time_left(record: &Record) -> i128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i128::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(i128::MAX);
    (record.expiry_date.unix_timestamp_nanos() - now) / 1_000_000
}

fn backend(error: &RedisError) -> Error {
    let text = crate::error::Error::from_redis(error)
        .map_or_else(|| error.to_string(), |ours| format!("{ours:#}"));
    Error::Backend(text)
}
