//! R22: what is not RESP, far too large or too deep, or not asked for ends the connection: its caller is
//! told, nothing after it is read, and the next call gets its own reply on a new connection. A reply beyond
//! the limits of the client fails its own caller only.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisError, RedisResult, cmd, pipe};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::{kind, may_have_run};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::{open, run, start};

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

fn is_lost_with_another(error: &RedisError) -> bool {
    let text = "the connection was closed because of another command's reply";
    kind(error) == Some(ErrorKind::ConnectionLost) && error.to_string().contains(text)
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
            let lost = two.as_ref().err().is_some_and(is_lost_with_another);
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

/// Nests tables so deep.
const NEST: &str = "local t = {} for i = 1, tonumber(ARGV[1]) do t = {t} end return t";

fn nest(levels: usize) -> redis::Cmd {
    cmd("EVAL_RO").arg(NEST).arg(0).arg(levels).to_owned()
}

fn is_beyond(error: &RedisError) -> bool {
    let text = "is beyond the limit of this client: it is nested deeper than 100 levels";
    kind(error) == Some(ErrorKind::Protocol)
        && may_have_run(error)
        && error.to_string().contains(text)
}

/// Calls of a command that the server has run.
async fn calls(server: &Server, command: &str) -> u64 {
    let stats = cmd("INFO").arg("commandstats").to_owned();
    let stats: String = stats.query_async(&mut server.client()).await.expect("INFO");
    let line = stats.split(&format!("cmdstat_{command}:calls=")).nth(1);
    let calls = line.and_then(|line| line.split(',').next());
    calls.map_or(0, |calls| calls.parse().expect("a number"))
}

#[test]
fn a_reply_beyond_the_limits_fails_its_own_caller_and_no_other() {
    for protocol in [2, 3] {
        let server = start(Server::builder().tcp());
        let client = open(server.url(), &format!("{PATIENT}&protocol={protocol}"));
        run(async {
            let mut client = client.clone();
            let id: u64 = cmd("CLIENT")
                .arg("ID")
                .query_async(&mut client)
                .await
                .expect("its id");
            let mut sent = 0;
            for levels in [100, 150, 3_000] {
                let beside: Vec<_> = (0..20)
                    .map(|_| {
                        let mut client = client.clone();
                        tokio::spawn(async move { client.incr::<_, _, u64>("n", 1).await })
                    })
                    .collect();
                // Neither a read nor what may run twice is sent again.
                for mut client in [client.clone(), client.idempotent()] {
                    let reply = nest(levels).query_async::<()>(&mut client).await;
                    assert!(is_beyond(&reply.expect_err("it is too deep")), "{levels}");
                    sent += 1;
                }
                for is_transaction in [false, true] {
                    let mut pipe = pipe();
                    if is_transaction {
                        pipe.atomic();
                    }
                    pipe.set("k", levels)
                        .ignore()
                        .add_command(nest(levels))
                        .ignore()
                        .get("k");
                    let reply = pipe.query_async::<()>(&mut client).await;
                    assert!(is_beyond(&reply.expect_err("it is too deep")), "{levels}");
                    sent += 1;
                    assert_eq!(client.get("k").await, Ok(levels), "the pipeline has run");
                }
                for caller in beside {
                    caller.await.expect("no panic").expect("its own reply");
                }
            }
            assert_eq!(calls(&server, "eval_ro").await, sent);
            assert_eq!(calls(&server, "incrby").await, 60);
            let now: u64 = cmd("CLIENT")
                .arg("ID")
                .query_async(&mut client)
                .await
                .expect("its id");
            assert_eq!(now, id, "the connection is kept");
        });
    }
}

/// Answers `GET broken` with `bytes`, and ends the connection if it `closes`.
fn broken(bytes: &'static [u8], closes: bool) -> FakeServer {
    FakeServer::resp3(
        move |words| match (words[0].as_str(), words.get(1)?.as_str()) {
            ("GET", "broken") if closes => Some(Answer::Last(bytes.to_vec())),
            ("GET", "broken") => Some(Answer::Send(bytes.to_vec())),
            ("GET", _) => Some(Answer::line("$1\r\nv")),
            ("INCRBY", _) => Some(Answer::Silence),
            _ => None,
        },
    )
}

#[test]
fn a_command_whose_reply_ends_the_connection_is_sent_once() {
    let long = [&b"$100000\r\n"[..], &b"x".repeat(30_000)].concat().leak();
    for (bytes, closes, text) in [
        (&b"$3\r\nabcd\r\n"[..], false, "not RESP"),
        (b"*2\r\n+a\r\nhello\r\n", false, "not RESP"),
        (b"$100\r\nabc", true, "9 bytes of the reply had come"),
        (b"*2\r\n+a\r\n", true, "8 bytes of the reply had come"),
        (long, true, "30009 bytes of the reply had come"),
    ] {
        let server = broken(bytes, closes);
        let client = client(&server).idempotent();
        run(async {
            let reply = client.clone().get::<_, String>("broken").await;
            let error = reply.expect_err("it is cut off");
            assert!(error.to_string().contains(text), "{error}");
            assert!(may_have_run(&error));
            assert_eq!(server.count("GET"), 1, "{error}");
            let next = client.clone().get::<_, String>("k").await;
            assert_eq!(next.as_deref(), Ok("v"));
        });
        assert_eq!(connections(&server), 2);
    }
}

#[test]
fn a_pipeline_is_sent_once_if_a_part_of_it_had_been_answered() {
    let server = broken(b"", true);
    run(async {
        let mut client = client(&server).idempotent();
        let mut pipe = pipe();
        pipe.get("a").get("b").get("broken");
        let reply = pipe.query_async::<Vec<String>>(&mut client).await;
        let error = reply.expect_err("the connection is lost").to_string();
        assert!(error.contains("2 of 3 replies had come"), "{error}");
    });
    assert_eq!(server.count("GET"), 3);
}

#[test]
fn a_read_that_is_lost_without_a_part_of_its_reply_is_sent_three_times() {
    let server = broken(b"", true);
    run(async {
        let reply = client(&server).get::<_, String>("broken").await;
        let error = reply.expect_err("the connection is lost");
        assert_eq!(kind(&error), Some(ErrorKind::ConnectionLost), "{error}");
    });
    assert_eq!(server.count("GET"), 3);
}

#[test]
fn callers_behind_bytes_that_are_not_resp_are_told_so_and_their_reads_are_sent_again() {
    let server = broken(b"hello\r\n", false);
    let client = client(&server);
    run(async {
        let get = async |key: &str| client.clone().get::<_, String>(key).await;
        // The server keeps the first write in suspense, so that all stand behind it.
        let write = async { client.clone().incr::<_, _, u64>("n", 1).await };
        let batch = async { futures::join!(write, get("broken"), get("k")) };
        let (write, broken, read) = batch.await;
        // Without an answer to the write, the bytes are where its reply should be.
        let error = write.expect_err("not RESP");
        assert_eq!(kind(&error), Some(ErrorKind::Protocol), "{error}");
        assert_eq!(
            kind(&broken.expect_err("not RESP")),
            Some(ErrorKind::Protocol)
        );
        assert_eq!(read.as_deref(), Ok("v"));
    });
}

#[test]
fn a_reply_that_the_server_does_not_let_out_costs_three_writes_at_most() {
    let builder = Server::builder().tcp();
    let limit = builder
        .arg("--client-output-buffer-limit")
        .arg("normal 1mb 0 0");
    let server = start(limit);
    run(async {
        let mut client = open(server.url(), PATIENT);
        let () = client
            .set("large", vec![b'x'; 20 * 1024 * 1024])
            .await
            .expect("it is set");
        // Valkey sends the value of `GET` without a copy in the buffer that is limited.
        let reply = client.getrange::<_, Vec<u8>>("large", 0, -1).await;
        let error = reply.expect_err("the server ends the connection");
        assert_eq!(kind(&error), Some(ErrorKind::ConnectionLost), "{error}");
        let calls = calls(&server, "getrange").await;
        assert!((1..=3).contains(&calls), "{calls}");
    });
}
