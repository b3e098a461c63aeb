//! The name of a server is looked up for every attempt to connect, and every address of it is tried.
//!
//! The look-up reads a `/etc/hosts` of its own, in a mount namespace that needs no privileges. Where
//! the system forbids such namespaces, `REDIS_READY_SKIP_NETNS=1` skips the test.
#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use redis::{RedisResult, cmd};
use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within};
use crate::support::not_run::not_run;
use crate::support::{child, open, run, start};

const HOSTS: &str = "REDIS_READY_TEST_HOSTS";
const SKIP: &str = "REDIS_READY_SKIP_NETNS";
/// As after every other outage.
const RECOVERY: Duration = Duration::from_millis(1_500);

#[test]
fn a_client_follows_the_name_and_tries_every_address() {
    if env::var_os(SKIP).is_some_and(|skip| skip == "1") {
        return not_run(&format!("`{SKIP}` is set"));
    }
    let hosts =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hosts-{}", std::process::id()));
    fs::write(&hosts, "").expect("the target directory is ours");
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"")
        .arg("sh")
        .arg(&hosts)
        .env(HOSTS, &hosts);
    child::add_ignored_test(&mut unshare, "addresses::child_process");
    let child = unshare.output();
    let _ = fs::remove_file(&hosts);
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
    fn has(&self, addresses: &[&str]) {
        let lines = addresses
            .iter()
            .map(|address| format!("{address} redis.test\n"));
        // In place: the file itself is mounted.
        fs::write(&self.0, lines.collect::<String>()).expect("the file is ours");
    }
}

#[test]
#[ignore = "runs in a mount namespace, started by the test above"]
fn child_process() {
    let name = Name(env::var_os(HOSTS).expect("the parent sets it").into());
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

async fn who(client: &Client) -> RedisResult<String> {
    let mut client = client.clone();
    cmd("GET").arg("who").query_async(&mut client).await
}
