//! What has been written and lost is sent again only where that does no harm: if it only reads, or if
//! the caller has called it idempotent. At most three times, and from a budget that all callers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{AsyncCommands, Pipeline, RedisResult, Value, cmd, pipe};
use redis_ready::{Client, ErrorKind};

use crate::support::errors::ours;
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::{open, run};

/// A server that closes the connection upon the first `losses` commands of any connection that are not
/// part of a handshake.
fn losing(losses: usize) -> FakeServer {
    let lost = Arc::new(AtomicUsize::new(0));
    FakeServer::resp3(move |command| match command[0].as_str() {
        "CLIENT" | "MULTI" => None,
        _ if lost.fetch_add(1, Ordering::SeqCst) < losses => Some(Answer::Close),
        "EXEC" => Some(Answer::line("*1\r\n$1\r\n1")),
        _ => Some(Answer::line("$1\r\n1")),
    })
}

fn client(server: &FakeServer) -> Client {
    open(&server.url(), "deadline=10s")
}

fn assert_lost<T: std::fmt::Debug>(result: RedisResult<T>) {
    let error = ours(&result.expect_err("it is lost"));
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.may_have_run());
}

#[test]
fn a_command_that_only_reads_is_sent_again_and_a_write_is_not() {
    let server = losing(1);
    let read: RedisResult<String> = run(client(&server).get("k"));
    assert_eq!(read.expect("it is sent again"), "1");
    assert_eq!(server.count("GET"), 2);

    let server = losing(1);
    let write: RedisResult<i64> = run(client(&server).incr("k", 1));
    assert_lost(write);
    assert_eq!(server.count("INCRBY"), 1);
}

#[test]
fn an_idempotent_write_is_sent_again_from_every_kind_of_handle() {
    let server = losing(1);
    let write: RedisResult<()> = run(client(&server).idempotent().set("k", "v"));
    write.expect("it is sent again");
    assert_eq!(server.count("SET"), 2);

    let server = losing(1);
    let mut blocking = client(&server).idempotent().blocking();
    let () = redis::Commands::set(&mut blocking, "k", "v").expect("it is sent again");
    assert_eq!(server.count("SET"), 2);

    let server = losing(1);
    let mut idempotent = client(&server).idempotent();
    let mut pipeline = pipe();
    pipeline.set("k", "v").ignore().get("k");
    let _: Value = run(pipeline.query_async(&mut idempotent)).expect("it is sent again");
    assert_eq!(server.count("SET"), 2);
}

/// How often `pipeline` is written where the first connection is lost upon it.
fn writes(pipeline: &Pipeline) -> usize {
    let server = losing(1);
    let _: RedisResult<Value> = run(pipeline.query_async(&mut client(&server)));
    server.count("GET")
}

#[test]
fn a_pipeline_is_sent_again_only_if_all_of_it_reads() {
    assert_eq!(writes(pipe().get("a").ttl("a")), 2);
    assert_eq!(writes(pipe().get("a").set("a", 1)), 1);
    assert_eq!(writes(pipe().atomic().get("a")), 2);
    assert_eq!(writes(pipe().atomic().get("a").incr("a", 1)), 1);
}

#[test]
fn nothing_is_written_more_than_three_times() {
    let server = losing(usize::MAX);
    let read: RedisResult<String> = run(client(&server).get("k"));
    assert_lost(read);
    assert_eq!(server.count("GET"), 3);

    let server = losing(usize::MAX);
    let write: RedisResult<()> = run(client(&server).idempotent().set("k", "v"));
    assert_lost(write);
    assert_eq!(server.count("SET"), 3);
}

#[test]
fn a_command_is_not_sent_again_after_its_deadline() {
    let server = losing(usize::MAX);
    // The back-off takes longer than that, as a rule.
    let client = open(&server.url(), "deadline=1ms");
    for _ in 0..5 {
        let _: RedisResult<String> = run(client.clone().get("k"));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.count("GET") <= 5, "{}", server.count("GET"));
}

#[test]
fn an_outage_is_not_multiplied_by_what_is_sent_again() {
    const CALLS: usize = 5_000;
    // Reads everything that is in flight at once, answers nothing, and ends.
    let server = FakeServer::resp3(|command| match command[0].as_str() {
        "CLIENT" | "PING" => None,
        "TIME" => Some(Answer::Close),
        _ => Some(Answer::Silence),
    });
    let client = client(&server);
    let lost = run(async {
        client.ping().await.expect("it is there");
        let calls: Vec<_> = (0..CALLS)
            .map(|_| {
                let mut client = client.clone();
                tokio::spawn(async move { client.get::<_, String>("k").await })
            })
            .collect();
        while server.count("GET") < CALLS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let end = redis::cmd("TIME");
        let _ = end.exec_async(&mut client.clone()).await;
        let mut lost = 0;
        for call in calls {
            let error = call.await.expect("no caller panics").expect_err("no reply");
            lost += usize::from(error.is_connection_dropped());
        }
        lost
    });
    let again = server.count("GET") - CALLS;
    println!("{CALLS} reads lost at once: {again} sent again, {lost} told so");
    assert!((900..=1_010).contains(&again), "{again}");
    assert_eq!(lost, CALLS - again);
}

/// A server that ends the first connection at its first command, and makes no second one.
fn gone_for_good() -> FakeServer {
    let connections = AtomicUsize::new(0);
    FakeServer::start(move |command| match command[0].as_str() {
        "HELLO" if connections.fetch_add(1, Ordering::SeqCst) > 0 => Answer::Silence,
        "HELLO" => Answer::hello(),
        "CLIENT" => Answer::ok(),
        _ => Answer::Close,
    })
}

#[test]
fn what_was_written_and_lost_may_have_run_whatever_happens_then() {
    let mut blpop = cmd("BLPOP");
    blpop.arg("k").arg(0.5);
    for command in [cmd("INCRBY").arg("k").arg(1), &mut blpop] {
        let server = gone_for_good();
        let client = open(&server.url(), "connect_timeout=300ms&deadline=1s");
        let reply: RedisResult<Value> = run(command.query_async(&mut client.idempotent()));
        let error = ours(&reply.expect_err("it is lost"));
        let written = server.count("INCRBY") + server.count("BLPOP");
        assert_eq!(written, 1, "{error:?}");
        assert!(error.may_have_run(), "{error:?}");
        assert!(!format!("{error:?}").contains("not run"), "{error:?}");
    }
}
