//! What the store of actix-session promises, without a framework.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SessionKey, SessionStore};
use actix_web::cookie::time::Duration;
use redis_ready::actix_session::RedisSessionStore;
use redis_ready::redis;
use redis_ready::testing::Server;

use crate::{ask, commands_run, start};

const HOUR: Duration = Duration::HOUR;

fn state(user: &str) -> HashMap<String, String> {
    HashMap::from([("user".to_owned(), format!("\"{user}\""))])
}

fn same(key: &SessionKey) -> SessionKey {
    let copy = key.as_ref().to_owned();
    copy.try_into().expect("it is a key")
}

#[tokio::test]
async fn a_state_comes_back_as_it_was() {
    let server = start(Server::builder());
    let client = server.client();
    let store = RedisSessionStore::new(client.clone());
    let key = store.save(state("ann"), &HOUR).await.expect("saved");
    assert_eq!(store.load(&key).await.expect("loaded"), Some(state("ann")));

    let updated = store.update(same(&key), state("bob"), &HOUR).await;
    assert!(updated.expect("updated") == key);
    assert_eq!(store.load(&key).await.expect("loaded"), Some(state("bob")));

    store.update_ttl(&key, &(2 * HOUR)).await.expect("extended");
    store.delete(&key).await.expect("deleted");
    assert_eq!(store.load(&key).await.expect("loaded"), None);
    assert_eq!(commands_run(&client).await, 7, "one for each call");
}

#[tokio::test]
async fn every_session_has_a_key_of_its_own_that_expires() {
    let server = start(Server::builder());
    let client = server.client();
    let store = RedisSessionStore::new(client.clone());
    let left = async |key: &SessionKey| -> i64 {
        let key = format!("session:{}", key.as_ref());
        ask(&client, redis::cmd("PTTL").arg(key)).await
    };
    let ann = store.save(state("ann"), &HOUR).await.expect("saved");
    let bob = store.save(state("ann"), &HOUR).await.expect("saved");
    assert!(ann != bob && ann.as_ref().len() >= 64);
    assert!((3_590_000..=3_600_000).contains(&left(&ann).await));

    store.update_ttl(&ann, &(2 * HOUR)).await.expect("extended");
    assert!((7_190_000..=7_200_000).contains(&left(&ann).await));
    let updated = store.update(same(&ann), state("bob"), &HOUR).await;
    assert!((3_590_000..=3_600_000).contains(&left(&updated.expect("updated")).await));

    // What a server has no room for.
    store
        .update_ttl(&ann, &Duration::MAX)
        .await
        .expect("extended");
    let longest = store.save(state("ann"), &Duration::MAX).await;
    assert!(left(&longest.expect("saved")).await > 3_600_000);
}

#[tokio::test]
async fn a_session_that_vanished_stays_so() {
    let server = start(Server::builder());
    let client = server.client();
    let store = RedisSessionStore::new(client.clone());
    let key = store.save(state("ann"), &HOUR).await.expect("saved");
    store.delete(&key).await.expect("deleted");
    let updated = store.update(same(&key), state("ann"), &HOUR).await;
    let updated = updated.expect("nothing is updated");
    assert_eq!(store.load(&updated).await.expect("loaded"), None);
    store
        .update_ttl(&key, &HOUR)
        .await
        .expect("nothing to extend");
    let keys: usize = ask(&client, &mut redis::cmd("DBSIZE")).await;
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn it_reads_what_the_store_of_actix_session_has_written() {
    let server = start(Server::builder());
    let client = server.client();
    let store = RedisSessionStore::new(client.clone()).with_key_prefix("");
    let key: SessionKey = "a".repeat(64).try_into().expect("it is a key");
    // What `storage::RedisSessionStore` of version 0.11 does.
    let value = r#"{"user":"\"ann\""}"#;
    let () = ask(&client, redis::cmd("SET").arg(key.as_ref()).arg(value)).await;
    assert_eq!(store.load(&key).await.expect("loaded"), Some(state("ann")));

    let () = ask(&client, redis::cmd("SET").arg(key.as_ref()).arg("no JSON")).await;
    let error = store.load(&key).await.expect_err("it is not JSON");
    assert!(matches!(error, LoadError::Deserialization(_)));
}
