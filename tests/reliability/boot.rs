//! R25, its part at start-up: a server that cannot be reached is told within the time that one gives
//! it, by name, port and cause.

use std::fmt;
use std::time::Duration;

use redis_ready::{Error, ErrorKind};

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{best_of, timed};
#[cfg(target_os = "linux")]
use crate::support::ports::BlackHole;
use crate::support::ports::ClosedPort;
use crate::support::{open, run};

const LIMIT: Duration = Duration::from_millis(700);
const SLACK: Duration = Duration::from_millis(200);
/// One attempt to connect, and one command, end long before the limit.
const SHORT: &str = "connect_timeout=300ms&deadline=400ms";
const UNKNOWN: &str = "no-such-host.invalid:7000";

/// What was told of an address, and after how long.
struct Told(String, Error, Duration);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told(address, error, took) = self;
        write!(f, "{address}: {took:?}: {error:#}")
    }
}

fn check(address: &str, causes: &[&str]) {
    check_with(address, causes, SHORT);
}

/// Asserts that `address` is waited for until the limit, and that the error then names one of `causes`.
fn check_with(address: &str, causes: &[&str], parameters: &str) {
    let tell = || {
        let client = open(&format!("redis://{address}"), parameters);
        let (ready, took) = run(timed(client.ready(LIMIT)));
        let error = ready.expect_err("no server answers there");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
        let text = format!("{error:#}");
        assert!(text.contains(address), "{text}");
        assert!(causes.iter().any(|cause| text.contains(cause)), "{text}");
        Told(address.to_owned(), error, took)
    };
    best_of(tell, |Told(_, _, took), late| *took <= LIMIT + SLACK + late);
}

#[test]
fn a_closed_port_is_told() {
    let closed = ClosedPort::new();
    check(&closed.address().to_string(), &["refused"]);
}

#[test]
fn the_limit_may_be_shorter_than_the_deadline() {
    let parameters = format!("connect_timeout={}ms", LIMIT.as_millis());
    let (silent, closed) = (FakeServer::silent(), ClosedPort::new());
    let closed = closed.address().to_string();
    check_with(&closed, &["refused"], &parameters);
    check_with(UNKNOWN, &["address"], &parameters);
    let silence = &["did not answer the handshake"];
    check_with(&silent.address(), silence, &parameters);
}

#[test]
fn an_unknown_host_is_told() {
    check(UNKNOWN, &["address"]);
}

#[test]
fn a_server_that_keeps_silent_is_told() {
    let server = FakeServer::silent();
    check(&server.address(), &["did not answer the handshake"]);
}

#[test]
fn a_server_that_hangs_up_is_told() {
    let server = FakeServer::start(|_| Answer::Close);
    // Which of the two it is depends on who is faster.
    check(&server.address(), &["ended the connection", "reset"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_that_drops_packets_is_told() {
    let host = BlackHole::new();
    check(&host.address().to_string(), &["did not accept"]);
}
