//! R16: slots move between nodes under load, and no caller sees it.
//!
//! The nodes, the migration and the callers share two processors, so what a healthy shard notices is
//! measured beside a control: the same reads on a connection of redis-rs to that node alone.

use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisResult, pipe};
use redis_ready::Client;

use crate::support::cluster::{Cluster, tag};
use crate::support::load::{Callers, Calling};
use crate::support::measure::{Times, best_of};
use crate::support::process::query;
use crate::support::run;

/// All of one primary's; the third primary has no part in it.
const SLOTS: u16 = 1_000;
const FROM_SLOTS: u16 = 100;
const HEALTHY_SLOTS: u16 = 12_000;
/// The third primary.
const HEALTHY: usize = 2;
const CALLERS: usize = 32;
const PROBES: usize = 8;
/// Enough to see a slot move, and not so much that the processors are what is measured.
const PAUSE: Duration = Duration::from_millis(5);
const BASELINE: Duration = Duration::from_secs(3);
/// What a shared machine adds to any p99.
const NOISE: Duration = Duration::from_millis(5);

/// The slot that is moving, which half of the calls go to.
static NOW: AtomicU16 = AtomicU16::new(FROM_SLOTS);

/// A slot that moves.
fn moving(random: usize) -> &'static str {
    let slot = random % usize::from(SLOTS);
    tag(FROM_SLOTS + u16::try_from(slot).expect("it is less than SLOTS"))
}

fn healthy(random: usize) -> &'static str {
    let slot = random % usize::from(SLOTS);
    tag(HEALTHY_SLOTS + u16::try_from(slot).expect("it is less than SLOTS"))
}

/// A connection to one node, which follows no redirection.
async fn of_the_node(cluster: &Cluster, node: usize) -> MultiplexedConnection {
    let url = format!("redis://127.0.0.1:{}", cluster.port(node));
    let client = redis::Client::open(url).expect("the URL is a good one");
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    connection.await.expect("the node is there")
}

async fn fill(client: &Client) {
    for slot in 0..usize::from(SLOTS) {
        let mut fill = pipe();
        for tag in [moving(slot), healthy(slot)] {
            fill.set(format!("{{{tag}}}a"), format!("a of {tag}"));
            fill.set(format!("{{{tag}}}b"), format!("b of {tag}"));
            fill.set(format!("{{{tag}}}n"), 0);
        }
        let filled: RedisResult<()> = fill.exec_async(&mut client.clone()).await;
        filled.expect("nothing moves yet");
    }
}

/// A call of any kind, of keys that move.
fn call(client: Client) -> Calling {
    let tag = if fastrand::bool() {
        tag(NOW.load(Ordering::SeqCst))
    } else {
        moving(fastrand::usize(..))
    };
    let other = moving(fastrand::usize(..));
    let counter = format!("{{{tag}}}n");
    match fastrand::u8(0..7) {
        0 => Calling::new(get(client, tag)),
        1 => Calling::new(set(client, tag)),
        2 => Calling::incrementing(&counter.clone(), incr(client, counter)),
        3 => Calling::new(mget(client, tag)),
        4 => Calling::incrementing(&counter.clone(), pipeline(client, counter, tag, other)),
        5 => Calling::incrementing(&counter.clone(), transaction(client, counter, tag)),
        _ => Calling::incrementing(&counter.clone(), script(client, counter, tag)),
    }
}

async fn get(mut client: impl AsyncCommands, tag: &str) -> RedisResult<()> {
    let value: String = client.get(format!("{{{tag}}}a")).await?;
    assert_eq!(value, format!("a of {tag}"));
    Ok(())
}

async fn set(mut client: Client, tag: &str) -> RedisResult<()> {
    let value = format!("a of {tag}");
    client.set(format!("{{{tag}}}a"), value).await
}

async fn incr(mut client: Client, counter: String) -> RedisResult<()> {
    let count: u64 = client.incr(counter, 1).await?;
    assert!(count > 0);
    Ok(())
}

async fn mget(mut client: Client, tag: &str) -> RedisResult<()> {
    let keys = [format!("{{{tag}}}a"), format!("{{{tag}}}b")];
    let values: Vec<String> = client.mget(&keys).await?;
    assert_eq!(values, [format!("a of {tag}"), format!("b of {tag}")]);
    Ok(())
}

async fn pipeline(mut client: Client, counter: String, tag: &str, other: &str) -> RedisResult<()> {
    let keys = [format!("{{{tag}}}b"), format!("{{{tag}}}a")];
    let mut pipeline = pipe();
    pipeline.get(format!("{{{other}}}a"));
    pipeline.incr(counter, 1);
    pipeline.mget(&keys);
    let (value, count, values): (String, u64, Vec<String>) =
        pipeline.query_async(&mut client).await?;
    assert_eq!(value, format!("a of {other}"));
    assert!(count > 0);
    assert_eq!(values, [format!("b of {tag}"), format!("a of {tag}")]);
    Ok(())
}

async fn transaction(mut client: Client, counter: String, tag: &str) -> RedisResult<()> {
    let mut pipeline = pipe();
    pipeline
        .atomic()
        .incr(counter, 1)
        .get(format!("{{{tag}}}a"));
    let (count, value): (u64, String) = pipeline.query_async(&mut client).await?;
    assert!(count > 0);
    assert_eq!(value, format!("a of {tag}"));
    Ok(())
}

async fn script(mut client: Client, counter: String, tag: &str) -> RedisResult<()> {
    let mut eval = redis::cmd("EVAL");
    eval.arg("return {redis.call('INCR', KEYS[1]), redis.call('GET', KEYS[2])}");
    eval.arg(2).arg(counter).arg(format!("{{{tag}}}a"));
    let (count, value): (u64, String) = eval.query_async(&mut client).await?;
    assert!(count > 0);
    assert_eq!(value, format!("a of {tag}"));
    Ok(())
}

struct Figures {
    took: Duration,
    calls: u64,
    redirections: [u64; 3],
    before: Times,
    meanwhile: Times,
    control: Times,
}

impl Figures {
    fn is_good(&self, late: Duration) -> bool {
        let unmoved = self.before.percentile(99).max(self.control.percentile(99));
        self.meanwhile.percentile(99) <= 2 * unmoved + NOISE + late
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            took,
            calls,
            redirections: [moved, ask, try_again],
            before,
            meanwhile,
            control,
        } = self;
        write!(
            f,
            "R16: {SLOTS} slots in {took:.1?}, {calls} calls, {moved} MOVED, {ask} ASK and {try_again} \
             TRYAGAIN, none of them seen; the healthy shard before: {before}; meanwhile: {meanwhile}; without \
             routing: {control}"
        )
    }
}

/// How many `MOVED`, `ASK` and `TRYAGAIN` the nodes have answered.
fn redirections(cluster: &Cluster) -> [u64; 3] {
    ["MOVED", "ASK", "TRYAGAIN"].map(|code| cluster.errors(code))
}

/// Moves the slots under load, and asserts that all calls are right.
async fn migrate(cluster: &Cluster, client: &Client, from: usize, to: usize) -> Figures {
    let counted = cluster.counters();
    let calling = client.clone();
    let callers = Callers::start(CALLERS, PAUSE, move |_, _| call(calling.clone()));
    let probing = client.clone();
    let probes = Callers::start(PROBES, PAUSE, move |_, _| {
        Calling::new(get(probing.clone(), healthy(fastrand::usize(..))))
    });
    let control = of_the_node(cluster, HEALTHY).await;
    let control = Callers::start(PROBES, PAUSE, move |_, _| {
        Calling::new(get(control.clone(), healthy(fastrand::usize(..))))
    });
    tokio::time::sleep(BASELINE).await;
    let before = probes.so_far();
    control.so_far();
    let mut told = callers.so_far();
    let redirected = redirections(cluster);

    let start = Instant::now();
    let slots = FROM_SLOTS..FROM_SLOTS + SLOTS;
    let slots = slots.inspect(|slot| NOW.store(*slot, Ordering::SeqCst));
    cluster.migrate(slots, from, to);
    let took = start.elapsed();

    let meanwhile = probes.stop().await;
    let control = control.stop().await;
    let last = callers.stop().await;
    for all in [&before, &told, &meanwhile, &last] {
        assert_eq!(all.failed(), 0, "{all}");
    }
    let calls = last.done;
    told.merge(last);
    let counters = cluster.counters();
    for (counter, (sure, _)) in &told.increments {
        let increments = counters[counter] - counted[counter];
        assert_eq!(increments, *sure, "{counter}");
    }
    let redirections = redirections(cluster);
    Figures {
        took,
        calls,
        redirections: std::array::from_fn(|code| redirections[code] - redirected[code]),
        before: before.times.into_iter().collect(),
        meanwhile: meanwhile.times.into_iter().collect(),
        control: control.times.into_iter().collect(),
    }
}

#[test]
fn a_thousand_slots_move_under_load_and_no_caller_sees_it() {
    let cluster = Cluster::steady(3, 1);
    let client = cluster.client("");
    run(fill(&client));
    let (mut from, mut to) = (0, 1);
    let measure = || {
        let figures = run(migrate(&cluster, &client, from, to));
        (from, to) = (to, from);
        // Otherwise there was nothing to be seen.
        let seen = figures.redirections.iter().all(|count| *count > 0);
        assert!(seen, "{figures}");
        assert_eq!(cluster.owner(FROM_SLOTS), from);
        figures
    };
    best_of(measure, Figures::is_good);
}

#[test]
fn slots_that_move_at_once_are_not_noticed_by_callers() {
    let cluster = Cluster::steady(3, 0);
    let slots = (FROM_SLOTS, FROM_SLOTS + SLOTS - 1);
    if !cluster.migrate_at_once(slots, 0, 1) {
        println!("NOT RUN: these servers do not move slots at once, as Valkey 9 and Redis 8.4 do");
        return;
    }
    // The nodes answer nothing while they write their new configuration to the disk.
    let client = cluster.client("response_timeout=5s&deadline=10s");
    run(async {
        fill(&client).await;
        let calling = client.clone();
        let callers = Callers::start(CALLERS, PAUSE, move |_, _| call(calling.clone()));
        for round in 0..4 {
            tokio::time::sleep(PAUSE * 100).await;
            let (from, to) = if round % 2 == 0 { (1, 0) } else { (0, 1) };
            assert!(cluster.migrate_at_once(slots, from, to), "round {round}");
        }
        let told = callers.stop().await;
        let moved = cluster.errors("MOVED");
        println!("R16: {SLOTS} slots at once, 4 times, {moved} MOVED; {told}");
        assert_eq!(told.failed(), 0, "{told}");
        assert!(moved > 0, "there was something to be seen");
        let counters = cluster.counters();
        for (counter, (sure, _)) in &told.increments {
            assert_eq!(counters[counter], *sure, "{counter}");
        }
    });
}

#[test]
fn a_connection_without_routing_sees_every_kind_of_redirection() {
    let cluster = Cluster::steady(2, 0);
    let slot = 7;
    let tag = tag(slot);
    let keys = ["a", "b", "n"].map(|name| format!("{{{tag}}}{name}"));
    let (mut old, mut new) = (cluster.connect(0), cluster.connect(1));
    let keyslot: u16 = query(&mut old, &["CLUSTER", "KEYSLOT", &keys[0]]);
    assert_eq!(keyslot, slot);
    for key in &keys {
        let _: String = query(&mut old, &["SET", key, "1"]);
    }
    let code = |connection: &mut redis::Connection, words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        let reply: RedisResult<redis::Value> = command.arg(&words[1..]).query(connection);
        reply
            .err()
            .map(|error| error.code().unwrap_or("?").to_owned())
    };
    assert_eq!(code(&mut new, &["GET", &keys[0]]).as_deref(), Some("MOVED"));

    cluster.half_migrate(slot, &keys[..1], 0, 1);
    assert_eq!(code(&mut old, &["GET", &keys[0]]).as_deref(), Some("ASK"));
    assert_eq!(code(&mut old, &["INCR", &keys[2]]), None);
    let _: String = query(&mut new, &["ASKING"]);
    let both = code(&mut new, &["MGET", &keys[0], &keys[1]]);
    assert_eq!(both.as_deref(), Some("TRYAGAIN"));

    cluster.migrate([slot], 0, 1);
    assert_eq!(cluster.owner(slot), 1);
    assert_eq!(code(&mut old, &["GET", &keys[0]]).as_deref(), Some("MOVED"));
    assert_eq!(code(&mut new, &["MGET", &keys[0], &keys[1]]), None);
    assert_eq!(cluster.counters()[&keys[2]], 2);
}
