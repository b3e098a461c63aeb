//! Metrics as Prometheus scrapes them over HTTP. A process has one recorder, so the test has a process of its
//! own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use metrics_exporter_prometheus::PrometheusBuilder;
use redis::{Commands, RedisResult, Script};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::{kind_of, ok};
use crate::support::process::wait_until;
use crate::support::{address, child, open, start};

/// What `GET /metrics` answers.
fn scrape(exporter: SocketAddr) -> String {
    let mut stream = TcpStream::connect(exporter).expect("it listens");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {exporter}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// The value of the one series of this name that has all of these labels.
#[track_caller]
fn value(metrics: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has_labels = |line: &&str| {
        labels
            .iter()
            .all(|(label, value)| line.contains(&format!("{label}=\"{value}\"")))
    };
    let series = metrics.lines().filter(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    let mut series = series.filter(has_labels);
    let line = series.next()?;
    assert_eq!(series.next(), None, "one series: {line}");
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn metrics_have_the_names_and_units_of_the_specification() {
    child::run("observe::prometheus::child_is_scraped");
}

#[test]
#[ignore = "runs in a child process"]
fn child_is_scraped() {
    let exporter = listen();
    let mut server = start(Server::builder().tcp().password("canary-password"));
    let url = format!("redis://:canary-password@{}", address(&server));
    let client = open(&url, "deadline=300ms");
    let mut blocking = client.blocking();
    for _ in 0..10 {
        ok(blocking.set::<_, _, ()>("canary-key", "canary-value"));
    }
    let wrong: RedisResult<u64> = blocking.llen("canary-key");
    assert!(wrong.is_err());
    let script = Script::new("return redis.error_reply('CANARY-CODE x')");
    assert!(script.invoke::<()>(&mut blocking).is_err());
    assert_operations_and_gauges(exporter, &client, &address(&server));
    assert_outage(exporter, &client, &mut server);
}

fn assert_operations_and_gauges(exporter: SocketAddr, client: &Client, address: &str) {
    client.record_metrics();
    let metrics = scrape(exporter);
    let pool = format!("{address}/0");
    let (host, port) = pool.split_once(':').expect("host and port");
    let port = port.trim_end_matches("/0");
    let library = concat!("redis-ready:", env!("CARGO_PKG_VERSION"));
    let is = |name: &str, labels: &[(&str, &str)], expected: f64| {
        let found = value(&metrics, name, labels);
        assert_eq!(found, Some(expected), "{name} {labels:?}:\n{metrics}");
    };
    let set = [
        ("redis_client_library", library),
        ("db_system_name", "redis"),
        ("db_namespace", "0"),
        ("db_operation_name", "SET"),
        ("server_address", host),
        ("server_port", port),
        ("redis_client_operation_retry_attempts", "0"),
    ];
    is("db_client_operation_duration_seconds_count", &set, 10.0);
    let wrong_type = [
        ("db_response_status_code", "WRONGTYPE"),
        ("error_type", "WRONGTYPE"),
        ("redis_client_errors_category", "server"),
    ];
    is(
        "db_client_operation_duration_seconds_count",
        &wrong_type,
        1.0,
    );
    let external = [wrong_type[1], ("redis_client_errors_internal", "false")];
    is("redis_client_errors_total", &external, 1.0);
    let pool = ("db_client_connection_pool_name", pool.as_str());
    let idle = [pool, ("db_client_connection_state", "idle")];
    is("db_client_connection_count", &idle, 1.0);
    is("db_client_connection_pending_requests", &[pool], 0.0);
    is(
        "db_client_connection_create_time_seconds_count",
        &[pool],
        1.0,
    );
    is(
        "redis_ready_connection_state",
        &[pool, ("state", "connected")],
        1.0,
    );
    is(
        "redis_ready_connection_state",
        &[pool, ("state", "idle")],
        0.0,
    );
    assert!(metrics.contains("# TYPE db_client_operation_duration_seconds"));
    assert!(metrics.contains("# TYPE redis_client_errors_total counter"));
    assert!(!metrics.to_lowercase().contains("canary"), "{metrics}");
}

/// The client is told to be in an outage, and after it.
fn assert_outage(exporter: SocketAddr, client: &Client, server: &mut Server) {
    let mut blocking = client.blocking();
    let name = format!("{}/0", address(server));
    let pool = ("db_client_connection_pool_name", name.as_str());
    server.kill().expect("it runs");
    wait_until("a call fails for want of a connection", || {
        kind_of(blocking.set::<_, _, ()>("key", 1)) == Some(ErrorKind::Unreachable)
    });
    wait_until("an attempt to connect fails", || {
        client.statistics().failed_connect_attempts >= 1
    });
    client.record_metrics();
    let metrics = scrape(exporter);
    let state = [pool, ("state", "reconnecting")];
    assert_eq!(
        value(&metrics, "redis_ready_connection_state", &state),
        Some(1.0)
    );
    let failed = [
        ("error_type", "Unreachable"),
        ("redis_client_errors_category", "network"),
        ("redis_client_errors_internal", "true"),
    ];
    assert!(
        value(&metrics, "redis_client_errors_total", &failed) >= Some(1.0),
        "{metrics}"
    );
    let lost = [
        pool,
        ("redis_client_connection_close_reason", "server_close"),
    ];
    let closed = value(&metrics, "redis_client_connection_closed_total", &lost);
    assert_eq!(closed, Some(1.0), "{metrics}");

    server.restart().expect("its port is free");
    wait_until("it serves again", || {
        blocking.set::<_, _, ()>("key", 1).is_ok()
    });
    // Twice: a counter grows by what is new.
    client.record_metrics();
    client.record_metrics();
    let metrics = scrape(exporter);
    let reconnects = value(&metrics, "redis_ready_connection_reconnects_total", &[pool]);
    assert_eq!(reconnects, Some(1.0), "{metrics}");
    let statistics = client.statistics();
    let attempts = value(&metrics, "redis_ready_connection_attempts_total", &[pool]);
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let expected = statistics.connect_attempts as f64;
    assert_eq!(attempts, Some(expected), "{metrics}");
}

/// Starts the exporter, with a thread and a runtime of its own, on a free port.
fn listen() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let exporter = free.local_addr().expect("it is bound");
    drop(free);
    let builder = PrometheusBuilder::new()
        .with_http_listener(exporter)
        .with_recommended_naming(true);
    builder.install().expect("there is no other recorder");
    wait_until("it listens", || TcpStream::connect(exporter).is_ok());
    exporter
}
