//! R22: what is not RESP, too large, too deep or not asked for ends the connection: the callers are
//! told, nothing after it is read, and the next call gets its own reply on a new connection.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use redis::{RedisResult, cmd};
use redis_ready::{Client, Error, ErrorKind};

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::run;

const HELLO: &[u8] = b"%1\r\n$5\r\nproto\r\n:3\r\n";
/// The commands of a handshake: `HELLO`, and `CLIENT SETINFO` two times.
const HANDSHAKE: usize = 3;
/// A response timeout that nothing here waits for.
const TIMEOUT: Duration = Duration::from_secs(20);
/// What a refusal takes on a slow machine, at most.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Answers `ECHO`, and the first `ECHO hostile` with `bytes` and what would be good replies, unless
/// the last line has no end.
fn hostile(bytes: Vec<u8>) -> FakeServer {
    let bytes = Mutex::new(Some(bytes));
    FakeServer::start(move |words| match words[0].as_str() {
        "HELLO" => Answer::Send(HELLO.to_vec()),
        "ECHO" if words[1] == "hostile" => {
            let bytes = bytes.lock().expect("nobody panics with it").take();
            Answer::Send(match bytes {
                Some(bytes) if bytes.ends_with(b"\r\n") => {
                    [&bytes[..], b"+next\r\n+wrong\r\n+wrong\r\n"].concat()
                }
                Some(bytes) => bytes,
                None => b"+hostile\r\n".to_vec(),
            })
        }
        "ECHO" => Answer::line(&format!("+{}", words[1])),
        _ => Answer::ok(),
    })
}

fn client(server: &FakeServer) -> Client {
    let seconds = TIMEOUT.as_secs();
    let url = format!(
        "{}?response_timeout={seconds}s&deadline={seconds}s",
        server.url()
    );
    Client::open(&url).expect("the URL is a good one")
}

async fn echo(client: &Client, word: &str) -> RedisResult<String> {
    let mut client = client.clone();
    cmd("ECHO").arg(word).query_async(&mut client).await
}

fn kind(reply: &RedisResult<String>) -> Option<ErrorKind> {
    let error = reply.as_ref().err()?;
    Error::from_redis(error).map(Error::kind)
}

/// Waits until the server has seen its first connection end.
fn wait_for_the_end(server: &FakeServer, name: &str) {
    let start = Instant::now();
    while server.ended() == 0 {
        assert!(start.elapsed() < AT_ONCE, "{name}: the connection is kept");
        thread::sleep(Duration::from_millis(1));
    }
}

/// How many connections were made for commands; a probe for TLS says no `HELLO`.
fn introductions(server: &FakeServer) -> usize {
    let seen = server.seen();
    seen.iter().filter(|words| words[0] == "HELLO").count()
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
            let start = Instant::now();
            let (one, two) = futures::join!(echo(&client, "hostile"), echo(&client, "behind"));
            let took = start.elapsed();
            println!("{name}: {took:?}");
            assert!(took < AT_ONCE, "{name}: {took:?}");
            assert_eq!(kind(&one), Some(ErrorKind::Protocol), "{name}: {one:?}");
            // It had not been written yet, or it was lost with the connection.
            let lost = kind(&two) == Some(ErrorKind::Protocol);
            assert!(lost || two.as_deref() == Ok("behind"), "{name}: {two:?}");
            for word in ["hostile", "after", "and after"] {
                let reply = echo(&client, word).await;
                assert_eq!(reply.as_deref(), Ok(word), "{name}");
            }
        });
        wait_for_the_end(&server, name);
        assert_eq!(introductions(&server), 2, "{name}");
    }
}

#[test]
fn a_reply_more_than_was_asked_for_ends_the_connection() {
    let server = hostile(b"+hostile\r\n+nobody's\r\n".to_vec());
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
    assert_eq!(introductions(&server), 2);
}

#[test]
fn a_reply_behind_the_handshake_is_nobodys() {
    for (name, more) in [
        ("one more", &b"+OK\r\n+nobody's\r\n"[..]),
        ("half of one more", b"+OK\r\n+nobody"),
        ("garbage", b"+OK\r\nhello\r\n"),
    ] {
        let commands = Mutex::new(0);
        let server = FakeServer::start(move |words| {
            let mut commands = commands.lock().expect("nobody panics with it");
            *commands += 1;
            match words[0].as_str() {
                "HELLO" => Answer::Send(HELLO.to_vec()),
                "ECHO" => Answer::line(&format!("+{}", words[1])),
                _ if *commands == HANDSHAKE => Answer::Send(more.to_vec()),
                _ => Answer::ok(),
            }
        });
        let client = client(&server);
        run(async {
            // Told until there is a good connection, but never given somebody else's reply.
            let start = Instant::now();
            for number in 0.. {
                let word = number.to_string();
                let reply = echo(&client, &word).await;
                if kind(&reply) != Some(ErrorKind::Protocol) {
                    assert_eq!(reply.as_deref(), Ok(word.as_str()), "{name}");
                    break;
                }
                assert!(start.elapsed() < AT_ONCE, "{name}: {reply:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        wait_for_the_end(&server, name);
        assert_eq!(introductions(&server), 2, "{name}");
    }
}
