//! R5: a command that gets no reply fails when the response timeout is over: never before, and not
//! much later.
//!
//! The server is frozen with its connections open. A connection that is silent for three response
//! timeouts is replaced, and without one a command waits until its deadline instead; so the calls
//! come in bursts that are over before that, unless this machine is late: then the burst is repeated.

use std::fmt;
use std::time::Duration;

use futures::future::join_all;
use redis::aio::ConnectionLike;
use redis::{AsyncCommands, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::kind_of;
use crate::support::measure::{Times, best_of, timed};
use crate::support::{open, run, start};

const TIMEOUT: Duration = Duration::from_millis(200);
const P99: Duration = Duration::from_millis(250);
const MAX: Duration = Duration::from_millis(450);
const BURSTS: u32 = 5;
const CALLS: u32 = 100;
/// Within two response timeouts all of them have failed.
const SPREAD: Duration = Duration::from_millis(180);
/// Bursts that this machine may spoil by being late.
const SPOILED: usize = 20;

async fn session(client: &mut Client) -> u64 {
    let id = cmd("CLIENT").arg("ID").to_owned();
    id.query_async(client).await.expect("the server runs")
}

/// How long each call took; nothing where the connection was replaced meanwhile.
async fn burst(client: &Client) -> Option<Vec<Duration>> {
    let calls = (0..CALLS).map(|call| {
        let mut client = client.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SPREAD / CALLS * call).await;
            let get = cmd("GET").arg(call).to_owned();
            let (reply, took) = timed(client.req_packed_command(&get)).await;
            match kind_of(reply) {
                Some(ErrorKind::TimedOut) => Some(took),
                Some(ErrorKind::ConnectionLost) => None,
                other => panic!("{other:?} after {took:?}"),
            }
        })
    });
    let calls = join_all(calls).await.into_iter();
    calls.map(|call| call.expect("it fails")).collect()
}

/// Freezes the server for one burst.
async fn freeze(server: &Server, client: &mut Client, number: u32) -> Option<Vec<Duration>> {
    let before = session(client).await;
    server.pause().expect("it runs");
    let times = burst(client).await;
    server.resume().expect("it is there");
    // The late replies come first, and reach no other caller.
    let () = client.set("burst", number).await.expect("it runs");
    let read: u32 = client.get("burst").await.expect("it runs");
    assert_eq!(read, number);
    let same_session = session(client).await == before;
    times.filter(|_| same_session)
}

fn measure(server: &Server) -> Times {
    let mut client = open(server.url(), "response_timeout=200ms&deadline=20s");
    run(async {
        let (mut times, mut spoiled) = (Vec::new(), 0);
        for number in 0..BURSTS {
            let of_burst = loop {
                if let Some(times) = freeze(server, &mut client, number).await {
                    break times;
                }
                spoiled += 1;
                assert!(spoiled <= SPOILED, "the connection is replaced each time");
            };
            times.extend(of_burst);
        }
        println!("the connection was replaced in {spoiled} bursts more");
        times.into_iter().collect()
    })
}

#[test]
fn a_command_without_a_reply_fails_when_the_response_timeout_is_over() {
    struct Figures(Times);
    impl fmt::Display for Figures {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "response timeout of {TIMEOUT:?}, {}", self.0)
        }
    }
    let server = start(Server::builder().tcp());
    best_of(
        || {
            let times = measure(&server);
            assert_eq!(times.len(), 500);
            assert!(times.min() >= TIMEOUT, "{times}");
            Figures(times)
        },
        |Figures(times), late| times.percentile(99) <= P99 + late && times.max() <= MAX + late,
    );
}
