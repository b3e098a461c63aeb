//! R19: in an outage few commands wait, the others are refused at once, and memory is bounded.

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::future::{join_all, poll_immediate};
use redis::{RedisResult, Value, cmd};
use redis_ready::{Client, ErrorKind};

use crate::support::errors::kind_of;
use crate::support::measure::{Lateness, Times, assert_within};
use crate::support::ports::ClosedPort;
use crate::support::{child, open, run};

const MEMORY: usize = 32 * 1024 * 1024;
const REFUSED_WITHIN: Duration = Duration::from_millis(1);
const WAITING: usize = 1_000;
const WAITING_BYTES: usize = 8 * 1024 * 1024;
/// Longer than it takes to offer all commands: those that have waited so long make room for others.
const DEADLINE: Duration = Duration::from_secs(5);
const SLACK: Duration = Duration::from_millis(100);

struct Figures {
    offered: usize,
    size: usize,
    refused: Times,
    waited: Times,
    memory: usize,
    lateness: Lateness,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            offered,
            size,
            refused,
            waited,
            memory,
            lateness,
        } = self;
        let (waiting, memory) = (waited.len(), memory / 1024);
        writeln!(f, "{offered} commands of {size} bytes: {waiting} queued")?;
        writeln!(f, "  refused, {refused}")?;
        write!(
            f,
            "  failed by their deadline, {waited}; +{memory} KiB; {lateness}"
        )
    }
}

type Call = Pin<Box<dyn Future<Output = RedisResult<Value>> + Send>>;

fn set(client: &Client, value: &[u8]) -> Call {
    let mut client = client.clone();
    let set = cmd("SET").arg("key").arg(value).to_owned();
    Box::pin(async move { set.query_async(&mut client).await })
}

/// Offers so many commands, each with a value of `size` bytes, as fast as they are taken or refused.
async fn offer(offered: usize, size: usize) -> Figures {
    let closed = ClosedPort::new();
    let client = open(
        &format!("redis://{}", closed.address()),
        &format!("deadline={}s&response_timeout=1s", DEADLINE.as_secs()),
    );
    let lateness = Lateness::watch();
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
                assert_eq!(kind_of(reply), Some(ErrorKind::QueueFull));
            }
        }
    }
    let waited = join_all(queued.into_iter().map(|(start, call)| async move {
        assert_eq!(kind_of(call.await), Some(ErrorKind::Unreachable));
        start.elapsed()
    }));
    let waited = waited.await.into_iter().collect();
    Figures {
        lateness,
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
        lateness,
        ..
    } = figures;
    assert!(waited.len() <= WAITING);
    // The one that reaches the limit is let in.
    assert!((waited.len() - 1) * size <= WAITING_BYTES);
    assert!(refused.percentile(99) <= REFUSED_WITHIN);
    assert!(waited.min() >= DEADLINE);
    assert_within("waited", waited.max(), DEADLINE + SLACK, lateness);
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
