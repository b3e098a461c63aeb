//! R16: a primary is lost. The other shards notice nothing, and its own are served again when its
//! replica has taken over.
//!
//! No client can promise an acknowledged write through a failover: a primary answers before its
//! replica has the write. So what was acknowledged is counted up to a `WAIT` before the loss and again
//! after the recovery; what was acknowledged in between may be gone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::{AsyncCommands, Connection, RedisResult};
use redis_ready::Client;

use crate::support::cluster::{Cluster, tag};
use crate::support::load::{Callers, Calling, Told};
use crate::support::measure::{Lateness, assert_within};
use crate::support::process::query;
use crate::support::run;

const DEADLINE: Duration = Duration::from_secs(2);
/// A node that votes for a replica writes its configuration to the disk first, and answers nothing
/// meanwhile: a response timeout below a second would fail calls of healthy shards on a slow disk.
const PARAMETERS: &str = "deadline=2s&response_timeout=2s&connect_timeout=500ms";
/// What a shared machine adds to any deadline.
const NOISE: Duration = Duration::from_secs(1);
/// From when all nodes know the new owner until it is called.
const RECOVERY: Duration = Duration::from_secs(4);
const CALLERS: usize = 6;
const PAUSE: Duration = Duration::from_millis(5);
const WARM_UP: Duration = Duration::from_millis(500);
/// The first slots of the three primaries, which the callers call.
const SHARDS: [u16; 3] = [0, 5_461, 10_922];
const LOST: usize = 0;

/// Callers that read and increment keys in a hundred slots of one shard.
fn callers(client: &Client, shard: u16) -> Callers {
    let client = client.clone();
    Callers::start(CALLERS, PAUSE, move |caller, number| {
        let mut client = client.clone();
        let key = format!("{{{}}}n", tag(shard + fastrand::u16(0..100)));
        if (caller as u64 + number).is_multiple_of(2) {
            let read = async move { client.get(key).await.map(|_: Option<u64>| ()) };
            Calling::new(read)
        } else {
            let counter = key.clone();
            let write = async move { client.incr(key, 1).await.map(|_: u64| ()) };
            Calling::incrementing(&counter, write)
        }
    })
}

/// Waits until the replica has everything that has been answered by now.
fn replicated(primary: &mut Connection) {
    let marker = format!("{{{}}}marker", tag(SHARDS[LOST]));
    let _: String = query(primary, &["SET", &marker, "m"]);
    let replicas: usize = query(primary, &["WAIT", "1", "10000"]);
    assert_eq!(replicas, 1);
}

/// Waits until a caller of the lost shard has its answer, and says how long that took.
async fn recovery(client: &Client) -> Duration {
    let start = Instant::now();
    loop {
        let mut client = client.clone();
        let key = format!("{{{}}}recovered", tag(SHARDS[LOST]));
        let written: RedisResult<()> = client.set(key, 1).await;
        let time = start.elapsed();
        if written.is_ok() || time > 4 * RECOVERY {
            return time;
        }
    }
}

/// Loses a primary by `lose`, and has it back by `bring_back` after its replica has taken over.
fn check(lose: fn(&mut Cluster, usize), bring_back: fn(&mut Cluster, usize)) {
    let mut cluster = Cluster::start(3, 1);
    let client = cluster.client(PARAMETERS);
    run(async {
        let healthy = SHARDS[1..].iter().map(|shard| callers(&client, *shard));
        let healthy: Vec<Callers> = healthy.collect();
        let orphans = callers(&client, SHARDS[LOST]);
        tokio::time::sleep(WARM_UP).await;
        let before = orphans.so_far();
        replicated(&mut cluster.connect(LOST));

        let lateness = Lateness::watch();
        let start = Instant::now();
        lose(&mut cluster, LOST);
        let owner = cluster.wait_for_owner_other_than(LOST, SHARDS[LOST]);
        let failover = start.elapsed();
        let recovery = recovery(&client).await;
        // Those who had a new connection to wait for, too.
        tokio::time::sleep(2 * DEADLINE).await;
        let meanwhile = orphans.so_far();

        bring_back(&mut cluster, LOST);
        cluster.wait_until_it_serves();
        assert_eq!(cluster.owner(SHARDS[LOST]), owner);
        tokio::time::sleep(WARM_UP).await;
        let after = orphans.stop().await;
        println!(
            "R16: {failover:.1?} until a replica has taken over, served again {recovery:.1?} later; \
             the lost shard before: {before}; meanwhile: {meanwhile}; after: {after}"
        );
        let told: Vec<Told> = join_all(healthy.into_iter().map(Callers::stop)).await;
        let counters = cluster.counters();
        for healthy in told {
            println!("R16: a healthy shard: {healthy}");
            assert_eq!(healthy.failed(), 0, "{healthy}");
            assert_counted(&counters, &healthy, &Told::default());
        }
        assert_eq!(before.failed() + after.failed(), 0, "{before}; {after}");
        assert!(after.done > 10, "{after}");
        assert_within("served again", recovery, RECOVERY, &lateness);
        assert_within("a call", meanwhile.slowest, DEADLINE + NOISE, &lateness);
        let mut certainly = before;
        certainly.merge(after);
        assert_counted(&counters, &certainly, &meanwhile);
    });
}

/// Asserts that each counter says what its callers were told: `certainly` by the one that serves it now,
/// and `meanwhile` perhaps by one that is lost.
fn assert_counted(counters: &HashMap<String, u64>, certainly: &Told, meanwhile: &Told) {
    let of = |told: &Told, key| told.increments.get(key).copied().unwrap_or_default();
    for key in certainly
        .increments
        .keys()
        .chain(meanwhile.increments.keys())
    {
        let (sure, unsure) = of(certainly, key);
        let (done, unknown) = of(meanwhile, key);
        let most = sure + unsure + done + unknown;
        let count = counters.get(key).copied().unwrap_or(0);
        assert!(
            (sure..=most).contains(&count),
            "{key}: {sure} <= {count} <= {most}"
        );
    }
}

#[test]
fn a_killed_primary_is_not_missed_by_other_shards_and_replaced_in_its_own() {
    check(Cluster::kill, Cluster::restart);
}

#[test]
fn a_frozen_primary_is_not_missed_by_other_shards_and_replaced_in_its_own() {
    check(Cluster::stop, Cluster::cont);
}

/// By default a cluster serves nothing while the slots of one primary are not served. Commands for the
/// others wait for it.
#[test]
fn no_command_of_a_healthy_shard_fails_in_a_cluster_that_wants_all_its_slots() {
    let mut cluster = Cluster::start(3, 1);
    for node in 0..6 {
        let words = ["CONFIG", "SET", "cluster-require-full-coverage", "yes"];
        let _: String = query(&mut cluster.connect(node), &words);
    }
    let client = cluster.client("deadline=30s&response_timeout=5s");
    run(async {
        let healthy = callers(&client, SHARDS[1]);
        tokio::time::sleep(WARM_UP).await;
        cluster.kill(LOST);
        cluster.wait_for_owner_other_than(LOST, SHARDS[LOST]);
        tokio::time::sleep(WARM_UP).await;
        let told = healthy.stop().await;
        println!("R16: a healthy shard, with full coverage wanted: {told}");
        assert_eq!(told.failed(), 0, "{told}");
        assert!(told.done > 10, "{told}");
    });
}
