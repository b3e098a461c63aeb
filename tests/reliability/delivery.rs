//! R9: a command is executed at most once, and one that is told not to have run has not, while
//! connections are reset at random places on both sides.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, RedisResult, Value, cmd, pipe};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::ours;
use crate::support::proxy::{Proxy, Script, Step};
use crate::support::{open, run, start};

const RESETS: usize = 500;
/// Each has its own connection, so that the resets do not have to wait for one another's back-off.
const CLIENTS: usize = 20;
const CALLERS: usize = 8;
/// The bytes of a handshake in either direction, more or less: some connections end within it.
const HANDSHAKE: usize = 30;

/// Resets each connection somewhere, before or after the server has seen a command.
fn resetting(server: &Server, seed: u64) -> Proxy {
    Proxy::start(server, move |connection| {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(connection as u64));
        let to_server = random.bool();
        // Commands are about seven times as long as replies.
        let most = if to_server { 4_200 } else { 600 };
        let mut steps = vec![Step::Pass(HANDSHAKE + random.usize(0..most))];
        if random.u8(0..8) == 0 {
            // Late enough for a response timeout, and for waiting callers to run out of time.
            steps.push(Step::Delay(Duration::from_millis(300)));
            steps.push(Step::Pass(random.usize(0..100)));
        }
        steps.push(Step::Reset);
        if to_server {
            Script::to_server(steps)
        } else {
            Script::to_client(steps)
        }
    })
}

fn client(proxy: &Proxy) -> Client {
    open(
        &proxy.url(),
        "response_timeout=200ms&deadline=300ms&max_in_flight=6",
    )
}

/// What a caller knows of its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Done,
    /// It may have run.
    Unknown,
    /// It has not run.
    NotDone,
    /// The caller did not wait for it.
    Dropped,
}

impl Told {
    fn by<T>(reply: &RedisResult<T>) -> Told {
        match reply {
            Ok(_) => Told::Done,
            Err(error) => match ours(error).kind() {
                ErrorKind::ConnectionLost | ErrorKind::TimedOut => Told::Unknown,
                _ => Told::NotDone,
            },
        }
    }
}

/// Increments a key of the call's own, and with it, three times of four, the shared counter.
async fn increment<C: ConnectionLike + Send>(connection: &mut C, key: &str, way: u8) -> Told {
    let own = cmd("INCR").arg(key).to_owned();
    if way == 0 {
        let reply = own.query_async::<i64>(connection).await;
        if let Ok(count) = reply {
            assert_eq!(count, 1, "{key}");
        }
        return Told::by(&reply);
    }
    let mut both = pipe();
    both.add_command(own).cmd("INCR").arg("counter");
    if way == 1 {
        both.atomic();
    }
    let reply = both.query_async::<(i64, i64)>(connection).await;
    if let Ok((count, _)) = reply {
        assert_eq!(count, 1, "{key}");
    }
    Told::by(&reply)
}

/// Calls until there have been `resets`, and says what became of each call.
async fn call_through<C>(proxy: &Proxy, resets: usize, wrap: fn(Client) -> C) -> Calls
where
    C: ConnectionLike + Clone + Send + 'static,
{
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CLIENTS)
        .flat_map(|number| {
            let connection = wrap(client(proxy));
            (0..CALLERS).map(move |caller| (number * CALLERS + caller, connection.clone()))
        })
        .map(|(caller, mut connection)| {
            let over = Arc::clone(&over);
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(caller as u64);
                let mut calls = Calls::new();
                while !over.load(Ordering::SeqCst) {
                    let key = format!("call:{caller}:{}", calls.len());
                    let way = random.u8(0..4);
                    let call = increment(&mut connection, &key, way);
                    let told = if random.u8(0..20) == 0 {
                        let limit = Duration::from_micros(random.u64(0..3_000));
                        let reply = tokio::time::timeout(limit, call).await;
                        reply.unwrap_or(Told::Dropped)
                    } else {
                        call.await
                    };
                    calls.push((key, way, told));
                }
                calls
            })
        })
        .collect();
    while proxy.accepted() < resets + CLIENTS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    over.store(true, Ordering::SeqCst);
    let calls = futures::future::try_join_all(callers).await;
    calls.expect("no caller panics").concat()
}

/// The key, the way and the outcome of each call.
type Calls = Vec<(String, u8, Told)>;

#[derive(Debug, Default)]
struct Verdict {
    done: u64,
    unknown: u64,
    not_done: u64,
    dropped: u64,
    counter: u64,
    /// Executed more than once.
    duplicates: u64,
    /// Told to be done, and is not.
    lost: u64,
    /// Told not to be done, and is.
    done_after_all: u64,
    /// Calls of the shared counter that have certainly run, and those that may have.
    surely: u64,
    perhaps: u64,
}

impl Verdict {
    /// Asks the server what has really happened.
    async fn of(calls: &Calls, server: &Server) -> Verdict {
        // What a dropped connection had sent to the server is executed by now.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut client = open(server.url(), "response_timeout=60s&deadline=60s");
        let mut keys = cmd("MGET");
        keys.arg("counter");
        keys.arg(calls.iter().map(|(key, ..)| key).collect::<Vec<_>>());
        let counts: Vec<Option<u64>> = keys.query_async(&mut client).await.expect("it answers");
        let mut verdict = Verdict {
            counter: counts[0].unwrap_or(0),
            ..Verdict::default()
        };
        for ((_, way, told), count) in calls.iter().zip(&counts[1..]) {
            verdict.count(*told, *way > 0, count.unwrap_or(0));
        }
        verdict
    }

    fn count(&mut self, told: Told, shared: bool, count: u64) {
        self.duplicates += u64::from(count > 1);
        match told {
            Told::Done => {
                self.done += 1;
                self.lost += u64::from(count == 0);
                self.surely += u64::from(shared);
            }
            Told::Unknown => {
                self.unknown += 1;
                self.perhaps += u64::from(shared);
            }
            Told::Dropped => {
                self.dropped += 1;
                self.perhaps += u64::from(shared);
            }
            Told::NotDone => {
                self.not_done += 1;
                self.done_after_all += u64::from(count > 0);
            }
        }
    }

    fn is_right(&self) -> bool {
        let counter = self.surely <= self.counter && self.counter <= self.surely + self.perhaps;
        counter && self.duplicates == 0 && self.lost == 0 && self.done_after_all == 0
    }
}

#[test]
fn a_command_is_executed_at_most_once_and_not_if_it_is_told_so() {
    let seed = 9;
    let server = start(Server::builder().tcp());
    let proxy = resetting(&server, seed);
    let verdict = run(async {
        let calls = call_through(&proxy, RESETS, |client| client).await;
        Verdict::of(&calls, &server).await
    });
    println!("{verdict:?}, connections: {}", proxy.accepted());
    assert!(verdict.is_right(), "{verdict:?}, seed {seed}");
    // A run in which nothing is in doubt proves nothing.
    assert!(verdict.done > 2_000, "{verdict:?}");
    assert!(verdict.unknown > 200, "{verdict:?}");
    assert!(verdict.not_done > 100, "{verdict:?}");
    assert!(verdict.dropped > 50, "{verdict:?}");
}

#[test]
fn the_check_notices_a_client_that_sends_again_what_may_have_run() {
    let server = start(Server::builder().tcp());
    let proxy = resetting(&server, 10);
    let verdict = run(async {
        let calls = call_through(&proxy, 60, Replaying).await;
        Verdict::of(&calls, &server).await
    });
    assert!(!verdict.is_right(), "{verdict:?}");
    assert!(verdict.duplicates > 0, "{verdict:?}");
}

/// A connection with the defect that all of this looks for: it sends a command again that was lost
/// with its connection.
#[derive(Clone)]
struct Replaying(Client);

impl ConnectionLike for Replaying {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            match self.0.req_packed_command(cmd).await {
                Err(error) if ours(&error).kind() == ErrorKind::ConnectionLost => {
                    // The test does not get to see the count that would give it away at once.
                    let again = self.0.req_packed_command(cmd).await?;
                    Ok(if again == Value::Int(2) {
                        Value::Int(1)
                    } else {
                        again
                    })
                }
                reply => reply,
            }
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}
