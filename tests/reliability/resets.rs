//! R3: a connection that is reset after any byte of a reply gives no wrong value, and no hang.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use redis::{RedisResult, Value, cmd, parse_redis_value};
use redis_ready::Client;

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::proxy::{Proxy, Script, Step};
use crate::support::{open, run};

/// Every type of reply, and what is inside of one.
const SHAPES: [&[u8]; 25] = [
    b"+OK\r\n",
    b"+\r\n",
    b"+a status line that is longer than most of them are\r\n",
    b"-ERR an error that says what is wrong\r\n",
    b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    b":0\r\n",
    b":-9223372036854775808\r\n",
    b"$-1\r\n",
    b"$0\r\n\r\n",
    b"$11\r\nhello world\r\n",
    b"$25\r\na\r\n+OK\r\n$-1\r\n*2\r\n:1\r\n:2\r\n\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*3\r\n:1\r\n$3\r\ntwo\r\n+three\r\n",
    b"*2\r\n*2\r\n*1\r\n$4\r\ndeep\r\n:2\r\n*0\r\n",
    b"_\r\n",
    b"#t\r\n",
    b",3.14159\r\n",
    b"(3492890328409238509324850943850943825024385\r\n",
    b"=15\r\ntxt:Some string\r\n",
    b"~3\r\n+a\r\n+b\r\n+c\r\n",
    b"%2\r\n+first\r\n:1\r\n+second\r\n*2\r\n:2\r\n:3\r\n",
    b">2\r\n+message\r\n$2\r\nhi\r\n$5\r\nreply\r\n",
    b"%2\r\n$9\r\na message\r\n$60\r\n\
      012345678901234567890123456789012345678901234567890123456789\r\n+n\r\n:1\r\n",
    // One that several reads and writes carry.
    b"*10\r\n$36\r\n0-3456789012345678901234567890123456\r\n$36\r\n1-3456789012345678901234567890123456\r\n\
      $36\r\n2-3456789012345678901234567890123456\r\n$36\r\n3-3456789012345678901234567890123456\r\n\
      $36\r\n4-3456789012345678901234567890123456\r\n$36\r\n5-3456789012345678901234567890123456\r\n\
      $36\r\n6-3456789012345678901234567890123456\r\n$36\r\n7-3456789012345678901234567890123456\r\n\
      $36\r\n8-3456789012345678901234567890123456\r\n$36\r\n9-3456789012345678901234567890123456\r\n",
];

/// What a command has to wait for a new connection, on a slow machine, at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a command whose reply was cut has to wait, handshake and all, on a slow machine, at most.
const PROMPTLY: Duration = Duration::from_secs(1);

fn answer(command: &[String]) -> Answer {
    match command[0].as_str() {
        "HELLO" => Answer::hello(),
        "GETDEL" => Answer::Send(SHAPES[command[1].parse::<usize>().expect("a number")].to_vec()),
        "ECHO" => Answer::line(&format!("+{}", command[1])),
        _ => Answer::ok(),
    }
}

fn client(port: u16) -> Client {
    let url = format!("redis://127.0.0.1:{port}");
    open(&url, "response_timeout=20s&deadline=20s")
}

async fn get(mut client: Client, shape: usize) -> RedisResult<Value> {
    use redis::aio::ConnectionLike as _;
    let get = cmd("GETDEL").arg(shape).to_owned();
    client.req_packed_command(&get).await
}

async fn echo(mut client: Client, word: &str) -> RedisResult<String> {
    cmd("ECHO").arg(word).query_async(&mut client).await
}

/// How many bytes the server sends before the first reply to a command.
fn handshake() -> usize {
    let server = FakeServer::start(answer);
    let reply = run(get(client(server.port()), 0));
    reply.expect("nothing is broken here");
    let before = |command: &Vec<String>| match answer(command) {
        Answer::Send(bytes) if command[0] != "GETDEL" => bytes.len(),
        _ => 0,
    };
    server.seen().iter().map(before).sum()
}

fn expected(shape: usize) -> Value {
    let bytes = SHAPES[shape];
    // A push message answers nothing: what comes after it does.
    let reply = if bytes[0] == b'>' {
        &b"$5\r\nreply\r\n"[..]
    } else {
        bytes
    };
    parse_redis_value(reply).expect("redis-rs reads it")
}

#[derive(Default)]
struct Tally {
    answered: usize,
    lost: usize,
    longest_answered: Duration,
    longest_lost: Duration,
}

impl Tally {
    fn count<T: PartialEq + std::fmt::Debug>(
        &mut self,
        (reply, time): (RedisResult<T>, Duration),
        expected: &T,
    ) {
        match reply {
            Ok(value) => {
                assert_eq!(value, *expected);
                self.answered += 1;
                self.longest_answered = self.longest_answered.max(time);
            }
            Err(error) => {
                assert!(error.is_connection_dropped(), "{error}");
                self.lost += 1;
                self.longest_lost = self.longest_lost.max(time);
            }
        }
    }
}

/// Resets one connection after each byte of every `stride`-th shape, with three callers waiting.
fn reset_everywhere(first: usize, stride: usize, handshake: usize) -> Tally {
    let server = FakeServer::start(answer);
    let offset = Arc::new(Mutex::new(None));
    let taken = Arc::clone(&offset);
    let proxy = Proxy::before_port(server.port(), move |_| {
        let offset: Option<usize> = taken
            .lock()
            .expect("no thread panics with the lock held")
            .take();
        // The connection after the broken one is whole.
        Script::to_client(match offset {
            Some(offset) => vec![Step::Pass(handshake + offset), Step::Reset],
            None => Vec::new(),
        })
    });
    let mut tally = Tally::default();
    for shape in (first..SHAPES.len()).step_by(stride) {
        for bytes in 0..=SHAPES[shape].len() {
            *offset.lock().expect("no thread panics with the lock held") = Some(bytes);
            let client = client(proxy.port());
            let (value, one, two) = run(async {
                futures::join!(
                    timed(get(client.clone(), shape)),
                    timed(echo(client.clone(), "one")),
                    timed(echo(client.clone(), "two")),
                )
            });
            tally.count(value, &expected(shape));
            tally.count(one, &"one".to_owned());
            tally.count(two, &"two".to_owned());
        }
    }
    tally
}

#[test]
fn a_reset_after_any_byte_gives_no_wrong_value_and_no_hang() {
    const WORKERS: usize = 8;
    let handshake = handshake();
    let lateness = Lateness::watch();
    let tallies: Vec<Tally> = thread::scope(|scope| {
        (0..WORKERS)
            .map(|worker| scope.spawn(move || reset_everywhere(worker, WORKERS, handshake)))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|worker| worker.join().expect("every reply is right or an error"))
            .collect()
    });
    let sum = |count: fn(&Tally) -> usize| tallies.iter().map(count).sum::<usize>();
    let (answered, lost) = (sum(|tally| tally.answered), sum(|tally| tally.lost));
    let longest = |time: fn(&Tally) -> Duration| tallies.iter().map(time).max().expect("eight");
    let longest_answered = longest(|tally| tally.longest_answered);
    let longest_lost = longest(|tally| tally.longest_lost);
    println!("{answered} answered in {longest_answered:?}, {lost} lost in {longest_lost:?}");
    assert!(answered + lost >= 3 * 1_000, "{answered} + {lost}");
    assert!(lost > 1_000, "{lost}: too few replies were cut");
    assert_within("answered", longest_answered, PATIENCE, &lateness);
    assert_within("lost", longest_lost, PROMPTLY, &lateness);
}
