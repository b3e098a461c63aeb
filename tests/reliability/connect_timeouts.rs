//! R6: an attempt to connect ends when the connect timeout is over, whatever the server is silent
//! at, and however many attempt at once.

use std::fmt;
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use redis::AsyncCommands;
use redis_ready::ErrorKind;

use crate::support::fake_server::{Answer, FakeServer, Recorder};
use crate::support::measure::{Lateness, Times, assert_within, best_of, timed};
#[cfg(target_os = "linux")]
use crate::support::ports::BlackHole;
use crate::support::{open, run};

const TIMEOUT: Duration = Duration::from_millis(400);
const SLACK: Duration = Duration::from_millis(100);
const AT_ONCE: usize = 50;

/// How long each of 50 connections took to fail.
fn attempts(url: &str) -> Times {
    let parameters = "connect_timeout=400ms&deadline=10s&response_timeout=10s";
    let client = open(url, parameters);
    run(async {
        let calls = (0..AT_ONCE).map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let (connection, took) = timed(client.dedicated_connection()).await;
                let error = connection.expect_err("the server is silent");
                assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
                took
            })
        });
        let calls = join_all(calls).await.into_iter();
        calls.map(|call| call.expect("it fails")).collect()
    })
}

fn fails_in_time(phase: &'static str, url: &str) {
    struct Figures(&'static str, Times);
    impl fmt::Display for Figures {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let Figures(phase, times) = self;
            write!(f, "connect timeout of {TIMEOUT:?}, {phase}, {times}")
        }
    }
    best_of(
        || {
            let times = attempts(url);
            assert!(times.min() >= TIMEOUT, "{phase}: {times}");
            Figures(phase, times)
        },
        |Figures(_, times), late| times.max() <= TIMEOUT + SLACK + late,
    );
}

/// Takes `words` for the first one that it does not answer.
fn silent_at(silent: &'static str) -> FakeServer {
    FakeServer::start(move |command| match command[0].as_str() {
        word if word == silent => Answer::Silence,
        // RESP2 is the way through AUTH.
        "HELLO" if silent == "AUTH" => Answer::line("-NOPROTO no"),
        "HELLO" => Answer::hello(),
        _ => Answer::ok(),
    })
}

#[test]
fn silence_after_accepting_is_cut_off_in_time() {
    let server = Recorder::start(b"");
    let address = format!("127.0.0.1:{}", server.port());
    fails_in_time("silent at TCP", &format!("redis://{address}"));
    #[cfg(feature = "tls")]
    fails_in_time("silent at TLS", &format!("rediss://{address}"));
}

#[test]
fn silence_in_the_handshake_is_cut_off_in_time() {
    for (phase, word) in [
        ("silent at HELLO", "HELLO"),
        ("silent at AUTH", "AUTH"),
        ("silent at SELECT", "SELECT"),
    ] {
        let server = silent_at(word);
        let url = format!("redis://:password@127.0.0.1:{}/1", server.port());
        fails_in_time(phase, &url);
        let seen = server.seen();
        let asked = seen.iter().any(|command| command[0] == word);
        assert!(asked, "it never came to {word}: {seen:?}");
    }
}

#[test]
fn all_phases_share_one_connect_timeout() {
    // Each answer comes in time for a limit of its own; the second one is too late for all.
    let server = FakeServer::start(|command| {
        thread::sleep(TIMEOUT.mul_f64(0.6));
        match command[0].as_str() {
            "HELLO" => Answer::line("-NOPROTO no"),
            _ => Answer::ok(),
        }
    });
    let url = format!("redis://:password@127.0.0.1:{}/1", server.port());
    fails_in_time("slow in every phase", &url);
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_that_drops_packets_is_given_up_in_time() {
    let host = BlackHole::new();
    fails_in_time("no answer to SYN", &format!("redis://{}", host.address()));
}

#[test]
fn a_blocking_command_ends_within_its_deadline_where_no_connection_is_made() {
    let server = FakeServer::silent();
    let mut client = open(&server.url(), "connect_timeout=600ms&deadline=1s");
    let lateness = Lateness::watch();
    let (popped, took) = run(timed(client.blpop::<_, redis::Value>("k", 0.1)));
    popped.expect_err("there is no connection");
    let bound = Duration::from_millis(1_250);
    assert_within("BLPOP with a deadline of 1 s", took, bound, &lateness);
}
