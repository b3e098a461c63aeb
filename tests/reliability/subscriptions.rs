//! R17: a subscription whose connection is killed again and again, under 5,000 messages a second.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis_ready::subscription::Event;
use redis_ready::testing::Server;
use redis_ready::{Client, Subscription};

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Times, best_of};
use crate::support::subscriber::{connect, kill};
use crate::support::{open, run, start};

const KILLS: usize = 50;
const RATE: usize = 5_000;
/// How often the publisher sends what is due.
const TICK: Duration = Duration::from_millis(5);
const RECOVERY: Duration = Duration::from_secs(1);
/// Messages between a gap and the next kill.
const BETWEEN: usize = 100;

/// Publishes numbers, in order, until it is dropped.
struct Publisher {
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<usize>>,
}

impl Publisher {
    fn start(server: &Server) -> Publisher {
        let over = Arc::new(AtomicBool::new(false));
        let (stop, mut connection) = (Arc::clone(&over), connect(server));
        let thread = thread::spawn(move || {
            let (begin, mut sent) = (Instant::now(), 0);
            while !stop.load(Ordering::Relaxed) {
                let ticks = begin.elapsed().as_millis() / TICK.as_millis();
                let due = usize::try_from(ticks).expect("it is short") * RATE / 200;
                let mut pipeline = redis::pipe();
                for number in sent..due {
                    pipeline.cmd("PUBLISH").arg("numbers").arg(number).ignore();
                }
                if sent < due {
                    pipeline.exec(&mut connection).expect("the server is up");
                    sent = due;
                }
                thread::sleep(TICK);
            }
            sent
        });
        Publisher {
            over,
            thread: Some(thread),
        }
    }

    fn stop(mut self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it is stopped once");
        thread.join().expect("it does not panic")
    }
}

struct Figures {
    gaps: usize,
    recoveries: Times,
    received: usize,
    published: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            gaps,
            recoveries,
            received,
            published,
        } = self;
        write!(
            f,
            "{KILLS} kills, {gaps} gaps, subscribed again after {recoveries}; \
             {received} of {published} messages received, none twice, none out of order"
        )
    }
}

/// Receives numbers until a gap comes; returns how many. Whatever is missing before it, or comes again, is
/// an error.
async fn until_gap(subscription: &mut Subscription, next: &mut usize) -> (usize, Duration) {
    let (mut received, mut losses) = (0, 0);
    loop {
        match subscription.next().await {
            Some(Event::Message(message)) => {
                let number: usize = message.parse().expect("a number");
                assert_eq!(number, *next, "in order, once, and without a hole");
                *next += 1;
                received += 1;
            }
            Some(Event::Lost(_)) => losses += 1,
            Some(Event::Gap(gap)) => {
                assert_eq!(losses, 1, "its beginning was told");
                assert!(
                    gap.cause().is_some() && gap.dropped_messages() == 0,
                    "{gap}"
                );
                return (received, gap.duration());
            }
            None => panic!("it has ended"),
        }
    }
}

/// Takes the first number after a gap, which is as high as any.
async fn first_after_gap(subscription: &mut Subscription, next: &mut usize) {
    let Some(Event::Message(message)) = subscription.next().await else {
        panic!("a message comes after a gap");
    };
    let number: usize = message.parse().expect("a number");
    assert!(number >= *next, "{number} has come before");
    *next = number + 1;
}

fn killed_again_and_again(server: &Server, client: &Client) -> Figures {
    let mut admin = connect(server);
    let (mut next, mut received, mut recoveries) = (0, 0, Vec::new());
    let mut subscription = run(client.subscribe("numbers")).expect("the server is up");
    let publisher = Publisher::start(server);
    run(async {
        first_after_gap(&mut subscription, &mut next).await;
        for _ in 0..KILLS {
            for _ in 0..BETWEEN {
                let message = subscription.next().await.and_then(Event::into_message);
                let number: usize = message.expect("one").parse().expect("a number");
                assert_eq!(number, next, "in order, once, and without a hole");
                next += 1;
            }
            assert_eq!(kill(&mut admin), 1);
            let (more, took) = until_gap(&mut subscription, &mut next).await;
            recoveries.push(took);
            first_after_gap(&mut subscription, &mut next).await;
            received += BETWEEN + more + 1;
        }
    });
    let count = publisher.stop();
    assert!(received < count, "what was published meanwhile is lost");
    Figures {
        gaps: recoveries.len(),
        recoveries: recoveries.into_iter().collect(),
        received,
        published: count,
    }
}

/// Attempts to connect of one client in an outage, as the promise about herds has it.
const OUTAGE: Duration = Duration::from_secs(10);
const MEAN_ATTEMPTS: usize = 25;
const MAX_ATTEMPTS: usize = 40;
const CLIENTS: usize = 20;

/// How often each of some clients, all with a caller and a subscription that wait, has tried to connect.
fn attempts_in_an_outage() -> Vec<usize> {
    let servers: Vec<_> = (0..CLIENTS)
        .map(|_| FakeServer::start(|_| Answer::Close))
        .collect();
    run(async {
        for server in &servers {
            let client = open(&server.url(), "deadline=60s");
            let mut caller = client.clone();
            tokio::spawn(async move { redis::cmd("GET").arg("k").exec_async(&mut caller).await });
            tokio::spawn(async move { client.subscribe("a").await.map(drop) });
        }
        tokio::time::sleep(OUTAGE).await;
        servers.iter().map(|server| server.count("HELLO")).collect()
    })
}

struct Attempts(Vec<usize>);

impl Attempts {
    fn mean(&self) -> usize {
        self.0.iter().sum::<usize>() / self.0.len()
    }

    fn max(&self) -> usize {
        self.0.iter().copied().max().unwrap_or(0)
    }
}

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} attempts on average, {} at most",
            self.mean(),
            self.max()
        )
    }
}

#[test]
fn an_outage_is_as_cheap_with_a_subscription_as_without() {
    best_of(
        || Attempts(attempts_in_an_outage()),
        |attempts, _| attempts.mean() <= MEAN_ATTEMPTS && attempts.max() <= MAX_ATTEMPTS,
    );
}

#[test]
fn a_subscription_that_is_killed_comes_back_within_a_second_and_tells_every_gap() {
    let server = start(Server::builder());
    for parameters in ["", "protocol=2"] {
        let client = open(server.url(), parameters);
        best_of(
            || {
                let figures = killed_again_and_again(&server, &client);
                assert_eq!(figures.gaps, KILLS);
                figures
            },
            |figures, lateness| figures.recoveries.max() <= RECOVERY + lateness,
        );
    }
}
