//! What has been written and lost is sent again only where that does no harm: if it only reads, or if
//! the caller has called it idempotent. At most three times, and from a budget that all callers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{AsyncCommands, Pipeline, RedisResult, Value, pipe};
use redis_ready::{Client, Error, ErrorKind};

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::run;

/// A server that closes the connection upon the first `losses` commands of any connection that are not
/// part of a handshake.
fn losing(losses: usize) -> FakeServer {
    let lost = Arc::new(AtomicUsize::new(0));
    FakeServer::start(move |command| match command[0].as_str() {
        "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        "CLIENT" | "MULTI" => Answer::ok(),
        _ if lost.fetch_add(1, Ordering::SeqCst) < losses => Answer::Close,
        "EXEC" => Answer::line("*1\r\n$1\r\n1"),
        _ => Answer::line("$1\r\n1"),
    })
}

fn client(server: &FakeServer) -> Client {
    Client::open(&format!("{}?deadline=10s", server.url())).expect("the URL is a good one")
}

fn count(server: &FakeServer, name: &str) -> usize {
    let seen = server.seen();
    seen.iter().filter(|command| command[0] == name).count()
}

fn assert_lost<T: std::fmt::Debug>(result: RedisResult<T>) {
    let error = result.expect_err("it is lost");
    let error = Error::from_redis(&error).expect("it is ours");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.may_have_run());
}

#[test]
fn a_command_that_only_reads_is_sent_again_and_a_write_is_not() {
    let server = losing(1);
    let read: RedisResult<String> = run(client(&server).get("k"));
    assert_eq!(read.expect("it is sent again"), "1");
    assert_eq!(count(&server, "GET"), 2);

    let server = losing(1);
    let write: RedisResult<i64> = run(client(&server).incr("k", 1));
    assert_lost(write);
    assert_eq!(count(&server, "INCRBY"), 1);
}

#[test]
fn an_idempotent_write_is_sent_again_from_every_kind_of_handle() {
    let server = losing(1);
    let write: RedisResult<()> = run(client(&server).idempotent().set("k", "v"));
    write.expect("it is sent again");
    assert_eq!(count(&server, "SET"), 2);

    let server = losing(1);
    let mut blocking = client(&server).idempotent().blocking();
    let () = redis::Commands::set(&mut blocking, "k", "v").expect("it is sent again");
    assert_eq!(count(&server, "SET"), 2);

    let server = losing(1);
    let mut idempotent = client(&server).idempotent();
    let mut pipeline = pipe();
    pipeline.set("k", "v").ignore().get("k");
    let _: Value = run(pipeline.query_async(&mut idempotent)).expect("it is sent again");
    assert_eq!(count(&server, "SET"), 2);
}

/// How often `pipeline` is written where the first connection is lost upon it.
fn writes(pipeline: &Pipeline) -> usize {
    let server = losing(1);
    let _: RedisResult<Value> = run(pipeline.query_async(&mut client(&server)));
    count(&server, "GET")
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
    assert_eq!(count(&server, "GET"), 3);

    let server = losing(usize::MAX);
    let write: RedisResult<()> = run(client(&server).idempotent().set("k", "v"));
    assert_lost(write);
    assert_eq!(count(&server, "SET"), 3);
}

#[test]
fn a_command_is_not_sent_again_after_its_deadline() {
    let server = losing(usize::MAX);
    // The back-off takes longer than that, as a rule.
    let url = format!("{}?deadline=1ms", server.url());
    let client = Client::open(&url).expect("the URL is a good one");
    for _ in 0..5 {
        let _: RedisResult<String> = run(client.clone().get("k"));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(count(&server, "GET") <= 5, "{}", count(&server, "GET"));
}

#[test]
fn an_outage_is_not_multiplied_by_what_is_sent_again() {
    const CALLS: usize = 5_000;
    // Reads everything that is in flight at once, answers nothing, and ends.
    let server = FakeServer::start(|command| match command[0].as_str() {
        "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        "CLIENT" | "PING" => Answer::ok(),
        "QUIET" => Answer::Close,
        _ => Answer::Silence,
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
        while count(&server, "GET") < CALLS {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let end = redis::cmd("QUIET");
        let _ = end.exec_async(&mut client.clone()).await;
        let mut lost = 0;
        for call in calls {
            let error = call.await.expect("no caller panics").expect_err("no reply");
            lost += usize::from(error.is_connection_dropped());
        }
        lost
    });
    let again = count(&server, "GET") - CALLS;
    println!("{CALLS} reads lost at once: {again} sent again, {lost} told so");
    assert!((900..=1_010).contains(&again), "{again}");
    assert_eq!(lost, CALLS - again);
}

#[test]
fn what_was_written_and_lost_may_have_run_whatever_happens_then() {
    let has_gone = AtomicUsize::new(0);
    let server = FakeServer::start(move |command| match command[0].as_str() {
        // There is no second connection.
        "HELLO" if has_gone.fetch_add(1, Ordering::SeqCst) > 0 => Answer::Silence,
        "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        "CLIENT" => Answer::ok(),
        _ => Answer::Close,
    });
    let url = format!("{}?connect_timeout=300ms&deadline=1s", server.url());
    let mut client = Client::open(&url)
        .expect("the URL is a good one")
        .idempotent();
    let incr: RedisResult<i64> = run(client.incr("k", 1));
    let error = incr.expect_err("it is lost");
    let error = Error::from_redis(&error).expect("it is ours");
    assert_eq!(count(&server, "INCRBY"), 1);
    assert!(error.may_have_run(), "{error:?}");
    assert!(!format!("{error:?}").contains("not run"), "{error:?}");
}

#[test]
fn what_blocks_and_was_written_and_lost_may_have_run() {
    let has_gone = AtomicUsize::new(0);
    let server = FakeServer::start(move |command| match command[0].as_str() {
        "HELLO" if has_gone.fetch_add(1, Ordering::SeqCst) > 0 => Answer::Silence,
        "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        "CLIENT" => Answer::ok(),
        _ => Answer::Close,
    });
    let url = format!("{}?connect_timeout=300ms&deadline=1s", server.url());
    let mut client = Client::open(&url)
        .expect("the URL is a good one")
        .idempotent();
    let popped: RedisResult<Value> = run(client.blpop("k", 0.5));
    let error = popped.expect_err("it is lost");
    let error = Error::from_redis(&error).expect("it is ours");
    assert_eq!(count(&server, "BLPOP"), 1);
    assert!(error.may_have_run(), "{error:?}");
}
