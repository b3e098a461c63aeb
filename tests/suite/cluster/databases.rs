//! The database of the URL, in a cluster that has it and in one that has not.

use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult, cmd};
use redis_ready::{Client, ErrorKind};

use crate::support::cluster::{Cluster, SLOTS, tag};
use crate::support::errors::{kind, ok, report};
use crate::support::process::query;
use crate::support::run;

/// Much less than the deadline, much more than an answer takes.
const AT_ONCE: Duration = Duration::from_secs(30);

#[test]
fn a_cluster_without_the_database_is_told_at_once() {
    let cluster = Cluster::steady(3, 0);
    let mut client = cluster.client("db=4&deadline=60s");
    let start = Instant::now();
    let written: RedisResult<()> = run(client.set("key", 1));
    let error = written.expect_err("the cluster has one database");
    assert_eq!(kind(&error), Some(ErrorKind::InvalidUrl));
    let text = report(&error);
    println!("{text}");
    assert!(text.contains("has no database 4"), "{text}");
    assert!(text.contains("remove the database"), "{text}");
    let ready = run(client.ready(2 * AT_ONCE)).expect_err("as the command");
    assert_eq!(ready.kind(), ErrorKind::InvalidUrl);
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
}

#[test]
fn every_node_selects_the_database_of_the_url() {
    let Some(cluster) = Cluster::with_databases(3) else {
        println!("NOT RUN: these servers have one database in a cluster; Valkey 9 has more");
        return;
    };
    let url = format!("{}/4", cluster.url());
    let mut client = Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"));
    run(async {
        let slots: Vec<u16> = (0..SLOTS).step_by(1_800).collect();
        for slot in &slots {
            ok(client
                .set::<_, _, ()>(format!("{{{}}}key", tag(*slot)), 1)
                .await);
        }
        let size: usize = ok(cmd("DBSIZE").query_async(&mut client).await);
        assert_eq!(size, slots.len());
    });
    for node in 0..3 {
        let size: usize = query(&mut cluster.connect(node), &["DBSIZE"]);
        assert_eq!(size, 0, "database 0 of node {node}");
    }
}
