//! In a cluster sharded channels move with their slots.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use redis_ready::subscription::Event;
use redis_ready::{Client, ErrorKind, Subscription};

use crate::support::cluster::{Cluster, tag};
use crate::support::errors::ok;
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within};
use crate::support::ports::listener;
use crate::support::process::query;
use crate::support::subscriber::{connections, gap, message, next, nothing};
use crate::support::{open, run};

const RECOVERY: Duration = Duration::from_secs(1);
/// Silence after which a node is asked, and the longest silence after that.
const NOTICED: Duration = Duration::from_secs(3);

async fn spublish(client: &Client, channel: &str, payload: &str) -> usize {
    let mut command = redis::cmd("SPUBLISH");
    command.arg(channel).arg(payload);
    ok(command.query_async(&mut client.clone()).await)
}

/// Waits for a message with this payload; returns the gaps before it.
async fn until(subscription: &mut Subscription, payload: &str) -> usize {
    let mut gaps = 0;
    loop {
        match next(subscription).await {
            Event::Message(message) if message.payload() == payload.as_bytes() => return gaps,
            Event::Message(_) | Event::Lost(_) => {}
            Event::Gap(gap) => {
                println!("{gap}");
                gaps += 1;
            }
        }
    }
}

#[test]
fn each_node_with_sharded_channels_has_one_connection_and_one_is_for_the_others() {
    let cluster = Cluster::steady(3, 0);
    for parameters in ["", "protocol=2"] {
        let client = cluster.client(parameters);
        run(async {
            let channels: Vec<_> = (0..300)
                .map(|number| format!("{{{}}}c", tag(number * 50)))
                .collect();
            let mut subscription = client.ssubscribe(&channels).await.expect("allowed");
            for channel in &channels {
                assert_eq!(spublish(&client, channel, channel).await, 1);
            }
            let mut seen = BTreeSet::new();
            for _ in &channels {
                seen.insert(message(&mut subscription).await);
            }
            assert_eq!(seen, channels.iter().cloned().collect());
            let count: usize = (0..3)
                .map(|node| connections(&mut cluster.connect(node)))
                .sum();
            assert_eq!(count, 3);
            subscription.subscribe("plain").await.expect("allowed");
            subscription.psubscribe("q*").await.expect("allowed");
            for node in 0..3 {
                let _: usize = query(&mut cluster.connect(node), &["PUBLISH", "plain", "1"]);
                let _: usize = query(&mut cluster.connect(node), &["PUBLISH", "qq", "2"]);
                let mut got = [
                    message(&mut subscription).await,
                    message(&mut subscription).await,
                ];
                got.sort();
                assert_eq!(got, ["1", "2"]);
            }
            let count: usize = (0..3)
                .map(|node| connections(&mut cluster.connect(node)))
                .sum();
            assert_eq!(count, 4);
            nothing(&mut subscription).await;
            client.close(Duration::from_secs(1)).await;
        });
    }
}

#[test]
fn channels_whose_slot_moves_are_subscribed_at_the_new_node_within_a_second() {
    const SLOT: u16 = 100;
    let cluster = Cluster::steady(3, 0);
    let client = cluster.client("");
    run(async {
        let moving: Vec<_> = (0..50).map(|it| format!("{{{}}}{it}", tag(SLOT))).collect();
        let staying = format!("{{{}}}", tag(12_000));
        let mut moves = client.ssubscribe(&moving).await.expect("allowed");
        let mut stays = client.ssubscribe(&staying).await.expect("allowed");
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            let lateness = Lateness::watch();
            // The second time as newer servers do it by themselves, where they can.
            let is_moved = from == 1 && cluster.migrate_at_once((SLOT, SLOT), from, to);
            if !is_moved {
                cluster.migrate([SLOT], from, to);
            }
            let gap = gap(&mut moves).await;
            println!("{gap}");
            assert_within("the gap", gap.duration(), RECOVERY, &lateness);
            assert!(gap.cause().is_some());
            let mut sent = BTreeSet::new();
            for channel in &moving {
                assert_eq!(spublish(&client, channel, channel).await, 1, "{channel}");
                sent.insert(channel.clone());
            }
            let mut seen = BTreeSet::new();
            for _ in &moving {
                seen.insert(message(&mut moves).await);
            }
            assert_eq!(seen, sent);
            nothing(&mut moves).await;
        }
        assert_eq!(spublish(&client, &staying, "1").await, 1);
        assert_eq!(message(&mut stays).await, "1");
        nothing(&mut stays).await;
    });
}

#[test]
fn a_shard_that_stalls_is_replaced_and_holds_up_no_other() {
    const SLOT: u16 = 100;
    let mut cluster = Cluster::start(3, 1);
    let client = cluster.client("");
    run(async {
        let stalled = format!("{{{}}}", tag(SLOT));
        let healthy = format!("{{{}}}", tag(12_000));
        let mut subscription = client
            .ssubscribe(&[&stalled, &healthy])
            .await
            .expect("allowed");
        let old = cluster.owner(SLOT);
        let lateness = Lateness::watch();
        let begin = Instant::now();
        cluster.stop(old);
        // The other shard delivers meanwhile.
        assert_eq!(spublish(&client, &healthy, "healthy").await, 1);
        assert_eq!(message(&mut subscription).await, "healthy");
        cluster.wait_for_owner_other_than(old, SLOT);
        let failover = begin.elapsed();
        let gap = gap(&mut subscription).await;
        let took = begin.elapsed();
        println!("{gap}; {failover:?} until the failover, {took:?} until the move");
        let bound = failover.max(NOTICED) + RECOVERY;
        assert_within("the move", took, bound, &lateness);
        assert_eq!(spublish(&client, &stalled, "after").await, 1);
        assert_eq!(until(&mut subscription, "after").await, 0);
        cluster.cont(old);
    });
}

/// A node at `listener` that is told to serve every slot, and says that the node at `other` does.
fn misled(listener: TcpListener, other: u16) -> FakeServer {
    let port = listener.local_addr().expect("it is bound").port();
    FakeServer::start_on(listener, move |words| match words[0].as_str() {
        "HELLO" => Answer::hello(),
        "CLUSTER" => {
            let table = format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:{port}\r\n");
            Answer::Send(table.into_bytes())
        }
        "SSUBSCRIBE" => Answer::line(&format!("-MOVED 0 127.0.0.1:{other}")),
        _ => Answer::ok(),
    })
}

#[test]
fn nodes_that_do_not_agree_are_not_asked_without_a_pause() {
    let [one, other] = [listener(), listener()];
    let [port, other_port] = [&one, &other].map(|it| it.local_addr().expect("bound").port());
    let alone = listener();
    let alone_port = alone.local_addr().expect("it is bound").port();
    for nodes in [
        vec![misled(one, other_port), misled(other, port)],
        vec![misled(alone, alone_port)],
    ] {
        let url = format!("redis-cluster://127.0.0.1:{}", nodes[0].port());
        let client = open(&url, "deadline=2s");
        let begin = Instant::now();
        let error = run(client.ssubscribe("a")).expect_err("no node serves it");
        assert_eq!(error.kind(), ErrorKind::NotReady, "{error:?}");
        let asked: usize = nodes.iter().map(|node| node.count("SSUBSCRIBE")).sum();
        println!("asked {asked} times in {:?}: {error}", begin.elapsed());
        assert!((2..=20).contains(&asked), "{asked}");
    }
}

#[test]
fn channels_of_any_node_move_to_another_one_when_theirs_is_lost() {
    let mut cluster = Cluster::steady(3, 0);
    let client = cluster.client("");
    run(async {
        let mut subscription = client.subscribe("a").await.expect("allowed");
        let of = |node: usize, cluster: &Cluster| connections(&mut cluster.connect(node));
        let node = (0..3).find(|node| of(*node, &cluster) == 1);
        let node = node.expect("one has the connection");
        let lateness = Lateness::watch();
        cluster.kill(node);
        let gap = gap(&mut subscription).await;
        println!("{gap}");
        assert_within("the gap", gap.duration(), RECOVERY, &lateness);
        let other = (node + 1) % 3;
        let _: usize = query(&mut cluster.connect(other), &["PUBLISH", "a", "after"]);
        assert_eq!(message(&mut subscription).await, "after");
    });
}
