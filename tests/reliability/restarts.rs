//! R4: after a crash of the server the client is back by itself, and what was asked meanwhile waits.
//!
//! A server "accepts" when it answers its first PING, which is seen up to 5 ms late. The reads are
//! offered from 10 ms after the crash on: by then the client knows (R14). The back-off of an outage
//! under 10 s is at most a second, of 0.4 s on average.

use std::thread;
use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::AsyncCommands;
use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::measure::{Lateness, Times, assert_within, timed};
use crate::support::{open, run, start};

const ROUNDS: u32 = 20;
const READERS: u32 = 16;
const MEDIAN: Duration = Duration::from_millis(500);
const MAX: Duration = Duration::from_millis(1_500);

/// Crashes the server, reads while it is away, and returns how long after it was back the first
/// reader had an answer.
fn recovery(server: &mut Server, client: &Client, outage: Duration) -> Duration {
    run(client.ping()).expect("the server is up");
    server.kill().expect("it runs");
    thread::sleep(Duration::from_millis(10));
    let reading = client.clone();
    let readers = thread::spawn(move || {
        run(join_all((0..READERS).map(|reader| {
            let mut client = reading.clone();
            async move {
                // All through the outage.
                tokio::time::sleep(outage / READERS * reader).await;
                let (value, _) = timed(client.get::<_, Option<u32>>(reader)).await;
                value.map(|_| Instant::now())
            }
        })))
    });
    thread::sleep(outage);
    server.restart().expect("it starts again");
    let back = Instant::now();
    let answered = readers.join().expect("no panic");
    let first = answered
        .into_iter()
        .map(|answer| answer.expect("a read that was offered in an outage waits"))
        .min();
    let first = first.expect("there are readers");
    first.saturating_duration_since(back)
}

#[test]
fn a_crashed_server_is_found_again_soon_and_no_read_is_lost() {
    let mut server = start(Server::builder().tcp());
    let client = open(server.url(), "deadline=10s&response_timeout=5s");
    let lateness = Lateness::watch();
    let outages = (1..=ROUNDS).map(|round| Duration::from_millis(40) * round);
    let times: Times = outages
        .map(|outage| recovery(&mut server, &client, outage))
        .collect();
    println!("first success after {ROUNDS} restarts, {times}; no read of {READERS} a round lost");
    assert_within("median", times.median(), MEDIAN, &lateness);
    assert_within("worst", times.max(), MAX, &lateness);
}
