//! R20: first calls at once make one connection; no more commands than allowed are ever in flight,
//! and those that are dropped give their place back.

use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use redis::{RedisResult, cmd};
use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::fake_server::{HELLO, listen, read_command};
use crate::support::proxy::{Proxy, Script};
use crate::support::{open, run, start};

const FIRST_CALLS: usize = 500;
const CALLERS: usize = 64;
const CALLS: usize = 10_000;
const DROPPED: usize = 1_000;
const MAX_IN_FLIGHT: usize = 8;
/// Long enough for eight commands to be written on any machine.
const LIMIT: Duration = Duration::from_secs(60);

const PATIENT: &str = "response_timeout=120s&deadline=120s";

fn limited(url: &str) -> Client {
    open(url, &format!("{PATIENT}&max_in_flight={MAX_IN_FLIGHT}"))
}

async fn echo(client: &Client, word: usize) -> RedisResult<usize> {
    let mut client = client.clone();
    cmd("ECHO").arg(word).query_async(&mut client).await
}

#[test]
fn first_calls_at_once_make_one_connection() {
    let server = start(Server::builder().tcp());
    let proxy = Proxy::start(&server, |_| Script::default());
    for round in 1..=10 {
        let client = open(&proxy.url(), PATIENT);
        let barrier = Barrier::new(CALLERS);
        thread::scope(|scope| {
            for caller in 0..CALLERS {
                let (client, barrier) = (&client, &barrier);
                scope.spawn(move || {
                    let calls = (caller..FIRST_CALLS).step_by(CALLERS);
                    barrier.wait();
                    let replies = futures::executor::block_on(futures::future::join_all(
                        calls.clone().map(|word| echo(client, word)),
                    ));
                    let replies: Result<Vec<_>, _> = replies.into_iter().collect();
                    assert_eq!(replies, Ok(calls.collect()));
                });
            }
        });
        assert_eq!(proxy.accepted(), round, "after {round} clients");
    }
    println!(
        "{} connections for 10 × {FIRST_CALLS} first calls",
        proxy.accepted()
    );
}

/// A server that counts what it has read and not answered.
#[derive(Default)]
struct Counting {
    in_flight: AtomicUsize,
    most: AtomicUsize,
    /// Answers nothing for as long as this is set.
    holds: AtomicBool,
}

impl Counting {
    fn start() -> (String, Arc<Counting>) {
        let counting = Arc::new(Counting::default());
        let counts = Arc::clone(&counting);
        let port = listen(move |stream| {
            let _ = counts.serve(&stream);
        });
        (format!("redis://127.0.0.1:{port}"), counting)
    }

    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let (sender, answers) = mpsc::channel::<Vec<u8>>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let _ = self.answer(stream, &answers);
                let _ = stream.shutdown(Shutdown::Both);
            });
            let mut reader = BufReader::new(stream);
            while let Some(words) = read_command(&mut reader)? {
                let answer = match words[0].as_str() {
                    "HELLO" => HELLO.to_vec(),
                    "ECHO" => format!(":{}\r\n", words[1]).into_bytes(),
                    _ => b"+OK\r\n".to_vec(),
                };
                if words[0] == "ECHO" {
                    let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                    self.most.fetch_max(now, Ordering::SeqCst);
                }
                if sender.send(answer).is_err() {
                    break;
                }
            }
            // The answering side ends with the sender.
            drop(sender);
            Ok(())
        })
    }

    fn answer(&self, mut stream: &TcpStream, answers: &mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
        for answer in answers {
            if answer.starts_with(b":") {
                // Time for others to arrive.
                thread::sleep(Duration::from_micros(100));
                while self.holds.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(1));
                }
                // Before the answer is out, for then the next command may come.
                self.in_flight.fetch_sub(1, Ordering::SeqCst);
            }
            stream.write_all(&answer)?;
        }
        Ok(())
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// Calls from many tasks, and drops every tenth call after a while; returns how many were dropped.
async fn call_and_drop(client: &Client) -> usize {
    let tasks = (0..CALLERS).map(|caller| {
        let client = client.clone();
        tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(caller as u64);
            let mut dropped = 0;
            for word in (caller..CALLS).step_by(CALLERS) {
                let call = echo(&client, word);
                let reply = if random.u8(0..100) < 14 {
                    let limit = Duration::from_micros(random.u64(0..2_000));
                    tokio::time::timeout(limit, call).await.ok()
                } else {
                    Some(call.await)
                };
                match reply {
                    Some(reply) => assert_eq!(reply, Ok(word)),
                    None => dropped += 1,
                }
            }
            dropped
        })
    });
    let dropped = futures::future::try_join_all(tasks).await;
    dropped.expect("no caller panics").into_iter().sum()
}

#[test]
fn never_more_than_allowed_are_in_flight_and_no_place_is_lost() {
    let (url, counting) = Counting::start();
    let client = limited(&url);
    run(async {
        let dropped = call_and_drop(&client).await;
        println!(
            "{CALLS} calls, {dropped} dropped, {} in flight at most",
            counting.most()
        );
        assert!(dropped >= DROPPED, "{dropped}");
        assert_eq!(counting.most(), MAX_IN_FLIGHT);

        // As many as ever are let in, and one more waits.
        while counting.in_flight.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        counting.holds.store(true, Ordering::SeqCst);
        let calls = futures::future::join_all((0..=MAX_IN_FLIGHT).map(|word| echo(&client, word)));
        let release = async {
            let start = Instant::now();
            while counting.in_flight.load(Ordering::SeqCst) < MAX_IN_FLIGHT {
                assert!(start.elapsed() < LIMIT, "a place is lost");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            let in_flight = counting.in_flight.load(Ordering::SeqCst);
            counting.holds.store(false, Ordering::SeqCst);
            in_flight
        };
        let (replies, in_flight) = futures::join!(calls, release);
        assert_eq!(in_flight, MAX_IN_FLIGHT);
        for (word, reply) in replies.into_iter().enumerate() {
            assert_eq!(reply, Ok(word));
        }
    });
    assert_eq!(counting.most(), MAX_IN_FLIGHT);
}

#[test]
fn the_check_notices_a_client_that_lets_one_more_in() {
    let (url, counting) = Counting::start();
    let lenient = limited(&url).config().clone();
    let more = std::num::NonZeroUsize::new(MAX_IN_FLIGHT + 1).expect("it is not zero");
    let client = Client::with_config(lenient.with_max_in_flight(more));
    run(call_and_drop(&client));
    assert!(counting.most() > MAX_IN_FLIGHT, "{}", counting.most());
}
