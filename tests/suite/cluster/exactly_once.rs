//! A command is executed at most once, and ends within its deadline, whatever part of the cluster is
//! lost, half migrated or silent.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, join_all, try_join_all};
use redis::{AsyncCommands, Pipeline, RedisError, RedisResult, pipe};
use redis_ready::Client;

use crate::support::cluster::{Cluster, tag};
use crate::support::errors::{may_have_run, ok, report};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::process::query;
use crate::support::run;

/// How often all clients of all nodes are disconnected.
const RESETS: usize = 300;
const EVERY: Duration = Duration::from_millis(20);
/// Each has its own connections, so that the resets do not have to wait for one another's back-off.
const CLIENTS: usize = 10;
const CALLERS: usize = 8;

/// Whether the caller is told what a client of a cluster is to follow or to wait for.
fn is_redirection(error: &RedisError) -> bool {
    matches!(error.code(), Some("MOVED" | "ASK" | "TRYAGAIN"))
}

/// A call's own keys, and whether it was told to be done, not to be, or neither.
struct Call {
    keys: Vec<String>,
    done: Option<bool>,
}

/// Increments keys that no other call has: one, or two in one slot, or two in two slots.
async fn increment(mut client: Client, name: &str) -> Call {
    let [one, other] = [(); 2].map(|()| tag(fastrand::u16(..16_384)));
    let own = |tag: &str, key: u8| format!("{{{tag}}}:{name}:{key}");
    let (keys, atomic) = match fastrand::u8(0..4) {
        0 => (vec![own(one, 1)], false),
        1 => (vec![own(one, 1), own(one, 2)], false),
        2 => (vec![own(one, 1), own(one, 2)], true),
        _ => (vec![own(one, 1), own(other, 2)], false),
    };
    let reply: RedisResult<Vec<u64>> = if let [key] = &keys[..] {
        client.incr(key, 1).await.map(|count: u64| vec![count])
    } else {
        let mut both = Pipeline::new();
        if atomic {
            both.atomic();
        }
        for key in &keys {
            both.incr(key, 1);
        }
        both.query_async(&mut client).await
    };
    let done = match reply {
        Ok(_) => Some(true),
        Err(error) if may_have_run(&error) => None,
        Err(error) => {
            assert!(!is_redirection(&error), "{}", report(&error));
            Some(false)
        }
    };
    Call { keys, done }
}

async fn call_until(over: Arc<AtomicBool>, client: Client, caller: usize) -> Vec<Call> {
    let mut calls = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let name = format!("{caller}:{}", calls.len());
        calls.push(increment(client.clone(), &name).await);
    }
    calls
}

#[derive(Debug, Default)]
struct Verdict {
    done: u64,
    unknown: u64,
    not_done: u64,
    /// Keys that were incremented by calls that are not known to be done.
    incremented_unknown: u64,
    duplicates: u64,
    lost: u64,
    done_after_all: u64,
}

impl Verdict {
    fn of(calls: &[Call], counters: &HashMap<String, u64>) -> Verdict {
        let mut verdict = Verdict::default();
        for Call { keys, done } in calls {
            let count = |key| counters.get(key).copied().unwrap_or(0);
            let of = |is: fn(u64) -> bool| keys.iter().filter(|key| is(count(*key))).count() as u64;
            verdict.duplicates += of(|count| count > 1);
            match done {
                Some(true) => {
                    verdict.done += 1;
                    verdict.lost += of(|count| count == 0);
                }
                Some(false) => {
                    verdict.not_done += 1;
                    verdict.done_after_all += of(|count| count > 0);
                }
                None => {
                    verdict.unknown += 1;
                    verdict.incremented_unknown += of(|count| count > 0);
                }
            }
        }
        verdict
    }
}

#[test]
fn a_command_is_executed_at_most_once_while_connections_are_killed() {
    let cluster = Cluster::steady(3, 0);
    let calls: Vec<Call> = run(async {
        let over = Arc::new(AtomicBool::new(false));
        let clients: Vec<Client> = (0..CLIENTS)
            .map(|_| cluster.client("deadline=500ms&response_timeout=300ms"))
            .collect();
        let callers: Vec<_> = (0..CLIENTS * CALLERS)
            .map(|caller| {
                let client = clients[caller % CLIENTS].clone();
                tokio::spawn(call_until(Arc::clone(&over), client, caller))
            })
            .collect();
        let mut nodes: Vec<_> = (0..3).map(|node| cluster.connect(node)).collect();
        for _ in 0..RESETS {
            tokio::time::sleep(EVERY).await;
            for node in &mut nodes {
                let _: u64 = query(node, &["CLIENT", "KILL", "TYPE", "normal"]);
            }
        }
        over.store(true, Ordering::SeqCst);
        let calls = try_join_all(callers).await.expect("no caller panics");
        // What a dropped connection had sent is executed by now.
        tokio::time::sleep(Duration::from_millis(500)).await;
        calls.into_iter().flatten().collect()
    });
    let verdict = Verdict::of(&calls, &cluster.counters());
    println!("R9, cluster: {RESETS} times all connections: {verdict:?}");
    assert_eq!(
        (verdict.duplicates, verdict.lost, verdict.done_after_all),
        (0, 0, 0),
        "{verdict:?}"
    );
    // A run in which nothing is in doubt proves nothing.
    assert!(verdict.done > 1_000, "{verdict:?}");
    assert!(verdict.unknown > 50, "{verdict:?}");
    assert!(verdict.incremented_unknown > 10, "{verdict:?}");
}

/// A slot of which one of three keys has moved: `n` and `b` are still where they were.
struct Half {
    cluster: Cluster,
    slot: u16,
    keys: [String; 3],
}

impl Half {
    fn start() -> Half {
        let (cluster, slot) = (Cluster::steady(2, 0), 77);
        let keys = ["n", "a", "b"].map(|name| format!("{{{}}}{name}", tag(slot)));
        let mut owner = cluster.connect(0);
        for key in &keys {
            let _: String = query(&mut owner, &["SET", key, "0"]);
        }
        let half = Half {
            cluster,
            slot,
            keys,
        };
        half.cluster.half_migrate(slot, &half.keys[1..2], 0, 1);
        half
    }

    fn pipeline(&self) -> Pipeline {
        let mut pipeline = pipe();
        pipeline.incr(&self.keys[0], 1).mget(&self.keys[1..]);
        pipeline
    }

    fn count(&self) -> u64 {
        self.cluster.counters()[&self.keys[0]]
    }

    /// Sends `pipeline`, and moves the rest of the slot while it waits.
    async fn answer(&self, pipeline: &Pipeline, client: &Client) -> (u64, Vec<String>) {
        let sent = async {
            let mut client = client.clone();
            let reply = pipeline.query_async(&mut client).await;
            reply.unwrap_or_else(|error| panic!("{}", report(&error)))
        };
        let moved = async {
            // Some of it has been refused by now.
            while self.cluster.errors("TRYAGAIN") == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.cluster.migrate([self.slot], 0, 1);
        };
        futures::join!(sent, moved).0
    }
}

#[test]
fn what_has_run_is_not_sent_again_with_what_was_refused() {
    let half = Half::start();
    let client = half.cluster.client("");
    let answer = run(half.answer(&half.pipeline(), &client));
    assert_eq!(answer, (1, vec!["0".to_owned(); 2]));
    assert_eq!(half.count(), 1);
    assert!(half.cluster.errors("TRYAGAIN") > 0);
}

#[test]
fn a_transaction_waits_for_the_rest_of_its_slot_and_runs_once() {
    let half = Half::start();
    let client = half.cluster.client("");
    let mut transaction = half.pipeline();
    transaction.atomic();
    let answer = run(half.answer(&transaction, &client));
    assert_eq!(answer, (1, vec!["0".to_owned(); 2]));
    assert_eq!(half.count(), 1);
}

#[test]
fn a_slot_that_stays_half_migrated_costs_a_deadline_and_no_second_run() {
    let half = Half::start();
    let client = half.cluster.client("deadline=1s&response_timeout=500ms");
    let lateness = Lateness::watch();
    let (reply, time): (RedisResult<redis::Value>, _) = run(timed(async {
        half.pipeline().query_async(&mut client.clone()).await
    }));
    let error = reply.expect_err("the slot stays as it is");
    println!(
        "a slot that stays half migrated: {time:?}: {}",
        report(&error)
    );
    assert_within("a pipeline", time, DEADLINE + NOISE, &lateness);
    assert_eq!(half.count(), 1);
}

/// The second command finds its key where the first one waits for the rest of its keys.
#[test]
fn what_would_run_out_of_turn_is_not_sent_again() {
    let half = Half::start();
    let client = half.cluster.client("");
    let [_, moved, stayed] = &half.keys;
    let mut pipeline = pipe();
    pipeline.mset(&[(moved, "first"), (stayed, "first")]);
    pipeline.set(stayed, "second");
    let reply: RedisResult<redis::Value> =
        run(async { pipeline.query_async(&mut client.clone()).await });
    let error = reply.expect_err("one of them has not run");
    assert!(report(&error).contains("rehashing"), "{}", report(&error));
    let value: String = run(async { client.clone().get(stayed).await.expect("it is there") });
    assert_eq!(value, "second");
}

/// What a shared machine adds to any deadline.
const NOISE: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(1);

/// Calls of every kind that need the node of `slot`, and others with it.
fn calls_that_need(
    slot: u16,
    client: &Client,
) -> Vec<(&'static str, BoxFuture<'_, RedisResult<()>>)> {
    let keys = [slot, 8_000, 16_000].map(|slot| format!("{{{}}}key", tag(slot)));
    let list = format!("{{{}}}list", tag(slot));
    let (one, mut two) = (keys[0].clone(), client.clone());
    let mut calls: Vec<(&'static str, BoxFuture<'_, RedisResult<()>>)> = Vec::new();
    calls.push((
        "INCR",
        Box::pin(async move { two.incr(one, 1).await.map(|_: u64| ()) }),
    ));
    let mut commands = vec![
        ("GET", redis::cmd("GET").arg(&keys[0]).to_owned()),
        ("MGET", redis::cmd("MGET").arg(&keys).to_owned()),
        ("DEL", redis::cmd("DEL").arg(&keys).to_owned()),
        ("BLPOP", redis::cmd("BLPOP").arg(&list).arg(0.2).to_owned()),
        ("KEYS", redis::cmd("KEYS").arg("*").to_owned()),
        ("FLUSHALL", redis::cmd("FLUSHALL")),
    ];
    for (name, command) in commands.drain(..) {
        let mut client = client.clone();
        calls.push((
            name,
            Box::pin(async move { command.exec_async(&mut client).await }),
        ));
    }
    for (name, atomic) in [("pipeline", false), ("transaction", true)] {
        let mut pipeline = pipe();
        pipeline.incr(&keys[0], 1);
        if atomic {
            pipeline.atomic();
        } else {
            pipeline.get(&keys[1]).get(&keys[2]);
        }
        let mut client = client.clone();
        calls.push((
            name,
            Box::pin(async move { pipeline.exec_async(&mut client).await }),
        ));
    }
    calls
}

#[test]
fn nothing_hangs_while_a_node_is_silent() {
    let mut cluster = Cluster::steady(3, 0);
    let client = cluster.client("deadline=1s&response_timeout=400ms&connect_timeout=400ms");
    run(async {
        for (name, call) in calls_that_need(0, &client) {
            call.await
                .unwrap_or_else(|error| panic!("{name}: {}", report(&error)));
        }
    });
    cluster.stop(0);
    let lateness = &Lateness::watch();
    run(async {
        // First on connections that were there, then on new ones, then when all is known.
        for round in 0..3 {
            let calls = calls_that_need(0, &client).into_iter();
            let calls = calls.map(|(name, call)| async move { (name, timed(call).await) });
            for (name, (reply, time)) in join_all(calls).await {
                let told = reply.map_err(|error| error.to_string());
                println!("round {round}: {name}: {time:.1?}: {told:?}");
                assert!(told.is_err(), "{name}: the node is silent");
                assert_within(name, time, DEADLINE + NOISE, lateness);
            }
            for slot in [8_000, 16_000] {
                let key = format!("{{{}}}key", tag(slot));
                let read: RedisResult<Option<String>> = client.clone().get(key).await;
                ok(read);
            }
        }
    });
    cluster.cont(0);
    run(async {
        tokio::time::sleep(DEADLINE).await;
        client
            .ready(Duration::from_secs(60))
            .await
            .expect("all nodes are there again");
        for (name, call) in calls_that_need(0, &client) {
            call.await
                .unwrap_or_else(|error| panic!("{name}: {}", report(&error)));
        }
    });
}

/// What has run of a pipeline makes the rest no less uncertain.
#[test]
fn a_pipeline_that_fails_in_part_may_have_run() {
    let mut cluster = Cluster::steady(3, 0);
    let mut client = cluster.client("deadline=1s&response_timeout=300ms");
    let counter = format!("{{{}}}n", tag(0));
    let keys = [counter.clone(), format!("{{{}}}k", tag(10_922))];
    run(async {
        client
            .ready(Duration::from_secs(5))
            .await
            .expect("all nodes are there");
        cluster.stop(2);
        let mut pipeline = redis::pipe();
        pipeline.incr(&counter, 1).mget(&keys);
        let answer: RedisResult<redis::Value> = pipeline.query_async(&mut client).await;
        let error = answer.expect_err("a node of it is frozen");
        assert!(may_have_run(&error), "{error}");
        let count: u64 = client.get(&counter).await.expect("this node is well");
        assert_eq!(count, 1);
        cluster.cont(2);
    });
}
