//! R5: a command that gets no reply fails when the response timeout is over: never before, and not
//! much later.
//!
//! The server is frozen with its connections open. A connection that is silent for three response
//! timeouts is replaced, and without one a command waits until its deadline instead; so the calls
//! come in bursts that are over before that.

use std::fmt;
use std::time::Duration;

use futures::future::join_all;
use redis::aio::ConnectionLike;
use redis::{AsyncCommands, RedisResult, Value, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, Error, ErrorKind};

use crate::support::measure::{Times, best_of_three, timed};
use crate::support::{run, start};

const TIMEOUT: Duration = Duration::from_millis(200);
const P99: Duration = Duration::from_millis(250);
const MAX: Duration = Duration::from_millis(450);
const BURSTS: u32 = 5;
const CALLS: u32 = 100;
/// Within two response timeouts all of them have failed.
const SPREAD: Duration = Duration::from_millis(180);

async fn session(client: &mut Client) -> u64 {
    let id = cmd("CLIENT").arg("ID").to_owned();
    id.query_async(client).await.expect("the server runs")
}

fn is_timed_out(reply: RedisResult<Value>) -> bool {
    let error = reply.expect_err("a frozen server does not reply");
    Error::from_redis(&error).map(Error::kind) == Some(ErrorKind::TimedOut)
}

async fn burst(client: &Client) -> Vec<Duration> {
    let calls = (0..CALLS).map(|call| {
        let mut client = client.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SPREAD / CALLS * call).await;
            let get = cmd("GET").arg(call).to_owned();
            let (reply, took) = timed(client.req_packed_command(&get)).await;
            assert!(is_timed_out(reply), "after {took:?}");
            took
        })
    });
    let calls = join_all(calls).await.into_iter();
    calls.map(|call| call.expect("it times out")).collect()
}

fn measure(server: &Server) -> Times {
    let url = format!("{}?response_timeout=200ms&deadline=20s", server.url());
    let mut client = Client::open(&url).expect("the URL is a good one");
    run(async {
        let before = session(&mut client).await;
        let mut times = Vec::new();
        for number in 0..BURSTS {
            server.pause().expect("it runs");
            times.extend(burst(&client).await);
            server.resume().expect("it is there");
            // The late replies come first, and reach nobody.
            let () = client.set("burst", number).await.expect("it runs");
            let read: u32 = client.get("burst").await.expect("it runs");
            assert_eq!(read, number);
        }
        assert_eq!(session(&mut client).await, before, "a new connection");
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
    best_of_three(
        || {
            let times = measure(&server);
            assert_eq!(times.len(), 500);
            assert!(times.min() >= TIMEOUT, "{times}");
            Figures(times)
        },
        |Figures(times)| times.percentile(99) <= P99 && times.max() <= MAX,
    );
}
