//! What a client says first, to new servers, old ones, and silent ones.

use std::time::Duration;

use redis::cmd;
use redis_ready::ErrorKind;
use redis_ready::testing::Server;

use super::failure::{ENCODED, Limits, PASSWORD, SHORT, SLACK, failure};
use crate::support::fake_server::{Answer, FakeServer, Recorder};
#[cfg(target_os = "linux")]
use crate::support::ports::BlackHole;
use crate::support::{address, open, start};

/// What the server knows about the only connection of `url`.
fn client_info(url: &str) -> String {
    let info = cmd("CLIENT").arg("INFO").to_owned();
    info.query(&mut open(url, "").blocking()).unwrap()
}

#[test]
fn the_url_chooses_protocol_database_user_and_name() {
    let server = start(Server::builder().tcp().password(PASSWORD));
    let address = address(&server);
    for protocol in [2, 3] {
        let info = client_info(&format!(
            "redis://default:{ENCODED}@{address}/3?protocol={protocol}&client_name=orders"
        ));
        for part in ["db=3", "user=default", "name=orders"] {
            assert!(info.contains(&format!(" {part} ")), "{info}");
        }
        assert!(info.contains(&format!("resp={protocol}")), "{info}");
    }
}

#[test]
fn the_url_of_a_server_in_a_socket_with_a_password_works() {
    let server = start(Server::builder().password(PASSWORD));
    assert!(client_info(server.url()).contains("redis.sock"));
    let path = server.directory().join("redis.sock");
    let info = client_info(&format!("unix://:{ENCODED}@{}?db=2", path.display()));
    assert!(info.contains(" db=2 "), "{info}");
}

/// A server from before RESP3, that has a password and one key.
fn old_server(unknown_hello: &'static str) -> FakeServer {
    FakeServer::start(move |command| match command[0].as_str() {
        "HELLO" => Answer::line(unknown_hello),
        "AUTH" if command.len() > 2 => {
            Answer::line("-ERR wrong number of arguments for 'auth' command")
        }
        "AUTH" | "SELECT" => Answer::ok(),
        "PING" => Answer::line("+PONG"),
        "GET" => Answer::line("$5\r\nvalue"),
        _ => Answer::line("-ERR unknown command"),
    })
}

#[test]
fn a_server_without_resp3_is_spoken_to_in_resp2() {
    for unknown_hello in [
        "-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default'",
        "-ERR unknown command `HELLO`, with args beginning with: `3`, ",
        "-NOPROTO unsupported protocol version",
    ] {
        let server = old_server(unknown_hello);
        let url = format!("redis://:{ENCODED}@127.0.0.1:{}/1", server.port());
        let client = open(&url, "");
        let value: String = cmd("GET").arg("k").query(&mut client.blocking()).unwrap();
        assert_eq!(value, "value");
        let seen = server.seen();
        assert!(seen.contains(&words(&["AUTH", PASSWORD])), "{seen:?}");
        assert!(seen.contains(&words(&["SELECT", "1"])), "{seen:?}");
    }
}

#[test]
fn a_server_without_users_is_given_the_password_alone() {
    let server = old_server("-ERR unknown command 'HELLO'");
    let url = format!("redis://another:{ENCODED}@127.0.0.1:{}", server.port());
    let client = open(&url, "");
    let value: String = cmd("GET").arg("k").query(&mut client.blocking()).unwrap();
    assert_eq!(value, "value");
    let seen = server.seen();
    assert!(seen.contains(&words(&["AUTH", PASSWORD])), "{seen:?}");
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[test]
fn credentials_are_sent_as_the_url_has_them() {
    let cases: [(&str, Option<&[&str]>); 6] = [
        ("", None),
        (":pw@", Some(&["pw"])),
        ("app:pw@", Some(&["app", "pw"])),
        // An empty password is one: a user may have it.
        ("app:@", Some(&["app", ""])),
        ("a%40b:p%3Aw@", Some(&["a@b", "p:w"])),
        ("default:pw@", Some(&["default", "pw"])),
    ];
    for (userinfo, expected) in cases {
        let server = FakeServer::start(|command| match command[0].as_str() {
            "PING" => Answer::line("+PONG"),
            _ => Answer::ok(),
        });
        let url = format!("redis://{userinfo}127.0.0.1:{}?protocol=2", server.port());
        let client = open(&url, "");
        let () = cmd("PING").query(&mut client.blocking()).unwrap();
        let sent = server.seen().into_iter().find(|words| words[0] == "AUTH");
        let sent = sent.map(|words| words[1..].to_vec());
        assert_eq!(sent, expected.map(words), "{userinfo}");
    }
}

#[test]
fn resp3_carries_the_credentials_in_hello() {
    for (userinfo, user) in [(":pw@", "default"), ("app:pw@", "app")] {
        let server = FakeServer::resp3(|_| None);
        let url = format!("redis://{userinfo}127.0.0.1:{}", server.port());
        let client = open(&url, "");
        let () = cmd("PING").query(&mut client.blocking()).unwrap();
        let hello = server.seen().remove(0);
        assert_eq!(hello[..5], words(&["HELLO", "3", "AUTH", user, "pw"]));
    }
}

/// Silence is waited for as long as the connect timeout says: not less, and not much more.
fn is_silent(url: &str) {
    let (error, took) = failure(url, SHORT);
    let Limits { connect, deadline } = SHORT;
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    assert!(error.help().is_some(), "{error:?}");
    assert!(took >= connect, "{took:?} for {error:?}");
    assert!(took < deadline + SLACK, "{took:?} for {error:?}");
}

#[test]
fn a_silent_server_is_told_in_time_in_each_phase() {
    for phase in ["HELLO", "AUTH", "SELECT", "CLIENT"] {
        let server = FakeServer::start(move |command| match command[0].as_str() {
            silent if silent == phase => Answer::Silence,
            // RESP2 is the way through AUTH.
            "HELLO" if phase == "AUTH" => Answer::line("-NOPROTO no"),
            "HELLO" => Answer::hello(),
            _ => Answer::ok(),
        });
        is_silent(&format!("redis://:{ENCODED}@127.0.0.1:{}/1", server.port()));
    }
}

#[test]
fn a_server_that_answers_by_drops_is_told_in_time() {
    let server = FakeServer::start(|_| {
        // A byte now and then does not make an answer, however many come.
        std::thread::sleep(Duration::from_millis(50));
        Answer::Send(b"%".to_vec())
    });
    let (error, took) = failure(&server.url(), SHORT);
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    assert!(took < SHORT.deadline + SLACK, "{took:?} for {error:?}");
}

#[test]
fn silence_in_the_tls_handshake_is_told_in_time() {
    let server = Recorder::start(b"");
    is_silent(&format!("rediss://127.0.0.1:{}", server.port()));
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_that_drops_packets_is_told_in_time() {
    let host = BlackHole::new();
    is_silent(&format!("redis://{}", host.address()));
}
