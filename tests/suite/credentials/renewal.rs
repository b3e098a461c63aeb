//! Credentials that expire are renewed on the connections that live.

use std::io;
use std::time::{Duration, Instant};

use redis::{AsyncCommands, cmd};
use redis_ready::{Client, Credentials};

use super::{Counter, Stage, until};
use crate::support::errors::ok;
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::run;

const LIFETIME: Duration = Duration::from_secs(1);

type Given = Result<Credentials, io::Error>;

#[expect(clippy::unnecessary_wraps, reason = "it is what a provider returns")]
fn token(password: impl Into<String>) -> Given {
    Ok(Credentials::new("app", password).expires_in(LIFETIME))
}

/// A client whose tokens are `pw0`, `pw1` and so on, and how many there have been.
fn with_tokens(stage: &mut Stage) -> (Client, Counter) {
    let passwords: Vec<_> = (0..64).map(|number| format!("pw{number}")).collect();
    let passwords: Vec<_> = passwords.iter().map(String::as_str).collect();
    stage.set_passwords(&passwords);
    let asked = Counter::default();
    let count = asked.clone();
    let client = stage.client(move || {
        let number = count.next();
        async move { token(format!("pw{number}")) }
    });
    (client, asked)
}

#[test]
fn live_connections_of_every_kind_log_in_again() {
    let mut stage = Stage::new(&[]);
    let (client, asked) = with_tokens(&mut stage);
    run(async {
        let mut shared = client.clone();
        shared.ping().await.expect("it is let in");
        let mut dedicated = client.dedicated_connection().await.expect("it is let in");
        // One connection for blocking commands waits, another one is idle.
        let _: Option<(String, String)> = shared.blpop("none", 0.01).await.expect("it times out");
        let waiting = tokio::spawn({
            let mut client = client.clone();
            async move { client.blpop::<_, (String, String)>("list", 4.0).await }
        });
        tokio::time::sleep(Duration::from_millis(1_900)).await;
        assert!(asked.count() >= 3, "{}", asked.count());
        let () = shared.rpush("list", "element").await.expect("it is let in");
        let popped = waiting.await.expect("no panic").expect("an element");
        assert_eq!(popped.1, "element");
        let id: u64 = cmd("CLIENT")
            .arg("ID")
            .query_async(&mut dedicated)
            .await
            .expect("it lives");
        assert!(id > 0);
    });
    // Two renewals, on three connections: the one that waited sends its two behind the element.
    until("AUTH on each connection", || stage.auths() >= 6);
    let list: String = cmd("CLIENT")
        .arg("LIST")
        .query(&mut stage.operator)
        .expect("it answers");
    let renewed = list.lines().filter(|line| line.contains("cmd=auth"));
    assert!(renewed.count() >= 1, "{list}");
}

#[test]
fn no_reply_is_mixed_up_while_connections_log_in_again_under_load() {
    let mut stage = Stage::new(&[]);
    let (client, asked) = with_tokens(&mut stage);
    run(async {
        let callers = (0..64_u32).map(|number| {
            let mut client = client.clone();
            async move {
                let start = Instant::now();
                let mut calls = 0_u32;
                while start.elapsed() < Duration::from_millis(3_200) {
                    let text = format!("{number}/{calls}");
                    let echo: String = cmd("ECHO")
                        .arg(&text)
                        .query_async(&mut client)
                        .await
                        .expect("no error");
                    assert_eq!(echo, text);
                    calls += 1;
                }
            }
        });
        futures::future::join_all(callers).await;
    });
    assert!(asked.count() >= 4, "{}", asked.count());
    until("AUTH", || stage.auths() >= 3);
}

#[test]
fn nothing_comes_between_the_commands_of_a_transaction() {
    let mut stage = Stage::new(&[]);
    let (client, asked) = with_tokens(&mut stage);
    run(async {
        let mut dedicated = client.dedicated_connection().await.expect("it is let in");
        cmd("MULTI")
            .exec_async(&mut dedicated)
            .await
            .expect("it begins");
        cmd("SET")
            .arg("k")
            .arg(1)
            .exec_async(&mut dedicated)
            .await
            .expect("it is queued");
        tokio::time::sleep(Duration::from_millis(1_900)).await;
        assert!(asked.count() >= 3, "{}", asked.count());
        cmd("GET")
            .arg("k")
            .exec_async(&mut dedicated)
            .await
            .expect("it is queued");
        let replies: (String, u32) = cmd("EXEC")
            .query_async(&mut dedicated)
            .await
            .expect("two replies");
        assert_eq!(replies, ("OK".to_owned(), 1));
        until("AUTH after the transaction", || stage.auths() >= 1);
        // It goes on as before.
        let value: u32 = dedicated.get("k").await.expect("it lives");
        assert_eq!(value, 1);
    });
}

#[test]
fn a_session_keeps_the_login_of_its_caller() {
    let mut stage = Stage::new(&[]);
    let (client, asked) = with_tokens(&mut stage);
    let mut setuser = cmd("ACL");
    setuser.arg(&["SETUSER", "other", "on", ">other", "~*", "+@all"]);
    setuser.exec(&mut stage.operator).expect("it is set");
    run(async {
        let mut dedicated = client.dedicated_connection().await.expect("it is let in");
        let auth = cmd("AUTH").arg("other").arg("other").to_owned();
        auth.exec_async(&mut dedicated).await.expect("it is let in");
        let before = stage.auths();
        tokio::time::sleep(Duration::from_millis(1_900)).await;
        assert!(asked.count() >= 3, "{}", asked.count());
        let user: String = cmd("ACL")
            .arg("WHOAMI")
            .query_async(&mut dedicated)
            .await
            .expect("it lives");
        assert_eq!(user, "other");
        assert_eq!(stage.auths(), before);
    });
}

#[test]
fn a_failed_renewal_is_tried_again_and_no_caller_notices() {
    let mut stage = Stage::new(&["pw"]);
    let asked = Counter::default();
    let count = asked.clone();
    let client = stage.client(move || {
        let number = count.next();
        async move {
            match number {
                1 => Err(io::Error::other("the vault is sealed")),
                2 => panic!("on purpose"),
                // Refused, and after it the right one.
                3 => token("wrong"),
                _ => token("pw"),
            }
        }
    });
    run(client.ping()).expect("it is let in");
    until("the renewal", || {
        run(client.ping()).expect("it is let in");
        asked.count() >= 6
    });
    until("AUTH", || stage.auths() >= 2);
}

#[test]
fn a_connection_outlives_renewed_credentials_that_are_refused_twice() {
    let mut stage = Stage::new(&["pw"]);
    let asked = Counter::default();
    let client = stage.client(move || {
        let number = asked.next();
        async move {
            match number {
                // Each is another one, of a source that is ahead of the server or behind it.
                1..=3 => token(format!("wrong{number}")),
                _ => token("pw"),
            }
        }
    });
    let id = || -> u64 {
        let mut client = client.clone();
        ok(run(cmd("CLIENT").arg("ID").query_async(&mut client)))
    };
    let first = id();
    until("AUTH that is taken", || {
        stage.auths() > stage.refused_auths()
    });
    assert!(stage.refused_auths() >= 2);
    assert_eq!(id(), first);
}

#[test]
fn credentials_are_not_renewed_without_a_connection() {
    let mut stage = Stage::new(&["pw"]);
    let asked = Counter::default();
    let count = asked.clone();
    let client = stage.client(move || {
        count.next();
        async { token("pw") }
    });
    run(async {
        client.ping().await.expect("it is let in");
        client.close(Duration::ZERO).await;
        tokio::time::sleep(Duration::from_millis(1_900)).await;
    });
    assert_eq!(asked.count(), 1);
    stage.cut_off();
}

#[test]
fn a_connection_that_is_not_logged_in_any_more_is_replaced() {
    let answered = Counter::default();
    let server = FakeServer::resp3(move |words| match words[0].as_str() {
        "GET" if answered.next() == 0 => Some(Answer::line("-NOAUTH Authentication required.")),
        _ => None,
    });
    let mut client = super::client(&server.url(), || async { token("pw") });
    run(async {
        let error = client.get::<_, String>("k").await.expect_err("it is told");
        assert_eq!(error.code(), Some("NOAUTH"), "{error}");
        let value: String = client
            .get("k")
            .await
            .expect("another connection is logged in");
        assert_eq!(value, "OK");
    });
    assert_eq!(server.accepted(), 2);
}
