//! All connections leave the old primary, not only the shared one: those of blocking commands and of
//! sessions would else wait for ever on a server that is not written to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::{AsyncCommands, Commands, RedisResult, cmd};
use redis_ready::{Client, Error};

use crate::support::errors::{ok, report};
use crate::support::measure::{Lateness, assert_within};
use crate::support::run;
use crate::support::sentinel::{Sentinels, Switch};

const CLIENT_NAME: &str = "connected";
/// From when a sentinel tells of the new primary until no connection to the old one is left.
const LEAVING: Duration = Duration::from_secs(2);
/// How long a blocking command waits.
const BLOCKING: f64 = 8.0;
/// Until any call is over.
const LIMIT: Duration = Duration::from_secs(15);

fn client(sentinels: &Sentinels) -> Client {
    sentinels.client(&format!("client_name={CLIENT_NAME}"))
}

/// Has a sentinel promote the replica, and returns when it has been told.
fn fail_over(sentinels: &Sentinels) -> Switch {
    let switches = sentinels.switches();
    let old = sentinels.port(sentinels.primary());
    sentinels.failover();
    switches.wait_for(0, old)
}

/// Waits until a server has at least so many connections of ours.
async fn wait_for_connections(sentinels: &Sentinels, server: usize, least: usize) {
    let begin = Instant::now();
    while sentinels.connections(server, CLIENT_NAME) < least {
        assert!(begin.elapsed() < LIMIT, "fewer than {least} connections");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asserts that no connection to the old primary is left in time, and that none comes back.
async fn assert_left(sentinels: &Sentinels, old: usize, switch: Switch) {
    let lateness = Lateness::watch();
    let mut last = switch.heard;
    while switch.heard.elapsed() < 2 * LEAVING {
        if sentinels.connections(old, CLIENT_NAME) > 0 {
            last = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left = last - switch.heard;
    println!("the old primary is left {left:.1?} after +switch-master; {lateness}");
    assert_within("leaving", left, LEAVING, &lateness);
    // It was not the sentinels that ended them: they leave it alone for ten seconds.
    let info: String = cmd("INFO")
        .arg("replication")
        .query(&mut sentinels.connect(old))
        .expect("it answers");
    assert!(info.contains("role:master"), "{info}");
}

/// Pops from `jobs`, again after an error, and says what it got and how often it failed.
async fn pop(mut client: Client) -> (String, Vec<String>) {
    let mut errors = Vec::new();
    let begin = Instant::now();
    loop {
        let popped: RedisResult<Option<(String, String)>> = client.blpop("jobs", BLOCKING).await;
        match popped {
            Ok(Some((_, job))) => return (job, errors),
            Ok(None) => errors.push("nothing in time".to_owned()),
            Err(error) => {
                let ours = Error::from_redis(&error);
                // A server that is demoted tells those who wait there.
                assert!(ours.is_some() || error.code().is_some(), "{error}");
                errors.push(report(&error));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        assert!(begin.elapsed() < 2 * LIMIT, "{errors:#?}");
    }
}

#[test]
fn a_blocking_command_that_waits_is_not_left_behind() {
    let sentinels = Sentinels::start(1, 1);
    let client = client(&sentinels);
    run(async {
        let () = ok(client.clone().set("key", 1).await);
        let waiting = tokio::spawn(pop(client.clone()));
        wait_for_connections(&sentinels, 0, 2).await;
        let switch = fail_over(&sentinels);
        let new = sentinels.server_on(switch.port);
        assert_left(&sentinels, 0, switch).await;

        let begin = Instant::now();
        let _: u64 = sentinels
            .connect(new)
            .rpush("jobs", "job")
            .expect("it is the primary");
        let popped = tokio::time::timeout(LIMIT, waiting).await;
        let (job, errors) = popped.expect("it ends in time").expect("it does not panic");
        println!(
            "popped {:.1?} after the push, errors before: {errors:#?}",
            begin.elapsed()
        );
        assert_eq!(job, "job");
    });
}

#[test]
fn a_session_ends_with_its_primary_and_the_next_one_is_with_the_new_one() {
    let sentinels = Sentinels::start(1, 1);
    let client = client(&sentinels);
    run(async {
        let session = client.dedicated_connection().await;
        let mut session = session.unwrap_or_else(|error| panic!("{error:?}"));
        let () = session.set("key", 1).await.expect("it is the primary");
        cmd("WATCH")
            .arg("key")
            .exec_async(&mut session)
            .await
            .expect("a session can watch");
        let idle = client.dedicated_connection().await;
        let mut idle = idle.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(sentinels.connections(0, CLIENT_NAME), 2);

        let switch = fail_over(&sentinels);
        assert_left(&sentinels, 0, switch).await;
        let calls = sentinels.calls(0, "set");
        for session in [&mut session, &mut idle] {
            let begin = Instant::now();
            let written: RedisResult<()> = session.set("key", 2).await;
            let error = written.expect_err("the session is gone");
            println!("after {:.1?}: {}", begin.elapsed(), report(&error));
            assert!(Error::from_redis(&error).is_some(), "{error}");
            assert!(begin.elapsed() < LIMIT);
        }
        assert_eq!(sentinels.calls(0, "set"), calls);

        let session = client.dedicated_connection().await;
        let mut session = session.unwrap_or_else(|error| panic!("{error:?}"));
        let () = session.set("key", 3).await.expect("it is the primary");
        let mut port = cmd("CONFIG");
        port.arg("GET").arg("port");
        let port: RedisResult<BTreeMap<String, u16>> = port.query_async(&mut session).await;
        assert_eq!(port.expect("it answers")["port"], switch.port);
    });
}

#[test]
fn an_idle_client_leaves_the_old_primary_too() {
    let sentinels = Sentinels::start(1, 1);
    let client = client(&sentinels);
    run(async {
        let () = ok(client.clone().set("key", 1).await);
        assert_eq!(sentinels.connections(0, CLIENT_NAME), 1);
        let switch = fail_over(&sentinels);
        assert_left(&sentinels, 0, switch).await;
        let () = client.clone().set("key", 2).await.expect("it follows");
        let value: u64 = sentinels
            .connect(sentinels.server_on(switch.port))
            .get("key")
            .expect("it answers");
        assert_eq!(value, 2);
    });
}
