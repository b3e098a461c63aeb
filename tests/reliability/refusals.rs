//! R10 and R12: what the server refuses without running it is sent again where the answer proves that;
//! everything else reaches its caller as it is, and the connection stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;
use redis::{AsyncCommands, Pipeline, RedisResult, Value, cmd, pipe};
use redis_ready::testing::Server;
use redis_ready::{Client, Error, ErrorKind};

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::{run, start, with_debug};

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
    ("SOMETHING nobody has ever seen", 1, false),
];

/// A server that refuses what `refuses` says with `error`, and answers the link's own questions as a
/// server with that trouble does: not before `serves`.
fn refusing(
    error: &str,
    refuses: impl Fn(&str) -> bool + Send + Sync + 'static,
    serves: impl Fn() -> bool + Send + Sync + 'static,
) -> FakeServer {
    let error = format!("-{error}");
    FakeServer::start(move |command| match command[0].as_str() {
        "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        "CLIENT" | "MULTI" => Answer::ok(),
        "ROLE" if serves() => Answer::line("*3\r\n$6\r\nmaster\r\n:0\r\n*0"),
        "ROLE" => Answer::line("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0"),
        "PING" | "CLUSTER" if serves() => Answer::line("+PONG"),
        "PING" | "CLUSTER" => Answer::line(&error),
        name if refuses(name) => Answer::line(&error),
        _ => Answer::ok(),
    })
}

fn client(server: &FakeServer) -> Client {
    Client::open(&format!("{}?deadline=5s", server.url())).expect("the URL is a good one")
}

fn count(server: &FakeServer, name: &str) -> usize {
    let seen = server.seen();
    seen.iter().filter(|command| command[0] == name).count()
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
                assert_eq!(count(&server, "SET"), writes, "{code}");
                assert_eq!(count(&server, "HELLO"), 1, "{code}");

                let asked = Arc::new(AtomicUsize::new(0));
                let count_asked = Arc::clone(&asked);
                let server = refusing(
                    error,
                    |name| name == "SET",
                    move || count_asked.fetch_add(1, Ordering::SeqCst) >= 2,
                );
                let set: RedisResult<()> = run(client(&server).set("k", "v"));
                set.expect_err("it is refused");
                let connections = count(&server, "HELLO");
                assert_eq!(connections > 1, leaves, "{code}: {connections} connections");
            });
        }
    });
    println!("R10: {} of {} codes", CODES.len(), CODES.len());
}

/// How often `pipeline` is written where the server refuses what `refuses` says.
fn writes(pipeline: &Pipeline, refuses: fn(&str) -> bool) -> usize {
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
    count(&server, &name)
}

#[test]
fn a_pipeline_is_sent_again_only_if_every_command_was_refused() {
    let mut two = pipe();
    two.incr("a", 1).set("b", 1);
    assert_eq!(writes(&two, |name| name == "SET" || name == "INCRBY"), 3);
    let mut mixed = pipe();
    mixed.incr("a", 1).set("b", 1);
    assert_eq!(writes(&mixed, |name| name == "SET"), 1);
    let mut script = pipe();
    script.cmd("EVAL").arg("…").arg(0).set("b", 1);
    assert_eq!(writes(&script, |name| name == "SET" || name == "EVAL"), 1);
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
        assert_eq!(count(&server, name), 1);
        let _ = run(client(&server).idempotent().req_packed_command(&script));
        assert_eq!(count(&server, name), 4);
    }
}

#[test]
fn a_transaction_is_sent_again_only_if_it_was_not_queued() {
    let mut transaction = pipe();
    transaction.atomic().set("a", 1).set("b", 1);
    // The real server's own answers: refused while it is queued ...
    let refuse_set = |error: &'static str| {
        FakeServer::start(move |command| match command[0].as_str() {
            "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
            "SET" => Answer::line(error),
            "EXEC" => Answer::line("-EXECABORT Transaction discarded because of previous errors."),
            _ => Answer::ok(),
        })
    };
    let server = refuse_set("-LOADING Redis is loading the dataset in memory");
    let _: RedisResult<Value> = run(transaction.query_async(&mut client(&server)));
    assert_eq!(count(&server, "EXEC"), 3);
    // ... for a reason that stays ...
    let server = refuse_set("-OOM command not allowed when used memory > 'maxmemory'.");
    let _: RedisResult<Value> = run(transaction.query_async(&mut client(&server)));
    assert_eq!(count(&server, "EXEC"), 1);
    // ... and by EXEC, which may have run something.
    let server = FakeServer::start(|command| match command[0].as_str() {
        "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        "SET" => Answer::line("+QUEUED"),
        "EXEC" => Answer::line("-BUSY Redis is busy running a script."),
        _ => Answer::ok(),
    });
    let _: RedisResult<Value> = run(transaction.query_async(&mut client(&server)));
    assert_eq!(count(&server, "EXEC"), 1);
}

/// What 64 callers see while a server does not serve for 3 s, and how often it is asked.
struct Outage {
    errors: usize,
    /// From the end of the trouble to the last good reply.
    late: Duration,
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
        (errors, last - end)
    });
    // Each caller's command is written once before and once after.
    assert_eq!(
        count(&server, "GET") + count(&server, "SET"),
        2 * 64,
        "{error}"
    );
    Outage {
        errors,
        late,
        questions: count(&server, question),
        connections: count(&server, "HELLO"),
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
                    questions,
                    connections,
                } = outage(error, question);
                println!(
                    "R12: {error}: {errors} errors, served {late:?} after, \
                     {questions} questions, {connections} connections"
                );
                assert_eq!(errors, 0, "{error}");
                assert!(late <= Duration::from_millis(500), "{error}: {late:?}");
                assert!(questions <= 20, "{error}: {questions}");
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
    let server = FakeServer::start(move |command| match command[0].as_str() {
        "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        "SET" | "PING" if !is_new() => {
            Answer::line("-LOADING Redis is loading the dataset in memory")
        }
        // Ends while it loads, and its successor serves.
        "PING" if is_new() && !ended.swap(true, Ordering::SeqCst) => Answer::Close,
        _ => Answer::ok(),
    });
    let set: RedisResult<()> = run(client(&server).set("k", "v"));
    set.expect("it is written");
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
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
    let open = |limits| Client::open(&format!("{}?{limits}", server.url())).expect("a URL");
    let mut client = open("deadline=20s");
    let mut operator = open("response_timeout=60s&deadline=60s");
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
        tokio::time::sleep(Duration::from_millis(500)).await;
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
    let server = FakeServer::start(move |command| match command[0].as_str() {
        "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        "SELECT" if start.elapsed() < Duration::from_millis(500) => {
            Answer::line("-LOADING Redis is loading the dataset in memory")
        }
        "BLPOP" => Answer::line("*2\r\n$1\r\nk\r\n$1\r\nv"),
        _ => Answer::ok(),
    });
    let mut client = Client::open(&format!("{}/1", server.url())).expect("the URL is a good one");
    let popped: RedisResult<(String, String)> = run(client.blpop("k", 1.0));
    assert_eq!(popped.expect("it waits").1, "v");
}
