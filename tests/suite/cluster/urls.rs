//! A server of the other kind is told by the URL that is to be written.

use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult};
use redis_ready::testing::Server;

use crate::support::cluster::{Cluster, tag};
use crate::support::errors::report;
use crate::support::{address, open, run, start};

/// Several deadlines, on a slow machine.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_server_outside_a_cluster_is_told_with_the_url_to_write() {
    let server = start(Server::builder().tcp());
    let address = address(&server);
    let client = open(&format!("redis-cluster://{address}"), "");
    run(async {
        let begin = Instant::now();
        let written: RedisResult<()> = client.clone().set("key", 1).await;
        let text = report(&written.expect_err("the server is not in a cluster"));
        println!("{text}");
        assert!(text.contains(&format!("redis://{address}")), "{text}");
        let ready = client.ready(Duration::from_secs(1)).await;
        let text = format!("{:?}", ready.expect_err("the server is not in a cluster"));
        assert!(text.contains(&format!("redis://{address}")), "{text}");
        assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    });
}

#[test]
fn a_node_of_a_cluster_is_told_with_the_url_to_write() {
    let cluster = Cluster::steady(3, 0);
    let address = format!("127.0.0.1:{}", cluster.port(0));
    let client = open(&format!("redis://{address}"), "");
    let texts: Vec<String> = run(async {
        let mut texts = Vec::new();
        for slot in [0, 8_000, 16_000] {
            let key = format!("{{{}}}key", tag(slot));
            let begin = Instant::now();
            let mut client = client.clone();
            let one: RedisResult<()> = client.set(&key, 1).await;
            let mut pipeline = redis::pipe();
            pipeline.get("none").set(&key, 1);
            let several: RedisResult<redis::Value> = pipeline.query_async(&mut client).await;
            pipeline.atomic();
            let atomic: RedisResult<redis::Value> = pipeline.query_async(&mut client).await;
            let errors = [one.err(), several.err(), atomic.err()];
            texts.extend(errors.into_iter().flatten().map(|error| report(&error)));
            assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
        }
        texts
    });
    // Two of three slots are elsewhere.
    assert!(texts.len() >= 6, "{texts:#?}");
    println!("{}", texts[0]);
    for text in texts {
        assert!(text.contains("redis-cluster://"), "{text}");
        assert!(text.contains(&address), "{text}");
    }
}
