//! R15: the primary changes. Writes go to the new one within a second of when a sentinel tells of it, and
//! never again to the old one.
//!
//! `SENTINEL FAILOVER` promotes a replica while the old primary is well: that one goes on as a primary,
//! for ten seconds with the usual settings, until the sentinels make a replica of it. No connection is
//! lost and nothing answers READONLY meanwhile; and all that it acknowledges is thrown away in the end.
//! So what was acknowledged is counted up to a `WAIT` before each failover, and again from when no
//! connection to the old primary is left; what was acknowledged in between may be gone.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use redis::{AsyncCommands, Commands, RedisResult, pipe};
use redis_ready::Client;

use crate::support::errors::{may_have_run, ok};
use crate::support::load::{Callers, Calling, Told};
use crate::support::measure::{Lateness, Times, assert_within};
use crate::support::process::query;
use crate::support::process::wait_until;
use crate::support::run;
use crate::support::sentinel::{Sentinels, Switch, connections};

const CLIENT_NAME: &str = "failing-over";
/// Of the default settings.
const DEADLINE: Duration = Duration::from_secs(3);
/// What a shared machine adds to any deadline.
const NOISE: Duration = Duration::from_secs(1);
/// From when a sentinel tells of the new primary until it has a write.
const RECOVERY: Duration = Duration::from_secs(1);
/// From then until no connection to the old primary is left.
const LEAVING: Duration = Duration::from_secs(2);
/// How long the old primary is watched afterwards.
const WATCHED: Duration = Duration::from_millis(1_500);
const WRITERS: usize = 16;
const READERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(2);
const WARM_UP: Duration = Duration::from_millis(300);
/// How often the connections to the new primary are cut, and how long after each other.
const CUTS: usize = 10;
const BETWEEN_CUTS: Duration = Duration::from_millis(30);
const TOKENS: &str = "tokens";

/// A write whose server is known.
#[derive(Debug, Clone, Copy)]
struct Write {
    port: u16,
    acknowledged: Instant,
}

/// Writes one after the other, each of which says where it was made.
#[derive(Clone, Default)]
struct Writes(Arc<Mutex<Vec<Write>>>);

impl Writes {
    fn so_far(&self) -> Vec<Write> {
        self.0
            .lock()
            .expect("no thread panics with the lock held")
            .clone()
    }

    fn callers(&self, client: &Client) -> Callers {
        let (client, writes) = (client.clone(), self.clone());
        Callers::start(1, PAUSE, move |_, _| {
            let (mut client, writes) = (client.clone(), writes.clone());
            Calling::incrementing("located", async move {
                let mut write = pipe();
                write.atomic().incr("located", 1).ignore();
                write.cmd("CONFIG").arg("GET").arg("port");
                let (port,): (BTreeMap<String, u16>,) = write.query_async(&mut client).await?;
                writes
                    .0
                    .lock()
                    .expect("no thread panics with the lock held")
                    .push(Write {
                        port: port["port"],
                        acknowledged: Instant::now(),
                    });
                Ok(())
            })
        })
    }

    /// Waits for a write on the server at `port`.
    async fn wait_for(&self, known: usize, port: u16) -> Instant {
        let begin = Instant::now();
        while begin.elapsed() < 4 * DEADLINE {
            let writes = self.so_far();
            if let Some(write) = writes[known..].iter().find(|it| it.port == port) {
                return write.acknowledged;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!(
            "nothing was written to the new primary in {:?}",
            begin.elapsed()
        );
    }
}

/// Unique words that were pushed to one list, and what became of them.
#[derive(Clone, Default)]
struct Tokens {
    acknowledged: Arc<Mutex<HashSet<String>>>,
    not_written: Arc<Mutex<HashSet<String>>>,
}

impl Tokens {
    async fn push(self, mut client: Client, token: String) -> RedisResult<()> {
        let reply: RedisResult<u64> = client.rpush(TOKENS, &token).await;
        let log = match &reply {
            Ok(_) => Some(&self.acknowledged),
            Err(error) if !may_have_run(error) => Some(&self.not_written),
            Err(_) => None,
        };
        if let Some(log) = log {
            log.lock()
                .expect("no thread panics with the lock held")
                .insert(token);
        }
        reply.map(|_| ())
    }

    /// Asserts that none is there twice, and none of which it was told that it is not there.
    fn check(&self, found: &[String]) {
        let acknowledged = self
            .acknowledged
            .lock()
            .expect("no thread panics with the lock held");
        let not_written = self
            .not_written
            .lock()
            .expect("no thread panics with the lock held");
        let once: HashSet<&String> = found.iter().collect();
        println!(
            "R15: {} tokens acknowledged, {} of them lost by the servers; {} said to be not written",
            acknowledged.len(),
            acknowledged.iter().filter(|it| !once.contains(it)).count(),
            not_written.len()
        );
        assert_eq!(once.len(), found.len(), "a token is there twice");
        let not_told = once.iter().find(|it| not_written.contains(**it));
        assert_eq!(not_told, None, "it was said to be not written");
        assert!(acknowledged.iter().any(|it| once.contains(it)));
    }
}

fn writers(client: &Client, tokens: &Tokens) -> Callers {
    let (client, tokens) = (client.clone(), tokens.clone());
    Callers::start(WRITERS, PAUSE, move |caller, number| {
        let mut client = client.clone();
        if number.is_multiple_of(4) {
            let token = format!("{caller}:{number}");
            return Calling::new(tokens.clone().push(client, token));
        }
        let counter = format!("counter:{caller}");
        let key = counter.clone();
        let write = async move { client.incr(key, 1).await.map(|_: u64| ()) };
        Calling::incrementing(&counter, write)
    })
}

fn readers(client: &Client) -> Callers {
    let client = client.clone();
    Callers::start(READERS, PAUSE, move |caller, _| {
        let mut client = client.clone();
        Calling::new(async move {
            let key = format!("counter:{caller}");
            client.get(key).await.map(|_: Option<u64>| ())
        })
    })
}

/// Waits until all replicas have everything that has been answered by now.
fn replicated(sentinels: &Sentinels, primary: usize) {
    let mut connection = sentinels.connect(primary);
    let () = connection.set("marker", "m").expect("it is the primary");
    let replicas = sentinels.replicas().len();
    let have: usize = query(&mut connection, &["WAIT", &replicas.to_string(), "10000"]);
    assert!(have >= replicas, "{have} of {replicas}");
}

/// Cuts our connections to the primary some times. What is written twice after a failover is not seen
/// where the first primary's data is thrown away; what is written twice now is.
fn cut_connections(sentinels: &Sentinels) {
    let primary = sentinels.primary();
    let mut cut = 0;
    for _ in 0..CUTS {
        cut += sentinels.cut(primary, CLIENT_NAME);
        thread::sleep(BETWEEN_CUTS);
    }
    assert!(cut > 0);
}

/// Watches a server that is no longer the primary, and says until when it had connections of ours.
fn watch(sentinels: &Sentinels, server: usize) -> Option<Instant> {
    let mut connection = sentinels.connect(server);
    let begin = Instant::now();
    let mut last = None;
    while begin.elapsed() < LEAVING + WATCHED {
        if connections(&mut connection, CLIENT_NAME) > 0 {
            last = Some(Instant::now());
        }
        thread::sleep(Duration::from_millis(50));
    }
    last
}

/// What one failover was like.
struct Failover {
    forced: bool,
    /// From when it was asked for, or the primary was killed, until a sentinel told of it.
    told: Duration,
    /// From then on.
    recovery: Duration,
    left: Option<Duration>,
}

impl fmt::Display for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = if self.forced {
            "SENTINEL FAILOVER"
        } else {
            "a crash"
        };
        let (told, recovery) = (self.told, self.recovery);
        write!(
            f,
            "{cause}, told of after {told:.1?}; written to {recovery:.1?} later"
        )?;
        match self.left {
            Some(left) => write!(f, "; the old primary left {left:.1?} later"),
            None => Ok(()),
        }
    }
}

/// Asserts that the old primary, which runs, is left and not come back to, and says when it was.
fn assert_left(sentinels: &Sentinels, old: usize, switch: Switch, writes: &Writes) -> Duration {
    let lateness = Lateness::watch();
    let last = watch(sentinels, old);
    let left = last.map_or(Duration::ZERO, |last| {
        last.saturating_duration_since(switch.heard)
    });
    assert_within("leaving", left, LEAVING, &lateness);
    let old = sentinels.port(old);
    let of_old = writes.so_far();
    let of_old = of_old.iter().rfind(|it| it.port == old);
    let late = of_old.map_or(Duration::ZERO, |write| {
        write.acknowledged.saturating_duration_since(switch.heard)
    });
    let what = "the last write to the old primary";
    assert_within(what, late, RECOVERY, &lateness);
    left
}

#[test]
fn writes_follow_the_primary_within_a_second_and_leave_the_old_one_alone() {
    let mut sentinels = Sentinels::start(2, 3);
    let switches = sentinels.switches();
    sentinels.stop_sentinel(0);
    let client = sentinels.client(&format!("client_name={CLIENT_NAME}"));
    run(async {
        let (tokens, writes) = (Tokens::default(), Writes::default());
        let groups = [
            writers(&client, &tokens),
            writes.callers(&client),
            readers(&client),
        ];
        let so_far = || {
            let mut told = Told::default();
            for group in &groups {
                told.merge(group.so_far());
            }
            told
        };
        tokio::time::sleep(WARM_UP).await;
        let lateness = Lateness::watch();

        let (mut certainly, mut meanwhile) = (Told::default(), Told::default());
        let mut recoveries = Vec::new();
        for forced in [true, false, true, false, true] {
            let old = sentinels.primary();
            let quiet = so_far();
            assert_eq!(quiet.failed(), 0, "{quiet}");
            assert!(quiet.done > 10, "{quiet}");
            certainly.merge(quiet);
            replicated(&sentinels, old);

            let (heard, written) = (switches.so_far().len(), writes.so_far().len());
            let begin = Instant::now();
            if forced {
                sentinels.failover();
            } else {
                sentinels.kill(old);
            }
            let switch = switches.wait_for(heard, sentinels.port(old));
            let recovered = writes.wait_for(written, switch.port).await;
            let left = forced.then(|| assert_left(&sentinels, old, switch, &writes));
            let failover = Failover {
                forced,
                told: switch.heard - begin,
                recovery: recovered.saturating_duration_since(switch.heard),
                left,
            };
            println!("R15: {failover}");
            recoveries.push(failover.recovery);
            if !forced {
                sentinels.restart(old);
            }
            sentinels.settle();
            cut_connections(&sentinels);
            // Those who were waiting meanwhile, too.
            tokio::time::sleep(WARM_UP).await;
            let told = so_far();
            println!("R15: meanwhile {told}");
            meanwhile.merge(told);
            assert_eq!(sentinels.primary(), sentinels.server_on(switch.port));
            tokio::time::sleep(WARM_UP).await;
        }
        certainly.merge(so_far());
        for group in groups {
            certainly.merge(group.stop().await);
        }

        assert_eq!(certainly.failed(), 0, "{certainly}");
        assert_within("a call", meanwhile.slowest, DEADLINE + NOISE, &lateness);
        let mut primary = sentinels.connect(sentinels.primary());
        assert_counted(&mut primary, &certainly, &meanwhile);
        tokens.check(&query::<Vec<String>>(
            &mut primary,
            &["LRANGE", TOKENS, "0", "-1"],
        ));
        let recoveries: Times = recoveries.into_iter().collect();
        println!("R15: a write after +switch-master: {recoveries}");
        let p95 = recoveries.percentile(95);
        assert_within("the first write, p95", p95, RECOVERY, &lateness);
    });
}

/// Asserts that each counter says what its callers were told: `certainly` by a primary whose data was
/// kept, and `meanwhile` perhaps by one whose data was not.
fn assert_counted(primary: &mut redis::Connection, certainly: &Told, meanwhile: &Told) {
    let (mut acknowledged, mut counted) = (0, 0);
    for (key, (sure, unsure)) in &certainly.increments {
        let (done, unknown) = meanwhile.increments.get(key).copied().unwrap_or_default();
        let most = sure + unsure + done + unknown;
        let count: u64 = primary.get(key).expect("it is a counter");
        assert!(
            (*sure..=most).contains(&count),
            "{key}: {sure} <= {count} <= {most}"
        );
        acknowledged += sure + done;
        counted += count;
    }
    println!("R15: {acknowledged} increments acknowledged, {counted} kept by the servers");
    assert!(counted > 0);
}

#[test]
fn a_killed_primary_that_comes_back_empty_is_not_gone_back_to() {
    let mut sentinels = Sentinels::start(1, 1);
    let switches = sentinels.switches();
    let client = sentinels.client(&format!("client_name={CLIENT_NAME}"));
    run(async {
        let mut client = client.clone();
        let () = ok(client.set("key", "value").await);
        replicated(&sentinels, 0);
        sentinels.kill(0);
        // It is a primary again, and empty, before a Sentinel has told it what it is now.
        let switch = switches.wait_for(0, sentinels.port(0));
        sentinels.restart(0);
        assert_eq!(sentinels.server_on(switch.port), 1);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(2) {
            if let Ok(value) = client.get::<_, Option<String>>("key").await {
                assert_eq!(value.as_deref(), Some("value"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let value: String = client.get("key").await.expect("the new primary serves");
        assert_eq!(value, "value");
        // An attempt that was begun before the switch may only just have ended.
        wait_until("no connection to the old primary is left", || {
            sentinels.connections(0, CLIENT_NAME) == 0
        });
    });
}
