//! R21: connections come and go, and nothing is left of them.
//!
//! What the I/O thread runs for a connection cannot be counted from outside; a task that stayed
//! would keep its socket, and that shows.

use std::panic;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::{AsyncCommands, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::kind_of;
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::proxy::{Proxy, Script};
use crate::support::{child, open, run, start, with_debug};

const CLIENTS: usize = 25;
const ROUNDS: usize = 20;
const MEMORY: usize = 4 * 1024 * 1024;
const GRACE: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_millis(100);
/// What it takes at most, on a slow machine, until what is over has ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects with new clients, resets their connections again and again, and drops them.
fn reconnect(proxy: &Proxy, rounds: usize) {
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|_| open(&proxy.url(), "deadline=20s"))
        .collect();
    let before = proxy.accepted();
    run(async {
        for round in 1..=rounds + 1 {
            // The proxy may not have reset the old connections yet.
            while proxy.accepted() - before < CLIENTS * round {
                // A ping that is under way fails, and the next one waits for the new connection.
                let until_answered = clients.iter().map(|client| async {
                    while let Err(error) = client.ping().await {
                        assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
                    }
                });
                join_all(until_answered).await;
            }
            proxy.reset_all();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[derive(Debug, Clone, Copy)]
struct Costs {
    descriptors: usize,
    threads: usize,
    memory: usize,
}

/// What this process costs once nothing has ended for a while, or there is no more than `least`.
fn settled_costs(least: Option<Costs>) -> Costs {
    let least = least.map(|costs| costs.descriptors + costs.threads);
    let begin = Instant::now();
    let mut seen = 0;
    let mut unchanged = 0;
    // On a busy machine something may be about to end for longer.
    while unchanged < 10 || least.is_some_and(|least| seen > least && begin.elapsed() < PATIENCE) {
        thread::sleep(Duration::from_millis(20));
        let now = child::descriptors() + child::threads();
        unchanged = if now == seen { unchanged + 1 } else { 0 };
        seen = now;
    }
    Costs {
        descriptors: child::descriptors(),
        threads: child::threads(),
        memory: child::resident(),
    }
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn many_reconnects() {
    let server = start(Server::builder());
    let proxy = Proxy::start(&server, |_| Script::default());
    // The thread, the largest buffers and the allocator's arenas are here to stay.
    reconnect(&proxy, 2);
    let before = settled_costs(None);
    reconnect(&proxy, ROUNDS);
    let after = settled_costs(Some(before));
    println!("{} reconnects, before: {before:?}", CLIENTS * ROUNDS);
    println!("  and after the clients were dropped: {after:?}");
    assert_eq!(after.descriptors, before.descriptors);
    assert_eq!(after.threads, before.threads);
    assert!(after.memory <= before.memory + MEMORY);
}

#[test]
fn nothing_is_left_of_lost_connections_and_dropped_clients() {
    child::run("leaks::many_reconnects");
}

/// Closes while 100 commands are in flight; returns how they ended and how long it took.
fn close_under_way(client: &Client) -> (Vec<Option<ErrorKind>>, Duration) {
    run(async {
        let calls = (0..100).map(|key| {
            let mut client = client.clone();
            async move { kind_of(client.set::<_, _, ()>(key, key).await) }
        });
        let mut calls = pin!(join_all(calls));
        // All of them are on their way now.
        assert!(futures::poll!(&mut calls).is_pending());
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (((), took), ends) = futures::join!(timed(client.close(GRACE)), calls);
        (ends, took)
    })
}

fn patient(server: &Server) -> Client {
    let client = open(server.url(), "response_timeout=20s&deadline=20s");
    run(client.ping()).expect("the server is up");
    client
}

#[test]
fn closing_waits_for_what_is_in_flight() {
    let server = start(with_debug(Server::builder().tcp()));
    let client = patient(&server);
    let busy = patient(&server);
    let nap = thread::spawn(move || {
        let sleep = cmd("DEBUG").arg("SLEEP").arg("0.5").to_owned();
        sleep.query::<()>(&mut busy.blocking())
    });
    thread::sleep(Duration::from_millis(100));
    let lateness = Lateness::watch();
    let (ends, took) = close_under_way(&client);
    nap.join().expect("no panic").expect("it may sleep");
    println!("drained 100 commands in {took:.1?}");
    assert_eq!(ends, [None; 100]);
    assert_within("closing", took, GRACE, &lateness);
}

#[test]
fn closing_ends_when_its_grace_does() {
    let server = start(Server::builder().tcp());
    let client = patient(&server);
    server.pause().expect("it runs");
    let lateness = Lateness::watch();
    let (ends, took) = close_under_way(&client);
    println!("gave 100 commands up after {took:.1?}");
    assert_eq!(ends, [Some(ErrorKind::Closed); 100]);
    assert!(took >= GRACE, "{took:?}");
    assert_within("closing", took, GRACE + SLACK, &lateness);
}

/// Drops calls, clones and whole clients at any moment.
#[test]
#[ignore = "runs in a child process of the other test"]
fn many_drops() {
    const ENOUGH: usize = 500;
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        println!("{panic}");
    }));
    let server = start(Server::builder().tcp());
    let proxy = Arc::new(Proxy::start(&server, |_| Script::default()));
    run(async {
        let tasks = (0..64).map(|task| {
            let proxy = Arc::clone(&proxy);
            let mut random = fastrand::Rng::with_seed(task);
            tokio::spawn(async move {
                let mut rounds = 0;
                // On a busy machine many clients are dropped before they have connected.
                while rounds < 50 || proxy.accepted() <= ENOUGH {
                    rounds += 1;
                    let client = open(&proxy.url(), "");
                    let patience = Duration::from_micros(random.u64(0..3_000));
                    let calls = (0..8).map(|key| {
                        let mut client = client.clone();
                        async move { client.set::<_, _, ()>(key, key).await }
                    });
                    // Whatever is done by then, the rest is dropped, the last clone included.
                    let _ = tokio::time::timeout(patience, join_all(calls)).await;
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            proxy.reset_all();
        }
        for task in join_all(tasks).await {
            task.expect("no panic");
        }
    });
    run(patient(&server).ping()).expect("the I/O thread lives");
    println!("{} connections dropped", proxy.accepted());
    assert!(proxy.accepted() > ENOUGH, "too few have connected");
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
}

#[test]
fn dropping_in_the_middle_of_a_call_never_panics() {
    child::run("leaks::many_drops");
}
