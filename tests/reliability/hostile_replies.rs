//! R22: what is not RESP, too large, too deep or not asked for ends the connection: the callers are
//! told, nothing after it is read, and the next call gets its own reply on a new connection.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use redis::{RedisResult, cmd};
use redis_ready::{Client, ErrorKind};

use crate::support::errors::kind;
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::{open, run};

/// The commands of a handshake: `HELLO`, and `CLIENT SETINFO` two times.
const HANDSHAKE: usize = 3;
/// What a refusal takes on a slow machine, at most.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Until what has to happen has happened.
const LIMIT: Duration = Duration::from_secs(20);
/// The response timeout and deadline, which nothing here waits for.
const PATIENT: &str = "response_timeout=60s&deadline=60s";

/// Answers `ECHO`, and the first `ECHO hostile` with `bytes` and what would be good replies, unless
/// the last line has no end.
fn hostile(bytes: Vec<u8>) -> FakeServer {
    let bytes = Mutex::new(Some(bytes));
    FakeServer::resp3(move |words| {
        if words[0] != "ECHO" {
            return None;
        }
        let mut bytes = bytes.lock().expect("no thread panics with the lock held");
        let bytes = bytes.take_if(|_| words[1] == "hostile");
        Some(match bytes {
            Some(bytes) if bytes.ends_with(b"\r\n") => {
                Answer::Send([&bytes[..], b"+next\r\n+wrong\r\n+wrong\r\n"].concat())
            }
            Some(bytes) => Answer::Send(bytes),
            None => Answer::line(&format!("+{}", words[1])),
        })
    })
}

fn client(server: &FakeServer) -> Client {
    open(&server.url(), PATIENT)
}

async fn echo(client: &Client, word: &str) -> RedisResult<String> {
    let mut client = client.clone();
    cmd("ECHO").arg(word).query_async(&mut client).await
}

fn is_protocol_error(reply: &RedisResult<String>) -> bool {
    let error = reply.as_ref().err();
    error.and_then(kind) == Some(ErrorKind::Protocol)
}

/// How many connections were made for commands; a probe for TLS sends no `HELLO`.
fn connections(server: &FakeServer) -> usize {
    server.count("HELLO")
}

/// Waits until the server has seen its first connection end.
fn wait_for_the_end(server: &FakeServer, name: &str) {
    let start = Instant::now();
    while server.ended() == 0 {
        assert!(start.elapsed() < LIMIT, "{name}: the connection is kept");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_hostile_reply_ends_the_connection_and_its_callers_are_told() {
    let cases: [(&str, Vec<u8>); 12] = [
        ("a string of 10 GB", b"$9999999999\r\n".to_vec()),
        ("a verbatim string of 10 GB", b"=9999999999\r\n".to_vec()),
        ("an error of 10 GB", b"!9999999999\r\n".to_vec()),
        ("2³¹ elements", b"*2147483648\r\n".to_vec()),
        ("2³⁰ pairs", b"%1073741824\r\n".to_vec()),
        (
            "a length beyond 64 bits",
            b"*99999999999999999999\r\n".to_vec(),
        ),
        ("a million levels", b"*1\r\n".repeat(1_000_000)),
        ("garbage", b"hello\r\n".to_vec()),
        ("garbage without an end", vec![0xff; 1_000]),
        ("a TLS alert", b"\x15\x03\x01\x00\x02\x02\x16".to_vec()),
        ("half a number", b":12a\r\n".to_vec()),
        ("a string that does not end", b"$3\r\nabcd\r\n".to_vec()),
    ];
    for (name, bytes) in cases {
        let server = hostile(bytes);
        let client = client(&server);
        run(async {
            assert_eq!(echo(&client, "before").await.as_deref(), Ok("before"));
            let lateness = Lateness::watch();
            let both = async { futures::join!(echo(&client, "hostile"), echo(&client, "behind")) };
            let ((one, two), took) = timed(both).await;
            println!("{name}: {took:?}");
            assert_within(name, took, AT_ONCE, &lateness);
            assert!(is_protocol_error(&one), "{name}: {one:?}");
            // It had not been written yet, or it was lost with the connection.
            let lost = is_protocol_error(&two);
            assert!(lost || two.as_deref() == Ok("behind"), "{name}: {two:?}");
            for word in ["hostile", "after", "and after"] {
                let reply = echo(&client, word).await;
                assert_eq!(reply.as_deref(), Ok(word), "{name}");
            }
        });
        wait_for_the_end(&server, name);
        assert_eq!(connections(&server), 2, "{name}");
    }
}

#[test]
fn a_reply_more_than_was_asked_for_ends_the_connection() {
    let server = hostile(b"+hostile\r\n+not asked for\r\n".to_vec());
    let client = client(&server);
    run(async {
        // Its own reply was right.
        let reply = echo(&client, "hostile").await;
        assert_eq!(reply.as_deref(), Ok("hostile"));
        wait_for_the_end(&server, "one more");
        for word in ["after", "and after"] {
            assert_eq!(echo(&client, word).await.as_deref(), Ok(word));
        }
    });
    assert_eq!(connections(&server), 2);
}

#[test]
fn a_reply_behind_the_handshake_is_given_to_no_caller() {
    for (name, more) in [
        ("one more", &b"+OK\r\n+not asked for\r\n"[..]),
        ("half of one more", b"+OK\r\n+not ask"),
        ("garbage", b"+OK\r\nhello\r\n"),
    ] {
        let commands = Mutex::new(0);
        let server = FakeServer::start(move |words| {
            let mut commands = commands
                .lock()
                .expect("no thread panics with the lock held");
            *commands += 1;
            match words[0].as_str() {
                "HELLO" => Answer::hello(),
                "ECHO" => Answer::line(&format!("+{}", words[1])),
                _ if *commands == HANDSHAKE => Answer::Send(more.to_vec()),
                _ => Answer::ok(),
            }
        });
        let client = client(&server);
        run(async {
            // Told until there is a good connection, but never given a reply to something else.
            let start = Instant::now();
            for number in 0.. {
                let word = number.to_string();
                let reply = echo(&client, &word).await;
                if !is_protocol_error(&reply) {
                    assert_eq!(reply.as_deref(), Ok(word.as_str()), "{name}");
                    break;
                }
                assert!(start.elapsed() < LIMIT, "{name}: {reply:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        wait_for_the_end(&server, name);
        assert_eq!(connections(&server), 2, "{name}");
    }
}
