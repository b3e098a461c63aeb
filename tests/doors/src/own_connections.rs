//! Libraries that open connections of their own: they are told of the server by `&client`.

use std::time::Duration;

use bb8_redis::RedisConnectionManager;
use bb8_redis::bb8::Pool;
use redis_ready::redis::{AsyncCommands, cmd};
use rslock::LockManager;

use crate::{ask, client, server};

#[tokio::test]
async fn rslock_locks_on_the_server_of_a_client() {
    let server = server();
    let client = client(&server);
    let locks = LockManager::new(vec![&client]);
    let lock = locks.lock("job", Duration::from_mins(1)).await;
    let lock = lock.expect("it is free");
    let holder: Vec<u8> = ask(&client, cmd("GET").arg("job")).await;
    assert_eq!(holder, lock.val);
    locks.unlock(&lock).await;
    let is_locked: bool = ask(&client, cmd("EXISTS").arg("job")).await;
    assert!(!is_locked);
}

#[tokio::test]
async fn bb8_has_connections_to_the_server_of_a_client() {
    let server = server();
    let client = client(&server);
    let manager = RedisConnectionManager::new(&client).expect("it has one server");
    let pool = Pool::builder().build(manager).await.expect("a pool");
    let mut connection = pool.get().await.expect("a connection");
    let () = connection.set("key", "bb8").await.expect("it can write");
    assert_eq!(ask::<String>(&client, cmd("GET").arg("key")).await, "bb8");
}

#[tokio::test]
async fn deadpool_has_connections_to_the_server_of_a_client() {
    let server = server();
    let client = client(&server);
    let manager = deadpool_redis::Manager::new(&client).expect("it has one server");
    let pool = deadpool_redis::Pool::builder(manager).build();
    let mut connection = pool.expect("a pool").get().await.expect("a connection");
    let () = connection
        .set("key", "deadpool")
        .await
        .expect("it can write");
    assert_eq!(
        ask::<String>(&client, cmd("GET").arg("key")).await,
        "deadpool"
    );
}
