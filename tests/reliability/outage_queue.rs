//! R19: in an outage few commands wait, the others are refused at once, and memory is bounded.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::future::{join_all, poll_immediate};
use redis::{RedisResult, Value, cmd};
use redis_ready::{Client, Error, ErrorKind};

use crate::support::child;
use crate::support::measure::Times;
use crate::support::run;

const MEMORY: usize = 32 * 1024 * 1024;
const REFUSED_WITHIN: Duration = Duration::from_millis(1);
const WAITING: usize = 1_000;
const WAITING_BYTES: usize = 8 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_millis(100);

struct Figures {
    offered: usize,
    size: usize,
    refused: Times,
    waited: Times,
    memory: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            offered,
            size,
            refused,
            waited,
            memory,
        } = self;
        let (waiting, memory) = (waited.len(), memory / 1024);
        writeln!(f, "{offered} commands of {size} bytes: {waiting} queued")?;
        writeln!(f, "  refused, {refused}")?;
        write!(f, "  failed by their deadline, {waited}; +{memory} KiB")
    }
}

fn kind(reply: RedisResult<Value>) -> Option<ErrorKind> {
    let error = reply.expect_err("there is no server");
    Error::from_redis(&error).map(Error::kind)
}

type Call = Pin<Box<dyn Future<Output = RedisResult<Value>> + Send>>;

fn set(client: &Client, value: &[u8]) -> Call {
    let mut client = client.clone();
    let set = cmd("SET").arg("key").arg(value).to_owned();
    Box::pin(async move { set.query_async(&mut client).await })
}

/// Offers so many commands, each with a value of `size` bytes, as fast as they are taken or refused.
async fn offer(offered: usize, size: usize) -> Figures {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a port is free")
        .port();
    let url = format!("redis://127.0.0.1:{port}?deadline=2s&response_timeout=1s");
    let client = Client::open(&url).expect("the URL is a good one");
    let value = vec![b'x'; size];
    let mut queued: Vec<(Instant, Call)> = Vec::with_capacity(WAITING);
    let mut refused = Vec::with_capacity(offered);
    let before = child::resident();
    for number in 0..offered {
        if number % 100 == 0 && number < WAITING {
            // So that not all of them have the same deadline.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut call = set(&client, &value);
        let start = Instant::now();
        match poll_immediate(call.as_mut()).await {
            None => queued.push((start, call)),
            Some(reply) => {
                refused.push(start.elapsed());
                assert_eq!(kind(reply), Some(ErrorKind::QueueFull));
            }
        }
    }
    let waited = join_all(queued.into_iter().map(|(start, call)| async move {
        assert_eq!(kind(call.await), Some(ErrorKind::Unreachable));
        start.elapsed()
    }));
    let waited = waited.await.into_iter().collect();
    Figures {
        offered,
        size,
        refused: refused.into_iter().collect(),
        waited,
        memory: child::peak_resident().saturating_sub(before),
    }
}

#[track_caller]
fn check(figures: &Figures) {
    println!("{figures}");
    let Figures {
        size,
        refused,
        waited,
        memory,
        ..
    } = figures;
    assert!(waited.len() <= WAITING);
    // The one that reaches the limit is let in.
    assert!((waited.len() - 1) * size <= WAITING_BYTES);
    assert!(refused.percentile(99) <= REFUSED_WITHIN);
    assert!(waited.min() >= DEADLINE);
    assert!(waited.max() <= DEADLINE + SLACK);
    assert!(*memory <= MEMORY);
}

#[test]
#[ignore = "runs in a child process of the other test"]
fn many_commands_offered() {
    let figures = run(offer(100_000, 10));
    check(&figures);
    assert_eq!(figures.waited.len(), WAITING, "fewer than could wait");
    check(&run(offer(10_000, 100 * 1024)));
}

#[test]
fn an_outage_takes_little_memory_and_refuses_at_once() {
    child::run("outage_queue::many_commands_offered");
}
