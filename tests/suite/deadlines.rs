//! Every command ends in time, whatever came before it on the connection.

use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Value, cmd};
use redis_ready::ErrorKind;

use crate::support::errors::kind_of;
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::{open, run};

/// Answers everything but `GET`, on RESP2.
fn deaf_to_get() -> FakeServer {
    FakeServer::start(|words| match words[0].as_str() {
        "HELLO" => Answer::line("-ERR unknown command `HELLO`"),
        "GET" => Answer::Silence,
        "BLPOP" => Answer::line("*-1"),
        _ => Answer::ok(),
    })
}

async fn get(connection: &mut impl ConnectionLike) -> Option<ErrorKind> {
    let get = cmd("GET").arg("k").to_owned();
    let reply = get.query_async::<Value>(connection);
    let limit = Duration::from_secs(60);
    kind_of(tokio::time::timeout(limit, reply).await.expect("it ends"))
}

#[test]
fn a_command_after_an_idle_while_ends_in_time() {
    const IDLE: Duration = Duration::from_millis(700);
    let server = deaf_to_get();
    run(async {
        let mut client = open(&server.url(), "response_timeout=300ms");
        client.ping().await.expect("it answers");
        let mut connection = client.dedicated_connection().await.expect("it connects");
        let pop = cmd("BLPOP").arg("k").arg(0).to_owned();
        let _: Value = pop.query_async(&mut connection).await.expect("it answers");
        tokio::time::sleep(IDLE).await;
        let (shared, dedicated) = futures::join!(get(&mut client), get(&mut connection));
        assert_eq!(shared, Some(ErrorKind::TimedOut));
        assert_eq!(
            dedicated,
            Some(ErrorKind::TimedOut),
            "after a blocking command"
        );
    });
}

#[test]
fn a_caller_in_line_behind_late_commands_ends_in_time() {
    let server = deaf_to_get();
    run(async {
        // Long before three response timeouts, when the connection counts as dead.
        let parameters = "response_timeout=1s&deadline=1100ms&max_in_flight=1";
        let mut client = open(&server.url(), parameters);
        assert_eq!(get(&mut client).await, Some(ErrorKind::TimedOut));
        assert_eq!(get(&mut client).await, Some(ErrorKind::QueueFull));
    });
}

#[test]
fn waiting_in_line_counts_towards_the_deadline() {
    let server = FakeServer::start(|words| match words[0].as_str() {
        "HELLO" => Answer::line("-ERR unknown command `HELLO`"),
        "INCR" => {
            std::thread::sleep(Duration::from_millis(1_200));
            Answer::ok()
        }
        "GET" => Answer::Silence,
        _ => Answer::ok(),
    });
    run(async {
        let parameters = "response_timeout=5s&deadline=2s&max_in_flight=1";
        let mut client = open(&server.url(), parameters);
        client.ping().await.expect("it answers");
        let mut other = client.clone();
        let first =
            tokio::spawn(
                async move { cmd("INCR").arg("n").query_async::<Value>(&mut other).await },
            );
        while server.count("INCR") == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let lateness = Lateness::watch();
        let (told, took) = timed(get(&mut client)).await;
        assert_eq!(told, Some(ErrorKind::TimedOut));
        // Were the deadline counted from when it is written, this would be 3.2 s.
        assert_within("GET", took, Duration::from_millis(2_700), &lateness);
        first.await.expect("no panic").expect("it is answered");
    });
}
