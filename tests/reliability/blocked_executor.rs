//! Time-outs are about the server: an application that blocks its executor gets none from us.

use std::fmt;
use std::future::Future;
use std::thread;
use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis_ready::Client;
use redis_ready::testing::Server;
use tokio::runtime::{Builder, Runtime};

use crate::support::measure::best_of;
use crate::support::{NEVER, open, start};

const RESPONSE_TIMEOUT: Duration = Duration::from_millis(250);
/// For so long is every thread of the executor blocked, so many times.
const BLOCKED: Duration = Duration::from_millis(300);
const TIMES: usize = 6;
/// Between two blocks; there are commands in flight at the end of it.
const PAUSE: Duration = Duration::from_millis(5);
const TASKS: usize = 64;

#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    timed_out: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

fn two_workers() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all();
    builder.build().expect("a runtime starts")
}

fn one_thread() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all();
    builder.build().expect("a runtime starts")
}

/// Runs tasks that call again and again, while other tasks block `runtime`.
fn run_blocked<C>(runtime: &Runtime, connecting: impl Future<Output = C>) -> Tally
where
    C: ConnectionLike + Clone + Send + Sync + 'static,
{
    let workers = runtime.metrics().num_workers();
    runtime.block_on(async {
        let connection = connecting.await;
        let blockers: Vec<_> = (0..workers).map(|_| tokio::spawn(block())).collect();
        let callers: Vec<_> = (0..TASKS)
            .map(|_| tokio::spawn(call(connection.clone())))
            .collect();
        for blocker in blockers {
            blocker.await.expect("a blocker does not panic");
        }
        let mut tally = Tally::default();
        for caller in callers {
            let caller = tokio::time::timeout(NEVER, caller).await;
            let of_one = caller.expect("it ends").expect("a caller does not panic");
            tally.answered += of_one.answered;
            tally.timed_out += of_one.timed_out;
        }
        tally
    })
}

async fn block() {
    for _ in 0..TIMES {
        thread::sleep(BLOCKED);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Calls for as long as the executor is blocked again and again. A write is not sent again, so that
/// no time-out is hidden by a second attempt.
async fn call(mut connection: impl AsyncCommands + Sync) -> Tally {
    let mut tally = Tally::default();
    let end = tokio::time::Instant::now() + BLOCKED * u32::try_from(TIMES).expect("it is small");
    while tokio::time::Instant::now() < end {
        match connection.incr::<_, _, usize>("calls", 1).await {
            Ok(_) => tally.answered += 1,
            Err(error) if error.is_timeout() => tally.timed_out += 1,
            Err(error) => panic!("{error}"),
        }
    }
    tally
}

async fn ours(server: &Server) -> Client {
    let client = open(server.url(), "response_timeout=250ms");
    client.ping().await.expect("the server answers");
    client
}

/// A connection whose time-outs run on the executor of the application.
async fn of_the_executor(server: &Server) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).expect("the URL is a good one");
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .expect("the server answers")
}

fn check(runtime: &Runtime) {
    let server = start(Server::builder().tcp());
    let measure = || {
        let tally = run_blocked(runtime, ours(&server));
        // With fewer answers there was hardly a command in flight while the executor was blocked.
        assert!(tally.answered >= TASKS * TIMES / 2, "{tally:?}");
        tally
    };
    // A machine that is late by a response timeout makes the server time out.
    let spoiled = |late| late > RESPONSE_TIMEOUT;
    best_of(measure, |tally, late| tally.timed_out == 0 || spoiled(late));
}

#[test]
fn nothing_times_out_while_the_only_thread_is_blocked() {
    check(&one_thread());
}

#[test]
fn nothing_times_out_while_all_workers_are_blocked() {
    check(&two_workers());
}

#[test]
fn the_check_notices_time_outs_that_run_on_the_executor() {
    let server = start(Server::builder().tcp());
    // Where the executor reads the replies before it looks at the clock, nothing times out.
    let times_out = |_| {
        let tally = run_blocked(&one_thread(), of_the_executor(&server));
        println!("{tally:?}");
        tally.timed_out > 0
    };
    assert!((0..10).any(times_out), "nothing has timed out");
}
