//! What callers are told at the ends of the ranges: the longest timeouts, the smallest bounds, a client
//! that is being closed.

use std::time::{Duration, Instant};

use futures::future::poll_immediate;
use redis_ready::redis::{self, AsyncCommands, RedisResult, Value};
use redis_ready::testing::Server;
use redis_ready::{Client, Config, ErrorKind};
use tokio::task::JoinHandle;

use crate::support::errors::{kind_of, ok};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::ports::ClosedPort;
use crate::support::process::{connect, query, wait_until};
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
        let (client, waiting) = with_a_blocked_caller(&server).await;
        let start = Instant::now();
        client.close(Duration::from_millis(300)).await;
        assert!(start.elapsed() >= Duration::from_millis(300));
        let result = waiting.await.expect("no panic");
        assert_eq!(kind_of(result), Some(ErrorKind::Closed));
    });
}

#[test]
fn closing_does_not_wait_for_a_blocking_command_whose_caller_has_gone() {
    let server = start(Server::builder());
    run(async {
        let (client, waiting) = with_a_blocked_caller(&server).await;
        waiting.abort();
        let _ = waiting.await;
        let start = Instant::now();
        client.close(Duration::from_secs(60)).await;
        assert!(start.elapsed() < Duration::from_secs(30));
    });
}

/// A client one of whose callers waits for an element that does not come.
async fn with_a_blocked_caller(server: &Server) -> (Client, JoinHandle<RedisResult<Value>>) {
    let client = open(server.url(), "");
    let mut worker = client.clone();
    let waiting = tokio::spawn(async move { worker.blpop("jobs", 0.0).await });
    until_blocked(&mut open(server.url(), "")).await;
    (client, waiting)
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

/// Waits until an attempt to connect has failed: only then there is an outage.
async fn until_outage(client: &Client) {
    let ping = client.ready(Duration::from_millis(50)).await;
    assert!(ping.is_err());
}

/// 1,000 callers may wait in an outage, and any more fail at once, however few may be in flight.
#[test]
fn the_bound_of_waiting_callers_holds_for_a_small_max_in_flight() {
    let closed = ClosedPort::new();
    let url = format!("redis://{}", closed.address());
    run(async {
        let client = open(&url, "max_in_flight=10&deadline=60s");
        until_outage(&client).await;
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

/// A server that needs a while for the handshake, as one behind TLS or far away does.
fn slow_to_connect() -> FakeServer {
    FakeServer::start(|words| match words[0].as_str() {
        "HELLO" => {
            std::thread::sleep(Duration::from_millis(300));
            Answer::hello()
        }
        "GET" => Answer::line("$1\r\nv"),
        _ => Answer::ok(),
    })
}

async fn all_ok<T>(calls: impl Iterator<Item = impl Future<Output = redis::RedisResult<T>>>) {
    for reply in futures::future::join_all(calls).await {
        ok(reply);
    }
}

#[test]
fn any_number_of_first_commands_waits_for_the_first_connection() {
    let server = slow_to_connect();
    for max_in_flight in [10, 2_000, 10_000] {
        let parameters = format!("deadline=60s&response_timeout=60s&max_in_flight={max_in_flight}");
        let client = open(&server.url(), &parameters);
        run(all_ok((0..5_000).map(|_| {
            let mut client = client.clone();
            async move { client.get::<_, Value>("k").await }
        })));
    }
    let client = open(&server.url(), "deadline=60s&response_timeout=60s");
    let mebibyte = vec![b'x'; 1024 * 1024];
    run(all_ok((0..20).map(|_| {
        let (mut client, value) = (client.clone(), &mebibyte);
        async move { client.set::<_, _, ()>("k", value).await }
    })));
    assert_eq!(server.count("HELLO"), 4);
}

/// What is sent again after a loss is bounded for all callers together, but the loss is no outage.
#[test]
fn the_loss_of_a_connection_refuses_none_of_many_readers() {
    let server = start(Server::builder());
    let client = open(server.url(), "deadline=60s&response_timeout=60s");
    run(async {
        let mut other = open(server.url(), "");
        for _ in 0..5 {
            let id: u64 = ok(redis::cmd("CLIENT")
                .arg("ID")
                .query_async(&mut client.clone())
                .await);
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL").arg("ID").arg(id);
            let readers = futures::future::join_all((0..3_000).map(|_| {
                let mut client = client.clone();
                async move {
                    for _ in 0..5 {
                        let kind = kind_of(client.get::<_, Value>("k").await);
                        assert!(
                            matches!(kind, None | Some(ErrorKind::ConnectionLost)),
                            "{kind:?}"
                        );
                    }
                }
            }));
            let (killed, _) = futures::join!(kill.query_async::<u64>(&mut other), readers);
            assert_eq!(ok(killed), 1);
        }
    });
}

#[test]
fn callers_that_give_up_in_an_outage_leave_room_for_others() {
    let closed = ClosedPort::new();
    let url = format!("redis://{}", closed.address());
    run(async {
        let client = open(&url, "deadline=60s");
        until_outage(&client).await;
        // Many more than may wait, but never more than 100 at once, nor more than 5 MiB.
        let value = vec![b'x'; 50 * 1024];
        for _ in 0..30 {
            let callers = (0..100).map(|_| {
                let (mut client, value) = (client.clone(), &value);
                async move {
                    let set = client.set::<_, _, ()>("k", value);
                    let gave_up = tokio::time::timeout(Duration::from_millis(5), set).await;
                    assert!(gave_up.is_err(), "refused: {gave_up:?}");
                }
            });
            futures::future::join_all(callers).await;
        }
    });
}

#[test]
fn a_burst_of_blocking_commands_leaves_sixteen_connections_for_the_next_ones() {
    const KEPT: usize = 16;
    let server = start(Server::builder());
    let client = open(server.url(), "");
    let mut operator = connect(&server);
    let connections = |operator: &mut redis::Connection| {
        let list: String = query(operator, &["CLIENT", "LIST"]);
        let stats: redis::InfoDict = query(operator, &["INFO", "stats"]);
        let made: u64 = stats.get("total_connections_received").expect("a number");
        (list.lines().count(), made)
    };
    run(async {
        let burst = async |commands: usize, operator: &mut redis::Connection| {
            let callers = (0..commands).map(|_| {
                let mut client = client.clone();
                tokio::spawn(async move { client.blpop::<_, (String, String)>("jobs", 60.0).await })
            });
            let callers: Vec<_> = callers.collect();
            wait_until("all of them block", || {
                let clients: redis::InfoDict = query(operator, &["INFO", "clients"]);
                clients.get("blocked_clients") == Some(commands)
            });
            for _ in 0..commands {
                let _: u64 = query(operator, &["RPUSH", "jobs", "job"]);
            }
            for caller in callers {
                ok(caller.await.expect("no caller panics"));
            }
        };
        let before = connections(&mut operator);
        burst(3 * KEPT, &mut operator).await;
        wait_until("the others are closed", || {
            connections(&mut operator).0 == before.0 + KEPT
        });
        burst(KEPT, &mut operator).await;
        let (open, made) = connections(&mut operator);
        assert_eq!((open, made), (before.0 + KEPT, before.1 + 3 * KEPT as u64));
    });
}
