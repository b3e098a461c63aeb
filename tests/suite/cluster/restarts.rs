//! The client comes back after all nodes have, and needs no seed node but one that is there.

use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult};
use redis_ready::{Client, ErrorKind};

use crate::support::cluster::{Cluster, tag};
use crate::support::errors::{ok, report};
use crate::support::ports::ClosedPort;
use crate::support::{open, run};

/// One slot of each of three primaries.
const SLOTS: [u16; 3] = [0, 8_000, 16_000];
/// After all nodes serve, and beyond any deadline here, on a slow machine.
const LIMIT: Duration = Duration::from_secs(20);

fn key(slot: u16) -> String {
    format!("{{{}}}key", tag(slot))
}

/// Writes to every primary.
async fn write(client: &Client) -> RedisResult<()> {
    for slot in SLOTS {
        let () = client.clone().set(key(slot), "value").await?;
    }
    Ok(())
}

async fn assert_serves(client: &Client) {
    let written = write(client).await;
    ok(written);
}

#[test]
fn a_client_comes_back_when_all_nodes_have() {
    let mut cluster = Cluster::start(3, 0);
    let client = cluster.client("");
    run(assert_serves(&client));
    (0..3).for_each(|node| cluster.kill(node));
    let failed = run(write(&client)).expect_err("no node serves");
    println!("meanwhile: {}", report(&failed));
    (0..3).for_each(|node| cluster.restart(node));
    cluster.wait_until_it_serves();
    let start = Instant::now();
    run(async {
        while let Err(error) = write(&client).await {
            assert!(start.elapsed() < LIMIT, "{}", report(&error));
        }
    });
    println!(
        "all nodes restarted: served again after {:?}",
        start.elapsed()
    );
    run(assert_serves(&client));
}

#[test]
fn some_seed_nodes_may_be_dead_at_the_start() {
    let cluster = Cluster::steady(3, 0);
    for dead_first in [true, false] {
        let closed = ClosedPort::new();
        let dead = closed.address();
        let alive = format!("127.0.0.1:{}", cluster.port(1));
        let seeds = if dead_first {
            format!("{dead},{alive}")
        } else {
            format!("{alive},{dead}")
        };
        let client = open(&format!("redis-cluster://{seeds}"), "");
        run(async {
            client.ready(LIMIT).await.expect("one of them is alive");
            assert_serves(&client).await;
        });
    }
}

#[test]
fn each_seed_node_is_told_when_all_are_dead() {
    let closed = [(); 3].map(|()| ClosedPort::new());
    let seeds = closed.each_ref().map(|port| port.address().to_string());
    let url = format!("redis-cluster://{}", seeds.join(","));
    let client = open(&url, "deadline=1s");
    let start = Instant::now();
    let error = run(client.ready(Duration::from_secs(1))).expect_err("no node is there");
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    for text in [
        format!("{error:?}"),
        report(&run(write(&client)).expect_err("no node is there")),
    ] {
        println!("{text}");
        for seed in &seeds {
            assert!(text.contains(seed), "{seed}: {text}");
        }
    }
}
