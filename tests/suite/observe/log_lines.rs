//! The log of an outage: its beginning, its end, and at most one line a second.
//!
//! A process has one logger, so each runs in a child process.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use redis::{Commands, RedisResult};
use redis_ready::testing::Server;

use crate::support::errors::ok;
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::process::wait_until;
use crate::support::{child, open, start};

/// Longer than the first seconds, after which less is to be told.
const OUTAGE: Duration = Duration::from_secs(10);

struct Lines(Mutex<Vec<(log::Level, String)>>);

static LINES: Lines = Lines(Mutex::new(Vec::new()));

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // mio has lines, too, where a feature of another crate asks for them.
        if record.target() == "redis_ready" {
            let line = (record.level(), record.args().to_string());
            self.0.lock().expect("no thread panics with it").push(line);
        }
    }

    fn flush(&self) {}
}

fn lines() -> Vec<(log::Level, String)> {
    LINES.0.lock().expect("no thread panics with it").clone()
}

fn listen() {
    log::set_logger(&LINES).expect("there is no other");
    log::set_max_level(log::LevelFilter::Trace);
}

#[test]
fn an_outage_is_its_loss_its_first_failure_and_its_end() {
    child::run("observe::log_lines::child_has_an_outage");
}

#[test]
#[ignore = "runs in a child process"]
fn child_has_an_outage() {
    listen();
    let mut server = start(Server::builder().tcp());
    let client = open(server.url(), "deadline=200ms");
    let set = || -> RedisResult<()> { client.blocking().set("key", "value") };
    ok(set());
    let begin = Instant::now();
    server.kill().expect("it runs");
    while begin.elapsed() < OUTAGE {
        let _ = set();
        thread::sleep(Duration::from_millis(50));
    }
    server.restart().expect("its port is free");
    wait_until("it serves again", || set().is_ok());
    wait_until("that is told", || lines().len() >= 4);
    let lines = lines();
    let levels: Vec<_> = lines.iter().map(|(level, _)| *level).collect();
    let (info, warn) = (log::Level::Info, log::Level::Warn);
    assert_eq!(levels, [info, warn, warn, info], "{lines:?}");
    assert!(lines[1].1.ends_with("; reconnecting"), "{lines:?}");
    assert!(lines[2].1.ends_with("; trying again until it works"));
}

#[test]
fn lines_tell_the_connection_of_subscriptions_apart() {
    child::run("observe::log_lines::child_subscribes");
}

#[test]
#[ignore = "runs in a child process"]
fn child_subscribes() {
    listen();
    let mut server = start(Server::builder().tcp());
    let client = open(server.url(), "deadline=200ms");
    let _subscription = block_on(client.subscribe("news")).expect("the server runs");
    let told = |count| move || lines().len() >= count;
    wait_until("that is told", told(1));
    server.kill().expect("it runs");
    wait_until("the outage is told", told(2));
    server.restart().expect("its port is free");
    wait_until("its end is told", told(3));
    for (_, line) in lines() {
        assert!(line.ends_with(" (for subscriptions)"), "{line}");
    }
}

#[test]
fn a_server_that_does_not_serve_is_told_once() {
    child::run("observe::log_lines::child_has_a_server_that_loads");
}

#[test]
#[ignore = "runs in a child process"]
fn child_has_a_server_that_loads() {
    listen();
    let server = FakeServer::resp3(|_| Some(Answer::line("-LOADING canary")));
    let client = open(&server.url(), "deadline=200ms");
    for _ in 0..5 {
        let _: RedisResult<()> = client.blocking().set("key", "value");
    }
    wait_until("that is told", || lines().len() >= 2);
    let lines = lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let (level, line) = &lines[1];
    assert_eq!(*level, log::Level::Info);
    assert!(
        line.ends_with("answers `LOADING`; commands wait until it serves"),
        "{line}"
    );
}

#[test]
fn a_server_that_comes_and_goes_causes_at_most_one_line_a_second() {
    child::run("observe::log_lines::child_has_a_server_that_comes_and_goes");
}

#[test]
#[ignore = "runs in a child process"]
fn child_has_a_server_that_comes_and_goes() {
    listen();
    let server = FakeServer::resp3(|words| (words[0] == "SET").then_some(Answer::Close));
    let client = open(&server.url(), "deadline=200ms");
    let begin = Instant::now();
    while begin.elapsed() < OUTAGE {
        // An answer, so that each connection has been of use.
        let _: RedisResult<()> = client.blocking().get("key");
        let _: RedisResult<()> = client.blocking().set("key", "value");
    }
    println!("{} connections", server.accepted());
    assert!(server.accepted() > 12, "it comes and goes all the time");
    let lines = lines();
    assert!(lines.len() <= 11, "{lines:#?}");
    let missing = lines.iter().any(|(_, line)| line.contains("left out"));
    assert!(missing, "{lines:#?}");
}
