//! What a server says before it ends a connection reaches its callers, also where a write fails first.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{RedisResult, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, Error, ErrorKind};

use crate::support::errors::{ours, report};
use crate::support::fake_server::{Answer, FakeServer, HELLO, listen};
use crate::support::{open, run, start};

const TOO_LONG: &str = "ERR Protocol error: invalid bulk length";
const LARGE: usize = 4 * 1024 * 1024;

/// A server that takes commands of the handshake, and answers the first large one with `words` before it has read
/// it. After `pause` it closes with bytes unread, which resets the connection.
fn speaker(words: &'static str, pause: Duration) -> (Client, Arc<AtomicUsize>) {
    let spoken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&spoken);
    let port = listen(move |stream| {
        if speak(&stream, words, &count).is_ok() {
            std::thread::sleep(pause);
        }
    });
    let client = open(
        &format!("redis://127.0.0.1:{port}"),
        "deadline=20s&response_timeout=20s",
    );
    (client, spoken)
}

fn speak(mut stream: &TcpStream, words: &str, spoken: &AtomicUsize) -> std::io::Result<()> {
    let mut input = vec![0; 64 * 1024];
    let mut greeted = false;
    loop {
        let length = stream.read(&mut input)?;
        if length == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&input[..length]).into_owned();
        if !greeted {
            stream.write_all(HELLO)?;
            let rest = text.matches("\r\nCLIENT\r\n").count();
            stream.write_all("+OK\r\n".repeat(rest).as_bytes())?;
            greeted = true;
        } else if length > 4096 {
            spoken.fetch_add(1, Ordering::SeqCst);
            return stream.write_all(format!("-{words}\r\n").as_bytes());
        }
    }
}

fn large_set() -> redis::Cmd {
    cmd("SET").arg("k").arg(vec![b'v'; LARGE]).to_owned()
}

fn refused(client: &Client) -> String {
    let result: RedisResult<()> = run(large_set().query_async(&mut client.clone()));
    report(&result.expect_err("the server refuses it"))
}

#[test]
fn the_command_at_the_front_gets_what_the_server_has_answered() {
    let pauses = [Duration::ZERO, Duration::from_millis(5)];
    for words in [
        "ERR max number of clients reached",
        "NOAUTH Authentication required.",
        "DENIED Redis is running in protected mode",
    ] {
        let (_, details) = words.split_once(' ').expect("a code and a text");
        for pause in pauses {
            let (client, spoken) = speaker(words, pause);
            for count in 1..=10 {
                let report = refused(&client);
                assert!(report.contains(details), "{count}: {report}");
                // A command can go to a connection that the server has ended right before: the server has
                // said why, and that is told.
                assert!((1..=count).contains(&spoken.load(Ordering::SeqCst)));
            }
        }
    }
}

#[test]
fn an_answer_to_one_command_is_not_told_to_the_next() {
    let pauses = [Duration::ZERO, Duration::from_millis(5)];
    for pause in pauses {
        let (client, spoken) = speaker("OOM command not allowed", pause);
        for count in 1..=10 {
            let before = spoken.load(Ordering::SeqCst);
            let report = refused(&client);
            let is_answered = spoken.load(Ordering::SeqCst) > before;
            let told = if is_answered {
                "command not allowed"
            } else {
                "may have run"
            };
            assert!(report.contains(told), "{count}: {report}");
        }
        assert!(spoken.load(Ordering::SeqCst) > 1, "it has connected again");
    }
}

#[test]
fn an_argument_that_is_too_long_is_named_as_that() {
    let server = start(
        Server::builder()
            .tcp()
            .arg("--proto-max-bulk-len")
            .arg("1mb"),
    );
    let parameters = "deadline=20s&response_timeout=20s";
    let client = open(server.url(), parameters);
    let check = |error: &Error| {
        assert_eq!(error.kind(), ErrorKind::InvalidCommand, "{error:?}");
        assert!(error.to_string().contains(TOO_LONG), "{error:?}");
        assert!(!error.may_have_run(), "{error:?}");
        assert!(
            error
                .help()
                .expect("it has one")
                .contains("proto-max-bulk-len")
        );
    };
    // The server ends the connection after its answer: what follows waits for the next one.
    let reconnect = || run(client.ping()).expect("the server answers");
    for _ in 0..10 {
        let result: RedisResult<()> = run(large_set().query_async(&mut client.clone()));
        check(&ours(&result.expect_err("it is too long")));
        reconnect();
        let result: RedisResult<()> = large_set().query(&mut client.blocking());
        check(&ours(&result.expect_err("it is too long")));
        reconnect();
    }
}

#[test]
fn the_callers_behind_are_told_why_the_connection_was_lost() {
    let words = "Protocol error: unbalanced quotes in request";
    let server = FakeServer::resp3(move |command| {
        let last = Answer::Last(format!("-ERR {words}\r\n").into_bytes());
        (command[0] == "INCR").then_some(last)
    });
    let client = open(&server.url(), "deadline=20s&response_timeout=20s");
    let incr = cmd("INCR").arg("n").to_owned();
    let results: Vec<RedisResult<i64>> = run(async {
        let calls = (0..8).map(|_| {
            let (incr, mut client) = (incr.clone(), client.clone());
            async move { incr.query_async(&mut client).await }
        });
        futures::future::join_all(calls).await
    });
    for result in results {
        let report = report(&result.expect_err("none is answered"));
        assert!(report.contains(words), "{report}");
    }
}
