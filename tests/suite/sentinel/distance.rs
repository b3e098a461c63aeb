//! Sentinels that are far away, and those that have not been told of the service yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult};
use redis_ready::ErrorKind;
use redis_ready::testing::Server;

use crate::support::errors::{ok, ours};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::{open, run, start};

/// Longer than the slower Sentinels are waited for.
const FAR: Duration = Duration::from_millis(400);

/// A sentinel whose answers take `delay`, and that names the server on `port`; none without one.
fn sentinel(delay: Duration, port: Option<u16>) -> FakeServer {
    FakeServer::resp3(move |words| {
        thread::sleep(delay);
        (words[0] == "SENTINEL").then(|| named(port))
    })
}

fn named(port: Option<u16>) -> Answer {
    match port.map(|port| port.to_string()) {
        Some(port) => Answer::line(&format!(
            "*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}",
            port.len()
        )),
        None => Answer::line("_"),
    }
}

fn url(sentinels: &[&FakeServer]) -> String {
    let addresses = sentinels.iter().map(|sentinel| sentinel.address());
    let addresses: Vec<String> = addresses.collect();
    format!("redis-sentinel://{}/main", addresses.join(","))
}

#[test]
fn a_sentinel_that_is_far_away_is_waited_for_as_long_as_none_has_answered() {
    let server = start(Server::builder().tcp());
    let far = sentinel(FAR, server.port());
    let stranger = sentinel(Duration::ZERO, None);
    run(async {
        for sentinels in [&[&far][..], &[&stranger, &far]] {
            let mut client = open(&url(sentinels), "connect_timeout=20s&deadline=40s");
            let () = ok(client.set("key", "value").await);
        }
    });
}

#[test]
fn sentinels_that_are_far_away_are_not_waited_for_once_another_has_answered() {
    let server = start(Server::builder().tcp());
    let near = sentinel(Duration::ZERO, server.port());
    let silent = [FakeServer::silent(), FakeServer::silent()];
    let url = url(&[&silent[0], &near, &silent[1]]);
    run(async {
        let mut client = open(&url, "connect_timeout=20s&deadline=40s");
        let lateness = Lateness::watch();
        let (set, time) = timed(client.set("key", "value")).await;
        let () = ok(set);
        assert_within("the first command", time, Duration::from_secs(3), &lateness);
    });
}

#[test]
fn the_report_says_what_a_sentinel_has_not_answered() {
    let asked = FakeServer::resp3(|words| (words[0] == "SENTINEL").then_some(Answer::Silence));
    let greeted = FakeServer::silent();
    let url = url(&[&asked, &greeted]);
    run(async {
        let mut client = open(&url, "connect_timeout=300ms&deadline=1s");
        let reply: RedisResult<()> = client.set("key", 1).await;
        let text = ours(&reply.expect_err("no Sentinel answers")).to_string();
        for (sentinel, phase) in [
            (&asked, "`SENTINEL get-master-addr-by-name`"),
            (&greeted, "the handshake"),
        ] {
            let expected = format!(
                "`{}` did not answer {phase} within 300ms",
                sentinel.address()
            );
            assert!(text.contains(&expected), "{text}");
        }
    });
}

#[test]
fn a_primary_that_is_frozen_is_not_overtaken_by_another_one_that_is_named() {
    let (frozen, server) = (FakeServer::silent(), start(Server::builder().tcp()));
    let first = sentinel(Duration::ZERO, Some(frozen.port()));
    let second = sentinel(Duration::from_millis(50), server.port());
    run(async {
        // With the default connect timeout and deadline.
        let mut client = open(&url(&[&first, &second]), "");
        // The other one may be the primary of before a failover: what it is told would be lost.
        let set: RedisResult<()> = client.set("key", "value").await;
        set.expect_err("the Sentinels do not agree, and the first one is silent");
        assert!(frozen.accepted() >= 1);
    });
}

#[test]
fn sentinels_that_are_told_of_the_service_later_are_waited_for() {
    let server = start(Server::builder().tcp());
    let (port, is_told) = (server.port(), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&is_told);
    let sentinel = FakeServer::resp3(move |words| {
        let port = port.filter(|_| told.load(Ordering::SeqCst));
        (words[0] == "SENTINEL").then(|| named(port))
    });
    let client = open(&url(&[&sentinel]), "");
    run(async {
        let limit = Duration::from_millis(700);
        let (ready, time) = timed(client.ready(limit)).await;
        let error = ready.expect_err("no server is named");
        println!("{error:?}");
        assert!(time >= limit, "{time:?}");
        assert_eq!(error.kind(), ErrorKind::NotReady, "{error:?}");
        let text = format!("{error:?}");
        for part in [&*sentinel.address(), "`main`", "SENTINEL MONITOR"] {
            assert!(text.contains(part), "{text}");
        }

        let (mut calling, waiting) = (client.clone(), client.clone());
        let call = tokio::spawn(async move { calling.set("key", 1).await });
        let ready = tokio::spawn(async move { waiting.ready(Duration::from_secs(60)).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!ready.is_finished() && !call.is_finished());
        is_told.store(true, Ordering::SeqCst);
        let ready = ready.await.expect("it does not panic");
        ready.unwrap_or_else(|error| panic!("{error:?}"));
        let set: RedisResult<()> = call.await.expect("it does not panic");
        ok(set);
    });
}

#[test]
fn a_name_that_does_not_exist_yet_is_waited_for() {
    let client = open("redis-sentinel://sentinel.invalid/main", "");
    let limit = Duration::from_millis(500);
    let begin = Instant::now();
    let error = run(client.ready(limit)).expect_err("there is no such name");
    assert!(begin.elapsed() >= limit, "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    let text = format!("{error:?}");
    assert!(text.contains("sentinel.invalid"), "{text}");
}
