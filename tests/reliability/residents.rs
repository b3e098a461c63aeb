//! A connection is driven by a task on the runtime of its callers, and that runtime may block, stop or end at
//! any time.
//!
//! Each test runs in a child process, in which the environment says who drives connections.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use redis::{AsyncCommands, Commands, RedisResult, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, Config};
use tokio::runtime::{Builder, Runtime};

use crate::support::fake_server::{Answer, FakeServer, LOADING};
use crate::support::measure::{Times, best_of};
use crate::support::{child, open, start};

/// Runs the ignored test `name` with this driver.
fn run_with(driver: &str, name: &str) {
    let name = format!("residents::{name}");
    child::finish(child::ignored_test(&name).env("REDIS_READY_DRIVER", driver));
}

fn one_thread() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime starts")
}

fn two_workers() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let builder = builder.worker_threads(2).enable_all();
    builder.build().expect("a runtime starts")
}

/// Calls one after the other; each reply is the nonce that the command has carried.
async fn echo(mut client: Client, caller: usize, calls: usize) {
    for call in 0..calls {
        let nonce = format!("{caller}:{call}");
        let reply: String = cmd("ECHO")
            .arg(&nonce)
            .query_async(&mut client)
            .await
            .expect("the server answers");
        assert_eq!(reply, nonce);
    }
}

/// Calls that a test waits for.
type Load = Pin<Box<dyn Future<Output = ()>>>;

/// Has the server repeat `text` some times.
async fn repeat(mut client: Client, text: String, calls: usize) {
    for _ in 0..calls {
        let reply: RedisResult<String> = cmd("ECHO").arg(&text).query_async(&mut client).await;
        assert_eq!(reply.as_ref(), Ok(&text));
    }
}

/// Lets a task of the runtime at hand drive the connection of `client`. It has no other tasks.
async fn settle(client: &Client) {
    let tasks = tokio::runtime::Handle::current().metrics();
    // An earlier resident that has lost the connection ends.
    tokio::task::yield_now().await;
    let mut calls = 0;
    while tasks.num_alive_tasks() == 0 {
        echo(client.clone(), 0, 1).await;
        tokio::task::yield_now().await;
        calls += 1;
        assert!(calls < 100_000, "no resident comes");
    }
    // It has asked for the connection, and gets it.
    echo(client.clone(), 0, 10).await;
}

#[test]
fn callers_elsewhere_go_on_while_an_executor_is_blocked() {
    run_with("resident", "a_blocked_executor_and_callers_elsewhere");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn a_blocked_executor_and_callers_elsewhere() {
    const BLOCKED: Duration = Duration::from_secs(1);
    let server = start(Server::builder().tcp());
    let client = server.client();
    let measure = || {
        let runtime = one_thread();
        let is_blocked = AtomicBool::new(false);
        thread::scope(|scope| {
            let elsewhere = scope.spawn(|| {
                while !is_blocked.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                let mut blocking = client.blocking();
                let end = Instant::now() + BLOCKED * 9 / 10;
                let mut times = Vec::new();
                while Instant::now() < end {
                    let start = Instant::now();
                    let _: i64 = blocking.incr("elsewhere", 1).expect("it is served");
                    times.push(start.elapsed());
                }
                times.into_iter().collect::<Times>()
            });
            runtime.block_on(async {
                settle(&client).await;
                // Commands whose replies the runtime will not read.
                for caller in 0..4 {
                    tokio::spawn(echo(client.clone(), caller, 1));
                }
                tokio::task::yield_now().await;
                is_blocked.store(true, Ordering::Release);
                thread::sleep(BLOCKED);
                echo(client.clone(), 0, 10).await;
            });
            elsewhere.join().expect("no caller fails")
        })
    };
    let bound = Duration::from_millis(20);
    best_of(measure, |times, late| times.max() <= bound + late);
}

#[test]
fn a_thousand_runtimes_share_one_client() {
    run_with("resident", "a_thousand_runtimes");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn a_thousand_runtimes() {
    const RUNTIMES: usize = 1_000;
    const CALLERS: usize = 4;
    let server = start(Server::builder().tcp());
    let client = server.client();
    let mut with_resident = 0;
    for number in 0..RUNTIMES {
        let runtime = if number % 4 == 0 {
            two_workers()
        } else {
            one_thread()
        };
        runtime.block_on(async {
            let callers: Vec<_> = (0..CALLERS)
                .map(|caller| tokio::spawn(echo(client.clone(), caller, 5)))
                .collect();
            let mut client = client.clone();
            let _: i64 = client.incr("runtimes", 1).await.expect("it is served");
            for caller in callers {
                caller.await.expect("no caller fails");
            }
            // In flight when the runtime is dropped.
            tokio::spawn(async move { client.incr::<_, _, i64>("last", 1).await });
            tokio::task::yield_now().await;
        });
        with_resident += usize::from(runtime.metrics().num_alive_tasks() > 1);
    }
    println!("{with_resident} of {RUNTIMES} runtimes had the connection");
    assert!(with_resident > RUNTIMES / 2, "{with_resident}");
    let runtimes: usize = client.blocking().get("runtimes").expect("it is served");
    assert_eq!(runtimes, RUNTIMES);
}

#[test]
fn a_runtime_may_stop_between_two_calls_of_block_on() {
    run_with("resident", "a_runtime_stops");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn a_runtime_stops() {
    let server = start(Server::builder().tcp());
    let client = server.client();
    let runtime = one_thread();
    for round in 0..20 {
        runtime.block_on(settle(&client));
        // The runtime is not polled now, and has the connection.
        let count: i64 = client.blocking().incr("k", 1).expect("it is served");
        assert_eq!(count, round + 1);
    }
    runtime.block_on(settle(&client));
    // Nor does it hold up the end.
    one_thread().block_on(client.close(Duration::from_secs(60)));
}

#[test]
fn a_runtime_without_a_reactor_is_served_by_the_io_thread() {
    run_with("resident", "a_runtime_without_a_reactor");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn a_runtime_without_a_reactor() {
    let server = start(Server::builder().tcp());
    let client = server.client();
    let runtime = Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime starts");
    runtime.block_on(async {
        let callers: Vec<_> = (0..4)
            .map(|caller| tokio::spawn(echo(client.clone(), caller, 100)))
            .collect();
        for caller in callers {
            caller.await.expect("no caller fails");
        }
    });
}

#[test]
fn a_client_may_be_left_to_the_io_thread() {
    run_with("resident", "a_client_on_the_io_thread_only");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn a_client_on_the_io_thread_only() {
    let server = start(Server::builder().tcp());
    let config: Config = server.url().parse().expect("its URL is valid");
    let client = Client::with_config(config.with_io_thread_only());
    one_thread().block_on(async {
        for _ in 0..20 {
            echo(client.clone(), 0, 100).await;
            let tasks = tokio::runtime::Handle::current().metrics();
            assert_eq!(tasks.num_alive_tasks(), 0, "a task drives");
        }
    });
}

#[test]
fn a_busy_connection_moves_in_whatever_its_load_and_an_idle_one_moves_out() {
    run_with("automatic", "the_driver_by_load");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn the_driver_by_load() {
    let server = start(Server::builder().tcp());
    let client = server.client();
    two_workers().block_on(async {
        let tasks = tokio::runtime::Handle::current().metrics();
        let call_until = async |drives: bool, call: &dyn Fn() -> Load| {
            let start = Instant::now();
            // A task of ours beside those of the callers.
            while (tasks.num_alive_tasks() > 0) != drives {
                call().await;
                assert!(start.elapsed() < Duration::from_secs(60));
            }
        };
        for (callers, size) in [(1, 1), (4, 1), (200, 1), (200, 2_000)] {
            let text = "x".repeat(size);
            let many = || -> Load {
                let load = (0..callers).map(|_| repeat(client.clone(), text.clone(), 500));
                Box::pin(futures::future::join_all(load).map(|_| ()))
            };
            call_until(true, &many).await;
            // A call now and then is not worth a watch.
            let few = || -> Load {
                let pause = tokio::time::sleep(Duration::from_millis(50));
                Box::pin(repeat(client.clone(), text.clone(), 1).then(|()| pause))
            };
            call_until(false, &few).await;
        }
    });
}

#[test]
fn callers_of_two_runtimes_leave_the_connection_to_the_io_thread() {
    run_with("automatic", "mixed_callers");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn mixed_callers() {
    let server = start(Server::builder().tcp());
    let measure = || {
        let client = server.client();
        thread::scope(|scope| {
            let loads = [one_thread(), one_thread()].map(|runtime| {
                let client = client.clone();
                scope.spawn(move || runtime.block_on(looks_with_a_task(client)))
            });
            let [one, other] = loads.map(|load| load.join().expect("no caller fails"));
            one.max(other)
        })
    };
    // While a busy machine runs one of the two threads only, that one has the connection.
    best_of(measure, |percent, _| *percent < 25);
}

/// Calls for three seconds. Returns in how many of a hundred looks a task of this runtime drove the connection.
async fn looks_with_a_task(client: Client) -> u32 {
    let tasks = tokio::runtime::Handle::current().metrics();
    let (mut looks, mut driving) = (0, 0);
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        echo(client.clone(), 0, 50).await;
        looks += 1;
        driving += u32::from(tasks.num_alive_tasks() > 0);
    }
    100 * driving / looks
}

#[test]
fn a_task_that_comes_while_the_server_does_not_serve_is_sent_away() {
    run_with("resident", "a_resident_for_a_server_that_loads");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn a_resident_for_a_server_that_loads() {
    let server = FakeServer::resp3(|words| {
        let is_login = matches!(words[0].as_str(), "HELLO" | "CLIENT");
        (!is_login).then(|| Answer::line(LOADING))
    });
    let client = open(&server.url(), "deadline=60s");
    one_thread().block_on(async {
        let tasks = tokio::runtime::Handle::current().metrics();
        let moment = || tokio::time::sleep(Duration::from_millis(1));
        let mut first = Box::pin(echo(client.clone(), 0, 1));
        while client.statistics().parked == 0 {
            assert!(futures::poll!(&mut first).is_pending());
            moment().await;
        }
        let mut callers = Vec::new();
        for _ in 0..3 {
            // A caller that is asked for one brings a task.
            while tasks.num_alive_tasks() == 0 {
                moment().await;
                let mut caller = Box::pin(echo(client.clone(), 0, 1));
                assert!(futures::poll!(&mut caller).is_pending());
                callers.push(caller);
                assert!(callers.len() < 10_000, "no resident comes");
            }
            // The server loads all the time.
            let start = Instant::now();
            while tasks.num_alive_tasks() > 0 {
                moment().await;
                assert!(start.elapsed() < Duration::from_secs(30), "it stays");
            }
        }
    });
}

#[test]
fn a_runtime_that_is_entered_and_does_not_run_gets_one_task() {
    run_with("resident", "a_runtime_that_is_only_entered");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn a_runtime_that_is_only_entered() {
    let server = start(Server::builder().tcp());
    let client = server.client();
    let runtime = one_thread();
    let _entered = runtime.enter();
    // Polled by another executor, in the context of that runtime.
    futures::executor::block_on(echo(client.clone(), 0, 2_000));
    assert_eq!(runtime.metrics().num_alive_tasks(), 1);
    runtime.block_on(settle(&client));
}

#[test]
fn no_reply_goes_astray_while_the_connection_changes_hands() {
    run_with("flapping", "hand_overs_under_load");
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn hand_overs_under_load() {
    const CALLERS: usize = 16;
    const CALLS: usize = 2_000;
    let server = start(Server::builder().tcp());
    let client = server.client();
    for runtime in [one_thread(), two_workers()] {
        runtime.block_on(async {
            let callers: Vec<_> = (0..CALLERS)
                .map(|caller| tokio::spawn(echo(client.clone(), caller, CALLS)))
                .collect();
            for caller in callers {
                caller.await.expect("no caller fails");
            }
        });
    }
    // Callers of two runtimes and of none at once.
    let (one, two) = (one_thread(), two_workers());
    thread::scope(|scope| {
        for (number, runtime) in [&one, &two].into_iter().enumerate() {
            let client = client.clone();
            scope.spawn(move || runtime.block_on(echo(client, number, CALLS)));
        }
        let mut blocking = client.blocking();
        for count in 1..=500 {
            let counted: i64 = blocking.incr("k", 1).expect("it is served");
            assert_eq!(counted, count);
        }
    });
}
