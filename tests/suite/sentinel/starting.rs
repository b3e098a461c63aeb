//! The first command: with all that is well, and with what is not.

use std::time::Duration;

use redis::{AsyncCommands, RedisResult, cmd};
use redis_ready::ErrorKind;

use crate::support::errors::{ok, ours, report};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::ports::ClosedPort;
use crate::support::sentinel::{SERVICE, Sentinels, Settings};
use crate::support::{open, run};

/// The default deadline, and what a shared machine adds to it.
const LIMIT: Duration = Duration::from_secs(4);
const FIRST_COMMAND: Duration = Duration::from_secs(1);

/// Asserts that the first command fails in time, with an error of this kind if one is given, and returns
/// all that is told of it. It never tells a secret.
async fn first_failure(url: &str, kind: Option<ErrorKind>) -> String {
    let mut client = open(url, "");
    let lateness = Lateness::watch();
    let (reply, time): (RedisResult<()>, _) = timed(client.set("key", 1)).await;
    let error = reply.expect_err("it cannot be written");
    let text = report(&error);
    println!("after {time:.1?}: {text}\n");
    assert_within("the first command", time, LIMIT, &lateness);
    assert!(!text.contains("secret"), "{text}");
    let ours = ours(&error);
    assert!(!ours.may_have_run(), "{text}");
    if let Some(kind) = kind {
        assert_eq!(ours.kind(), kind, "{text}");
    }
    let ready = client.ready(Duration::from_millis(500)).await;
    let ready = ready.expect_err("it is not ready either");
    if let Some(kind) = kind {
        assert_eq!(ready.kind(), kind, "{ready:?}");
    }
    text
}

#[test]
fn an_error_names_each_sentinel_that_is_out_of_reach() {
    let closed = [(); 3].map(|()| ClosedPort::new());
    let dead = closed.each_ref().map(|port| port.address().to_string());
    let url = format!("redis-sentinel://{}/{SERVICE}", dead.join(","));
    let text = run(first_failure(&url, Some(ErrorKind::Unreachable)));
    for address in dead {
        assert!(text.contains(&address), "{address}: {text}");
    }
}

#[test]
fn a_sentinel_that_refuses_the_question_is_told_with_what_to_do() {
    for (answer, kind, help) in [
        ("-NOPERM no", ErrorKind::Authentication, "`+sentinel`"),
        ("-ERR unknown command", ErrorKind::InvalidUrl, "26379"),
    ] {
        let sentinel = FakeServer::resp3(move |words| {
            let is_question = words[0] == "SENTINEL";
            is_question.then(|| Answer::line(answer))
        });
        let url = format!("redis-sentinel://{}/{SERVICE}", sentinel.address());
        let text = run(first_failure(&url, Some(kind)));
        assert!(text.contains(help), "{text}");
    }
}

#[test]
fn a_name_that_no_sentinel_knows_is_told_with_what_to_do() {
    let sentinels = Sentinels::start(0, 2);
    let url = sentinels.url().replace(SERVICE, "myprimary");
    run(async {
        let text = first_failure(&url, None).await;
        assert!(text.contains("`myprimary`"), "{text}");
        assert!(text.contains("help: ") || text.contains("note: "), "{text}");
        // The Sentinels are there: the fault is elsewhere.
        assert!(!text.contains("cannot reach"), "{text}");
    });
}

#[test]
fn sentinels_and_servers_may_ask_for_passwords_of_their_own() {
    let sentinels = Sentinels::start_with(Settings {
        replicas: 1,
        sentinels: 2,
        server_password: Some("server-secret"),
        sentinel_password: Some("sentinel-secret"),
    });
    for sentinel in 0..2 {
        let words = [
            "SETUSER",
            "app",
            "on",
            ">app-secret",
            "allchannels",
            "-@all",
            "+auth",
            "+hello",
            "+ping",
            "+client",
            "+subscribe",
            "+psubscribe",
            "+role",
            "+info",
            "+sentinel",
        ];
        let mut connection = sentinels.connect_to_sentinel(sentinel);
        let added = cmd("ACL").arg(&words).exec(&mut connection);
        added.expect("a sentinel has users");
    }
    run(async {
        for parameters in [
            "sentinel_password=sentinel-secret",
            "sentinel_username=default&sentinel_password=sentinel-secret",
            "sentinel_username=app&sentinel_password=app-secret",
            "sentinel_password=sentinel-secret&protocol=2",
        ] {
            let mut client = sentinels.client(parameters);
            let () = client
                .set("key", parameters)
                .await
                .unwrap_or_else(|error| panic!("{parameters}: {}", report(&error)));
            let value: String = client.get("key").await.expect("it is there");
            assert_eq!(value, parameters);
        }

        for parameters in [
            "",
            "sentinel_password=other-secret",
            "sentinel_username=unknown&sentinel_password=sentinel-secret",
        ] {
            let url = sentinels.url_with(parameters);
            let text = first_failure(&url, Some(ErrorKind::Authentication)).await;
            // Else one would look for the fault in the servers' own password.
            assert!(text.to_lowercase().contains("sentinel"), "{text}");
            if parameters.is_empty() {
                assert!(text.contains("sentinel_password"), "{text}");
            }
        }

        let url = sentinels.url_with("sentinel_password=sentinel-secret");
        for userinfo in ["", ":other-secret@"] {
            let url = url.replace(":server-secret@", userinfo);
            let text = first_failure(&url, Some(ErrorKind::Authentication)).await;
            assert!(!text.contains("sentinel_password"), "{text}");
            // The server at fault is named, for no URL does.
            let address = format!("127.0.0.1:{}", sentinels.port(0));
            assert!(text.contains(&address), "{text}");
        }
    });
}

#[test]
fn the_database_of_the_url_is_the_one_that_is_used() {
    let sentinels = Sentinels::start(0, 1);
    let url = format!("{}/3", sentinels.url());
    run(async {
        let () = open(&url, "")
            .set("key", "three")
            .await
            .expect("it is a good URL");
    });
    let mut connection = sentinels.connect(0);
    let (there, value): ((), String) = redis::pipe()
        .cmd("SELECT")
        .arg(3)
        .get("key")
        .query(&mut connection)
        .expect("it answers");
    let () = there;
    assert_eq!(value, "three");
}

#[test]
fn a_sentinel_that_hangs_or_is_dead_delays_no_first_command() {
    let mut sentinels = Sentinels::start(0, 3);
    let lateness = Lateness::watch();
    let first_command = |url: &str| {
        let (reply, time): (RedisResult<()>, _) = run(timed(open(url, "").set("key", 1)));
        ok(reply);
        time
    };
    let well = first_command(&sentinels.url());
    // Of those behind it one answers, wherever it stands.
    sentinels.stop_sentinel(0);
    let hung_first = first_command(&sentinels.url_of(&[0, 1, 2], ""));
    let hung_last = first_command(&sentinels.url_of(&[2, 1, 0], ""));
    sentinels.kill_sentinel(1);
    let dead_too = first_command(&sentinels.url_of(&[0, 1, 2], ""));
    let dead = first_command(&sentinels.url_of(&[1, 2], ""));
    let times = [well, hung_first, hung_last, dead_too, dead];
    println!("first commands: {times:.1?}");
    for time in times {
        assert_within("the first command", time, FIRST_COMMAND, &lateness);
    }
}

#[test]
fn a_client_waits_for_sentinels_that_start_later() {
    let mut sentinels = Sentinels::start(0, 1);
    sentinels.stop_sentinel(0);
    let client = sentinels.client("");
    run(async {
        let error = client.ready(Duration::from_millis(300)).await;
        let error = error.expect_err("its sentinel hangs");
        println!("{error:?}");
        assert!(
            format!("{error:?}").contains(&sentinels.address(0)),
            "{error:?}"
        );
        let waiting = client.clone();
        let ready = tokio::spawn(async move { waiting.ready(Duration::from_secs(20)).await });
        sentinels.cont_sentinel(0);
        ready
            .await
            .expect("it does not panic")
            .unwrap_or_else(|error| panic!("{error:?}"));
    });
}
