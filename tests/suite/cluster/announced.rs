//! Addresses that the nodes of a cluster announce and this machine cannot reach: reported as what they
//! are, and mapped.

use redis::{AsyncCommands, RedisResult, Value, cmd};
use redis_ready::{Client, Config, ErrorKind};

use crate::support::cluster::{Cluster, tag};
use crate::support::errors::{ok, ours};
use crate::support::process::wait_until;
use crate::support::{open, run};

/// A cluster whose nodes are told to clients by names that do not exist.
fn named_cluster() -> Cluster {
    let cluster = Cluster::steady(3, 0);
    for node in 0..3 {
        for (name, value) in [
            ("cluster-announce-hostname", format!("node-{node}.invalid")),
            ("cluster-preferred-endpoint-type", "hostname".to_owned()),
        ] {
            let mut set = cmd("CONFIG");
            set.arg("SET").arg(name).arg(value);
            set.exec(&mut cluster.connect(node)).expect("it can be set");
        }
    }
    wait_until("the nodes know each other's names", || {
        (0..3).all(|node| {
            let mut slots = cmd("CLUSTER");
            let slots: Value = slots
                .arg("SLOTS")
                .query(&mut cluster.connect(node))
                .expect("it answers");
            let text = format!("{slots:?}");
            (0..3).all(|node| text.contains(&format!("node-{node}.invalid")))
        })
    });
    cluster
}

#[test]
fn an_address_that_the_cluster_announces_is_reported_as_such() {
    let cluster = named_cluster();
    let seed = format!("127.0.0.1:{}", cluster.port(0));
    let mut client = open(&format!("redis-cluster://{seed}"), "deadline=2s");
    run(async {
        for (node, slot) in [(0, 0), (1, 8_000)] {
            let reply: RedisResult<()> = client.set(format!("{{{}}}", tag(slot)), 1).await;
            let error = ours(&reply.expect_err("its name does not exist"));
            println!("{error:?}");
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
            let expected = format!(
                "`node-{node}.invalid:{}`, which is what the cluster announces (asked: `{seed}`)",
                cluster.port(node)
            );
            assert!(error.to_string().contains(&expected), "{error:?}");
            let help = error.help().unwrap_or_default();
            for word in [
                "cluster-announce-ip",
                "cluster-announce-hostname",
                "with_address_map",
            ] {
                assert!(help.contains(word), "{error:?}");
            }
        }
    });
}

#[test]
fn nodes_are_found_where_the_address_map_leads() {
    let cluster = named_cluster();
    let mut map: Vec<(String, String)> = vec![("node-0.invalid".into(), "127.0.0.1".into())];
    map.extend([1, 2].map(|node| {
        let port = cluster.port(node);
        (
            format!("node-{node}.invalid:{port}"),
            format!("localhost:{port}"),
        )
    }));
    let url = cluster.url_of([0], "deadline=20s");
    let config: Config = url.parse().expect("valid");
    let config = config.with_address_map(map).expect("it is valid");
    let mut client = Client::with_config(config);
    run(async {
        let keys = [0, 8_000, 16_000].map(|slot| format!("{{{}}}", tag(slot)));
        for key in &keys {
            let () = ok(client.set(key, 1).await);
        }
        // ASK names a node, and then MOVED does.
        let asked = cluster.errors("ASK");
        cluster.half_migrate(0, &keys[..1], 0, 1);
        let value: u64 = ok(client.get(&keys[0]).await);
        assert_eq!(value, 1);
        assert!(cluster.errors("ASK") > asked);
        let moved = cluster.errors("MOVED");
        cluster.migrate([0], 0, 1);
        let value: u64 = ok(client.get(&keys[0]).await);
        assert_eq!(value, 1);
        assert!(cluster.errors("MOVED") > moved);
    });
}
