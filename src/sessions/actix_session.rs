//! [`RedisSessionStore`]: sessions of [actix-session](https://docs.rs/actix-session) 0.11, for Actix Web.
//!
//! ```no_run
//! use redis_ready::actix_session::RedisSessionStore;
//! use redis_ready::redis_client;
//!
//! # fn main() -> Result<(), redis_ready::Error> {
//! let store = RedisSessionStore::new(redis_client!()?);
//! // HttpServer::new(move || {
//! //     App::new().wrap(actix_session::SessionMiddleware::new(store.clone(), secret_key.clone()))
//! // })
//! # Ok(())
//! # }
//! ```

use std::collections::HashMap;

use actix_session::storage::{
    LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
};
use anyhow::anyhow;
use time::Duration;

use super::keys::{ID_ATTEMPTS, SessionKeys};
use crate::client::Client;

/// Keeps sessions of actix-session in Redis.
///
/// Each method is one command:
///
/// | method | command | |
/// |---|---|---|
/// | `save` | `SET … NX PX` | A new session, under a key that actix-session generates. It never replaces another one. |
/// | `update` | `SET … XX PX` | A session that was deleted meanwhile, as by a sign-out, stays deleted. |
/// | `update_ttl` | `PEXPIRE` | |
/// | `load` | `GET` | |
/// | `delete` | `DEL` | |
///
/// The server deletes a session when its time is over. After a lost connection the commands are sent
/// again within their deadline.
///
/// # A session that vanishes during a request
///
/// `update` leaves it vanished, and the next request begins an empty one. The store of actix-session itself
/// would save the state under a new key instead: a request that runs while the user signs out in another
/// one would sign the user in again.
///
/// # Format
///
/// The key is `session:`, or [another prefix](RedisSessionStore::with_key_prefix), and the session key. The
/// value is a JSON object, as the store of actix-session itself has it: with the prefix `""` its
/// sessions are found, and an application that changes to this store signs no user out.
///
/// # Replicas
///
/// A client with `read_from=replica` or `prefer_replica` may load a session before its last change has
/// arrived at the replica, and takes a new one for unknown. Give the store a client that reads from the
/// primary, which is the default.
#[derive(Debug, Clone)]
pub struct RedisSessionStore(SessionKeys);

impl RedisSessionStore {
    /// Returns a store on the connection of `client`, without connecting.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a client is a handle, and stores take handles"
    )]
    pub fn new(client: Client) -> RedisSessionStore {
        RedisSessionStore(SessionKeys::new(&client))
    }

    /// Sets what the keys begin with. Default: `session:`.
    #[must_use]
    pub fn with_key_prefix(self, prefix: impl Into<String>) -> RedisSessionStore {
        RedisSessionStore(self.0.with_prefix(prefix.into()))
    }
}

/// What a session holds: JSON by name.
type State = HashMap<String, String>;

impl SessionStore for RedisSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        let stored = self.0.load(key.as_ref()).await;
        let stored = stored.map_err(|error| LoadError::Other(error.into()))?;
        let state = stored.map(|stored| serde_json::from_slice(&stored));
        state
            .transpose()
            .map_err(|error| LoadError::Deserialization(error.into()))
    }

    async fn save(&self, state: State, ttl: &Duration) -> Result<SessionKey, SaveError> {
        let state = serde_json::to_vec(&state);
        let state = state.map_err(|error| SaveError::Serialization(error.into()))?;
        for _ in 0..ID_ATTEMPTS {
            let key = generate_session_key();
            let created = self
                .0
                .create(key.as_ref(), &state, ttl.whole_milliseconds());
            if created
                .await
                .map_err(|error| SaveError::Other(error.into()))?
            {
                return Ok(key);
            }
        }
        let error = anyhow!("{ID_ATTEMPTS} new session keys were taken");
        Err(SaveError::Other(error))
    }

    async fn update(
        &self,
        key: SessionKey,
        state: State,
        ttl: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        let state = serde_json::to_vec(&state);
        let state = state.map_err(|error| UpdateError::Serialization(error.into()))?;
        let updated = self
            .0
            .replace(key.as_ref(), &state, ttl.whole_milliseconds());
        updated
            .await
            .map_err(|error| UpdateError::Other(error.into()))?;
        Ok(key)
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Duration) -> anyhow::Result<()> {
        let extended = self.0.extend(key.as_ref(), ttl.whole_milliseconds());
        Ok(extended.await?)
    }

    async fn delete(&self, key: &SessionKey) -> anyhow::Result<()> {
        Ok(self.0.delete(key.as_ref()).await?)
    }
}
