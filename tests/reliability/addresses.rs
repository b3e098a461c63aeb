//! The name of a server is looked up for every attempt to connect, and every address of it is tried.
//!
//! The look-up reads a `/etc/hosts` of its own, and asks a name server of its own, in namespaces that
//! need no privileges. Where the system forbids these, `REDIS_READY_SKIP_NETNS=1` skips the tests.
#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult, cmd};
use redis_ready::Client;
use redis_ready::testing::{Server, ServerBuilder};

use crate::support::cluster::{Cluster, tag};
use crate::support::errors::{ok, report};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within};
use crate::support::not_run::not_run;
use crate::support::ports::listener;
use crate::support::{child, open, run, start};

const HOSTS: &str = "REDIS_READY_TEST_HOSTS";
const SKIP: &str = "REDIS_READY_SKIP_NETNS";
/// As after every other outage.
const RECOVERY: Duration = Duration::from_millis(1_500);

#[test]
fn a_client_follows_the_name_and_tries_every_address() {
    with_own_hosts("follows_the_name");
}

#[test]
fn an_address_that_is_frozen_or_a_replica_is_passed_over() {
    with_own_hosts("passes_over");
}

#[test]
fn a_silent_name_server_takes_one_thread_and_one_socket_for_each_name() {
    with_own_hosts("bounds_look_ups");
}

/// Runs the ignored test `name` of this module with a `/etc/hosts` of its own, and with 127.0.0.1 as the
/// name server.
fn with_own_hosts(name: &str) {
    if env::var_os(SKIP).is_some_and(|skip| skip == "1") {
        return not_run(&format!("`{SKIP}` is set"));
    }
    let hosts =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hosts-{name}-{}", std::process::id()));
    fs::write(&hosts, "").expect("the target directory is ours");
    let servers = hosts.with_extension("resolv");
    fs::write(&servers, "nameserver 127.0.0.1\n").expect("the target directory is ours");
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--user", "--map-root-user", "--mount", "--net", "sh", "-c"])
        .arg(
            "ip link set lo up && mount --bind \"$1\" /etc/hosts && \
             mount --bind \"$2\" /etc/resolv.conf && shift 2 && exec \"$@\"",
        )
        .arg("sh")
        .args([&hosts, &servers])
        .env(HOSTS, &hosts);
    child::add_ignored_test(&mut unshare, &format!("addresses::{name}"));
    let child = unshare.output();
    for file in [&hosts, &servers] {
        let _ = fs::remove_file(file);
    }
    let child = child.unwrap_or_else(|error| panic!("`unshare` cannot be run: {error}"));
    let output = [child.stdout, child.stderr].concat();
    let output = String::from_utf8_lossy(&output);
    println!("{output}");
    assert!(
        child.status.success() && output.contains("1 passed"),
        "the child has failed, or the system forbids user namespaces (`{SKIP}=1` skips this test)"
    );
}

/// The name `redis.test` in the file that stands for `/etc/hosts`.
struct Name(PathBuf);

impl Name {
    fn of_this_process() -> Name {
        Name(env::var_os(HOSTS).expect("the parent sets it").into())
    }

    fn has(&self, addresses: &[&str]) {
        let lines = addresses
            .iter()
            .map(|address| format!("{address} redis.test\n"));
        // In place: the file itself is mounted.
        fs::write(&self.0, lines.collect::<String>()).expect("the file is ours");
    }
}

#[test]
#[ignore = "runs in namespaces, started by another test"]
fn follows_the_name() {
    let name = Name::of_this_process();
    // The last directive counts; nothing listens on 127.0.0.2.
    let builder = Server::builder().tcp().arg("--bind");
    let mut first = start(builder.arg("127.0.0.1").arg("127.0.0.3"));
    let port = first.port().expect("it listens on TCP");
    let listener = TcpListener::bind(("127.0.0.4", port)).expect("the port is free there");
    let second = FakeServer::start_on(listener, |words| match words[0].as_str() {
        "HELLO" => Answer::hello(),
        "GET" => Answer::line("+second"),
        _ => Answer::ok(),
    });

    let url = format!("redis://redis.test:{port}");
    let client = open(&url, "deadline=20s");
    let lateness = Lateness::watch();
    name.has(&["127.0.0.2", "127.0.0.3"]);
    run(async {
        let mut set = client.clone();
        let set = cmd("SET")
            .arg("who")
            .arg("first")
            .exec_async(&mut set)
            .await;
        set.expect("one of the addresses answers");
        assert_eq!(who(&client).await.as_deref(), Ok("first"));

        name.has(&["127.0.0.2", "127.0.0.5", "127.0.0.4"]);
        first.kill().expect("it is ours");
        let start = Instant::now();
        while who(&client).await.as_deref() != Ok("second") {
            assert!(
                start.elapsed() < 10 * RECOVERY,
                "it does not follow the name"
            );
        }
        let took = start.elapsed();
        println!("followed the name after {took:?}");
        assert_within("following the name", took, RECOVERY, &lateness);
    });
    assert_eq!(second.accepted(), 1);

    // A name may be gone for a while.
    name.has(&[]);
    let gone = open(&url, "deadline=20s");
    run(async {
        let back = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            name.has(&["127.0.0.4"]);
            Instant::now()
        };
        let (reply, back) = futures::join!(who(&gone), back);
        assert_eq!(reply.as_deref(), Ok("second"));
        let took = back.elapsed();
        println!("found the name again after {took:?}");
        assert_within("finding the name", took, RECOVERY, &lateness);
    });
}

#[test]
#[ignore = "runs in namespaces, started by another test"]
fn bounds_look_ups() {
    const NAMES: usize = 6;
    /// Of the system and of tokio, whose threads live on for a while.
    const OTHERS: usize = 4;
    let name_server = UdpSocket::bind("127.0.0.1:53").expect("it is root's");
    let urls = [
        "redis://a.test",
        "redis-sentinel://b.test,c.test,d.test/main",
        "redis-cluster://e.test,f.test",
    ];
    let clients = urls.map(|url| open(url, "connect_timeout=150ms&deadline=300ms"));
    let before = (child::threads(), child::descriptors());
    run(async {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(4) {
            for client in &clients {
                who(client).await.expect_err("no name is found");
                let session = client.dedicated_connection().await;
                assert!(session.is_err(), "no name is found");
            }
        }
        let error = who(&clients[0]).await.expect_err("no name is found");
        let text = report(&error);
        assert!(
            text.contains("the address of `a.test:6379` was not found"),
            "{text}"
        );
    });
    let after = (child::threads(), child::descriptors());
    println!("threads and descriptors: {before:?} before, {after:?} after");
    let mut query = [0; 512];
    name_server.recv(&mut query).expect("it was asked");
    // The I/O thread has three descriptors of its own.
    assert!(after.0 <= before.0 + 1 + NAMES + OTHERS, "{after:?}");
    assert!(after.1 <= before.1 + 3 + NAMES + OTHERS, "{after:?}");
}

/// Connections to it are accepted by the system, and never answered.
fn frozen(address: [u8; 4], port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::from(address), port)).expect("the port is free there")
}

/// A server on a port of 127.0.0.3.
fn on_third_address(port: u16, arguments: &[&str]) -> Server {
    // It is waited for at its Unix socket.
    let port = port.to_string();
    let arguments = [&["--bind", "127.0.0.3", "--port", &port], arguments].concat();
    let builder = arguments
        .into_iter()
        .fold(Server::builder(), ServerBuilder::arg);
    start(builder)
}

#[test]
#[ignore = "runs in namespaces, started by another test"]
fn passes_over() {
    let name = Name::of_this_process();
    name.has(&["127.0.0.2", "127.0.0.3"]);
    let port = listener().local_addr().expect("it is bound").port();
    let first = frozen([127, 0, 0, 2], port);
    let server = on_third_address(port, &[]);
    run(async {
        // With the default connect timeout and deadline.
        let url = format!("redis://redis.test:{port}");
        for _ in 0..2 {
            let mut client = open(&url, "");
            let () = ok(client.set("key", "value").await);
            let () = ok(client.rpush("jobs", "job").await);
            let popped: Vec<String> = ok(client.blpop("jobs", 1.0).await);
            assert_eq!(popped, ["jobs", "job"]);
        }
        let ready = open(&url, "").ready(Duration::from_secs(3)).await;
        ready.unwrap_or_else(|error| panic!("{error:?}"));

        // A Sentinel, too, that answers at the second address of its name alone.
        let sentinel_port = listener().local_addr().expect("it is bound").port();
        let _first = frozen([127, 0, 0, 2], sentinel_port);
        let named = format!(
            "*2\r\n$9\r\n127.0.0.3\r\n${}\r\n{port}",
            port.to_string().len()
        );
        let _sentinel =
            FakeServer::start_on(
                frozen([127, 0, 0, 3], sentinel_port),
                move |words| match words[0].as_str() {
                    "HELLO" => Answer::hello(),
                    "SENTINEL" => Answer::line(&named),
                    _ => Answer::ok(),
                },
            );
        let url = format!("redis-sentinel://redis.test:{sentinel_port}/main");
        let value: String = ok(open(&url, "").get("key").await);
        assert_eq!(value, "value");
    });
    drop((first, server));

    a_replica_is_passed_over();
    a_seed_is_found_at_the_second_address();
}

/// The name has the addresses of a replica and of its primary, in this order.
fn a_replica_is_passed_over() {
    let replica = start(
        Server::builder()
            .tcp()
            .arg("--bind")
            .arg("127.0.0.1")
            .arg("127.0.0.2"),
    );
    let port = replica.port().expect("it listens on TCP");
    let _primary = on_third_address(port, &[]);
    let mut demote = cmd("REPLICAOF");
    demote.arg("127.0.0.3").arg(port);
    run(async {
        let demoted = demote.exec_async(&mut replica.client()).await;
        demoted.expect("it is demoted");
        let url = format!("redis://redis.test:{port}");
        let mut client = open(&url, "");
        for value in 0..20 {
            let () = ok(client.set("key", value).await);
        }
        let mut blocking = open(&url, "");
        let () = ok(client.rpush("jobs", "job").await);
        let popped: Vec<String> = ok(blocking.blpop("jobs", 1.0).await);
        assert_eq!(popped, ["jobs", "job"]);
        let info: String = ok(cmd("INFO")
            .arg("errorstats")
            .query_async(&mut replica.client())
            .await);
        println!("{info}");
        assert!(info.contains("errorstat_READONLY:count=2\r"), "{info}");
    });
}

/// A cluster by one name, as a configuration endpoint has it.
fn a_seed_is_found_at_the_second_address() {
    let name = Name::of_this_process();
    name.has(&["127.0.0.2", "127.0.0.1"]);
    let cluster = Cluster::steady(3, 0);
    let port = cluster.port(0);
    let _first = frozen([127, 0, 0, 2], port);
    run(async {
        let mut client = open(&format!("redis-cluster://redis.test:{port}"), "");
        for slot in [0, 8_000, 16_000] {
            let () = ok(client.set(format!("{{{}}}", tag(slot)), 1).await);
        }
    });
}

async fn who(client: &Client) -> RedisResult<String> {
    let mut client = client.clone();
    cmd("GET").arg("who").query_async(&mut client).await
}
