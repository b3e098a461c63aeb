//! R5: a command that gets no reply fails when the response timeout is over: never before, and not
//! much later.
//!
//! It counts from the last byte of the server: while replies arrive, the deadline alone bounds a command.
//!
//! The server is frozen with its connections open. A connection that is silent for three response
//! timeouts is replaced, and without one a command waits until its deadline instead; so the calls
//! come in bursts that are over before that, unless this machine is late: then the burst is repeated.

use std::fmt;
use std::time::Duration;

use futures::future::join_all;
use redis::aio::ConnectionLike;
use redis::{AsyncCommands, cmd, pipe};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::{kind_of, ok, ours};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Times, best_of, timed};
use crate::support::proxy::{Proxy, Script, Step};
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

/// Answers each `GET` after a while.
fn slow(pause: Duration) -> FakeServer {
    FakeServer::resp3(move |words| {
        (words[0] == "GET").then(|| {
            std::thread::sleep(pause);
            Answer::line("$1\r\nv")
        })
    })
}

fn gets(count: usize) -> redis::Pipeline {
    let mut pipe = pipe();
    for _ in 0..count {
        pipe.get("k").ignore();
    }
    pipe
}

#[test]
fn a_pipeline_whose_replies_arrive_is_bounded_by_the_deadline_alone() {
    let server = slow(Duration::from_millis(5));
    run(async {
        let client = open(&server.url(), "response_timeout=500ms&deadline=60s");
        let (mut first, mut behind) = (client.clone(), client.clone());
        let pipe = gets(400);
        let pipeline = pipe.query_async::<()>(&mut first);
        let (pipeline, behind) = futures::join!(pipeline, behind.get::<_, String>("k"));
        ok(pipeline);
        assert_eq!(ok(behind), "v");

        let mut client = open(&server.url(), "response_timeout=500ms&deadline=1s");
        let (reply, took) = timed(gets(400).query_async::<()>(&mut client)).await;
        let error = ours(&reply.expect_err("it takes 2 s")).to_string();
        assert!(took >= Duration::from_secs(1), "{took:?}");
        let (came, rest) = error
            .split_once(" of 400 replies came from ")
            .expect(&error);
        assert!((1..400).contains(&came.parse().expect(&error)), "{error}");
        assert!(rest.ends_with("within 1s (`deadline`)"), "{error}");
    });
    assert_eq!(server.count("HELLO"), 2);
}

#[test]
fn a_large_value_on_a_slow_link_is_bounded_by_the_deadline_alone() {
    let server = start(Server::builder().tcp());
    let value = vec![b'x'; 2 * 1024 * 1024];
    let drip = |bytes, every| Script::to_client([Step::Pass(4), Step::Drip { bytes, every }]);
    let slow = Proxy::start(&server, move |_| drip(32 * 1024, Duration::from_millis(30)));
    let dribbling = Proxy::start(&server, move |_| drip(100, Duration::from_millis(100)));
    run(async {
        let () = ok(server.client().set("large", &value).await);
        let client = open(&slow.url(), "response_timeout=500ms&deadline=60s");
        let (mut first, mut behind) = (client.clone(), client);
        let large = timed(first.get::<_, Vec<u8>>("large"));
        let ((large, took), behind) = futures::join!(large, behind.exists::<_, bool>("large"));
        assert!(took > Duration::from_millis(500), "{took:?}");
        assert_eq!(ok(large).len(), value.len());
        assert!(ok(behind));

        let parameters = "connect_timeout=60s&response_timeout=500ms&deadline=3s";
        let mut client = open(&dribbling.url(), parameters);
        client
            .ready(Duration::from_secs(60))
            .await
            .expect("the handshake is short");
        let (reply, took) = timed(client.get::<_, Vec<u8>>("large")).await;
        let error = ours(&reply.expect_err("it takes minutes"));
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert!(
            error.to_string().contains("bytes of the reply came from"),
            "{error}"
        );
        assert!(
            error.to_string().ends_with("within 3s (`deadline`)"),
            "{error}"
        );
        assert!(took >= Duration::from_secs(3), "{took:?}");
    });
}
