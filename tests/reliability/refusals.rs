//! R10 and R12: what the server refuses without running it is sent again where the answer proves that;
//! everything else reaches its caller as it is, and the connection stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;
use redis::{AsyncCommands, Pipeline, RedisResult, Value, cmd, pipe};
use redis_ready::testing::Server;
use redis_ready::{Client, Error, ErrorKind, TimeoutCause};

use crate::support::errors::report;
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::process::{connect, query, wait_until};
use crate::support::{open, run, start, with_debug};

const LOADING: &str = "-LOADING Redis is loading the dataset in memory";

/// What the server says, how often a write is sent then, and whether the connection is left.
const CODES: [(&str, usize, bool); 24] = [
    ("LOADING Redis is loading the dataset in memory", 3, false),
    (
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        3,
        true,
    ),
    ("CLUSTERDOWN The cluster is down", 3, false),
    (
        "TRYAGAIN Multiple keys request during rehashing of slot",
        3,
        false,
    ),
    (
        "READONLY You can't write against a read only replica.",
        3,
        true,
    ),
    ("BUSY Redis is busy running a script.", 3, false),
    (
        "OOM command not allowed when used memory > 'maxmemory'.",
        1,
        false,
    ),
    (
        "MISCONF Redis is configured to save RDB snapshots",
        1,
        false,
    ),
    ("NOREPLICAS Not enough good replicas to write.", 1, false),
    ("NOAUTH Authentication required.", 1, false),
    (
        "WRONGPASS invalid username-password pair or user is disabled.",
        1,
        false,
    ),
    (
        "NOPERM this user has no permissions to run the 'set' command",
        1,
        false,
    ),
    ("ERR max number of clients reached", 1, false),
    ("MOVED 3999 127.0.0.1:6381", 1, false),
    ("ASK 3999 127.0.0.1:6381", 1, false),
    (
        "CROSSSLOT Keys in request don't hash to the same slot",
        1,
        false,
    ),
    (
        "EXECABORT Transaction discarded because of previous errors.",
        1,
        false,
    ),
    ("NOSCRIPT No matching script. Please use EVAL.", 1, false),
    (
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        1,
        false,
    ),
    ("BUSYGROUP Consumer Group name already exists", 1, false),
    (
        "UNKILLABLE Sorry the script already executed write commands",
        1,
        false,
    ),
    ("NOPROTO unsupported protocol version", 1, false),
    ("DENIED Redis is running in protected mode", 1, false),
    ("SOMETHING that no server has said yet", 1, false),
];

/// A server that refuses what `refuses` says with `error`, and answers the link's own questions as a
/// server with that trouble does: not before `serves`.
fn refusing(
    error: &str,
    refuses: impl Fn(&str) -> bool + Send + Sync + 'static,
    serves: impl Fn() -> bool + Send + Sync + 'static,
) -> FakeServer {
    let error = format!("-{error}");
    FakeServer::resp3(move |command| {
        Some(Answer::line(match command[0].as_str() {
            "CLIENT" | "MULTI" => return None,
            "ROLE" if serves() => "*3\r\n$6\r\nmaster\r\n:0\r\n*0",
            "ROLE" => "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0",
            "PING" | "CLUSTER" if serves() => "+PONG",
            "PING" | "CLUSTER" => &error,
            name if refuses(name) => &error,
            _ => return None,
        }))
    })
}

fn client(server: &FakeServer) -> Client {
    open(&server.url(), "deadline=5s")
}

#[test]
fn each_code_is_sent_again_where_that_is_safe_and_reaches_its_caller_otherwise() {
    std::thread::scope(|scope| {
        for (error, writes, leaves) in CODES {
            scope.spawn(move || {
                let code = error.split(' ').next().expect("a code");
                // It says that it serves, but goes on refusing.
                let server = refusing(error, |name| name == "SET", || true);
                let set: RedisResult<()> = run(client(&server).set("k", "v"));
                let answer = set.expect_err("it is refused");
                match Error::from_redis(&answer) {
                    // The URL is at fault, and that is said instead.
                    Some(error) if code == "MOVED" => {
                        assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{answer}");
                    }
                    _ => assert_eq!(answer.code(), Some(code), "{answer}"),
                }
                assert_eq!(server.count("SET"), writes, "{code}");
                assert_eq!(server.count("HELLO"), 1, "{code}");

                let asked = Arc::new(AtomicUsize::new(0));
                let count_asked = Arc::clone(&asked);
                let server = refusing(
                    error,
                    |name| name == "SET",
                    move || count_asked.fetch_add(1, Ordering::SeqCst) >= 2,
                );
                let set: RedisResult<()> = run(client(&server).set("k", "v"));
                set.expect_err("it is refused");
                let connections = server.count("HELLO");
                assert_eq!(connections > 1, leaves, "{code}: {connections} connections");
            });
        }
    });
    println!("R10: {} of {} codes", CODES.len(), CODES.len());
}

/// How often `pipeline` is written where the server refuses what `refuses` says.
fn writes(pipeline: &Pipeline, refuses: impl Fn(&str) -> bool + Send + Sync + 'static) -> usize {
    let server = refusing(
        "LOADING Redis is loading the dataset in memory",
        refuses,
        || true,
    );
    let mut client = client(&server);
    let _: RedisResult<Value> = run(pipeline.query_async(&mut client));
    let last = pipeline.cmd_iter().last().expect("a command");
    let name = match last.args_iter().next() {
        Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
        _ => panic!("a name"),
    };
    server.count(&name)
}

#[test]
fn a_pipeline_is_sent_again_only_if_every_command_was_refused() {
    let check = |pipeline: &mut Pipeline, refused: &'static [&str], expected| {
        let found = writes(pipeline, move |name| refused.contains(&name));
        assert_eq!(found, expected, "{refused:?} of {pipeline:?}");
    };
    check(pipe().incr("a", 1).set("b", 1), &["SET", "INCRBY"], 3);
    check(pipe().incr("a", 1).set("b", 1), &["SET"], 1);
    let mut script = pipe();
    script.cmd("EVAL").arg("…").arg(0).set("b", 1);
    check(&mut script, &["SET", "EVAL"], 1);
}

#[test]
fn scripts_are_not_sent_again_unless_they_are_idempotent() {
    for name in ["EVAL", "EVALSHA", "FCALL", "EVAL_RO"] {
        let server = refusing(
            "BUSY Redis is busy running a script.",
            move |n| n == name,
            || true,
        );
        let script = cmd(name).arg("…").arg(0).to_owned();
        let _ = run(client(&server).req_packed_command(&script));
        assert_eq!(server.count(name), 1);
        let _ = run(client(&server).idempotent().req_packed_command(&script));
        assert_eq!(server.count(name), 4);
    }
}

#[test]
fn a_transaction_is_sent_again_only_if_it_was_not_queued() {
    let mut transaction = pipe();
    transaction.atomic().set("a", 1).set("b", 1);
    // The real server's own answers: refused while it is queued ...
    let refuse_set = |error: &'static str| {
        let aborted = "-EXECABORT Transaction discarded because of previous errors.";
        FakeServer::resp3(move |command| match command[0].as_str() {
            "SET" => Some(Answer::line(error)),
            "EXEC" => Some(Answer::line(aborted)),
            _ => None,
        })
    };
    let server = refuse_set(LOADING);
    let _: RedisResult<Value> = run(transaction.query_async(&mut client(&server)));
    assert_eq!(server.count("EXEC"), 3);
    // ... for a reason that stays ...
    let server = refuse_set("-OOM command not allowed when used memory > 'maxmemory'.");
    let _: RedisResult<Value> = run(transaction.query_async(&mut client(&server)));
    assert_eq!(server.count("EXEC"), 1);
    // ... and by EXEC, which may have run something.
    let server = FakeServer::resp3(|command| match command[0].as_str() {
        "SET" => Some(Answer::line("+QUEUED")),
        "EXEC" => Some(Answer::line("-BUSY Redis is busy running a script.")),
        _ => None,
    });
    let _: RedisResult<Value> = run(transaction.query_async(&mut client(&server)));
    assert_eq!(server.count("EXEC"), 1);
}

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
        let serves = move || start.elapsed() > TROUBLE;
        let server = refusing(
            &format!("{code} not now"),
            move |name| name == "BLPOP" && !serves(),
            serves,
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
