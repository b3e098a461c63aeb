//! Reads from replicas, where the URL asks for them.

use std::time::Duration;

use redis::AsyncCommands;

use crate::support::cluster::Cluster;
use crate::support::process::query;
use crate::support::run;

const KEYS: usize = 60;
const PRIMARIES: [usize; 3] = [0, 1, 2];
const REPLICAS: [usize; 3] = [3, 4, 5];

/// How often the node has answered `GET`.
fn gets(cluster: &Cluster, node: usize) -> u64 {
    let info: String = query(&mut cluster.connect(node), &["INFO", "commandstats"]);
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_get:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok())
        .unwrap_or(0)
}

fn gets_of(cluster: &Cluster, nodes: &[usize]) -> u64 {
    nodes.iter().map(|node| gets(cluster, *node)).sum()
}

/// Writes and reads with `parameters`; returns how many reads primaries and replicas have served.
async fn reads(cluster: &Cluster, parameters: &str) -> (u64, u64) {
    let mut client = cluster.client(parameters);
    let before = (gets_of(cluster, &PRIMARIES), gets_of(cluster, &REPLICAS));
    for key in 0..KEYS {
        let key = format!("read{key}");
        let () = client.set(&key, 1).await.expect("the primary takes it");
        // A replica may be behind, by a moment.
        let mut read = client.get(&key).await;
        for _ in 0..100 {
            if let Ok(Some(1)) = read {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            read = client.get(&key).await;
        }
        assert_eq!(read, Ok(Some(1)), "{key}");
    }
    let primaries = gets_of(cluster, &PRIMARIES) - before.0;
    let replicas = gets_of(cluster, &REPLICAS) - before.1;
    (primaries, replicas)
}

/// Waits until all nodes have heard of all replicas.
async fn heard_of(cluster: &Cluster) {
    let knows = |node| {
        let slots: Vec<Vec<redis::Value>> =
            query(&mut cluster.connect(node), &["CLUSTER", "SLOTS"]);
        // The first slot, the last, the primary, and its replica.
        slots.len() == PRIMARIES.len() && slots.iter().all(|range| range.len() == 4)
    };
    while !(0..6).all(knows) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn reads_go_to_replicas_where_the_url_says_so_and_writes_never() {
    let mut cluster = Cluster::start(3, 1);
    run(async {
        heard_of(&cluster).await;
        let (primaries, replicas) = reads(&cluster, "").await;
        assert!(
            primaries >= KEYS as u64 && replicas == 0,
            "{primaries}, {replicas}"
        );
        for parameters in ["read_from=replica", "read_from=prefer_replica"] {
            let (primaries, replicas) = reads(&cluster, parameters).await;
            assert!(
                primaries == 0 && replicas >= KEYS as u64,
                "{parameters}: {primaries}, {replicas}"
            );
        }
        for replica in REPLICAS {
            cluster.kill(replica);
        }
        let mut client = cluster.client("read_from=prefer_replica&deadline=10s");
        let read: Option<u32> = client.get("read1").await.expect("the primary is there");
        assert_eq!(read, Some(1));
    });
}
