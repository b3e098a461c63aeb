//! What the store of tower-sessions promises, without a framework.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use redis_ready::testing::Server;
use redis_ready::tower_sessions::RedisStore;
use redis_ready::{Client, redis};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::Error;

use crate::lossy::lossy_network;
use crate::{ask, commands_run, start};

fn record(user: &str, lifetime: Duration) -> Record {
    Record {
        id: Id::default(),
        data: HashMap::from([("user".to_owned(), user.into())]),
        expiry_date: (SystemTime::now() + lifetime).into(),
    }
}

const HOUR: Duration = Duration::from_hours(1);

fn key(record: &Record) -> String {
    format!("session:{}", record.id)
}

#[tokio::test]
async fn a_record_comes_back_as_it_was() {
    let server = start(Server::builder());
    let store = RedisStore::new(server.client());
    let mut ann = record("ann", HOUR);
    ann.data
        .insert("cart".to_owned(), vec![1, -2, i64::MAX].into());
    ann.data.insert("rate".to_owned(), 0.1.into());
    store.create(&mut ann).await.expect("created");
    assert_eq!(
        store.load(&ann.id).await.expect("loaded"),
        Some(ann.clone())
    );

    ann.data.clear();
    store.save(&ann).await.expect("saved");
    assert_eq!(
        store.load(&ann.id).await.expect("loaded"),
        Some(ann.clone())
    );

    store.delete(&ann.id).await.expect("deleted");
    assert_eq!(store.load(&ann.id).await.expect("loaded"), None);
    assert_eq!(commands_run(&server.client()).await, 6, "one for each call");
}

#[tokio::test]
async fn a_new_session_never_replaces_another() {
    let server = start(Server::builder());
    let store = RedisStore::new(server.client());
    let mut ann = record("ann", HOUR);
    store.create(&mut ann).await.expect("created");
    let mut bob = Record {
        id: ann.id,
        ..record("bob", HOUR)
    };
    store.create(&mut bob).await.expect("created");
    assert_ne!(ann.id, bob.id);
    for session in [ann, bob] {
        let loaded = store.load(&session.id).await.expect("loaded");
        assert_eq!(loaded, Some(session));
    }
}

#[tokio::test]
async fn a_session_that_was_deleted_stays_deleted() {
    let server = start(Server::builder());
    let store = RedisStore::new(server.client());
    let mut ann = record("ann", HOUR);
    store.create(&mut ann).await.expect("created");
    store.delete(&ann.id).await.expect("deleted");
    store.save(&ann).await.expect("nothing is saved");
    assert_eq!(store.load(&ann.id).await.expect("loaded"), None);
}

#[tokio::test]
async fn a_lost_reply_loses_no_session() {
    let server = start(Server::builder().tcp());
    let port = server.port().expect("it listens on TCP");
    let (network, loses) = lossy_network(([127, 0, 0, 1], port).into()).await;
    let client = Client::open(&format!("redis://{network}")).expect("the URL is valid");
    client.ping().await.expect("the server answers");
    let store = RedisStore::new(client);

    let mut ann = record("ann", HOUR);
    let first_id = ann.id;
    loses.store(true, Ordering::Relaxed);
    store.create(&mut ann).await.expect("created");
    assert_ne!(ann.id, first_id, "the reply was lost, and the id is taken");
    assert_eq!(
        store.load(&ann.id).await.expect("loaded"),
        Some(ann.clone())
    );

    ann.data.clear();
    loses.store(true, Ordering::Relaxed);
    store.save(&ann).await.expect("saved");
    assert_eq!(
        store.load(&ann.id).await.expect("loaded"),
        Some(ann.clone())
    );

    loses.store(true, Ordering::Relaxed);
    store.delete(&ann.id).await.expect("deleted");
    assert_eq!(store.load(&ann.id).await.expect("loaded"), None);
}

async fn milliseconds_left(client: &Client, record: &Record) -> i64 {
    ask(client, redis::cmd("PTTL").arg(key(record))).await
}

#[tokio::test]
async fn the_server_ends_sessions_in_time() {
    let server = start(Server::builder());
    let client = server.client();
    let store = RedisStore::new(client.clone());
    let mut ann = record("ann", HOUR);
    store.create(&mut ann).await.expect("created");
    let left = milliseconds_left(&client, &ann).await;
    assert!((3_590_000..=3_600_000).contains(&left), "{left} ms");

    ann.expiry_date = (SystemTime::now() + 2 * HOUR).into();
    store.save(&ann).await.expect("saved");
    let left = milliseconds_left(&client, &ann).await;
    assert!((7_190_000..=7_200_000).contains(&left), "{left} ms");

    ann.expiry_date = (SystemTime::now() - HOUR).into();
    store.save(&ann).await.expect("saved");
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(store.load(&ann.id).await.expect("loaded"), None);
    let mut late = record("bob", Duration::ZERO);
    store.create(&mut late).await.expect("created");
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(store.load(&late.id).await.expect("loaded"), None);
}

#[tokio::test]
async fn it_reads_what_tower_sessions_redis_store_has_written() {
    let server = start(Server::builder());
    let client = server.client();
    let ann = record("ann", HOUR);
    // What version 0.16 of it does.
    let bytes = rmp_serde::to_vec(&ann).expect("it can be encoded");
    let () = ask(
        &client,
        redis::cmd("SET").arg(ann.id.to_string()).arg(bytes),
    )
    .await;
    let store = RedisStore::new(client).with_key_prefix("");
    assert_eq!(store.load(&ann.id).await.expect("loaded"), Some(ann));
}

#[tokio::test]
async fn errors_say_what_is_wrong() {
    let server = start(Server::builder());
    let client = server.client();
    let store = RedisStore::new(client.clone());
    let mut ann = record("ann", HOUR);
    let () = ask(&client, redis::cmd("SET").arg(key(&ann)).arg("no record")).await;
    let error = store.load(&ann.id).await.expect_err("it is no record");
    assert!(matches!(error, Error::Decode(_)), "{error}");

    let () = ask(&client, redis::cmd("DEL").arg(key(&ann))).await;
    let () = ask(&client, redis::cmd("LPUSH").arg(key(&ann)).arg("a list")).await;
    let error = store.load(&ann.id).await.expect_err("it is a list");
    assert!(
        matches!(&error, Error::Backend(text) if text.contains("WRONGTYPE")),
        "{error}"
    );

    let nowhere = Client::open("redis://localhost:1?deadline=100ms").expect("the URL is valid");
    let store = RedisStore::new(nowhere);
    let error = store.create(&mut ann).await.expect_err("no server");
    assert!(
        matches!(&error, Error::Backend(text) if text.contains("localhost:1")),
        "{error}"
    );
}
