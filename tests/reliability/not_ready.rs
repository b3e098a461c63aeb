//! R12: a server that does not serve yet is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult, Value, cmd, pipe};
use redis_ready::testing::Server;
use redis_ready::{Error, TimeoutCause};

use crate::refusals::{client, refusing};
use crate::support::errors::report;
use crate::support::fake_server::{Answer, FakeServer, LOADING};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::process::{connect, query, wait_until};
use crate::support::{open, run, start, with_debug};

/// What 64 callers see while a server does not serve for 3 s, and how often it is asked.
struct Outage {
    errors: usize,
    /// From the end of the trouble to the last good reply.
    late: Duration,
    /// What this machine has added to that.
    lateness: Lateness,
    lasted: Duration,
    questions: usize,
    connections: usize,
}

fn outage(error: &'static str, question: &'static str) -> Outage {
    let over = Arc::new(AtomicBool::new(false));
    let (over_yet, over_now) = (Arc::clone(&over), Arc::clone(&over));
    let server = refusing(
        error,
        move |name| matches!(name, "GET" | "SET") && !over_yet.load(Ordering::SeqCst),
        move || over_now.load(Ordering::SeqCst),
    );
    let client = client(&server);
    let lateness = Lateness::watch();
    let begin = Instant::now();
    let (errors, late) = run(async {
        let calls: Vec<_> = (0..64)
            .map(|caller| {
                let mut client = client.clone();
                tokio::spawn(async move {
                    let reply: RedisResult<Value> = if caller % 2 == 0 {
                        client.get("k").await
                    } else {
                        client.set("k", "v").await
                    };
                    (reply, Instant::now())
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(3)).await;
        over.store(true, Ordering::SeqCst);
        let end = Instant::now();
        let mut errors = 0;
        let mut last = Instant::now();
        for call in calls {
            let (reply, at) = call.await.expect("a caller never panics");
            errors += usize::from(reply.is_err());
            last = last.max(at);
        }
        (errors, last.saturating_duration_since(end))
    });
    let lasted = begin.elapsed();
    // Each caller's command is written once before and once after.
    assert_eq!(server.count("GET") + server.count("SET"), 2 * 64, "{error}");
    Outage {
        errors,
        late,
        lateness,
        lasted,
        questions: server.count(question),
        connections: server.count("HELLO"),
    }
}

#[test]
fn a_server_that_does_not_serve_yet_is_waited_for_by_one_question_for_all() {
    let causes = [
        (
            "LOADING Redis is loading the dataset in memory",
            "PING",
            false,
        ),
        ("MASTERDOWN Link with MASTER is down", "PING", true),
        ("CLUSTERDOWN The cluster is down", "CLUSTER", false),
    ];
    std::thread::scope(|scope| {
        for (error, question, leaves) in causes {
            scope.spawn(move || {
                let Outage {
                    errors,
                    late,
                    lateness,
                    lasted,
                    questions,
                    connections,
                } = outage(error, question);
                println!(
                    "R12: {error}: {errors} errors, served {late:?} after, \
                     {questions} questions, {connections} connections"
                );
                assert_eq!(errors, 0, "{error}");
                assert_within(error, late, Duration::from_millis(500), &lateness);
                // 20 in 3 s, and as many more as it lasted longer because this machine was late.
                let most = 20 * lasted.as_millis().max(3_500) / 3_500;
                assert!(
                    questions as u128 <= most,
                    "{error}: {questions} in {lasted:?}"
                );
                assert!(
                    if leaves {
                        connections <= 5
                    } else {
                        connections == 1
                    },
                    "{connections}"
                );
            });
        }
    });
}

#[test]
fn a_caller_that_is_held_gets_the_next_connection() {
    let start = Instant::now();
    let is_new = move || start.elapsed() > Duration::from_millis(1_500);
    let ended = AtomicBool::new(false);
    let server = FakeServer::resp3(move |command| match command[0].as_str() {
        "SET" | "PING" if !is_new() => Some(Answer::line(LOADING)),
        // Ends while it loads, and its successor serves.
        "PING" if is_new() && !ended.swap(true, Ordering::SeqCst) => Some(Answer::Close),
        _ => None,
    });
    let lateness = Lateness::watch();
    let (set, took) = run(timed(client(&server).set::<_, _, ()>("k", "v")));
    set.expect("it is written");
    assert_within("written", took, Duration::from_secs(4), &lateness);
}

#[test]
fn a_real_server_that_loads_its_data_is_waited_for() {
    const CALLERS: i64 = 64;
    let builder = with_debug(Server::builder().tcp());
    let server = start(
        builder
            .arg("--loading-process-events-interval-bytes")
            .arg("1024"),
    );
    let mut client = open(server.url(), "deadline=60s");
    let mut operator = open(server.url(), "response_timeout=60s&deadline=60s");
    let mut watcher = connect(&server);
    let (counter, statistics): (i64, String) = run(async {
        let fill = "for i = 1, 10000 do redis.call('SET', 'k' .. i, string.rep('x', 100)) end";
        let setup = pipe()
            .cmd("EVAL")
            .arg(fill)
            .arg(0)
            .cmd("CONFIG")
            .arg("SET")
            .arg("key-load-delay")
            .arg(200)
            .clone();
        setup.exec_async(&mut operator).await.expect("it is set up");
        // 200 µs for each key make two seconds.
        let reload = tokio::spawn(async move {
            let reload = cmd("DEBUG").arg("RELOAD").to_owned();
            reload.exec_async(&mut operator).await.expect("it is done");
        });
        wait_until("it loads", || {
            let info: String = query(&mut watcher, &["INFO", "persistence"]);
            info.contains("loading:1\r")
        });
        let calls: Vec<_> = (0..CALLERS)
            .map(|_| {
                let mut client = client.clone();
                tokio::spawn(async move {
                    let _: i64 = client.incr("counter", 1).await.expect("it is waited for");
                })
            })
            .collect();
        for call in calls {
            call.await.expect("no caller panics");
        }
        reload.await.expect("it does not panic");
        let info = cmd("INFO").arg("errorstats").to_owned();
        (
            client.get("counter").await.expect("it serves"),
            info.query_async(&mut client).await.expect("it serves"),
        )
    });
    println!("R12, a real server: {statistics}");
    assert_eq!(counter, CALLERS);
    assert!(
        statistics.contains("errorstat_LOADING"),
        "it never loaded: {statistics}"
    );
}

#[test]
fn a_blocking_command_waits_for_a_server_that_is_not_ready() {
    let start = Instant::now();
    let server = FakeServer::resp3(move |command| match command[0].as_str() {
        "SELECT" if start.elapsed() < Duration::from_millis(500) => Some(Answer::line(LOADING)),
        "BLPOP" => Some(Answer::line("*2\r\n$1\r\nk\r\n$1\r\nv")),
        _ => None,
    });
    let mut client = open(&format!("{}/1", server.url()), "");
    let popped: RedisResult<(String, String)> = run(client.blpop("k", 1.0));
    assert_eq!(popped.expect("it waits").1, "v");
}

/// Longer than the delays between the three times that it may be written.
#[test]
fn a_blocking_command_waits_until_the_server_serves() {
    const TROUBLE: Duration = Duration::from_secs(3);
    for code in ["LOADING", "BUSY"] {
        let start = Instant::now();
        let is_over = move || start.elapsed() > TROUBLE;
        let server = refusing(
            &format!("{code} not now"),
            move |name| name == "BLPOP" && !is_over(),
            is_over,
        );
        let mut client = open(&server.url(), "deadline=60s");
        let popped: RedisResult<Value> = run(client.blpop("k", 1.0));
        assert_eq!(popped.expect("it waits"), Value::Okay, "{code}");
        assert!(server.count("BLPOP") <= 3, "{code}");
    }
}

#[test]
fn a_blocking_command_that_is_refused_until_its_deadline_says_so() {
    let server = refusing("LOADING not now", |name| name == "BLPOP", || false);
    let mut client = open(&server.url(), "deadline=2s");
    let popped: RedisResult<Value> = run(client.blpop("k", 1.0));
    let error = popped.expect_err("it is refused");
    let text = report(&error);
    assert_eq!(error.code(), Some("LOADING"), "{text}");
    let error = Error::from_redis(&error).expect("it is ours");
    assert_eq!(
        error.timeout_cause(),
        Some(TimeoutCause::NotReady),
        "{text}"
    );
    assert!(!error.may_have_run(), "{text}");
    assert!(
        text.contains("was not ready within 2s (`deadline`): LOADING"),
        "{text}"
    );
}

#[test]
fn a_blocking_command_goes_on_when_a_server_that_is_not_ready_ends_its_connection() {
    let (refused, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let server = FakeServer::resp3(move |command| match command[0].as_str() {
        "BLPOP" if !refused.swap(true, Ordering::SeqCst) => Some(Answer::line(LOADING)),
        "PING" if !ended.swap(true, Ordering::SeqCst) => Some(Answer::Close),
        _ => None,
    });
    let mut client = open(&server.url(), "deadline=60s");
    let popped: RedisResult<Value> = run(client.blpop("k", 1.0));
    assert_eq!(popped.expect("it goes on"), Value::Okay);
    assert_eq!(server.count("PING"), 1);
    assert_eq!(server.count("BLPOP"), 2);
}
