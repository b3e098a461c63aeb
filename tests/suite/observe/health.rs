//! The health of a client through everything that happens to its connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use redis::{Commands, RedisResult};
use redis_ready::testing::Server;
use redis_ready::{Client, ConnectionState, ErrorKind, Role};

use crate::support::cluster::{Cluster, tag};
use crate::support::errors::ok;
use crate::support::fake_server::{Answer, FakeServer, LOADING};
use crate::support::process::wait_until;
use crate::support::sentinel::Sentinels;
use crate::support::{NEVER, address, open, start};

fn set(client: &Client) -> RedisResult<()> {
    client.blocking().set("key", "value")
}

fn wait_for(client: &Client, state: ConnectionState) {
    wait_until(state.as_str(), || client.health().state == state);
}

#[test]
fn a_client_is_idle_then_connected_then_closed() {
    let server = start(Server::builder().tcp());
    let client = server.client();
    let health = client.health();
    assert_eq!(health.state, ConnectionState::Idle);
    assert!(health.serves());
    assert_eq!(health.address, address(&server));
    assert_eq!(health.server_version, None);
    assert!(health.to_string().starts_with("idle for 0."), "{health}");
    let before = Instant::now();
    ok(set(&client));
    let health = client.health();
    assert_eq!(health.state, ConnectionState::Connected);
    assert!(health.since >= before && health.since <= Instant::now());
    assert!(health.last_error.is_none() && health.last_error_at.is_none());
    assert_eq!(health.role, Some(Role::Primary));
    let version = health.server_version.expect("RESP3 tells it");
    assert!(version.starts_with(|first: char| first.is_ascii_digit()));
    assert!(health.nodes.is_empty());
    block_on(client.close(NEVER));
    let health = client.health();
    assert_eq!(health.state, ConnectionState::Closed);
    assert!(!health.serves());
    assert_eq!(client.blocking().health().state, ConnectionState::Closed);
}

#[test]
fn an_outage_is_told_with_its_cause_and_its_end() {
    let mut server = start(Server::builder().tcp());
    let client = server.client();
    ok(set(&client));
    let before = Instant::now();
    server.kill().expect("it runs");
    // A command that waits, so that the loss is an outage.
    let waiting = client.clone();
    let call = thread::spawn(move || set(&waiting));
    wait_for(&client, ConnectionState::Reconnecting);
    wait_until("an attempt has failed", || {
        let error = client.health().last_error;
        error.is_some_and(|error| error.kind() == ErrorKind::Unreachable)
    });
    let health = client.health();
    assert!(!health.serves());
    let error = health.last_error.as_ref().expect("it is told");
    let line = health.to_string();
    assert!(line.starts_with("reconnecting for "), "{line}");
    assert!(line.ends_with(&format!("s: {error}")), "{line}");
    assert!(health.since >= before);
    assert!(health.last_error_at.is_some_and(|at| at >= health.since));
    server.restart().expect("its port is free");
    let _ = call.join().expect("it does not panic");
    ok(set(&client));
    let after = client.health();
    assert_eq!(after.state, ConnectionState::Connected);
    assert!(after.since > health.since);
    let error = after.last_error.expect("it is kept");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}

#[test]
fn a_connection_that_ends_while_it_is_idle_is_idle() {
    let server = start(Server::builder().tcp());
    let client = server.client();
    ok(set(&client));
    thread::sleep(Duration::from_millis(1_200));
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL")
        .arg("TYPE")
        .arg("normal")
        .arg("SKIPME")
        .arg("yes");
    ok(kill.query::<()>(&mut server.client().blocking()));
    wait_for(&client, ConnectionState::Idle);
    let error = client.health().last_error.expect("it was closed");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    ok(set(&client));
    assert_eq!(client.health().state, ConnectionState::Connected);
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let server = start(Server::builder().tcp().password("right-secret"));
    let url = format!("redis://:wrong-secret@{}", address(&server));
    let client = open(&url, "");
    set(&client).expect_err("the password is wrong");
    let health = client.health();
    assert_eq!(health.state, ConnectionState::Connecting);
    assert!(!health.serves());
    let error = health.last_error.clone().expect("it was refused");
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(!format!("{health:?}").contains("secret"), "{health:?}");
}

#[test]
fn a_server_that_loads_its_data_is_not_ready() {
    let is_loading = Arc::new(AtomicBool::new(true));
    let loads = Arc::clone(&is_loading);
    let server =
        FakeServer::resp3(move |_| loads.load(Ordering::SeqCst).then(|| Answer::line(LOADING)));
    let client = open(&server.url(), "deadline=60s");
    let waiting = client.clone();
    let call = thread::spawn(move || set(&waiting));
    wait_for(&client, ConnectionState::NotReady);
    assert!(!client.health().serves());
    assert!(client.statistics().parked >= 1);
    is_loading.store(false, Ordering::SeqCst);
    ok(call.join().expect("it does not panic"));
    assert_eq!(client.health().state, ConnectionState::Connected);
}

#[test]
fn a_cluster_tells_each_node_and_the_gravest_state() {
    let mut cluster = Cluster::start(3, 0);
    let client = cluster.client("");
    assert_eq!(client.health().state, ConnectionState::Idle);
    let keys = [0, 8_000, 16_000].map(|slot| format!("{{{}}}key", tag(slot)));
    for key in &keys {
        ok(client.blocking().set::<_, _, ()>(key, "value"));
    }
    let health = client.health();
    assert_eq!(health.state, ConnectionState::Connected, "{health:?}");
    let ports: Vec<_> = health
        .nodes
        .iter()
        .filter_map(|node| node.address.rsplit_once(':')?.1.parse::<u16>().ok())
        .collect();
    for node in 0..3 {
        assert!(ports.contains(&cluster.port(node)), "{health:?}");
    }
    assert!(health.server_version.is_some());
    let lost = cluster.owner(0);
    let port = cluster.port(lost);
    cluster.kill(lost);
    let waiting = client.clone();
    let [key, ..] = keys;
    let call = thread::spawn(move || waiting.blocking().set::<_, _, ()>(key, "value"));
    wait_for(&client, ConnectionState::Reconnecting);
    let health = client.health();
    let troubled = health.nodes.iter().filter(|node| {
        !matches!(
            node.state,
            ConnectionState::Connected | ConnectionState::Idle
        )
    });
    let troubled: Vec<_> = troubled.map(|node| &node.address).collect();
    assert!(
        troubled
            .iter()
            .all(|node| node.ends_with(&port.to_string())),
        "{health:?}"
    );
    let _ = call.join().expect("it does not panic");
    block_on(client.close(Duration::ZERO));
    assert_eq!(client.health().state, ConnectionState::Closed);
}

#[test]
fn of_sentinels_the_server_is_told_that_they_have_named() {
    let sentinels = Sentinels::start(0, 1);
    let client = sentinels.client("");
    assert!(client.health().address.contains(&sentinels.address(0)));
    ok(set(&client));
    let health = client.health();
    assert_eq!(health.state, ConnectionState::Connected);
    let port = sentinels.port(sentinels.primary()).to_string();
    assert!(health.address.contains(&port), "{health:?}");
    assert_eq!(health.role, Some(Role::Primary));
}
