//! `ready` and `ping` ask whether the server serves, which is not the same as whether it permits `PING`.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::ok;
use crate::support::fake_server::{Answer, FakeServer, LOADING};
use crate::support::ports::ClosedPort;
use crate::support::{open, run, set_user, start};

/// Far longer than the answer may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);
const NO_PERMISSION: &str = "-NOPERM User app has no permissions to run the command";

fn is_ready_at_once(client: &Client) {
    let start = Instant::now();
    run(client.ready(LIMIT)).unwrap_or_else(|error| panic!("{error:?}"));
    run(client.ping()).unwrap_or_else(|error| panic!("{error:?}"));
    assert!(start.elapsed() < LIMIT / 2, "{:?}", start.elapsed());
}

#[test]
fn a_server_is_ready_for_a_user_who_may_not_ping_it() {
    let server = start(Server::builder().tcp());
    for rights in ["+@read +@write", "+get +set", "-@all"] {
        let rights: Vec<&str> = iter::once("~*").chain(rights.split(' ')).collect();
        set_user(&mut server.client().blocking(), &rights);
        for parameters in ["protocol=3", "protocol=2"] {
            let url = server.url().replace("redis://", "redis://app:pw@");
            is_ready_at_once(&open(&url, parameters));
        }
    }
}

#[test]
fn a_server_is_ready_whatever_it_has_against_ping_itself() {
    for refusal in [
        "-ERR unknown command 'PING'",
        "-unsupported command 'ping'",
        "-MISCONF Redis is configured to save RDB snapshots, but is unable to persist to disk",
        "-NOREPLICAS Not enough good replicas to write.",
        "-READONLY You can't write against a read only replica.",
        "-",
    ] {
        for protocol in ["protocol=3", "protocol=2"] {
            let server = FakeServer::resp3(move |command| match command[0].as_str() {
                "PING" => Some(Answer::line(refusal)),
                "DBSIZE" => Some(Answer::line("-ERR unknown command 'DBSIZE'")),
                _ => None,
            });
            is_ready_at_once(&open(&server.url(), protocol));
        }
    }
}

#[test]
fn a_server_that_wants_a_password_after_all_is_told_at_once() {
    let server = FakeServer::resp3(|command| match command[0].as_str() {
        "PING" => Some(Answer::line("-NOAUTH Authentication required.")),
        _ => None,
    });
    let client = open(&server.url(), "");
    let start = Instant::now();
    for error in [run(client.ready(LIMIT)), run(client.ping()).map(drop)] {
        let error = error.expect_err("it does not serve");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        assert!(error.help().is_some(), "{error:?}");
    }
    assert!(start.elapsed() < LIMIT / 2, "{:?}", start.elapsed());
}

/// A server that loads its data until it is told otherwise, and permits of `PING` and `DBSIZE` what
/// `permits` says. Permissions come first, as in real servers.
fn loading(permits: &'static [&'static str]) -> (FakeServer, Arc<AtomicBool>) {
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let server = FakeServer::resp3(move |command| {
        Some(match command[0].as_str() {
            "CLIENT" => Answer::ok(),
            name @ ("PING" | "DBSIZE") if !permits.contains(&name) => Answer::line(NO_PERMISSION),
            _ if !is_over.load(Ordering::SeqCst) => Answer::line(LOADING),
            "DBSIZE" => Answer::line(":0"),
            _ => Answer::ok(),
        })
    });
    (server, over)
}

#[test]
fn the_error_names_the_time_that_it_was_given() {
    let port = ClosedPort::new();
    let client = open(&format!("redis://127.0.0.1:{}", port.port()), "");
    let error = run(client.ready(Duration::from_millis(700))).expect_err("there is no server");
    let text = error.to_string();
    assert!(text.contains("within 700ms (`ready`)"), "{text}");
}

#[test]
fn a_server_that_loads_is_not_ready_for_a_user_who_may_not_ping_it() {
    for permits in [&["PING"][..], &["DBSIZE"]] {
        let (server, over) = loading(permits);
        let client = open(&server.url(), "deadline=500ms");
        let error = run(client.ready(Duration::from_millis(700))).expect_err("it loads");
        assert_eq!(error.kind(), ErrorKind::NotReady, "{error:?}");
        let error = run(client.ping()).expect_err("it loads");
        assert_eq!(error.kind(), ErrorKind::NotReady, "{error:?}");
        over.store(true, Ordering::SeqCst);
        is_ready_at_once(&client);
    }
}

/// Such as one that fails while it loads, and is started again.
#[test]
fn a_server_that_loads_again_and_again_is_not_ready() {
    for permitted in ["PING", "DBSIZE"] {
        let asked = AtomicUsize::new(0);
        let server = FakeServer::resp3(move |command| match command[0].as_str() {
            // What is asked after a refusal is answered, and what follows is refused again.
            name if name == permitted && asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => {
                Some(Answer::line(LOADING))
            }
            "PING" if permitted != "PING" => Some(Answer::line(NO_PERMISSION)),
            _ => None,
        });
        let client = open(&server.url(), "deadline=60s");
        let error = run(client.ping()).expect_err("it loads");
        assert_eq!(error.kind(), ErrorKind::NotReady, "{error:?}");
        let report = format!("{error:?}");
        assert!(report.contains("loading the dataset"), "{report}");
        // Three of the caller, and what was asked for it in between.
        assert_eq!(server.count(permitted), 5, "{permitted}");
    }
}

#[test]
fn a_caller_waits_until_the_server_serves_whatever_its_user_may_ask() {
    for permits in [&["PING"][..], &["DBSIZE"], &[]] {
        let (server, over) = loading(permits);
        let mut client = open(&server.url(), "deadline=20s");
        let set: RedisResult<()> = run(async move {
            let switch = async {
                // Longer than two probes take.
                tokio::time::sleep(Duration::from_secs(2)).await;
                over.store(true, Ordering::SeqCst);
            };
            let (set, ()) = tokio::join!(client.set("k", "v"), switch);
            set
        });
        ok(set);
        assert_eq!(server.count("SET"), 2, "{permits:?}");
    }
}

#[test]
fn a_caller_is_told_what_the_server_says_if_it_never_serves() {
    let (server, _over) = loading(&[]);
    let mut client = open(&server.url(), "deadline=4s");
    let start = Instant::now();
    let set: RedisResult<()> = run(client.set("k", "v"));
    let took = start.elapsed();
    assert_eq!(set.expect_err("it loads").code(), Some("LOADING"));
    assert_eq!(server.count("SET"), 3);
    assert!(took >= Duration::from_secs(2), "{took:?}");
}
