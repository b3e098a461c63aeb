//! Clients that read from replicas, by a parameter of the URL and nothing else.

use std::time::{Duration, Instant};

use redis::{AsyncCommands, Commands, RedisResult, Value, cmd};
use redis_ready::{Client, Error};

use crate::support::errors::{ok, report};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::process::query;
use crate::support::run;
use crate::support::sentinel::{SERVICE, Sentinels};

const CLIENT_NAME: &str = "reading";
/// The default deadline, and what a shared machine adds to it.
const LIMIT: Duration = Duration::from_secs(4);
/// What a refusal takes that the client does not try to get around.
const AT_ONCE: Duration = Duration::from_millis(500);

fn client(sentinels: &Sentinels, read_from: &str) -> Client {
    sentinels.client(&format!("read_from={read_from}&client_name={CLIENT_NAME}"))
}

async fn role(client: &Client) -> RedisResult<String> {
    let mut role: Vec<Value> = cmd("ROLE").query_async(&mut client.clone()).await?;
    Ok(redis::from_redis_value(role.swap_remove(0))?)
}

/// Has the primary hold a key, and all replicas too.
fn fill(sentinels: &Sentinels) {
    let mut primary = sentinels.connect(sentinels.primary());
    let () = primary.set("key", "value").expect("it is the primary");
    let replicas = sentinels.replicas().len();
    let have: usize = query(&mut primary, &["WAIT", &replicas.to_string(), "10000"]);
    assert_eq!(have, replicas);
}

#[test]
fn reads_go_to_a_replica_and_to_no_other_server() {
    let sentinels = Sentinels::start(2, 2);
    fill(&sentinels);
    run(async {
        for read_from in ["replica", "prefer_replica"] {
            let client = client(&sentinels, read_from);
            let before: u64 = (1..=2).map(|it| sentinels.calls(it, "get")).sum();
            for _ in 0..10 {
                let value: String = ok(client.clone().get("key").await);
                assert_eq!(value, "value");
            }
            let after: u64 = (1..=2).map(|it| sentinels.calls(it, "get")).sum();
            assert_eq!(after - before, 10, "{read_from}");
            assert_eq!(role(&client).await.expect("it answers"), "slave");
        }
        assert_eq!(sentinels.calls(0, "get"), 0);

        let client = client(&sentinels, "primary");
        let _: String = client.clone().get("key").await.expect("it is there");
        assert_eq!(role(&client).await.expect("it answers"), "master");
    });
}

#[test]
fn a_write_to_a_replica_is_refused_at_once_on_the_connection_that_there_is() {
    let sentinels = Sentinels::start(1, 1);
    let client = client(&sentinels, "replica");
    run(async {
        let mut client = client.clone();
        let _: Option<String> = ok(client.get("key").await);
        let before = sentinels.accepted(1);
        let lateness = Lateness::watch();
        for _ in 0..50 {
            let (reply, time): (RedisResult<()>, _) = timed(client.set("key", 1)).await;
            let error = reply.expect_err("it is a replica");
            assert_eq!(error.code(), Some("READONLY"), "{}", report(&error));
            assert_within("the refusal", time, AT_ONCE, &lateness);
        }
        // One connection is this test's own.
        let connections = sentinels.accepted(1) - before - 1;
        println!("{connections} new connections for 50 writes that were refused");
        assert!(connections <= 2, "{connections}");
        assert_eq!(sentinels.errors(1, "READONLY"), 50);
    });
}

#[test]
fn the_primary_stands_in_where_there_is_no_replica() {
    let sentinels = Sentinels::start(0, 1);
    fill(&sentinels);
    run(async {
        let preferring = client(&sentinels, "prefer_replica");
        let value: String = ok(preferring.clone().get("key").await);
        assert_eq!(value, "value");
        assert_eq!(role(&preferring).await.expect("it answers"), "master");

        let insisting = client(&sentinels, "replica");
        let lateness = Lateness::watch();
        let (read, time): (RedisResult<String>, _) = timed(insisting.clone().get("key")).await;
        let error = read.expect_err("there is no replica");
        println!("after {time:.1?}: {}", report(&error));
        assert_within("the refusal", time, LIMIT, &lateness);
        assert!(Error::from_redis(&error).is_some(), "{error}");
        assert!(report(&error).contains("replica"), "{}", report(&error));
        assert!(report(&error).contains(SERVICE), "{}", report(&error));
    });
    assert_eq!(sentinels.calls(0, "get"), 1);
}

#[test]
fn the_loss_of_a_replica_is_made_up_for() {
    let mut sentinels = Sentinels::start(2, 2);
    fill(&sentinels);
    let clients = ["replica", "prefer_replica"].map(|it| client(&sentinels, it));
    run(async {
        for client in &clients {
            assert_eq!(role(client).await.expect("it answers"), "slave");
        }
        let lateness = Lateness::watch();
        // First one, so that there is another; then both.
        for (lost, left) in [(1, "slave"), (2, "master")] {
            sentinels.kill(lost);
            let begin = Instant::now();
            let found = loop {
                match role(&clients[1]).await {
                    Ok(found) => break found,
                    Err(error) => assert!(begin.elapsed() <= 5 * LIMIT, "{}", report(&error)),
                }
            };
            let time = begin.elapsed();
            println!("a {found} answers {time:.1?} after a loss");
            assert_within("making up for the loss", time, LIMIT, &lateness);
            assert_eq!(found, left);
            let insisting = role(&clients[0]).await;
            println!("where a replica is asked for: {insisting:?}");
            assert_ne!(insisting.ok().as_deref(), Some("master"));
        }
        let found: String = clients[1].clone().get("key").await.expect("it is there");
        assert_eq!(found, "value");
    });
}

#[test]
fn a_replica_that_is_promoted_is_left_for_another_replica() {
    let sentinels = Sentinels::start(1, 1);
    fill(&sentinels);
    let switches = sentinels.switches();
    let client = client(&sentinels, "replica");
    run(async {
        assert_eq!(role(&client).await.expect("it answers"), "slave");
        sentinels.failover();
        switches.wait_for(0, sentinels.port(0));
        sentinels.settle();
        let begin = Instant::now();
        loop {
            match role(&client).await {
                Ok(role) if role == "slave" => break,
                found => assert!(begin.elapsed() <= 5 * LIMIT, "{found:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("at a replica {:.1?} after all is settled", begin.elapsed());
        assert_eq!(sentinels.connections(1, CLIENT_NAME), 0);
    });
}
