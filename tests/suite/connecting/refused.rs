//! A server that is not there, does not let us in, or is something else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use redis::{RedisResult, Value, cmd};
use redis_ready::ErrorKind;
use redis_ready::testing::Server;

use super::failure::{ENCODED, PASSWORD, fails_at_once, fails_in_time};
use crate::support::errors::ours;
use crate::support::fake_server::{Answer, FakeServer, Recorder};
use crate::support::ports::ClosedPort;
use crate::support::{address, open, start};

fn with_password() -> Server {
    start(Server::builder().tcp().password("another"))
}

#[test]
fn a_wrong_password_is_told_at_once() {
    let server = with_password();
    let address = address(&server);
    for user in ["", "default", "unknown"] {
        for parameters in ["", "?protocol=2"] {
            let url = format!("redis://{user}:{ENCODED}@{address}{parameters}");
            fails_at_once(&url, ErrorKind::Authentication, &address);
        }
    }
}

#[test]
fn a_missing_password_is_told_at_once() {
    let server = with_password();
    let address = address(&server);
    for parameters in ["", "?protocol=2"] {
        let url = format!("redis://{address}{parameters}");
        fails_at_once(&url, ErrorKind::Authentication, "password");
    }
}

#[test]
fn a_password_for_a_server_without_one_is_told_at_once() {
    let server = start(Server::builder().tcp());
    let url = format!("redis://:{ENCODED}@{}?protocol=2", address(&server));
    fails_at_once(&url, ErrorKind::Authentication, "no password");
}

#[test]
fn a_user_who_may_not_choose_the_database_is_told_at_once() {
    let server = start(Server::builder().tcp());
    cmd("ACL")
        .arg(&[
            "SETUSER",
            "app",
            "on",
            &format!(">{PASSWORD}"),
            "~*",
            "+get",
        ])
        .exec(&mut server.client().blocking())
        .unwrap();
    let url = format!("redis://app:{ENCODED}@{}/1", address(&server));
    fails_at_once(&url, ErrorKind::Authentication, "`app`");
}

#[test]
fn a_database_that_is_not_there_is_told_at_once() {
    let server = start(Server::builder().tcp());
    let url = format!("redis://{}/99", address(&server));
    fails_at_once(&url, ErrorKind::ConnectionRefused, "99");
}

/// Connects to a server that takes one client. It may still count the one that `start` has closed.
fn the_only_connection(address: &str) -> TcpStream {
    loop {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        let mut reply = [0; 5];
        // A refusal is a reply or a reset.
        if stream.read_exact(&mut reply).is_ok() && reply == *b"+PONG" {
            return stream;
        }
    }
}
/// The ways to ask for a server that refuses every client.
const DOORS: [&str; 4] = ["", "?protocol=2", "/1", "/1?protocol=2"];

#[test]
fn too_many_clients_are_told_at_once() {
    let builder = Server::builder().tcp().arg("--maxclients").arg("1");
    let server = start(builder);
    let _only = the_only_connection(&address(&server));
    for door in DOORS {
        let url = format!("redis://{}{door}", address(&server));
        fails_at_once(&url, ErrorKind::ConnectionRefused, "too many clients");
    }
}

#[test]
fn protected_mode_is_told_at_once() {
    const DENIED: &str =
        "-DENIED Redis is running in protected mode because protected mode is enabled";
    let ways: [fn(&[String]) -> Answer; 3] = [
        |_| Answer::line(DENIED),
        // As the real one does: it says so once and ends the connection.
        |_| Answer::Last(format!("{DENIED}\r\n").into_bytes()),
        |words| match words[0].as_str() {
            "HELLO" | "CLIENT" | "SELECT" => Answer::line(DENIED),
            _ => Answer::Silence,
        },
    ];
    for way in ways {
        let server = FakeServer::start(way);
        for door in DOORS {
            let url = format!("{}{door}", server.url());
            fails_at_once(&url, ErrorKind::ConnectionRefused, "protected mode");
        }
    }
}

#[test]
fn a_refusal_in_words_of_its_own_is_told_and_is_not_taken_for_a_connection() {
    const FULL: &str = "-ERR max concurrent connections exceeded";
    let ways: [fn(&[String]) -> Answer; 2] = [
        |_| Answer::Last(format!("{FULL}\r\n").into_bytes()),
        |_| Answer::line(FULL),
    ];
    for way in ways {
        for door in DOORS {
            let server = FakeServer::start(way);
            let login = if door.starts_with('/') { ":pw@" } else { "" };
            let url = format!("redis://{login}{}{door}", server.address());
            let client = open(&url, "deadline=60s");
            let start = Instant::now();
            let mut calls = 0;
            // On a busy machine a call may take long.
            while start.elapsed() < Duration::from_secs(1) || calls <= 10 {
                let get: RedisResult<Value> = cmd("GET").arg("k").query(&mut client.blocking());
                let error = ours(&get.expect_err("it is refused"));
                assert_eq!(
                    error.kind(),
                    ErrorKind::ConnectionRefused,
                    "{url}: {error:?}"
                );
                let text = error.to_string();
                assert!(text.contains("max concurrent connections"), "{url}: {text}");
                calls += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            // The back-off grows, and each attempt tries simpler dialects every 5 s at most.
            let accepted = server.accepted();
            assert!(accepted < calls, "{url}: {accepted} of {calls}");
            let seconds = 1 + usize::try_from(start.elapsed().as_secs()).unwrap_or(usize::MAX);
            assert!(accepted <= 20 * seconds, "{url}: {accepted} in {seconds} s");
        }
    }
}

#[test]
fn an_unknown_host_is_told_in_time() {
    let url = format!("redis://:{ENCODED}@no-such-host.invalid:7000");
    fails_in_time(&url, ErrorKind::Unreachable, "no-such-host.invalid");
}

#[test]
fn a_closed_port_is_told_in_time() {
    let closed = ClosedPort::new();
    let address = closed.address().to_string();
    let url = format!("redis://:{ENCODED}@{address}");
    fails_in_time(&url, ErrorKind::Unreachable, &address);
}

#[test]
fn a_missing_socket_is_told_in_time() {
    let server = start(Server::builder());
    let path = server.directory().join("no.sock").display().to_string();
    let url = format!("unix://:{ENCODED}@{path}");
    fails_in_time(&url, ErrorKind::Unreachable, "no.sock");
}

#[test]
fn a_server_that_hangs_up_is_told_in_time() {
    let server = FakeServer::start(|_| Answer::Close);
    fails_in_time(
        &server.url(),
        ErrorKind::Unreachable,
        &server.port().to_string(),
    );
}

#[test]
fn a_server_of_another_kind_is_told_in_time() {
    let server = Recorder::start(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    let url = format!("redis://127.0.0.1:{}", server.port());
    fails_in_time(&url, ErrorKind::Protocol, &server.port().to_string());
}
