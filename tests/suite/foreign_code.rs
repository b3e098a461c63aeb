//! Code of the application that runs for the crate, the logger and wakers, may block, panic, call the
//! client and never return: other callers do not notice.
//!
//! A process has one logger, so each logger runs in a child process.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use redis::{AsyncCommands, Commands, RedisResult, cmd};
use redis_ready::testing::Server;
use redis_ready::{BlockingClient, Client, ErrorKind};

use crate::support::errors::{kind_of, ok};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::process::wait_until;
use crate::support::{NEVER, child, open, run, start};

/// What the logger of a child process does with a line.
type OnLine = fn(&str);

struct Logger(OnLine);

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        assert_eq!(record.target(), "redis_ready");
        LINES.fetch_add(1, Ordering::Relaxed);
        (self.0)(&record.args().to_string());
    }

    fn flush(&self) {}
}

static LINES: AtomicUsize = AtomicUsize::new(0);
static CLIENT: OnceLock<Client> = OnceLock::new();

fn set_logger(on_line: OnLine) {
    let logger = Box::leak(Box::new(Logger(on_line)));
    log::set_logger(logger).expect("there is no other");
    log::set_max_level(log::LevelFilter::Info);
}

/// A server that does not answer `SET`.
fn silent_about_set() -> FakeServer {
    FakeServer::resp3(|words| (words[0] == "SET").then_some(Answer::Silence))
}

/// Runs `call` on a thread of its own, and fails if it does not end.
#[track_caller]
fn ends<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, end) = mpsc::channel();
    thread::spawn(move || done.send(call()));
    end.recv_timeout(NEVER / 10).expect("the call ends")
}

fn set(mut client: BlockingClient, key: &'static str) {
    ends(move || ok(client.set::<_, _, ()>(key, 1)));
}

/// Starts the client of a logger that writes to Redis, and loses its connection once.
fn lose_a_connection() {
    let server = start(Server::builder());
    let client = CLIENT.get_or_init(|| server.client());
    set(client.blocking(), "a");
    // The other client logs its connection, too.
    let mut other = server.client().blocking();
    wait_until("both connections are in the list", || {
        ok(other.llen::<_, usize>("log")) >= 2
    });
    let mut kill = cmd("CLIENT");
    kill.arg("KILL")
        .arg("TYPE")
        .arg("normal")
        .arg("SKIPME")
        .arg("yes");
    let lines = || -> Vec<String> { ok(server.client().blocking().lrange("log", 0, -1)) };
    // What the logger writes at that moment may be lost, and so may its line.
    wait_until("a loss and the next connection are in the list", || {
        set(client.blocking(), "b");
        ok(kill.query::<()>(&mut other));
        let lines = lines();
        let loss = lines
            .iter()
            .position(|line| line.ends_with("; reconnecting"));
        loss.is_some_and(|loss| {
            lines[loss..]
                .iter()
                .any(|line| line.starts_with("connected to"))
        })
    });
    stays_silent();
}

/// The logger does not log about its own lines for ever.
fn stays_silent() {
    let lines = || LINES.load(Ordering::Relaxed);
    let mut before = lines();
    wait_until("no line for a second", || {
        thread::sleep(Duration::from_secs(1));
        std::mem::replace(&mut before, lines()) == lines()
    });
}

fn ship_lines() {
    set_logger(|line| {
        if let Some(client) = CLIENT.get() {
            let _: RedisResult<()> = client.blocking().rpush("log", line);
        }
    });
}

#[test]
fn lines_about_lines_are_not_logged_for_ever() {
    child::run("foreign_code::child_ships_lines_to_a_server_that_closes");
    child::run("foreign_code::child_ships_lines_to_a_server_that_closes_idle_connections");
}

#[test]
#[ignore = "runs in a child process"]
fn child_ships_lines_to_a_server_that_closes() {
    ship_lines();
    let server = FakeServer::resp3(|words| (words[0] == "RPUSH").then_some(Answer::Close));
    let client = CLIENT.get_or_init(|| open(&server.url(), ""));
    set(client.blocking(), "a");
    wait_until("a line was sent", || server.count("RPUSH") > 0);
    stays_silent();
}

#[test]
#[ignore = "runs in a child process"]
fn child_ships_lines_to_a_server_that_closes_idle_connections() {
    ship_lines();
    let server = start(Server::builder().arg("--timeout").arg("1"));
    let client = CLIENT.get_or_init(|| server.client());
    set(client.blocking(), "a");
    thread::sleep(Duration::from_secs(6));
    assert_eq!(LINES.load(Ordering::Relaxed), 1);
}

#[test]
fn a_logger_writes_to_redis_through_the_client_that_logs() {
    child::run("foreign_code::child_ships_lines");
}

#[test]
#[ignore = "runs in a child process"]
fn child_ships_lines() {
    ship_lines();
    lose_a_connection();
}

#[test]
fn a_logger_blocks_on_the_asynchronous_client_that_logs() {
    child::run("foreign_code::child_ships_lines_asynchronously");
}

#[test]
#[ignore = "runs in a child process"]
fn child_ships_lines_asynchronously() {
    set_logger(|line| {
        if let Some(client) = CLIENT.get() {
            let _: RedisResult<()> = block_on(client.clone().rpush("log", line));
        }
    });
    lose_a_connection();
}

#[test]
fn a_logger_that_never_returns_holds_up_no_client() {
    child::run("foreign_code::child_never_returns_from_its_logger");
}

#[test]
#[ignore = "runs in a child process"]
fn child_never_returns_from_its_logger() {
    set_logger(|_| {
        loop {
            thread::park();
        }
    });
    let servers = [start(Server::builder()), start(Server::builder())];
    let clients = servers.each_ref().map(Server::client);
    for client in &clients {
        set(client.blocking(), "a");
    }
    let silent = silent_about_set();
    let late = open(&silent.url(), "response_timeout=100ms&deadline=60s");
    let result: RedisResult<()> = ends(move || late.blocking().set("a", 1));
    assert_eq!(kind_of(result), Some(ErrorKind::TimedOut));
    // It does not hold up the end of a client either.
    ends(move || block_on(clients[0].close(NEVER)));
}

#[test]
fn a_logger_that_panics_logs_the_next_line() {
    child::run("foreign_code::child_panics_in_its_logger");
}

#[test]
#[ignore = "runs in a child process"]
fn child_panics_in_its_logger() {
    set_logger(|_| panic!("the logger panics, as it was told to"));
    for count in 1..=3 {
        let server = start(Server::builder());
        set(server.client().blocking(), "a");
        wait_until("it has been logged", || {
            LINES.load(Ordering::Relaxed) >= count
        });
    }
}

#[test]
fn closing_waits_for_the_lines_of_the_log() {
    child::run("foreign_code::child_closes_with_a_slow_logger");
}

#[test]
#[ignore = "runs in a child process"]
fn child_closes_with_a_slow_logger() {
    static LOGGED: AtomicUsize = AtomicUsize::new(0);
    set_logger(|_| {
        thread::sleep(Duration::from_millis(50));
        LOGGED.fetch_add(1, Ordering::Relaxed);
    });
    let server = start(Server::builder());
    let client = server.client();
    set(client.blocking(), "a");
    block_on(client.close(NEVER));
    assert_eq!(LOGGED.load(Ordering::Relaxed), 1);
}

/// Blocks while it is told to.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    entered: AtomicUsize,
}

impl Gate {
    fn pass(&self) {
        self.entered.fetch_add(1, Ordering::SeqCst);
        let is_open = self.is_open.lock().expect("no thread panics with it");
        let passed = self.opened.wait_while(is_open, |is_open| !*is_open);
        drop(passed.expect("no thread panics with it"));
    }

    fn open(&self) {
        *self.is_open.lock().expect("no thread panics with it") = true;
        self.opened.notify_all();
    }
}

struct BlocksInWake(Arc<Gate>);

impl Wake for BlocksInWake {
    fn wake(self: Arc<Self>) {
        self.0.pass();
    }
}

/// Wakes at once, and blocks when it is dropped.
struct BlocksInDrop(Arc<Gate>);

impl Wake for BlocksInDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for BlocksInDrop {
    fn drop(&mut self) {
        self.0.pass();
    }
}

/// A waker that calls the client.
struct CallsBack(BlockingClient, AtomicUsize);

impl Wake for CallsBack {
    fn wake(self: Arc<Self>) {
        ok(self.0.clone().incr::<_, _, u32>("woken", 1));
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// Calls with `waker`, which is left with the client; `until` shows that it is at work.
fn call_with(client: &Client, waker: Waker, until: impl FnMut() -> bool) {
    let mut client = client.clone();
    let incr = cmd("INCR").arg("k").to_owned();
    let mut call = pin!(incr.query_async::<i64>(&mut client));
    let mut cx = Context::from_waker(&waker);
    assert!(call.as_mut().poll(&mut cx).is_pending());
    drop(waker);
    wait_until("the waker is called", until);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut cx).is_ready(), "the reply is there");
}

fn others_are_served(client: &Client, server: &Server) {
    set(client.blocking(), "a");
    set(server.client().blocking(), "a");
    let other = client.clone();
    ends(move || run(async move { ok(other.clone().set::<_, _, ()>("b", 1).await) }));
    let other = client.clone();
    ends(move || smol::block_on(async move { ok(other.clone().set::<_, _, ()>("b", 1).await) }));
}

#[test]
fn a_waker_that_blocks_holds_up_no_other_caller() {
    let (server, gate) = (start(Server::builder()), Arc::new(Gate::default()));
    let client = server.client();
    let waker = || Waker::from(Arc::new(BlocksInWake(Arc::clone(&gate))));
    let entered = || gate.entered.load(Ordering::SeqCst);
    call_with(&client, waker(), || entered() >= 1);
    others_are_served(&client, &server);
    // One more of its kind is called nevertheless.
    call_with(&client, waker(), || entered() >= 2);
    gate.open();
}

#[test]
fn a_waker_that_blocks_when_it_is_dropped_holds_up_no_other_caller() {
    let (server, gate) = (start(Server::builder()), Arc::new(Gate::default()));
    let client = server.client();
    let entered = || gate.entered.load(Ordering::SeqCst) >= 1;
    call_with(
        &client,
        Arc::new(BlocksInDrop(Arc::clone(&gate))).into(),
        entered,
    );
    others_are_served(&client, &server);
    gate.open();
}

#[test]
fn a_waker_may_call_the_client() {
    let server = start(Server::builder());
    let client = server.client();
    let waker = Arc::new(CallsBack(client.blocking(), AtomicUsize::new(0)));
    let calls = || waker.1.load(Ordering::SeqCst) >= 1;
    call_with(&client, Arc::clone(&waker).into(), calls);
    assert_eq!(ok(client.blocking().get::<_, u32>("woken")), 1);
}

/// Calls the client again when it is dropped, which is where a caller goes away or is polled anew.
struct CallsBackWhenDropped(BlockingClient);

impl Wake for CallsBackWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for CallsBackWhenDropped {
    fn drop(&mut self) {
        ok(self.0.incr::<_, _, u32>("dropped", 1));
    }
}

#[test]
fn a_waker_that_is_replaced_or_left_may_call_the_client() {
    let server = start(Server::builder());
    let client = server.client();
    let calls = client.clone();
    ends(move || {
        let waker = || Waker::from(Arc::new(CallsBackWhenDropped(calls.blocking())));
        let mut other = calls.clone();
        let blpop = cmd("BLPOP").arg("jobs").arg(30).to_owned();
        let mut call = Box::pin(blpop.query_async::<Option<(String, String)>>(&mut other));
        for _ in 0..2 {
            let waker = waker();
            assert!(
                call.as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        drop(call);
    });
    wait_until("both are dropped", || {
        ok(client.blocking().get::<_, Option<u32>>("dropped")) == Some(2)
    });
}

#[test]
fn a_caller_without_a_runtime_is_told_its_deadline_beside_a_waker_that_blocks() {
    let (server, gate) = (start(Server::builder()), Arc::new(Gate::default()));
    let client = server.client();
    let entered = || gate.entered.load(Ordering::SeqCst) >= 1;
    call_with(
        &client,
        Arc::new(BlocksInWake(Arc::clone(&gate))).into(),
        entered,
    );
    let silent = silent_about_set();
    let late = open(&silent.url(), "response_timeout=100ms&deadline=60s");
    let start = Instant::now();
    let result: RedisResult<()> = ends(move || block_on(late.clone().set("a", 1)));
    assert_eq!(kind_of(result), Some(ErrorKind::TimedOut));
    assert!(start.elapsed() >= Duration::from_millis(100));
    gate.open();
}
