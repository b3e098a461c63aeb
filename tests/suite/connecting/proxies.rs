//! Proxies, clones and accounts that do not know `HELLO`, or that do not permit it: each of them is used
//! with the URL as it is, in RESP2.

use std::time::Duration;

use redis::{RedisResult, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use super::failure::{ENCODED, PASSWORD, fails_at_once, fails_in_time};
use crate::support::errors::{kind_of, ok};
use crate::support::fake_server::{Answer, FakeServer, HELLO};
use crate::support::{address, open, run, start};

/// The forms of a URL that every proxy is tried with: what stands before and behind the host.
const LOGINS: [&str; 4] = [
    "",
    ":c4n%40ry-in-the-mine@",
    "default:c4n%40ry-in-the-mine@",
    "app:c4n%40ry-in-the-mine@",
];

fn url(server: &FakeServer, login: &str) -> String {
    format!("redis://{login}{}", server.address())
}

/// Reads a key in each way that opens a connection of its own, and asks whether the server is ready.
fn is_usable(url: &str) {
    let client = open(url, "deadline=10s&connect_timeout=5s");
    let value: RedisResult<String> = cmd("GET").arg("k").query(&mut client.blocking());
    assert_eq!(ok(value), "value", "{url}");
    run(client.ready(Duration::from_secs(10))).unwrap_or_else(|error| panic!("{url}: {error:?}"));
    run(client.ping()).unwrap_or_else(|error| panic!("{url}: {error:?}"));
    let fresh = open(url, "deadline=10s&connect_timeout=5s");
    let value: RedisResult<String> = run(async {
        let mut dedicated = fresh.dedicated_connection().await?;
        cmd("GET").arg("k").query_async(&mut dedicated).await
    });
    assert_eq!(ok(value), "value", "{url}");
}

/// Answers the commands that every server knows, with a password if `login` has one.
fn known(command: &[String]) -> Option<Answer> {
    Some(match command[0].as_str() {
        "GET" => Answer::line("$5\r\nvalue"),
        "SET" => Answer::ok(),
        "AUTH" if command.last().is_some_and(|word| word == PASSWORD) => Answer::ok(),
        "AUTH" => Answer::line("-ERR invalid password"),
        _ => return None,
    })
}

#[test]
fn every_answer_to_hello_that_is_no_refusal_of_the_client_leads_to_resp2() {
    for hello in [
        "-unsupported command 'hello'",
        "-ERR Unknown command",
        "-ERR: unknown cmd",
        "-ERR syntax error",
        "-Error not supported",
        "-ERR unknown or unsupported command 'HELLO'",
        "-ERR",
        "-",
        "-NOPERM this user has no permissions to run the 'hello' command or its subcommand",
        "-ERR protocol 3 is not supported",
        "-NOPROTO unsupported protocol version",
        "+OK",
        "$2\r\nOK",
        "$-1",
        ":1",
    ] {
        for login in LOGINS {
            let server = FakeServer::start(move |command| {
                known(command).unwrap_or_else(|| match command[0].as_str() {
                    "HELLO" => Answer::line(hello),
                    "PING" => Answer::line("+PONG"),
                    _ => Answer::line("-unsupported command"),
                })
            });
            is_usable(&url(&server, login));
            let auths = server.seen().into_iter().filter(|words| words[0] == "AUTH");
            let is_with_password = !login.is_empty();
            // One for each of the two connections.
            assert_eq!(
                auths.count(),
                2 * usize::from(is_with_password),
                "{hello} {login}"
            );
        }
    }
}

#[test]
fn a_proxy_that_asks_for_the_password_of_hello_again_is_given_it_by_auth() {
    for login in &LOGINS[1..] {
        // Each connection begins anew, and the fake server does not tell them apart: it is the first
        // command that answers for Envoy.
        let server = FakeServer::start(|command| {
            known(command).unwrap_or_else(|| match command[0].as_str() {
                "HELLO" => Answer::line("-NOAUTH Authentication required."),
                "PING" => Answer::line("+PONG"),
                name => Answer::line(&format!("-unsupported command '{name}'")),
            })
        });
        is_usable(&url(&server, login));
    }
    let server = FakeServer::start(|_| Answer::line("-NOAUTH Authentication required."));
    fails_at_once(
        &server.url(),
        ErrorKind::Authentication,
        "write the password",
    );
}

#[test]
fn a_proxy_that_ends_a_connection_on_unknown_commands_is_used_with_known_ones_only() {
    for parameters in ["", "?protocol=2"] {
        for knows_ping in [true, false] {
            for login in LOGINS {
                let server = FakeServer::start(move |command| {
                    known(command).unwrap_or_else(|| match command[0].as_str() {
                        "PING" if knows_ping => Answer::line("+PONG"),
                        _ => Answer::Close,
                    })
                });
                is_usable(&format!("{}{parameters}", url(&server, login)));
            }
        }
    }
}

/// What it takes is learned only with the first connection, and the question was chosen before.
#[test]
fn the_first_question_to_a_proxy_that_ends_a_connection_on_it_is_put_in_another_way() {
    let server = FakeServer::start(|command| known(command).unwrap_or(Answer::Close));
    let client = open(&server.url(), "deadline=10s&connect_timeout=5s");
    run(client.ping()).unwrap_or_else(|error| panic!("{error:?}"));
}

#[test]
fn a_proxy_that_does_not_know_users_is_given_the_password_alone() {
    for login in &LOGINS[1..] {
        let server = FakeServer::start(|command| match command[0].as_str() {
            "AUTH" if command.len() > 2 => Answer::Close,
            "PING" => Answer::line("+PONG"),
            _ => known(command).unwrap_or(Answer::Close),
        });
        is_usable(&url(&server, login));
    }
}

#[test]
fn a_server_that_ends_connections_on_hello_is_remembered() {
    let server = FakeServer::start(|command| match command[0].as_str() {
        "PING" => Answer::line("+PONG"),
        "BLPOP" => Answer::line("*-1"),
        _ => known(command).unwrap_or(Answer::Close),
    });
    let client = open(&server.url(), "deadline=10s");
    run(client.ready(Duration::from_secs(10))).expect("it is used in RESP2");
    run(async {
        for _ in 0..5 {
            client.dedicated_connection().await.expect("so is this one");
        }
    });
    let popped: RedisResult<redis::Value> =
        cmd("BLPOP").arg("k").arg(1).query(&mut client.blocking());
    ok(popped);
    assert_eq!(server.count("HELLO"), 1, "{:?}", server.seen());
    assert_eq!(server.count("CLIENT"), 0, "{:?}", server.seen());
}

#[test]
fn a_server_that_crashes_in_a_handshake_is_spoken_to_in_resp3_afterwards() {
    let crashed = std::sync::atomic::AtomicBool::new(false);
    let server = FakeServer::start(move |command| {
        use std::sync::atomic::Ordering;
        match command[0].as_str() {
            // It is down for two connections.
            "HELLO" | "PING" if !crashed.load(Ordering::SeqCst) => Answer::Close,
            "GET" if !crashed.swap(true, Ordering::SeqCst) => Answer::Close,
            "HELLO" => Answer::Send(HELLO.to_vec()),
            "GET" => Answer::line("$5\r\nvalue"),
            _ => Answer::ok(),
        }
    });
    let client = open(&server.url(), "deadline=20s");
    let value: RedisResult<String> = cmd("GET").arg("k").query(&mut client.blocking());
    assert_eq!(ok(value), "value");
    let value: RedisResult<String> = cmd("GET").arg("k").query(&mut client.blocking());
    assert_eq!(ok(value), "value");
    let names = server.seen().into_iter().map(|words| words[0].clone());
    let names: Vec<String> = names.collect();
    let last = names.iter().rposition(|name| name == "HELLO");
    assert!(
        names[last.expect("it is asked")..].contains(&"CLIENT".to_owned()),
        "{names:?}"
    );
}

#[test]
fn a_wrong_password_is_sent_once_in_an_attempt() {
    for (hello, auth) in [
        (
            "-WRONGPASS invalid username-password pair or user is disabled.",
            "-ERR never asked",
        ),
        ("-ERR unknown command 'HELLO'", "-ERR invalid password"),
        (
            "-unsupported command 'hello'",
            "-WRONGPASS invalid username-password pair",
        ),
        ("-NOAUTH Authentication required.", "-ERR invalid password"),
    ] {
        let server = FakeServer::start(move |command| match command[0].as_str() {
            "HELLO" => Answer::line(hello),
            "AUTH" => Answer::line(auth),
            _ => Answer::line("-NOAUTH Authentication required."),
        });
        let client = Client::open(&url(&server, LOGINS[3])).expect("valid");
        let error = run(client.ping()).expect_err("the password is wrong");
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        assert!(
            error.help().is_some_and(|help| help.contains("password")),
            "{error:?}"
        );
        let is_by_hello = hello.starts_with("-WRONGPASS");
        let (hellos, auths) = (server.count("HELLO"), server.count("AUTH"));
        assert_eq!(
            auths,
            if is_by_hello { 0 } else { hellos },
            "{:?}",
            server.seen()
        );
    }
}

#[test]
fn a_database_that_a_proxy_does_not_have_is_named() {
    // Envoy answers, and twemproxy ends the connection.
    let refuses = || {
        FakeServer::start(|command| {
            known(command).unwrap_or_else(|| match command[0].as_str() {
                "PING" => Answer::line("+PONG"),
                name => Answer::line(&format!("-unsupported command '{name}'")),
            })
        })
    };
    let ends = || FakeServer::start(|command| known(command).unwrap_or(Answer::Close));
    let in_cluster = || {
        FakeServer::resp3(|command| match command[0].as_str() {
            "SELECT" => Some(Answer::line("-ERR SELECT is not allowed in cluster mode")),
            _ => None,
        })
    };
    for server in [refuses(), ends(), in_cluster()] {
        let url = format!("{}/3", url(&server, LOGINS[1]));
        fails_at_once(&url, ErrorKind::ConnectionRefused, "database 3");
    }
}

#[test]
fn an_old_user_without_the_right_to_say_hello_is_let_in() {
    // Redis 6.0 asks for the right, later servers do not. What is renamed is not there.
    for renamed in [&["HELLO"][..], &["CLIENT"], &["HELLO", "CLIENT"]] {
        let mut builder = Server::builder().tcp().password(PASSWORD);
        for name in renamed {
            builder = builder.arg("--rename-command").arg(*name).arg("");
        }
        let server = start(builder);
        let client = open(&format!("redis://:{ENCODED}@{}/2", address(&server)), "");
        let set: RedisResult<()> = cmd("SET").arg("k").arg("v").query(&mut client.blocking());
        ok(set);
        run(client.ready(Duration::from_secs(10))).unwrap_or_else(|error| panic!("{error:?}"));
    }
}

#[test]
fn a_server_that_ends_every_connection_is_asked_for_less_once_in_an_outage() {
    let server = FakeServer::start(|_| Answer::Close);
    let client = open(&server.url(), "deadline=1s");
    let get: RedisResult<String> = cmd("GET").arg("k").query(&mut client.blocking());
    assert_eq!(kind_of(get), Some(ErrorKind::Unreachable));
    let others = server.count("PING") + server.count("GET");
    assert_eq!(others, 2, "{:?}", server.seen());
    fails_in_time(&server.url(), ErrorKind::Unreachable, &server.address());
}
