//! Handles with limits of their own: `with_timeout`, `fail_fast`, and both together with `idempotent`.

use std::time::{Duration, Instant};

use redis_ready::redis::{self, AsyncCommands, Commands, Value};
use redis_ready::testing::Server;
use redis_ready::{Client, Error, ErrorKind};

use crate::support::errors::{kind_of, ok};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, Times, assert_within, timed};
use crate::support::ports::{BlackHole, ClosedPort};
use crate::support::{address, open, run, start};

const SHORT: Duration = Duration::from_millis(100);
/// Far longer than what is to fail at once may take.
const LONG: &str = "connect_timeout=20s&response_timeout=20s&deadline=20s";

/// Answers everything but `GET`.
fn deaf_to_get() -> FakeServer {
    FakeServer::resp3(|words| (words[0] == "GET").then_some(Answer::Silence))
}

async fn get(mut client: Client) -> redis::RedisResult<Value> {
    client.get("k").await
}

fn error(result: redis::RedisResult<Value>) -> Error {
    let error = result.expect_err("it fails");
    Error::from_redis(&error)
        .cloned()
        .unwrap_or_else(|| panic!("{error:?}"))
}

/// Checks that a command has failed with `kind` and has not run.
fn check_not_run(result: redis::RedisResult<Value>, kind: ErrorKind) {
    let error = error(result);
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(!error.may_have_run(), "{error:?}");
    assert_eq!(error.timeout_cause(), None, "it is no time-out: {error:?}");
}

#[test]
fn a_limit_holds_for_the_commands_of_its_handle_alone() {
    let server = deaf_to_get();
    run(async {
        let client = open(&server.url(), "response_timeout=900ms");
        client.ping().await.expect("it answers");
        let lateness = Lateness::watch();
        let short = timed(get(client.with_timeout(SHORT)));
        let (of_handle, of_client) = futures::join!(short, timed(get(client.clone())));
        let told = error(of_handle.0);
        assert_eq!(told.kind(), ErrorKind::TimedOut);
        let text = told.to_string();
        assert!(text.ends_with("within 100ms (`with_timeout`)"), "{text}");
        assert_within("GET", of_handle.1, Duration::from_millis(600), &lateness);
        let text = error(of_client.0).to_string();
        assert!(text.ends_with("(`response_timeout`)"), "{text}");
        assert!(of_client.1 >= Duration::from_millis(900));
        // The connection was not given up for the short limit.
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_limit_may_be_longer_than_those_of_the_configuration() {
    let server = FakeServer::resp3(|words| {
        if words[0] == "GET" {
            std::thread::sleep(4 * SHORT);
        }
        None
    });
    let client = open(&server.url(), "response_timeout=100ms&deadline=100ms");
    let long = Duration::from_secs(20);
    ok(run(get(client.with_timeout(long))));
    let mut blocking = client.blocking().with_timeout(long);
    let _: Value = ok(blocking.get("k"));
    let told = run(get(client));
    assert_eq!(kind_of(told), Some(ErrorKind::TimedOut));
}

#[test]
fn a_blocking_command_has_the_time_of_its_argument_on_top() {
    let server = start(Server::builder());
    let mut client = open(server.url(), "").with_timeout(Duration::from_secs(1));
    let popped: Option<(String, String)> = ok(run(client.blpop("jobs", 1.5)));
    assert_eq!(popped, None);
}

#[test]
fn a_dedicated_connection_keeps_the_limits_of_its_handle() {
    let server = deaf_to_get();
    run(async {
        // Long enough to connect on a busy machine.
        let client = open(&server.url(), LONG).with_timeout(Duration::from_secs(2));
        let mut connection = client.dedicated_connection().await.expect("it answers");
        let told = error(connection.get("k").await).to_string();
        assert!(told.contains("2s (`with_timeout`)"), "{told}");
    });
}

#[test]
fn the_settings_of_handles_go_together_in_any_order() {
    let client = open("redis://localhost", "");
    let settings: [fn(&Client) -> Client; 3] = [
        |client| client.with_timeout(SHORT),
        Client::fail_fast,
        Client::idempotent,
    ];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let handle = order
            .iter()
            .fold(client.clone(), |handle, next| settings[*next](&handle));
        for text in [format!("{handle:?}"), format!("{:?}", handle.blocking())] {
            for setting in ["idempotent: true", "timeout: 100ms", "fail_fast: true"] {
                assert!(text.contains(setting), "{text}");
            }
        }
    }
    let blocking = client
        .blocking()
        .idempotent()
        .fail_fast()
        .with_timeout(SHORT);
    let text = format!("{blocking:?}");
    assert!(text.contains("timeout: 100ms, fail_fast: true"), "{text}");
    assert!(format!("{client:?}").contains("idempotent: false, fail_fast: false"));
}

#[test]
fn in_an_outage_commands_fail_at_once_and_the_client_goes_on_connecting() {
    const CALLERS: usize = 64;
    let port = ClosedPort::new();
    let address = port.address();
    let client = open(&format!("redis://{address}"), LONG);
    run(async {
        let cache = client.fail_fast();
        let lateness = Lateness::watch();
        let first = error(get(cache.clone()).await);
        assert_eq!(first.kind(), ErrorKind::Unreachable);
        assert!(first.to_string().contains("refused"), "{first}");
        let calls = (0..CALLERS).map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                for _ in 0..100 {
                    let (result, took) = timed(get(cache.clone())).await;
                    check_not_run(result, ErrorKind::Unreachable);
                    times.push(took);
                }
                times
            })
        });
        let times = futures::future::join_all(calls).await;
        let times: Times = times
            .into_iter()
            .flat_map(|times| times.expect("no panic"))
            .collect();
        println!("fail_fast in an outage: {times}");
        let most = Duration::from_millis(50);
        assert_within("p99", times.percentile(99), most, &lateness);
        let blocking = cache.clone().blpop::<_, Value>("jobs", 10.0).await;
        check_not_run(blocking, ErrorKind::Unreachable);
        let dedicated = cache.dedicated_connection().await.expect_err("it fails");
        assert_eq!(dedicated.kind(), ErrorKind::Unreachable);
        let _server = FakeServer::start_on(port.listen(), |words| match words[0].as_str() {
            "HELLO" => Answer::hello(),
            _ => Answer::ok(),
        });
        let start = Instant::now();
        while get(cache.clone()).await.is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "it connects again"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_blocking_client_fails_at_once_too() {
    let port = ClosedPort::new();
    let client = open(&format!("redis://{}", port.address()), LONG);
    let mut blocking = client.blocking().fail_fast();
    for _ in 0..3 {
        check_not_run(blocking.get("k"), ErrorKind::Unreachable);
    }
}

#[test]
fn the_first_command_to_a_healthy_server_succeeds() {
    let server = start(Server::builder().tcp());
    run(async {
        for _ in 0..20 {
            let client = open(&format!("redis://{}", address(&server)), "").fail_fast();
            let calls = (0..8).map(|_| get(client.clone()));
            for result in futures::future::join_all(calls).await {
                ok(result);
            }
        }
    });
}

#[test]
fn the_first_command_after_an_idle_connection_was_closed_succeeds() {
    let server = start(Server::builder().tcp());
    run(async {
        let client = open(&format!("redis://{}", address(&server)), "").fail_fast();
        let mut other = open(&format!("redis://{}", address(&server)), "");
        for idle in [0, 1_300] {
            ok(get(client.clone()).await);
            tokio::time::sleep(Duration::from_millis(idle)).await;
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL")
                .arg("TYPE")
                .arg("normal")
                .arg("SKIPME")
                .arg("yes");
            let _: u32 = ok(kill.query_async(&mut other).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
            ok(get(client.clone()).await);
        }
    });
}

#[test]
fn only_the_first_attempt_is_waited_for_where_a_host_does_not_answer() {
    let port = BlackHole::new();
    let parameters = "connect_timeout=300ms&deadline=20s";
    let client = open(&format!("redis://{}", port.address()), parameters).fail_fast();
    run(async {
        let lateness = Lateness::watch();
        let (first, took) = timed(get(client.clone())).await;
        check_not_run(first, ErrorKind::Unreachable);
        assert_within("the first one", took, Duration::from_secs(3), &lateness);
        for _ in 0..20 {
            let (next, took) = timed(get(client.clone())).await;
            check_not_run(next, ErrorKind::Unreachable);
            assert_within("a later one", took, Duration::from_millis(100), &lateness);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}

#[test]
fn a_server_that_went_silent_is_not_waited_for_a_second_time() {
    let server = start(Server::builder().tcp());
    run(async {
        let parameters = "connect_timeout=20s&response_timeout=100ms&deadline=20s";
        let client = open(&format!("redis://{}", address(&server)), parameters).fail_fast();
        ok(get(client.clone()).await);
        server.pause().expect("it runs");
        while kind_of(get(client.clone()).await) != Some(ErrorKind::Unreachable) {}
        let (next, took) = timed(get(client.clone())).await;
        check_not_run(next, ErrorKind::Unreachable);
        assert!(took < Duration::from_secs(10), "it waits for an attempt");
        server.resume().expect("it is stopped");
        let start = Instant::now();
        while get(client.clone()).await.is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "it connects again"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn what_the_server_refuses_for_now_fails_at_once() {
    for code in ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "BUSY"] {
        let server = FakeServer::resp3(move |words| {
            (words[0] == "GET").then(|| Answer::line(&format!("-{code} words of the server")))
        });
        let client = open(&server.url(), LONG).fail_fast();
        let result = run(get(client));
        let redis = result.as_ref().expect_err("it is refused");
        assert_eq!(redis.code(), Some(code), "{redis:?}");
        check_not_run(result, ErrorKind::NotReady);
    }
}

#[test]
fn a_command_without_room_fails_at_once() {
    let server = deaf_to_get();
    run(async {
        let client = open(&server.url(), &format!("{LONG}&max_in_flight=1"));
        client.ping().await.expect("it answers");
        let first = tokio::spawn(get(client.clone()));
        while server.count("GET") == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        check_not_run(get(client.fail_fast()).await, ErrorKind::QueueFull);
        first.abort();
    });
}

#[test]
fn a_cluster_out_of_reach_fails_at_once() {
    let ports = [ClosedPort::new(), ClosedPort::new()];
    let [one, other] = ports.each_ref().map(ClosedPort::address);
    let client = open(&format!("redis-cluster://{one},{other}"), LONG).fail_fast();
    run(async {
        let lateness = Lateness::watch();
        check_not_run(get(client.clone()).await, ErrorKind::Unreachable);
        for _ in 0..20 {
            let (result, took) = timed(get(client.clone())).await;
            check_not_run(result, ErrorKind::Unreachable);
            assert_within("GET", took, Duration::from_millis(200), &lateness);
        }
        let mut pipeline = redis::pipe();
        pipeline.get("a").get("b");
        let result = pipeline.query_async::<Value>(&mut client.clone()).await;
        check_not_run(result, ErrorKind::Unreachable);
    });
}
