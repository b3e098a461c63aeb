//! Transactions that watch keys, by redis-rs's own helpers, and the session that clones share.

use std::time::Duration;

use redis_ready::redis::{
    self, AsyncCommands, Commands, ConnectionLike, RedisError, RedisResult, Value,
};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::{kind, ok};
use crate::support::{open, run, start};

const TASKS: u32 = 8;
const ROUNDS: u32 = 25;

/// Adds one to `counter` in a transaction that is repeated until no other one comes between.
async fn add_one(client: &Client) {
    let connection = client.dedicated_connection().await.expect("it connects");
    let (_,): (u32,) = ok(redis::aio::transaction_async(
        connection,
        &["counter"],
        |mut connection, mut pipe| async move {
            let old: Option<u32> = connection.get("counter").await?;
            pipe.set("counter", old.unwrap_or(0) + 1)
                .ignore()
                .get("counter")
                .query_async(&mut connection)
                .await
        },
    )
    .await);
}

#[test]
fn transaction_async_loses_no_increment_beside_others() {
    for protocol in ["protocol=2", "protocol=3"] {
        let server = start(Server::builder());
        run(async {
            let client = open(server.url(), protocol);
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        for _ in 0..ROUNDS {
                            add_one(&client).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("no panic");
            }
            assert_eq!(client.clone().get("counter").await, Ok(TASKS * ROUNDS));
        });
    }
}

#[test]
fn transaction_of_blocking_code_loses_no_increment_beside_others() {
    let server = start(Server::builder());
    let client = open(server.url(), "");
    std::thread::scope(|scope| {
        for _ in 0..TASKS {
            let mut connection = client
                .blocking()
                .dedicated_connection()
                .expect("it connects");
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let (_,): (u32,) = ok(redis::transaction(
                        &mut connection,
                        &["counter"],
                        |connection, pipe| {
                            let old: Option<u32> = connection.get("counter")?;
                            pipe.set("counter", old.unwrap_or(0) + 1)
                                .ignore()
                                .get("counter")
                                .query(connection)
                        },
                    ));
                }
            });
        }
    });
    assert_eq!(client.blocking().get("counter"), Ok(TASKS * ROUNDS));
}

#[test]
fn a_blocking_dedicated_connection_is_the_session_of_its_asynchronous_one() {
    let server = start(Server::builder());
    run(async {
        let client = open(server.url(), "");
        let connection = client.dedicated_connection().await.expect("it connects");
        let mut asynchronous = connection.clone();
        ok(redis::cmd("SELECT")
            .arg(3)
            .exec_async(&mut asynchronous)
            .await);
        let mut blocking = connection.blocking();
        let blocking = tokio::task::spawn_blocking(move || {
            let () = ok(blocking.set("key", "three"));
            let error = redis::cmd("MONITOR")
                .exec(&mut blocking)
                .expect_err("refused");
            assert_eq!(kind(&error), Some(ErrorKind::InvalidCommand));
            assert!(blocking.check_connection() && blocking.is_open());
            assert_eq!(
                blocking.req_packed_command(b"PING\r\n"),
                Ok(Value::SimpleString("PONG".to_owned()))
            );
            blocking
        });
        let blocking = blocking.await.expect("no panic");
        drop((connection, asynchronous));
        // The last clone keeps the session.
        let mut blocking = blocking;
        let value = tokio::task::spawn_blocking(move || blocking.get("key"));
        assert_eq!(value.await.expect("no panic"), Ok("three".to_owned()));
        assert_eq!(client.clone().get("key").await, Ok(None::<String>));
    });
}

#[test]
fn clones_of_a_dedicated_connection_get_their_own_replies_at_the_same_time() {
    let server = start(Server::builder());
    run(async {
        let client = open(server.url(), "");
        let connection = client.dedicated_connection().await.expect("it connects");
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let mut connection = connection.clone();
                tokio::spawn(async move {
                    for round in 0..200 {
                        let word = format!("{task}:{round}");
                        let pong: (String,) = ok(redis::pipe()
                            .ping_message(&word)
                            .query_async(&mut connection)
                            .await);
                        assert_eq!(pong.0, word);
                        assert_eq!(connection.echo(&word).await, Ok(word));
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    });
}

/// `ECHO`, which redis-rs has no method for.
trait Echo {
    async fn echo(&mut self, word: &str) -> RedisResult<String>;
}

impl Echo for redis_ready::DedicatedConnection {
    async fn echo(&mut self, word: &str) -> RedisResult<String> {
        redis::cmd("ECHO").arg(word).query_async(self).await
    }
}

/// What a pool goes by to replace a connection.
#[track_caller]
fn assert_looks_broken(error: &RedisError) {
    assert!(error.is_unrecoverable_error(), "{error}");
    assert!(error.is_connection_dropped(), "{error}");
    assert_eq!(
        format!("{:?}", error.retry_method()),
        "Reconnect",
        "{error}"
    );
}

#[test]
fn a_dedicated_connection_that_has_ended_looks_broken_to_redis_rs() {
    for end in ["kill", "QUIT"] {
        let server = start(Server::builder());
        run(async {
            let client = open(server.url(), "");
            let mut connection = client.dedicated_connection().await.expect("it connects");
            let mut blocking = connection.blocking();
            assert!(blocking.is_open());
            if end == "kill" {
                let id: u64 = ok(redis::cmd("CLIENT")
                    .arg("ID")
                    .query_async(&mut connection)
                    .await);
                let mut client = client.clone();
                let kill = redis::cmd("CLIENT").arg("KILL").arg("ID").arg(id).clone();
                ok(kill.exec_async(&mut client).await);
            } else {
                ok(redis::cmd(end).exec_async(&mut connection).await);
            }
            while blocking.is_open() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let error = connection
                .get::<_, Value>("key")
                .await
                .expect_err("it has ended");
            assert_eq!(kind(&error), Some(ErrorKind::Closed));
            assert_looks_broken(&error);
            let error = redis::pipe().get("key").exec_async(&mut connection).await;
            assert_looks_broken(&error.expect_err("it has ended"));
            let error = redis::cmd("GET").arg("key").exec(&mut blocking);
            assert_looks_broken(&error.expect_err("it has ended"));
            assert!(!blocking.check_connection());
        });
    }
}

#[test]
fn a_closed_client_is_closed_for_good_to_redis_rs() {
    let server = start(Server::builder());
    run(async {
        let client = open(server.url(), "");
        let mut dedicated = client.dedicated_connection().await.expect("it connects");
        client.close(Duration::from_secs(1)).await;
        let error = client
            .clone()
            .get::<_, Value>("key")
            .await
            .expect_err("it is closed");
        assert_eq!(kind(&error), Some(ErrorKind::Closed));
        assert!(!error.is_unrecoverable_error() && !error.is_connection_dropped());
        assert_eq!(format!("{:?}", error.retry_method()), "NoRetry");
        // The session of a caller is the caller's to close.
        let () = ok(dedicated.set("key", 1).await);
    });
}

#[test]
fn a_refusal_names_the_command_and_the_way_out_on_one_line() {
    let server = start(Server::builder());
    run(async {
        let client = open(server.url(), "");
        let mut blocking = client.blocking();
        for (line, way_out) in [
            (
                "WATCH k",
                "`Client::dedicated_connection` or `BlockingClient::dedicated_connection`",
            ),
            (
                "CLIENT TRACKING on",
                "`BlockingClient::dedicated_connection`",
            ),
            ("CLIENT SETNAME x", "`Config::with_client_name`"),
            ("SELECT 1", "into the URL"),
            ("QUIT", "`Client::close` or `BlockingClient::close`"),
            ("MULTI", "`redis::pipe().atomic()`"),
            ("SUBSCRIBE c", "`Client::subscribe`"),
            ("UNSUBSCRIBE c", "`Subscription::unsubscribe`"),
            ("MONITOR", "`redis::Client::open`"),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            let mut command = redis::Cmd::new();
            command.arg(&words);
            let name = words[..words.len().min(2)]
                .join(" ")
                .replace(" k", "")
                .replace(" c", "");
            let name = name.split(" 1").next().expect("a word");
            for error in [
                command.exec_async(&mut client.clone()).await,
                redis::pipe()
                    .add_command(command.clone())
                    .exec_async(&mut client.clone())
                    .await,
                command.exec(&mut blocking),
                redis::pipe()
                    .add_command(command.clone())
                    .exec(&mut blocking),
            ] {
                let error = error.expect_err(line);
                let text = error.to_string();
                assert!(text.contains(&format!("`{name}`")), "{line}: {text}");
                assert!(text.contains(way_out), "{line}: {text}");
                assert_eq!(text.lines().count(), 1, "{text}");
                assert_eq!(error.kind(), redis::ErrorKind::Client);
                assert_eq!(kind(&error), Some(ErrorKind::InvalidCommand));
            }
        }
    });
}

#[test]
fn a_blocking_client_is_closed_by_its_own_method() {
    let server = start(Server::builder());
    let client = open(server.url(), "");
    let mut blocking = client.blocking();
    let () = ok(blocking.set("key", 1));
    blocking.close(Duration::from_secs(1));
    let error = blocking.get::<_, Value>("key").expect_err("it is closed");
    assert_eq!(kind(&error), Some(ErrorKind::Closed));
    assert!(blocking.is_open(), "as documented");
}

#[test]
fn every_handle_has_the_commands_of_hot_keys() {
    use redis::{AsyncHotkeysCommands as _, HotkeysCommands as _};
    let server = start(Server::builder());
    run(async {
        let mut client = open(server.url(), "");
        let mut dedicated = client.dedicated_connection().await.expect("it connects");
        let (mut one, mut other) = (client.blocking(), dedicated.blocking());
        // A server before 8.6 does not know the command, and says so through each.
        let asynchronous = client.hotkeys_get().await.is_err();
        assert_eq!(dedicated.hotkeys_get().await.is_err(), asynchronous);
        assert_eq!(one.hotkeys_get().is_err(), asynchronous);
        assert_eq!(other.hotkeys_get().is_err(), asynchronous);
    });
}
