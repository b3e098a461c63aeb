//! R21: connections come and go, and nothing is left of them.
//!
//! What the I/O thread runs for a connection cannot be counted from outside; a task that stayed
//! would keep its socket, and that shows.

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use redis::{AsyncCommands, RedisResult, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, Error, ErrorKind};

use crate::support::measure::timed;
use crate::support::proxy::{Proxy, Script};
use crate::support::{child, run, start, with_debug};

const CLIENTS: usize = 25;
const ROUNDS: usize = 20;
const MEMORY: usize = 4 * 1024 * 1024;
const GRACE: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_millis(100);

/// Connects with new clients, resets their connections again and again, and drops them.
fn reconnect(proxy: &Proxy, rounds: usize) {
    let url = format!("{}?deadline=20s", proxy.url());
    let open = || Client::open(&url).expect("the URL is a good one");
    let clients: Vec<Client> = (0..CLIENTS).map(|_| open()).collect();
    let before = proxy.accepted();
    run(async {
        for _ in 0..=rounds {
            // A ping that is under way fails, and the next one waits for the new connection.
            let until_answered = clients.iter().map(|client| async {
                while let Err(error) = client.ping().await {
                    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
                }
            });
            join_all(until_answered).await;
            proxy.reset_all();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(proxy.accepted() - before >= CLIENTS * (rounds + 1));
}

#[derive(Debug, Clone, Copy)]
struct Costs {
    descriptors: usize,
    threads: usize,
    memory: usize,
}

/// What this process costs once nothing has ended for a while.
fn settled_costs() -> Costs {
    let mut last = 0;
    let mut unchanged = 0;
    while unchanged < 10 {
        thread::sleep(Duration::from_millis(20));
        let now = child::descriptors() + child::threads();
        unchanged = if now == last { unchanged + 1 } else { 0 };
        last = now;
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
    let before = settled_costs();
    reconnect(&proxy, ROUNDS);
    let after = settled_costs();
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

fn kind(reply: RedisResult<()>) -> Option<ErrorKind> {
    let error = reply.err()?;
    Error::from_redis(&error).map(Error::kind)
}

/// Closes while 100 commands are in flight; returns how they ended and how long it took.
fn close_under_way(client: &Client) -> (Vec<Option<ErrorKind>>, Duration) {
    run(async {
        let calls = (0..100).map(|key| {
            let mut client = client.clone();
            tokio::spawn(async move { kind(client.set(key, key).await) })
        });
        let calls: Vec<_> = calls.collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let ((), took) = timed(client.close(GRACE)).await;
        let ends = join_all(calls).await.into_iter();
        (ends.map(|end| end.expect("no panic")).collect(), took)
    })
}

fn patient(server: &Server) -> Client {
    let url = format!("{}?response_timeout=20s&deadline=20s", server.url());
    let client = Client::open(&url).expect("the URL is a good one");
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
    let (ends, took) = close_under_way(&client);
    nap.join().expect("no panic").expect("it may sleep");
    println!("drained 100 commands in {took:.1?}");
    assert_eq!(ends, [None; 100]);
    assert!(took <= GRACE, "{took:?}");
}

#[test]
fn closing_ends_when_its_grace_does() {
    let server = start(Server::builder().tcp());
    let client = patient(&server);
    server.pause().expect("it runs");
    let (ends, took) = close_under_way(&client);
    println!("gave 100 commands up after {took:.1?}");
    assert_eq!(ends, [Some(ErrorKind::Closed); 100]);
    assert!(took >= GRACE && took <= GRACE + SLACK, "{took:?}");
}

/// Drops calls, clones and whole clients at any moment.
#[test]
#[ignore = "runs in a child process of the other test"]
fn many_drops() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    panic::set_hook(Box::new(|panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        println!("{panic}");
    }));
    let server = start(Server::builder().tcp());
    let proxy = Proxy::start(&server, |_| Script::default());
    run(async {
        let tasks = (0..64).map(|task| {
            let url = proxy.url();
            let mut random = fastrand::Rng::with_seed(task);
            tokio::spawn(async move {
                for _ in 0..50 {
                    let client = Client::open(&url).expect("the URL is a good one");
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
    assert!(proxy.accepted() > 500, "too few have connected");
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
}

#[test]
fn dropping_in_the_middle_of_a_call_never_panics() {
    child::run("leaks::many_drops");
}
