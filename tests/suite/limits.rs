//! What callers are told at the ends of the ranges: the longest timeouts, the smallest bounds, a client
//! that is being closed.

use std::time::{Duration, Instant};

use futures::future::poll_immediate;
use redis_ready::redis::{self, AsyncCommands, Value};
use redis_ready::testing::Server;
use redis_ready::{Client, Config, ErrorKind};

use crate::support::errors::{kind_of, ok};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::ports::ClosedPort;
use crate::support::{open, run, start};

#[test]
fn closing_waits_for_blocking_commands() {
    let server = start(Server::builder());
    run(async {
        let client = open(server.url(), "");
        let mut worker = client.clone();
        let mut pusher = open(server.url(), "");
        let waiting =
            tokio::spawn(async move { worker.blpop::<_, (String, u32)>("jobs", 30.0).await });
        until_blocked(&mut pusher).await;
        let closing = tokio::spawn({
            let client = client.clone();
            async move { client.close(Duration::from_secs(60)).await }
        });
        // The client refuses new commands, and the one that runs gets its element.
        while kind_of(client.clone().get::<_, Value>("k").await) != Some(ErrorKind::Closed) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Time enough to end it, were it not waited for.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let _: u32 = ok(pusher.lpush("jobs", 17).await);
        assert_eq!(ok(waiting.await.expect("no panic")).1, 17);
        closing.await.expect("no panic");
    });
}

#[test]
fn closing_does_not_wait_longer_than_its_grace_for_a_blocking_command() {
    let server = start(Server::builder());
    run(async {
        let client = open(server.url(), "");
        let mut worker = client.clone();
        let waiting = tokio::spawn(async move { worker.blpop::<_, Value>("jobs", 0.0).await });
        until_blocked(&mut open(server.url(), "")).await;
        let start = Instant::now();
        client.close(Duration::from_millis(300)).await;
        assert!(start.elapsed() >= Duration::from_millis(300));
        let result = waiting.await.expect("no panic");
        assert_eq!(kind_of(result), Some(ErrorKind::Closed));
    });
}

/// Waits until a client of the server is blocked.
async fn until_blocked(client: &mut Client) {
    loop {
        let info: String = ok(redis::cmd("INFO").arg("clients").query_async(client).await);
        if info.contains("blocked_clients:1") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn the_longest_timeouts_do_not_overflow() {
    let server = start(Server::builder());
    run(async {
        let longest = Duration::MAX;
        let config: Config = server.url().parse().expect("a URL");
        let config = config
            .with_connect_timeout(longest)
            .with_response_timeout(longest)
            .with_deadline(longest);
        let mut client = Client::with_config(config);
        client.ready(longest).await.expect("the server serves");
        let _: Value = ok(client.get("k").await);
        let _: Value = ok(client.blpop("k", 0.01).await);
        let mut connection = client.dedicated_connection().await.expect("it connects");
        let _: Value = ok(connection.get("k").await);
        client.close(longest).await;
    });
}

/// 1,000 callers may wait in an outage, and any more fail at once, however few may be in flight.
#[test]
fn the_bound_of_waiting_callers_holds_for_a_small_max_in_flight() {
    let closed = ClosedPort::new();
    let url = format!("redis://{}", closed.address());
    run(async {
        let client = open(&url, "max_in_flight=10&deadline=60s");
        let (mut waiting, mut refused) = (Vec::new(), 0);
        for _ in 0..1_500 {
            let mut client = client.clone();
            let mut call = Box::pin(async move { client.get::<_, Value>("k").await });
            match poll_immediate(&mut call).await {
                None => waiting.push(call),
                Some(reply) => {
                    assert_eq!(kind_of(reply), Some(ErrorKind::QueueFull));
                    refused += 1;
                }
            }
        }
        assert_eq!((waiting.len(), refused), (1_000, 500));
    });
}

/// A server that accepts and then closes is in its outage all the same: with the first window alone, 400
/// ms, it would get 25 connections in 5 s; with windows that grow to 1 s it gets about 10.
#[test]
fn a_server_that_accepts_and_then_closes_meets_a_growing_window() {
    let server = FakeServer::resp3(|words| (words[0] == "GET").then_some(Answer::Close));
    run(async {
        let mut client = open(&server.url(), "");
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            let _: redis::RedisResult<Value> = client.get("k").await;
        }
        let connections = server.accepted();
        assert!(connections <= 18, "{connections} connections in 5 s");
    });
}

#[test]
fn an_invalid_name_is_not_a_missing_variable() {
    for name in ["", "1_REDIS_URL", "REDIS-URL", "redis://:secret@h"] {
        let error = Client::from_env(name).expect_err("no variable has this name");
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{name}");
    }
}
