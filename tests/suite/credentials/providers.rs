//! Credentials that a provider of the application returns.

use std::io;
use std::time::{Duration, Instant};

use redis::{AsyncCommands, cmd};
use redis_ready::{Config, Credentials, ErrorKind};

use super::{Counter, Stage, client, until};
use crate::support::cluster::Cluster;
use crate::support::run;
use crate::support::sentinel::{Sentinels, Settings};

type Answer = Result<Credentials, io::Error>;

#[expect(clippy::unnecessary_wraps, reason = "it is what a provider returns")]
fn app(password: &str) -> Answer {
    Ok(Credentials::new("app", password))
}

#[test]
fn a_provider_is_asked_once_and_again_when_the_server_refuses_its_answer() {
    let mut stage = Stage::new(&["one"]);
    let asked = Counter::default();
    let count = asked.clone();
    let client = stage.client(move || {
        let password = if count.next() == 0 { "one" } else { "two" };
        async move { app(password) }
    });
    run(async {
        client.ping().await.expect("it is let in");
        client.dedicated_connection().await.expect("it is let in");
    });
    assert_eq!(asked.count(), 1);
    stage.set_passwords(&["two"]);
    stage.cut_off();
    until("the next password", || run(client.ping()).is_ok());
    assert_eq!(asked.count(), 2);
    let user: String = run(cmd("ACL").arg("WHOAMI").query_async(&mut client.clone())).expect("");
    assert_eq!(user, "app");
}

#[test]
fn a_password_that_was_changed_between_question_and_login_fails_no_caller() {
    let stage = Stage::new(&["two"]);
    let asked = Counter::default();
    let client = stage.client(move || {
        let password = if asked.next() == 0 { "one" } else { "two" };
        async move { app(password) }
    });
    run(client.ping()).expect("the second answer is right");
}

#[test]
fn what_a_provider_does_wrong_is_told_and_tried_again() {
    let stage = Stage::new(&["right"]);
    for (mistake, text) in [
        (
            "error",
            "the credentials provider has failed: the vault is sealed",
        ),
        ("panic", "the credentials provider has panicked"),
        ("panic in the call", "the credentials provider has panicked"),
        (
            "silence",
            "the credentials provider did not answer within 1s",
        ),
        ("block", "the credentials provider did not answer within 1s"),
        (
            "expired",
            "the credentials provider returned credentials that expired",
        ),
        ("wrong", "did not accept user `app`: WRONGPASS"),
    ] {
        let asked = Counter::default();
        let url = format!("{}?connect_timeout=1s&deadline=20s", stage.url());
        let client = client(&url, move || {
            let is_wrong = asked.next() < 2;
            assert!(!(is_wrong && mistake == "panic in the call"), "on purpose");
            async move {
                match mistake {
                    _ if !is_wrong => {}
                    "error" => return Err(io::Error::other("the vault is sealed")),
                    "panic" => panic!("on purpose"),
                    "silence" => tokio::time::sleep(Duration::from_secs(2)).await,
                    "block" => std::thread::sleep(Duration::from_secs(2)),
                    "expired" => {
                        let past = std::time::SystemTime::now() - Duration::from_secs(60);
                        return Ok(Credentials::new("app", "right").expires_at(past));
                    }
                    _ => return app("wr0ng"),
                }
                app("right")
            }
        });
        let start = Instant::now();
        let error = run(client.ping()).expect_err(mistake);
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        assert!(format!("{error:#}").contains(text), "{mistake}: {error:#}");
        assert!(start.elapsed() < Duration::from_secs(10), "{mistake}");
        let report = format!("{error:?}{client:?}");
        assert!(
            !report.contains("wr0ng") && !report.contains("right"),
            "{report}"
        );
        until(mistake, || run(client.ping()).is_ok());
    }
}

#[test]
fn a_slow_provider_holds_up_neither_the_io_thread_nor_the_runtime_of_a_caller() {
    let stage = Stage::new(&["pw"]);
    let patient = format!("{}?connect_timeout=20s&deadline=20s", stage.url());
    let slow = client(&patient, || async {
        std::thread::sleep(Duration::from_secs(3));
        app("pw")
    });
    let quick = stage.client(|| async { app("pw") });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(async {
        quick.ping().await.expect("it is let in");
        let ready = slow.ping();
        let others = async {
            let mut longest = Duration::ZERO;
            for _ in 0..200 {
                let start = Instant::now();
                quick.ping().await.expect("it is let in");
                longest = longest.max(start.elapsed());
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            longest
        };
        let (ready, longest) = tokio::join!(ready, others);
        ready.expect("it is let in");
        assert!(longest < Duration::from_secs(2), "{longest:?}");
    });
}

#[test]
fn a_provider_runs_on_a_thread_and_a_runtime_of_its_own() {
    let stage = Stage::new(&["pw"]);
    let client = stage.client(|| async {
        let thread = std::thread::current().name().map(str::to_owned);
        assert_eq!(thread.as_deref(), Some("redis-ready-auth"));
        // As an HTTP client does.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let connecting = tokio::spawn(tokio::net::TcpStream::connect(address));
        listener.accept().await?;
        connecting.await??;
        app("pw")
    });
    run(client.ping()).expect("it is let in");
}

#[test]
fn credentials_of_a_provider_replace_those_of_the_url() {
    let stage = Stage::new(&["pw"]);
    let url = stage.url().replace("redis://", "redis://other:wrong@");
    run(client(&url, || async { app("pw") }).ping()).expect("it is let in");
}

#[test]
fn configurations_with_the_same_provider_are_equal() {
    let config: Config = "redis://h".parse().expect("valid");
    let with_provider = || config.clone().with_credentials(|| async { app("pw") });
    let one = with_provider();
    assert_eq!(one, one.clone());
    assert_ne!(one, with_provider());
    assert_ne!(one, config);
    assert!(format!("{one:?}").contains("the credentials provider"));
}

#[test]
fn the_nodes_of_a_cluster_have_the_same_credentials_and_ask_once() {
    let cluster = Cluster::start(3, 0);
    for node in 0..3 {
        super::set_passwords(&mut cluster.connect(node), &["pw"]);
    }
    let asked = Counter::default();
    let count = asked.clone();
    let client = client(&cluster.url(), move || {
        count.next();
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            app("pw")
        }
    });
    run(async {
        let commands = (0..64).map(|number| {
            let mut client = client.clone();
            async move { client.set::<_, _, ()>(format!("k{number}"), number).await }
        });
        futures::future::try_join_all(commands)
            .await
            .expect("all nodes let it in");
    });
    assert_eq!(asked.count(), 1);
    for node in 0..3 {
        let list: String = cmd("CLIENT")
            .arg("LIST")
            .query(&mut cluster.connect(node))
            .expect("it answers");
        assert!(list.contains("user=app"), "{list}");
    }
}

#[test]
fn the_server_that_sentinels_name_has_the_credentials_and_the_sentinels_have_their_own() {
    let sentinels = Sentinels::start_with(Settings {
        replicas: 1,
        sentinels: 2,
        server_password: Some("server-secret"),
        sentinel_password: Some("sentinel-secret"),
    });
    super::set_passwords(&mut sentinels.connect(0), &["pw"]);
    let url = sentinels.url_with("sentinel_password=sentinel-secret&deadline=20s");
    let url = url.replace(":server-secret@", "");
    let client = client(&url, || async { app("pw") });
    let user: String = run(cmd("ACL").arg("WHOAMI").query_async(&mut client.clone()))
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(user, "app");
}

#[test]
fn redis_rs_gets_the_login_that_was_used_last() {
    let stage = Stage::new(&["pw"]);
    let client = stage.client(|| async { app("pw") });
    let error = redis::Client::open(&client).expect_err("there is none yet");
    assert!(
        error.to_string().contains("credentials that change"),
        "{error}"
    );
    run(client.ping()).expect("it is let in");
    let theirs = redis::Client::open(&client).expect("there is one now");
    let user: String = cmd("ACL")
        .arg("WHOAMI")
        .query(&mut theirs.get_connection().expect("it is let in"))
        .expect("it answers");
    assert_eq!(user, "app");
}
