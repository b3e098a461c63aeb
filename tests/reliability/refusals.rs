//! R10: what the server refuses without running it is sent again where the answer proves that; everything else
//! reaches its caller as it is, and the connection stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::aio::ConnectionLike;
use redis::{AsyncCommands, Pipeline, RedisResult, Value, cmd, pipe};
use redis_ready::{Client, Error, ErrorKind};

use crate::support::fake_server::{Answer, FakeServer, LOADING};
use crate::support::{open, run};

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
pub(crate) fn refusing(
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

pub(crate) fn client(server: &FakeServer) -> Client {
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
