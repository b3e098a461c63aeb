//! What a command was waiting for when its time was up: each cause 100 times, with both drivers.
//!
//! Each case is a process of its own, because the driver is chosen for a process.

use std::io::Write;
use std::process::Command;
use std::thread;
use std::time::Duration;

use redis_ready::redis::{AsyncCommands, RedisResult, Value};
use redis_ready::{Client, Error, ErrorKind, TimeoutCause};

use crate::support::child;
use crate::support::fake_server::{Answer, FakeServer, HELLO, listen, read_command};
use crate::support::ports::ClosedPort;
use crate::support::{open, run};

const CALLERS: usize = 100;
const LIMIT: Duration = Duration::from_millis(400);
/// Longer than what is not the limit of a case.
const LONG: &str = "connect_timeout=20s&response_timeout=20s&deadline=20s";

fn with_both_drivers(name: &str) {
    for driver in ["io_thread", "resident"] {
        let name = format!("timeout_causes::{name}");
        let mut child = child::ignored_test(&name);
        child::finish(child.env("REDIS_READY_DRIVER", driver));
    }
}

/// Answers everything but `GET`.
fn deaf_to_get() -> FakeServer {
    FakeServer::resp3(|words| (words[0] == "GET").then_some(Answer::Silence))
}

/// So that a resident drives the connection, where one may.
async fn warm_up(client: &Client) {
    for _ in 0..300 {
        client.ping().await.expect("it answers");
    }
}

/// Sends from 100 tasks at once.
async fn errors(client: &Client) -> Vec<Error> {
    let calls = (0..CALLERS).map(|_| {
        let mut client = client.clone();
        tokio::spawn(async move { client.get("k").await })
    });
    let results = futures::future::join_all(calls).await;
    let error = |result: RedisResult<Value>| {
        let error = result.expect_err("its time is up");
        Error::from_redis(&error)
            .cloned()
            .unwrap_or_else(|| panic!("{error:?}"))
    };
    results
        .into_iter()
        .map(|result| error(result.expect("no panic")))
        .collect()
}

/// Checks that all say the cause, and name what limits them and how single commands get more time.
#[track_caller]
fn check(errors: &[Error], cause: TimeoutCause, kind: ErrorKind, names: &[&str]) {
    assert_eq!(errors.len(), CALLERS);
    for error in errors {
        assert_eq!(error.timeout_cause(), Some(cause), "{error:?}");
        assert_eq!(error.kind(), kind, "{error:?}");
        let is_written = kind == ErrorKind::TimedOut;
        assert_eq!(error.may_have_run(), is_written, "{error:?}");
        let (text, report) = (error.to_string(), format!("{error:?}"));
        for name in names {
            assert!(text.contains(name), "{name}: {text}");
        }
        assert!(report.contains("with_timeout"), "{report}");
    }
    println!("{}", errors[0]);
}

#[test]
fn no_connection() {
    with_both_drivers("child_no_connection");
}

#[test]
#[ignore = "runs in a child process"]
fn child_no_connection() {
    let port = ClosedPort::new();
    let client = open(&format!("redis://{}", port.address()), LONG);
    let limited = run(errors(&client.with_timeout(LIMIT)));
    let names = ["no connection", "400ms (`with_timeout`)", "refused"];
    check(
        &limited,
        TimeoutCause::NotConnected,
        ErrorKind::Unreachable,
        &names,
    );
    let client = open(&format!("redis://{}", port.address()), "deadline=300ms");
    let told = &run(errors(&client))[0];
    assert!(told.to_string().contains("300ms (`deadline`)"), "{told}");
}

#[test]
fn no_room() {
    with_both_drivers("child_no_room");
}

#[test]
#[ignore = "runs in a child process"]
fn child_no_room() {
    let server = deaf_to_get();
    run(async {
        let client = open(
            &server.url(),
            "response_timeout=20s&deadline=600ms&max_in_flight=1",
        );
        warm_up(&client).await;
        let mut first = client.with_timeout(Duration::from_secs(20));
        let first = tokio::spawn(async move { first.get::<_, Value>("k").await });
        while server.count("GET") == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let names = ["`max_in_flight`", "600ms (`deadline`)"];
        let told = errors(&client).await;
        check(
            &told,
            TimeoutCause::WaitingForRoom,
            ErrorKind::QueueFull,
            &names,
        );
        first.abort();
    });
}

#[test]
fn a_server_that_is_not_ready() {
    with_both_drivers("child_not_ready");
}

#[test]
#[ignore = "runs in a child process"]
fn child_not_ready() {
    let server = FakeServer::resp3(|words| match words[0].as_str() {
        "GET" | "PING" => Some(Answer::line("-LOADING it loads its data")),
        _ => None,
    });
    let client = open(&server.url(), "deadline=700ms");
    let told = run(errors(&client));
    let names = ["was not ready", "700ms (`deadline`)", "LOADING"];
    check(&told, TimeoutCause::NotReady, ErrorKind::NotReady, &names);
}

#[test]
fn a_silent_server() {
    with_both_drivers("child_no_reply");
}

#[test]
#[ignore = "runs in a child process"]
fn child_no_reply() {
    let server = deaf_to_get();
    run(async {
        let client = open(&server.url(), "response_timeout=400ms&deadline=20s");
        warm_up(&client).await;
        let names = ["no reply", "400ms (`response_timeout`)"];
        let told = errors(&client).await;
        check(&told, TimeoutCause::NoReply, ErrorKind::TimedOut, &names);
        let names = ["no reply", "100ms (`with_timeout`)"];
        let told = errors(&client.with_timeout(Duration::from_millis(100))).await;
        check(&told, TimeoutCause::NoReply, ErrorKind::TimedOut, &names);
    });
}

#[test]
fn a_slow_reply() {
    with_both_drivers("child_slow_reply");
}

#[test]
#[ignore = "runs in a child process"]
fn child_slow_reply() {
    // A long string, bit by bit.
    let port = listen(|stream| {
        let mut writer = &stream;
        let mut reader = std::io::BufReader::new(&stream);
        while let Ok(Some(words)) = read_command(&mut reader) {
            let sent = match words[0].as_str() {
                "HELLO" => writer.write_all(HELLO),
                "GET" => break,
                _ => writer.write_all(b"+OK\r\n"),
            };
            sent.expect("the client reads");
        }
        let mut next = &b"$1000000\r\n"[..];
        while writer.write_all(next).is_ok() {
            next = b"a bit of the value";
            thread::sleep(Duration::from_millis(10));
        }
    });
    run(async {
        let client = open(&format!("redis://127.0.0.1:{port}"), LONG);
        warm_up(&client).await;
        let told = errors(&client.with_timeout(2 * LIMIT)).await;
        let names = ["800ms (`with_timeout`)"];
        check(&told, TimeoutCause::SlowReply, ErrorKind::TimedOut, &names);
        let own = told
            .iter()
            .filter(|error| error.to_string().contains("bytes of the reply came"));
        assert_eq!(own.count(), 1, "the first one");
    });
}

#[test]
fn a_process_that_was_stopped() {
    with_both_drivers("child_not_scheduled");
}

#[test]
#[ignore = "runs in a child process"]
fn child_not_scheduled() {
    let server = deaf_to_get();
    run(async {
        let client = open(&server.url(), LONG);
        warm_up(&client).await;
        let process = std::process::id();
        let script = format!("sleep 0.3; kill -STOP {process}; sleep 4; kill -CONT {process}");
        let mut shell = Command::new("bash");
        let mut shell = shell
            .args(["-c", &script])
            .spawn()
            .expect("there is a shell");
        // Long enough for a busy machine to start the shell and stop this process before it is over.
        let told = errors(&client.with_timeout(Duration::from_secs(2))).await;
        shell.wait().expect("it ends");
        let names = [
            "this process did not run for at least ",
            "2s (`with_timeout`)",
        ];
        check(
            &told,
            TimeoutCause::NotScheduled,
            ErrorKind::TimedOut,
            &names,
        );
    });
}

#[test]
fn every_cause_has_a_name() {
    let names = [
        (TimeoutCause::NotConnected, "not_connected"),
        (TimeoutCause::WaitingForRoom, "waiting_for_room"),
        (TimeoutCause::NotReady, "not_ready"),
        (TimeoutCause::NoReply, "no_reply"),
        (TimeoutCause::SlowReply, "slow_reply"),
        (TimeoutCause::NotScheduled, "not_scheduled"),
    ];
    for (cause, name) in names {
        assert_eq!(cause.as_str(), name);
    }
}
