//! What redis-rs's own kinds and predicates say of errors that are not its own.

use redis_ready::redis::{self, AsyncCommands, Commands, RedisError, RedisResult, Value};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::{kind, ours};
use crate::support::fake_server::FakeServer;
use crate::support::ports::ClosedPort;
use crate::support::{address, open, run, start};

/// The error of a command of `client`, asynchronous, blocking, in a pipeline, and of a dedicated
/// connection.
async fn errors(client: &Client) -> Vec<RedisError> {
    let alone: RedisResult<Value> = client.clone().get("key").await;
    let piped = redis::pipe()
        .get("key")
        .exec_async(&mut client.clone())
        .await;
    let mut blocking = client.blocking();
    let blocking = tokio::task::spawn_blocking(move || blocking.get::<_, Value>("key"));
    let dedicated = client.dedicated_connection().await;
    vec![
        alone.expect_err("no connection"),
        piped.expect_err("no connection"),
        blocking
            .await
            .expect("no panic")
            .expect_err("no connection"),
        dedicated.expect_err("no connection").into(),
    ]
}

#[test]
fn a_refused_password_is_a_failed_authentication_and_still_our_error() {
    let server = start(Server::builder().tcp().password("right"));
    run(async {
        let logins = [":wr0ng@", "", "app:wr0ng@"];
        for login in logins {
            let client = open(
                &format!("redis://{login}{}", address(&server)),
                "deadline=2s",
            );
            for error in errors(&client).await {
                assert_eq!(
                    error.kind(),
                    redis::ErrorKind::AuthenticationFailed,
                    "{error}"
                );
                assert_eq!(kind(&error), Some(ErrorKind::Authentication));
                assert!(ours(&error).help().is_some(), "{error}");
                assert!(!error.to_string().contains("wr0ng"), "{error}");
                assert_eq!(error.to_string().lines().count(), 1, "{error}");
                assert!(!error.is_io_error() && !error.is_timeout());
            }
        }
    });
}

#[test]
fn a_server_that_does_not_answer_in_time_is_a_timeout() {
    run(async {
        let server = FakeServer::silent();
        for parameters in [
            // The attempt ends first, or the deadline of the command does.
            "connect_timeout=100ms&deadline=500ms",
            "connect_timeout=5s&deadline=300ms&response_timeout=200ms",
        ] {
            let client = open(&server.url(), parameters);
            for error in errors(&client).await {
                assert!(error.is_timeout(), "{parameters}: {error}");
                assert!(!error.is_connection_dropped(), "{parameters}: {error}");
                assert_eq!(kind(&error), Some(ErrorKind::Unreachable));
                assert!(!ours(&error).may_have_run());
            }
        }
    });
}

#[test]
fn a_closed_port_is_a_refused_connection() {
    run(async {
        let port = ClosedPort::new();
        let client = open(&format!("redis://{}", port.address()), "deadline=300ms");
        for error in errors(&client).await {
            assert!(error.is_connection_refusal(), "{error}");
            assert!(
                error.is_connection_dropped() && !error.is_timeout(),
                "{error}"
            );
            assert_eq!(kind(&error), Some(ErrorKind::Unreachable));
        }
    });
}

#[cfg(unix)]
#[test]
fn keys_in_several_slots_of_a_cluster_keep_their_code() {
    let cluster = crate::support::cluster::Cluster::steady(3, 0);
    let client = cluster.client("");
    let two_keys = redis::cmd("SINTER").arg("a").arg("b").clone();
    let mut transaction = redis::pipe();
    transaction.atomic().set("a", 1).set("b", 2);
    run(async {
        let mut dedicated = client
            .dedicated_connection()
            .await
            .expect("there are nodes");
        let mut errors = vec![
            two_keys.exec_async(&mut client.clone()).await,
            two_keys.exec_async(&mut dedicated).await,
            transaction.exec_async(&mut client.clone()).await,
        ];
        let mut blocking = client.blocking();
        let in_blocking_code = tokio::task::spawn_blocking(move || {
            vec![
                two_keys.exec(&mut blocking),
                transaction.exec(&mut blocking),
            ]
        });
        errors.extend(in_blocking_code.await.expect("no panic"));
        for error in errors {
            let error = error.expect_err("two slots");
            let cross_slot = redis::ServerErrorKind::CrossSlot;
            assert_eq!(
                error.kind(),
                redis::ErrorKind::Server(cross_slot),
                "{error}"
            );
            assert_eq!(error.code(), Some("CROSSSLOT"));
            assert_eq!(kind(&error), Some(ErrorKind::InvalidCommand));
            let help = ours(&error).help().unwrap_or_default().to_owned();
            assert!(help.contains("hash tag"), "{help}");
            assert!(error.to_string().contains("hash tag"), "{error}");
        }
    });
}

#[cfg(unix)]
#[test]
fn a_blocking_transaction_runs_on_the_node_of_its_keys() {
    let cluster = crate::support::cluster::Cluster::steady(3, 0);
    let client = cluster.client("").blocking();
    for slot in [0, 5_461, 10_922] {
        let key = format!("{{{}}}stock", crate::support::cluster::tag(slot));
        let mut connection = client.dedicated_connection().expect("there are nodes");
        let sold: RedisResult<(u32,)> =
            redis::transaction(&mut connection, &[&key], |connection, pipe| {
                let old: Option<u32> = connection.get(&key)?;
                let new = old.unwrap_or(0) + 1;
                pipe.set(&key, new).ignore().get(&key).query(connection)
            });
        assert_eq!(sold, Ok((1,)), "slot {slot}");
    }
}
