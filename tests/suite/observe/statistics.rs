//! The counters of a client add up.

use std::thread;
use std::time::Duration;

use redis::{AsyncCommands, Commands, RedisResult, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, Config, ErrorKind, Statistics};

use crate::support::errors::{kind_of, ok};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::process::wait_until;
use crate::support::{open, run, start};

#[test]
fn what_many_callers_send_is_counted() {
    const CALLERS: u64 = 64;
    const COMMANDS: u64 = 50;
    let server = start(Server::builder());
    let client = server.client();
    assert_eq!(client.statistics(), Statistics::default());
    run(async {
        let mut tasks = Vec::new();
        for caller in 0..CALLERS {
            let mut client = client.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..COMMANDS {
                    ok(client.incr::<_, _, u64>(caller, 1).await);
                }
            }));
        }
        for task in tasks {
            task.await.expect("it does not panic");
        }
    });
    let statistics = client.statistics();
    assert_eq!(statistics.commands, CALLERS * COMMANDS);
    assert_eq!(statistics.replies, CALLERS * COMMANDS);
    assert_eq!((statistics.failed, statistics.in_flight), (0, 0));
    assert_eq!((statistics.in_line, statistics.unsent_bytes), (0, 0));
    assert_eq!(statistics.connect_attempts, 1);
    assert_eq!((statistics.connections, statistics.reconnects), (1, 0));
    assert_eq!(statistics.shared_connections, 1);
}

#[test]
fn a_pipeline_is_one_submission_with_many_replies() {
    let server = start(Server::builder());
    let client = server.client();
    let mut pipeline = redis::pipe();
    pipeline.set("a", 1).ignore().get("a").get("a");
    ok(pipeline.query::<(u64, u64)>(&mut client.blocking()));
    let statistics = client.statistics();
    assert_eq!((statistics.commands, statistics.replies), (1, 3));
    ok(pipeline
        .atomic()
        .query::<(u64, u64)>(&mut client.blocking()));
    let statistics = client.statistics();
    assert_eq!((statistics.commands, statistics.replies), (2, 8));
}

#[test]
fn an_outage_is_counted() {
    let mut server = start(Server::builder().tcp());
    let client = open(server.url(), "deadline=500ms");
    let set = || -> RedisResult<()> { client.blocking().set("key", "value") };
    ok(set());
    server.kill().expect("it runs");
    wait_until("a call fails for want of a connection", || {
        kind_of(set()) == Some(ErrorKind::Unreachable)
    });
    let during = client.statistics();
    assert!(during.failed >= 1 && during.timeouts.not_connected >= 1);
    assert!(during.failed_connect_attempts >= 1);
    assert_eq!((during.connections, during.shared_connections), (1, 0));
    server.restart().expect("its port is free");
    wait_until("it serves again", || set().is_ok());
    let after = client.statistics();
    assert_eq!((after.connections, after.reconnects), (2, 1));
    assert_eq!(
        after.connect_attempts,
        after.failed_connect_attempts + after.connections
    );
    assert_eq!(after.shared_connections, 1);
}

#[test]
fn a_reply_that_does_not_come_is_counted_by_its_cause() {
    let server = FakeServer::resp3(|words| match words[0].as_str() {
        "GET" => Some(Answer::Silence),
        "LRANGE" => Some(Answer::Send(b"*2\r\n$1\r\na\r\n".to_vec())),
        _ => None,
    });
    let limits = "response_timeout=100ms&deadline=200ms";
    let client = open(&server.url(), limits);
    let silent: RedisResult<String> = client.blocking().get("key");
    assert_eq!(kind_of(silent), Some(ErrorKind::TimedOut));
    let timeouts = client.statistics().timeouts;
    assert_eq!((timeouts.no_reply, timeouts.slow_reply), (1, 0));
    let client = open(&server.url(), limits);
    let slow: RedisResult<Vec<String>> = client.blocking().lrange("key", 0, -1);
    assert_eq!(kind_of(slow), Some(ErrorKind::TimedOut));
    let timeouts = client.statistics().timeouts;
    assert_eq!((timeouts.no_reply, timeouts.slow_reply), (0, 1));
}

#[test]
fn connections_are_counted_by_what_they_are_for() {
    let server = start(Server::builder());
    let client = server.client();
    let waiting = client.clone();
    let call = thread::spawn(move || {
        let popped: RedisResult<(String, String)> = waiting.blocking().blpop("jobs", 30.0);
        ok(popped);
    });
    wait_until("it waits", || client.statistics().blocking_connections == 1);
    let mut connection = client
        .blocking()
        .dedicated_connection()
        .expect("the server takes it");
    let before = client.statistics();
    assert_eq!(before.dedicated_connections, 1);
    ok(cmd("PING").query::<String>(&mut connection));
    assert_eq!(client.statistics().commands, before.commands + 1);
    ok(client.blocking().rpush::<_, _, u64>("jobs", "work"));
    call.join().expect("it does not panic");
    let idle = client.statistics();
    assert_eq!(idle.blocking_connections, 0);
    assert_eq!(idle.idle_blocking_connections, 1);
    drop(connection);
    wait_until("it is closed, and still counted", || {
        let now = client.statistics();
        now.dedicated_connections == 0 && now.commands == idle.commands
    });
    assert_eq!(client.statistics().connections, 3);
}

#[test]
fn a_silent_connection_that_is_replaced_is_counted() {
    let server = FakeServer::resp3(|words| (words[0] == "GET").then_some(Answer::Silence));
    let client = open(&server.url(), "response_timeout=100ms");
    let result: RedisResult<String> = client.blocking().get("key");
    assert_eq!(kind_of(result), Some(ErrorKind::TimedOut));
    wait_until("it is replaced", || {
        thread::sleep(Duration::from_millis(20));
        client.statistics().silent_connections == 1
    });
}

#[test]
fn subscriptions_count_messages_and_what_finds_no_room() {
    let server = start(Server::builder());
    let config: Config = server.url().parse().expect("it is valid");
    let room = std::num::NonZeroUsize::new(2).expect("two is not zero");
    let client = Client::with_config(config.with_subscription_buffer(room));
    run(async {
        let _news = client.subscribe("news").await.expect("it is let in");
        let _all = client.psubscribe("*").await.expect("it is let in");
        let mut publisher = client.clone();
        for message in 0..5 {
            let () = ok(publisher.publish("news", message).await);
        }
        let counts = || client.statistics().subscriptions;
        // One for the channel and one for the pattern.
        wait_until("all have come", || counts().received == 10);
        assert_eq!((counts().open, counts().connections), (2, 1));
        assert_eq!((counts().dropped, counts().reconnects), (6, 0));
    });
    wait_until("none is left", || {
        client.statistics().subscriptions.open == 0
    });
}
