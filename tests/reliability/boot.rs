//! R25, its part at start-up: a server that cannot be reached is told within the time that one gives
//! it, by name, port and cause.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use redis_ready::{Client, Error, ErrorKind};

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::run;

const LIMIT: Duration = Duration::from_millis(700);
const SLACK: Duration = Duration::from_millis(200);
/// One attempt to connect, and one command, end long before the limit.
const SHORT: &str = "connect_timeout=300ms&deadline=400ms";

/// Waits for `host:port` until the limit, and returns what is told.
fn told(address: &str, parameters: &str) -> (Error, Duration) {
    let url = format!("redis://{address}?{parameters}");
    let client = Client::open(&url).expect("the URL is a good one");
    let start = Instant::now();
    let error = run(client.ready(LIMIT)).expect_err("nobody answers there");
    (error, start.elapsed())
}

fn check(address: &str, causes: &[&str]) {
    check_with(address, causes, SHORT);
}

/// A shared machine is slow now and then: the best of three counts.
fn check_with(address: &str, causes: &[&str], parameters: &str) {
    let attempts: Vec<_> = (0..3).map(|_| told(address, parameters)).collect();
    for (error, took) in &attempts {
        println!("{address}: {took:?}: {error:#}");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
        let text = format!("{error:#}");
        assert!(text.contains(address), "{text}");
        assert!(causes.iter().any(|cause| text.contains(cause)), "{text}");
    }
    let best = attempts.iter().map(|(_, took)| *took).min();
    let best = best.expect("there are three");
    assert!(best <= LIMIT + SLACK, "{address}: {best:?}");
}

fn closed_port() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    address.to_string()
}

#[test]
fn a_closed_port_is_told() {
    check(&closed_port(), &["refused"]);
}

#[test]
fn the_limit_may_be_shorter_than_the_deadline() {
    let parameters = format!("connect_timeout={}ms", LIMIT.as_millis());
    let silent = FakeServer::start(|_| Answer::Silence);
    let silent = format!("127.0.0.1:{}", silent.port());
    check_with(&closed_port(), &["refused"], &parameters);
    check_with("no-such-host.invalid:7000", &["address"], &parameters);
    check_with(&silent, &["did not answer the handshake"], &parameters);
}

#[test]
fn an_unknown_host_is_told() {
    check("no-such-host.invalid:7000", &["address"]);
}

#[test]
fn a_server_that_keeps_silent_is_told() {
    let server = FakeServer::start(|_| Answer::Silence);
    let address = format!("127.0.0.1:{}", server.port());
    check(&address, &["did not answer the handshake"]);
}

#[test]
fn a_server_that_hangs_up_is_told() {
    let server = FakeServer::start(|_| Answer::Close);
    let address = format!("127.0.0.1:{}", server.port());
    // Which of the two it is depends on who is faster.
    check(&address, &["ended the connection", "reset"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_that_drops_packets_is_told() {
    // With a backlog of 0 one connection fills the queue, and the next SYN has no answer.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime starts");
    let _entered = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket is made");
    socket
        .bind(([127, 0, 0, 1], 0).into())
        .expect("a port is free");
    let listener = socket.listen(0).expect("it listens");
    let address = listener.local_addr().expect("it is bound");
    let _filler = TcpStream::connect(address).expect("the first one fits");
    std::thread::scope(|scope| {
        // On a thread without a runtime of its own.
        scope.spawn(|| check(&address.to_string(), &["did not accept"]));
    });
}
