//! A process that may not open any more files says so.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use redis::{RedisResult, cmd};
use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::errors::{may_have_run, ok, report};
use crate::support::{child, open, run, start};

const CAUSE: &str = "Too many open files";

/// Runs the ignored test `name` in a process that may open few files.
fn with_few_descriptors(name: &str) {
    let mut bash = Command::new("bash");
    bash.args(["-c", r#"ulimit -n 64; exec "$@""#, "bash"]);
    child::add_ignored_test(&mut bash, name);
    child::finish(&mut bash);
}

/// Opens files until there is no descriptor left.
fn exhaust() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[track_caller]
fn names_the_cause<T>(what: &str, result: RedisResult<T>) {
    let Err(error) = result else {
        panic!("{what} has worked");
    };
    let report = report(&error);
    assert!(report.contains(CAUSE), "{what}: {report}");
    assert!(report.contains("ulimit -n"), "{what}: {report}");
    assert!(!may_have_run(&error), "{what}: {report}");
}

const LIMITS: &str = "deadline=500ms";

#[test]
fn an_io_thread_that_cannot_start_says_why() {
    with_few_descriptors("no_descriptors::child_cannot_start");
}

#[test]
#[ignore = "runs in a child process"]
fn child_cannot_start() {
    let server = start(Server::builder().tcp());
    let port = server.port().expect("it listens on TCP");
    let get = cmd("GET").arg("a").to_owned();
    for url in [
        format!("redis://127.0.0.1:{port}"),
        format!("redis-sentinel://127.0.0.1:{port}/main"),
        format!("redis-cluster://127.0.0.1:{port}"),
    ] {
        let client = open(&url, LIMITS);
        let files = exhaust();
        let blocking: RedisResult<Option<String>> = get.query(&mut client.blocking());
        let mut results: Vec<(&str, RedisResult<Option<String>>)> = Vec::new();
        futures::executor::block_on(async {
            results.push(("a command", get.query_async(&mut client.clone()).await));
            let ready = client.ready(Duration::from_millis(300)).await;
            results.push(("ready", ready.map(|()| None).map_err(Into::into)));
            let dedicated = client.dedicated_connection().await;
            results.push(("dedicated", dedicated.map(|_| None).map_err(Into::into)));
            let blpop = cmd("BLPOP").arg("jobs").arg(1).to_owned();
            results.push(("BLPOP", blpop.query_async(&mut client.clone()).await));
        });
        drop(files);
        names_the_cause(&url, blocking);
        for (what, result) in results {
            names_the_cause(&format!("{what} of {url}"), result);
        }
    }
    let () = ok(cmd("SET")
        .arg("a")
        .arg(1)
        .query(&mut server.client().blocking()));
}

#[test]
fn an_attempt_to_connect_that_gets_no_descriptor_says_so() {
    with_few_descriptors("no_descriptors::child_cannot_connect");
}

#[test]
#[ignore = "runs in a child process"]
fn child_cannot_connect() {
    let server = start(Server::builder().tcp());
    let running = server.client();
    run(running.ping()).expect("the I/O thread runs");
    let port = server.port().expect("it listens on TCP");
    let get = cmd("GET").arg("a").to_owned();
    for host in ["127.0.0.1", "localhost", "redis.example"] {
        let client: Client = open(&format!("redis://{host}:{port}"), LIMITS);
        let files = exhaust();
        let result: RedisResult<Option<String>> = get.query(&mut client.blocking());
        drop(files);
        names_the_cause(host, result);
    }
    let client = open(server.url(), LIMITS);
    assert_eq!(
        ok(get.query::<Option<String>>(&mut client.blocking())),
        None
    );
}
