//! Caches in front of Redis: `cached` with an exposed URL, and `moka` in front of the client itself.

use std::sync::Arc;
use std::time::Duration;

use cached::{AsyncRedisCache, ConcurrentCachedAsync};
use moka::future::Cache;
use redis_ready::redis::{AsyncCommands, RedisError, cmd};

use crate::{ask, client, commands_run, server};

#[tokio::test]
async fn cached_finds_the_server_by_the_exposed_url() {
    let server = server();
    let client = client(&server);
    let url = client.expose_url().expect("it has one server");
    let cache = AsyncRedisCache::<u32, String>::builder("squares")
        .ttl(Duration::from_mins(1))
        .connection_string(&url)
        .build()
        .await
        .expect("it connects");
    cache
        .async_cache_set(3, "nine".to_owned())
        .await
        .expect("set");
    let found = cache.async_cache_get(&3).await.expect("asked");
    assert_eq!(found.as_deref(), Some("nine"));
    let keys: usize = ask(&client, &mut cmd("DBSIZE")).await;
    assert_eq!(keys, 1, "it is in the database of the client");
}

#[tokio::test]
async fn moka_asks_the_client_once_for_many_callers() {
    let server = server();
    let client = client(&server);
    let () = ask(&client, cmd("SET").arg("greeting").arg("hello")).await;
    let before = commands_run(&client).await;
    let cache = Cache::builder()
        .max_capacity(10_000)
        .time_to_live(Duration::from_mins(1))
        .build();

    let load = async |key: &'static str| -> Result<Option<String>, Arc<RedisError>> {
        let mut client = client.clone();
        cache
            .try_get_with(key, async move { client.get(key).await })
            .await
    };
    for _ in 0..100 {
        let greeting = load("greeting").await.expect("loaded");
        assert_eq!(greeting.as_deref(), Some("hello"));
    }
    assert_eq!(commands_run(&client).await - before, 1);
}
