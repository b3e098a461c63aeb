//! A dedicated connection in a cluster is to the node of its first key, with all that its session was
//! before.

use redis::{AsyncCommands, Cmd, RedisResult, Value};
use redis_ready::ErrorKind;

use crate::support::cluster::{Cluster, tag};
use crate::support::errors::{kind, ok, report};
use crate::support::process::query;
use crate::support::run;

/// The first slots of three primaries.
const SLOTS: [u16; 3] = [0, 5_461, 10_922];

fn command(line: &str) -> Cmd {
    let mut command = Cmd::new();
    command.arg(line.split(' ').collect::<Vec<_>>());
    command
}

#[test]
fn a_dedicated_connection_is_to_the_node_of_its_first_key() {
    let cluster = Cluster::steady(3, 0);
    let client = cluster.client("");
    run(async {
        for slot in [0, 5_461, 10_922, 16_383] {
            let key = format!("{{{}}}stock", tag(slot));
            let mut connection = client
                .dedicated_connection()
                .await
                .expect("there are nodes");
            let watch = redis::cmd("WATCH")
                .arg(&key)
                .exec_async(&mut connection)
                .await;
            watch.expect("the node has the key");
            let sold: RedisResult<Option<(u32,)>> = redis::pipe()
                .atomic()
                .incr(&key, 1)
                .query_async(&mut connection)
                .await;
            assert_eq!(sold, Ok(Some((1,))), "slot {slot}");

            let watch = redis::cmd("WATCH")
                .arg(&key)
                .exec_async(&mut connection)
                .await;
            watch.expect("the node has the key");
            let () = client.clone().set(&key, 7).await.expect("it is written");
            let sold: RedisResult<Option<(u32,)>> = redis::pipe()
                .atomic()
                .incr(&key, 1)
                .query_async(&mut connection)
                .await;
            assert_eq!(sold, Ok(None), "another client has changed it");
        }
    });
}

#[test]
fn a_transaction_that_is_sent_command_by_command_runs_as_on_one_server() {
    let cluster = Cluster::steady(3, 0);
    let client = cluster.client("");
    run(async {
        for slot in SLOTS {
            let key = format!("{{{}}}n", tag(slot));
            let mut connection = ok(client.dedicated_connection().await.map_err(Into::into));
            for (line, expected) in [
                ("MULTI".to_owned(), "OK"),
                ("PING".to_owned(), "QUEUED"),
                (format!("INCR {key}"), "QUEUED"),
            ] {
                let reply: String = ok(command(&line).query_async(&mut connection).await);
                assert_eq!(reply, expected, "{line}");
            }
            let before: Option<u64> = ok(client.clone().get(&key).await);
            assert_eq!(before, None, "it has run before EXEC");
            let replies = command("EXEC").query_async(&mut connection).await;
            assert_eq!(ok::<(String, u64)>(replies), ("PONG".to_owned(), 1));
        }
    });
}

#[test]
fn a_session_keeps_what_it_was_before_its_first_key() {
    let cluster = Cluster::steady(3, 0);
    let client = cluster.client("");
    run(async {
        for slot in SLOTS {
            let key = format!("{{{}}}n", tag(slot));
            let mut connection = ok(client.dedicated_connection().await.map_err(Into::into));
            for line in ["CLIENT SETNAME mine", "MULTI", "DISCARD"] {
                ok(command(line).exec_async(&mut connection).await);
            }
            let _: u64 = ok(connection.incr(&key, 1).await);
            let name = command("CLIENT GETNAME");
            let name: String = ok(name.query_async(&mut connection).await);
            assert_eq!(name, "mine", "slot {slot}");
        }
    });
}

#[test]
fn a_redirection_of_a_session_is_for_its_caller() {
    let cluster = Cluster::steady(2, 0);
    let client = cluster.client("");
    run(async {
        let mut connection = ok(client.dedicated_connection().await.map_err(Into::into));
        let here = format!("{{{}}}n", tag(0));
        ok(command(&format!("WATCH {here}"))
            .exec_async(&mut connection)
            .await);
        let there = connection.get(format!("{{{}}}n", tag(16_383))).await;
        let there: RedisResult<Value> = there;
        assert_eq!(there.expect_err("it is elsewhere").code(), Some("MOVED"));
        assert_eq!(ok(connection.incr::<_, _, u64>(&here, 1).await), 1);
    });
}

#[test]
fn a_session_without_a_node_refuses_what_would_go_to_any() {
    let cluster = Cluster::steady(2, 0);
    let client = cluster.client("");
    run(async {
        let mut connection = ok(client.dedicated_connection().await.map_err(Into::into));
        for line in ["CLUSTER FAILOVER", "CLUSTER RESET", "SHUTDOWN", "SCAN 0"] {
            let refused = command(line).exec_async(&mut connection).await;
            let error = refused.expect_err("which node is not known");
            assert_eq!(kind(&error), Some(ErrorKind::InvalidCommand), "{line}");
            let text = report(&error);
            assert!(text.contains("open a client for"), "{line}: {text}");
        }
        let key = format!("{{{}}}n", tag(0));
        ok(connection.set::<_, _, ()>(&key, 1).await);
        let replicas: u64 = ok(command("WAIT 0 10").query_async(&mut connection).await);
        assert_eq!(replicas, 0);
    });
}

#[test]
fn a_session_selects_its_database_on_the_node_of_its_first_key() {
    let Some(cluster) = Cluster::with_databases(3) else {
        println!("NOT RUN: these servers have one database in a cluster; Valkey 9 has more");
        return;
    };
    let client = cluster.client("");
    run(async {
        for (node, slot) in SLOTS.into_iter().enumerate() {
            let key = format!("{{{}}}n", tag(slot));
            let mut connection = ok(client.dedicated_connection().await.map_err(Into::into));
            ok(command("SELECT 1").exec_async(&mut connection).await);
            ok(connection.set::<_, _, ()>(&key, "one").await);
            let mut direct = cluster.connect(node);
            let zero: Option<String> = query(&mut direct, &["GET", &key]);
            assert_eq!(zero, None, "slot {slot}");
            let _: String = query(&mut direct, &["SELECT", "1"]);
            let one: Option<String> = query(&mut direct, &["GET", &key]);
            assert_eq!(one.as_deref(), Some("one"), "slot {slot}");
        }
    });
}
