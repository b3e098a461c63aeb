//! loco: its cache on our client, by its open trait.
//!
//! In an application: `Cache::new(Box::new(RedisCache(redis_client!()?)))` in `Hooks::after_context`.

use std::time::Duration;

use loco_rs::cache::{Cache, CacheDriver, CacheError, CacheResult};
use redis_ready::Client;
use redis_ready::redis::{Cmd, FromRedisValue, cmd};

use crate::{client, server};

/// A cache that shares the connection of an application.
struct RedisCache(Client);

impl RedisCache {
    async fn ask<T: FromRedisValue>(&self, command: &mut Cmd) -> CacheResult<T> {
        // All of these commands may run twice.
        let reply = command.query_async(&mut self.0.idempotent()).await;
        reply.map_err(|error| CacheError::Any(error.into()))
    }
}

#[async_trait::async_trait]
impl CacheDriver for RedisCache {
    async fn ping(&self) -> CacheResult<()> {
        let answer = self.0.ping().await;
        answer.map_or_else(|error| Err(CacheError::Any(error.into())), |_| Ok(()))
    }

    async fn contains_key(&self, key: &str) -> CacheResult<bool> {
        self.ask(cmd("EXISTS").arg(key)).await
    }

    async fn get(&self, key: &str) -> CacheResult<Option<String>> {
        self.ask(cmd("GET").arg(key)).await
    }

    async fn insert(&self, key: &str, value: &str) -> CacheResult<()> {
        self.ask(cmd("SET").arg(key).arg(value)).await
    }

    async fn insert_with_expiry(
        &self,
        key: &str,
        value: &str,
        lifetime: Duration,
    ) -> CacheResult<()> {
        let milliseconds = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX / 4);
        let mut set = cmd("SET");
        set.arg(key).arg(value).arg("PX").arg(milliseconds.max(1));
        self.ask(&mut set).await
    }

    async fn remove(&self, key: &str) -> CacheResult<()> {
        self.ask(cmd("DEL").arg(key)).await
    }

    async fn clear(&self) -> CacheResult<()> {
        self.ask(&mut cmd("FLUSHDB")).await
    }
}

#[tokio::test]
async fn loco_caches_on_the_connection_of_a_client() {
    let server = server();
    let cache = Cache::new(Box::new(RedisCache(client(&server))));
    cache.ping().await.expect("the server answers");
    cache.insert("greeting", &"hello").await.expect("inserted");
    assert!(cache.contains_key("greeting").await.expect("asked"));
    let greeting = cache.get::<String>("greeting").await.expect("asked");
    assert_eq!(greeting.as_deref(), Some("hello"));

    let hour = Duration::from_hours(1);
    let computed = cache.get_or_insert_with_expiry("sum", hour, async { Ok(3) });
    assert_eq!(computed.await.expect("computed"), 3);
    cache.remove("greeting").await.expect("removed");
    cache.clear().await.expect("cleared");
    assert!(!cache.contains_key("sum").await.expect("asked"));
}
