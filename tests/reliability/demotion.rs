//! R11: after a demotion the client follows the name, and does not fail writes meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redis::{AsyncCommands, cmd};
use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::measure::{Lateness, assert_within};
use crate::support::proxy::Proxy;
use crate::support::{open, run, start};

const CALLERS: usize = 16;

/// A primary and its replica, and a name that leads to the first.
struct Pair {
    one: Server,
    two: Server,
    name: Proxy,
    leads_to: Arc<AtomicU16>,
}

fn pair() -> Pair {
    let one = start(Server::builder().tcp());
    let two = start(Server::builder().tcp());
    let leads_to = Arc::new(AtomicU16::new(port(&one)));
    let name = Proxy::before_moving_port(Arc::clone(&leads_to));
    Pair {
        one,
        two,
        name,
        leads_to,
    }
}

fn port(server: &Server) -> u16 {
    server.port().expect("it listens on a port")
}

async fn replicate(server: &Server, primary: &Server) {
    let mut replica = cmd("REPLICAOF");
    replica.arg("127.0.0.1").arg(port(primary));
    let demoted: redis::RedisResult<()> = replica.query_async(&mut server.client()).await;
    demoted.expect("it is demoted");
}

/// What writers see who write all the time while `change` happens.
async fn writes_during<F: Future>(client: &Client, change: F) -> (usize, usize, F::Output) {
    let over = Arc::new(AtomicBool::new(false));
    let (good, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let mut client = client.clone();
            let (over, good, failed) = (over.clone(), good.clone(), failed.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    match client.incr::<_, _, i64>("counter", 1).await {
                        Ok(_) => good.fetch_add(1, Ordering::SeqCst),
                        Err(error) => {
                            println!("{error}");
                            failed.fetch_add(1, Ordering::SeqCst)
                        }
                    };
                }
            })
        })
        .collect();
    let output = change.await;
    over.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.expect("no writer panics");
    }
    (
        good.load(Ordering::SeqCst),
        failed.load(Ordering::SeqCst),
        output,
    )
}

#[test]
fn no_write_fails_when_the_name_moves_after_a_demotion() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    let lateness = Lateness::watch();
    run(async {
        replicate(&pair.two, &pair.one).await;
        for round in 0..3 {
            let (good, failed, late) = writes_during(&client, async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let (old, new) = if round % 2 == 0 {
                    (&pair.one, &pair.two)
                } else {
                    (&pair.two, &pair.one)
                };
                let promote = cmd("REPLICAOF").arg("NO").arg("ONE").to_owned();
                let promoted: redis::RedisResult<()> = promote.query_async(&mut new.client()).await;
                promoted.expect("it is promoted");
                replicate(old, new).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
                pair.leads_to.store(port(new), Ordering::SeqCst);
                let start = Instant::now();
                let mut client = client.clone();
                let _: i64 = client.incr("after", 1).await.expect("it is written");
                start.elapsed()
            })
            .await;
            println!(
                "R11: {good} writes, {failed} failed; good again {late:?} after the name moved"
            );
            assert_eq!(failed, 0);
            // A connection is left at most once a second.
            let bound = Duration::from_millis(1_300);
            assert_within("written again", late, bound, &lateness);
        }
    });
}

#[test]
fn a_replica_is_left_at_most_once_a_second_while_the_name_does_not_move() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    let before = pair.name.accepted();
    run(async {
        let mut client = client.clone();
        let () = client.set("k", "v").await.expect("it is a primary");
        replicate(&pair.one, &pair.two).await;
        let five = tokio::time::sleep(Duration::from_secs(5));
        let (good, failed, ()) = writes_during(&client, five).await;
        assert_eq!(good, 0);
        // Each of them waits for its whole deadline.
        assert!(failed <= CALLERS * 3, "{failed}");
    });
    let connections = pair.name.accepted() - before;
    println!("R11: {connections} connections in 5 to 8 s on a replica");
    assert!((3..=10).contains(&connections), "{connections}");
}

#[test]
fn a_server_that_is_promoted_where_it_stands_is_noticed() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    run(async {
        let mut client = client.clone();
        let () = client.set("k", "v").await.expect("it is a primary");
        replicate(&pair.one, &pair.two).await;
        let mut writer = client.clone();
        let write = tokio::spawn(async move { writer.set::<_, _, ()>("k", "w").await });
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!write.is_finished());
        let promote = cmd("REPLICAOF").arg("NO").arg("ONE").to_owned();
        let promoted: redis::RedisResult<()> = promote.query_async(&mut pair.one.client()).await;
        promoted.expect("it is promoted");
        let start = Instant::now();
        let lateness = Lateness::watch();
        write
            .await
            .expect("it does not panic")
            .expect("it is written");
        let late = start.elapsed();
        println!("R11: written {late:?} after the promotion");
        assert_within("written", late, Duration::from_secs(1), &lateness);
    });
}

#[test]
fn a_replica_serves_reads_without_being_left() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    run(async {
        replicate(&pair.one, &pair.two).await;
        let mut client = client.clone();
        for _ in 0..100 {
            let _: Option<String> = client.get("k").await.expect("reads are served");
        }
    });
    assert_eq!(pair.name.accepted(), 1);
}
