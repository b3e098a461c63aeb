//! What becomes of a command whose node does not answer it at once with its reply.
//!
//! Each command has one slot, so it goes straight to the node that the slot table names: what the tests see is
//! how that first attempt passes into the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use futures::future::join;
use redis::{RedisError, RedisResult, cmd};
use redis_ready::{Client, ErrorKind};

use crate::support::cluster::tag;
use crate::support::errors::{kind, may_have_run, ok, report};
use crate::support::fake_server::{Answer, FakeServer, LOADING};
use crate::support::measure::{Lateness, assert_within, timed};
use crate::support::ports::{ClosedPort, listener};
use crate::support::run;

/// The slot of the key `key`.
const SLOT: u16 = 12_539;
const CLUSTER_DOWN: &str = "-CLUSTERDOWN The cluster is down";
const READ_ONLY: &str = "-READONLY You can't write against a read only replica.";
const TRY_AGAIN: &str = "-TRYAGAIN Multiple keys request during rehashing of slot";

/// Two nodes. The first serves the lower half of the slots, and at the start the upper half as well, where
/// the key is.
struct Nodes {
    first: FakeServer,
    other: FakeServer,
    /// The port of the node that serves the upper half.
    serving: Arc<AtomicU16>,
}

impl Nodes {
    /// The nodes answer `GET` and `INCR` with what `answers` returns: it is told whether it is the first
    /// node that is asked, how often that was asked before, and the port of the other one.
    fn start(
        answers: impl Fn(bool, usize, u16) -> Answer + Clone + Send + Sync + 'static,
    ) -> Nodes {
        let listeners = [(); 2].map(|()| listener());
        let ports = listeners
            .each_ref()
            .map(|listener| listener.local_addr().expect("it is bound").port());
        let serving = Arc::new(AtomicU16::new(ports[0]));
        let [first, other] = listeners.map(|listener| {
            let is_first = listener.local_addr().expect("it is bound").port() == ports[0];
            let (serving, answers) = (Arc::clone(&serving), answers.clone());
            let asked = AtomicUsize::new(0);
            FakeServer::start_on(listener, move |words| match words[0].as_str() {
                "HELLO" => Answer::hello(),
                "CLUSTER" => slots(ports[0], serving.load(Ordering::SeqCst)),
                "GET" | "INCR" => answers(is_first, asked.fetch_add(1, Ordering::SeqCst), ports[1]),
                _ => Answer::ok(),
            })
        });
        Nodes {
            first,
            other,
            serving,
        }
    }

    /// A client that knows the slot table, and has a connection to the first node alone.
    async fn client(&self, parameters: &str) -> Client {
        client(&self.first, parameters).await
    }

    /// How often the command was written to each node.
    fn counts(&self, name: &str) -> [usize; 2] {
        [&self.first, &self.other].map(|node| node.count(name))
    }
}

/// The slot table in which the nodes at these ports serve the lower and the upper half.
fn slots(lower: u16, upper: u16) -> Answer {
    let entry = |first: u16, last: u16, port: u16| {
        format!("*3\r\n:{first}\r\n:{last}\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n")
    };
    let table = entry(0, 8_191, lower) + &entry(8_192, 16_383, upper);
    Answer::Send(format!("*2\r\n{table}").into_bytes())
}

/// A client that knows the slot table of `seed`, and has a connection to that node alone.
async fn client(seed: &FakeServer, parameters: &str) -> Client {
    let url = format!("redis-cluster://{}?{parameters}", seed.address());
    let client = Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"));
    let mut lower = cmd("TYPE");
    ok(lower.arg(tag(0)).exec_async(&mut client.clone()).await);
    client
}

fn seven() -> Answer {
    Answer::line(":7")
}

async fn send(client: &Client, name: &str) -> RedisResult<u64> {
    cmd(name).arg("key").query_async(&mut client.clone()).await
}

/// The first node refuses a command once, as `refusal` says of the port of the other one; expects that the
/// command is then answered, after it was written so often to each node.
fn check(refusal: fn(u16) -> String, writes: [usize; 2]) {
    for name in ["GET", "INCR"] {
        let nodes = Nodes::start(move |is_first, asked, other| {
            if is_first && asked == 0 {
                Answer::line(&refusal(other))
            } else {
                seven()
            }
        });
        run(async {
            let client = nodes.client("deadline=10s").await;
            assert_eq!(ok(send(&client, name).await), 7);
        });
        let refusal = refusal(nodes.other.port());
        assert_eq!(nodes.counts(name), writes, "{name}: {refusal}");
    }
}

#[test]
fn a_command_that_is_refused_at_first_runs_once_where_it_belongs() {
    check(|other| format!("-MOVED {SLOT} 127.0.0.1:{other}"), [1, 1]);
    check(|other| format!("-ASK {SLOT} 127.0.0.1:{other}"), [1, 1]);
    check(|_| TRY_AGAIN.to_owned(), [2, 0]);
    check(|_| CLUSTER_DOWN.to_owned(), [2, 0]);
    check(|_| READ_ONLY.to_owned(), [2, 0]);
    check(|_| LOADING.to_owned(), [2, 0]);
}

#[test]
fn a_slot_that_has_moved_is_learned_and_one_on_its_way_is_not() {
    let check = |refusal: fn(u16) -> String, writes: [usize; 2]| {
        let nodes = Nodes::start(move |is_first, _, other| {
            if is_first {
                Answer::line(&refusal(other))
            } else {
                seven()
            }
        });
        let port = nodes.other.port();
        run(async {
            let client = nodes.client("deadline=10s").await;
            if refusal(port).starts_with("-MOVED") {
                nodes.serving.store(port, Ordering::SeqCst);
            }
            for _ in 0..3 {
                assert_eq!(ok(send(&client, "INCR").await), 7);
            }
        });
        let refusal = refusal(port);
        assert_eq!(nodes.counts("INCR"), writes, "{refusal}");
        let asking = nodes.other.count("ASKING");
        assert_eq!(asking, if writes[0] == 3 { 3 } else { 0 }, "{refusal}");
    };
    check(|other| format!("-MOVED {SLOT} 127.0.0.1:{other}"), [1, 3]);
    check(|other| format!("-ASK {SLOT} 127.0.0.1:{other}"), [3, 3]);
}

#[test]
fn a_refusal_that_lasts_reaches_the_caller_after_three_writes() {
    for refusal in [CLUSTER_DOWN, READ_ONLY, LOADING] {
        let nodes = Nodes::start(move |_, _, _| Answer::line(refusal));
        run(async {
            let client = nodes.client("deadline=10s").await;
            let error = send(&client, "INCR").await.expect_err("it is refused");
            assert!(!may_have_run(&error), "{}", report(&error));
            let code = refusal.trim_start_matches('-').split(' ').next();
            assert_eq!(error.code(), code, "{}", report(&error));
        });
        assert_eq!(nodes.counts("INCR"), [3, 0], "{refusal}");
    }
}

#[test]
fn an_error_that_is_about_the_command_is_for_its_caller_at_once() {
    let nodes = Nodes::start(|_, _, _| Answer::line("-WRONGTYPE it is a list"));
    run(async {
        let client = nodes.client("deadline=10s").await;
        let tables = nodes.first.count("CLUSTER");
        for name in ["GET", "INCR"] {
            let error = send(&client, name).await.expect_err("it is a list");
            assert_eq!(error.code(), Some("WRONGTYPE"), "{}", report(&error));
            assert_eq!(nodes.counts(name), [1, 0]);
        }
        assert_eq!(nodes.first.count("CLUSTER"), tables);
    });
}

#[test]
fn a_connection_that_is_lost_before_the_command_is_written_costs_no_command() {
    for name in ["GET", "INCR"] {
        let greeted = AtomicBool::new(false);
        let node = FakeServer::start(move |words| match words[0].as_str() {
            "HELLO" if !greeted.swap(true, Ordering::SeqCst) => Answer::Close,
            "HELLO" => Answer::hello(),
            "GET" | "INCR" => seven(),
            _ => Answer::ok(),
        });
        let (listener, upper) = (listener(), node.port());
        let lower = listener.local_addr().expect("it is bound").port();
        let seed = FakeServer::start_on(listener, move |words| match words[0].as_str() {
            "HELLO" => Answer::hello(),
            "CLUSTER" => slots(lower, upper),
            _ => Answer::ok(),
        });
        run(async {
            let client = client(&seed, "deadline=10s").await;
            assert_eq!(node.accepted(), 0);
            assert_eq!(ok(send(&client, name).await), 7);
        });
        assert!(node.accepted() > 1);
        assert_eq!(node.count(name), 1, "{name}");
    }
}

#[test]
fn a_write_that_is_lost_may_have_run_and_a_read_is_written_three_times_at_most() {
    for (name, lost, writes, answered) in [
        ("INCR", 1, 1, false),
        ("GET", 1, 2, true),
        ("GET", 2, 3, true),
        ("GET", 9, 3, false),
    ] {
        let nodes = Nodes::start(
            move |_, asked, _| {
                if asked < lost { Answer::Close } else { seven() }
            },
        );
        let reply = run(async {
            let client = nodes.client("deadline=10s").await;
            send(&client, name).await
        });
        match reply {
            Ok(value) => assert!(answered && value == 7, "{name}, lost {lost} times"),
            Err(error) => {
                assert!(!answered, "{name}: {}", report(&error));
                assert_eq!(kind(&error), Some(ErrorKind::ConnectionLost));
                assert!(may_have_run(&error), "{name}: {}", report(&error));
            }
        }
        assert_eq!(nodes.counts(name), [writes, 0], "{name}, lost {lost} times");
    }
}

/// The first node loses the command twice and then redirects it to one that loses it, too.
#[test]
fn the_writes_of_the_first_attempt_count_after_a_redirection() {
    let nodes = Nodes::start(|is_first, asked, other| match (is_first, asked) {
        (true, 2) => Answer::line(&format!("-MOVED {SLOT} 127.0.0.1:{other}")),
        _ => Answer::Close,
    });
    run(async {
        let client = nodes.client("deadline=10s").await;
        nodes.serving.store(nodes.other.port(), Ordering::SeqCst);
        let error = send(&client, "GET").await.expect_err("it is lost");
        assert!(may_have_run(&error), "{}", report(&error));
    });
    assert_eq!(nodes.counts("GET"), [3, 1]);
}

/// The deadline of a command that fails, and what a shared machine adds to it.
const DEADLINE: Duration = Duration::from_secs(2);
const NOISE: Duration = Duration::from_secs(1);

/// Sends a command, and returns its error, which has to come at the deadline.
async fn failure_at_deadline(nodes: &Nodes, name: &str) -> RedisError {
    let client = nodes.client("deadline=2s&response_timeout=5s").await;
    let lateness = Lateness::watch();
    let (reply, took) = timed(send(&client, name)).await;
    assert!(took + Duration::from_millis(50) >= DEADLINE, "{took:?}");
    assert_within(name, took, DEADLINE + NOISE, &lateness);
    reply.expect_err("it has no reply")
}

#[test]
fn the_deadline_counts_from_the_first_attempt() {
    let late = Duration::from_millis(1_400);
    for name in ["GET", "INCR"] {
        let nodes = Nodes::start(move |is_first, _, other| {
            if is_first {
                sleep(late);
                Answer::line(&format!("-ASK {SLOT} 127.0.0.1:{other}"))
            } else {
                Answer::Silence
            }
        });
        let error = run(failure_at_deadline(&nodes, name));
        assert_eq!(kind(&error), Some(ErrorKind::TimedOut));
        assert!(may_have_run(&error), "{}", report(&error));
        assert_eq!(nodes.counts(name), [1, 1]);
    }
}

#[test]
fn keys_that_stay_on_their_way_cost_no_more_than_the_deadline() {
    let nodes = Nodes::start(|_, _, _| {
        sleep(Duration::from_millis(300));
        Answer::line(TRY_AGAIN)
    });
    run(failure_at_deadline(&nodes, "INCR"));
    assert!(nodes.counts("INCR")[0] > 1);
}

#[test]
fn a_node_that_cannot_be_reached_costs_a_deadline_and_is_named() {
    let nodes = Nodes::start(|_, _, _| seven());
    let closed = ClosedPort::new();
    nodes.serving.store(closed.port(), Ordering::SeqCst);
    let error = run(failure_at_deadline(&nodes, "INCR"));
    assert!(!may_have_run(&error), "{}", report(&error));
    let text = report(&error);
    assert!(text.contains(&closed.address().to_string()), "{text}");
    assert_eq!(nodes.counts("INCR"), [0, 0]);
}

#[test]
fn a_command_in_the_queue_of_a_node_that_leaves_runs_on_the_one_that_replaces_it() {
    let nodes = Nodes::start(|_, _, _| seven());
    let closed = ClosedPort::new();
    nodes.serving.store(closed.port(), Ordering::SeqCst);
    run(async {
        let client = nodes.client("deadline=10s").await;
        let replaced = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            nodes.serving.store(nodes.other.port(), Ordering::SeqCst);
        };
        let (reply, ()) = join(send(&client, "INCR"), replaced).await;
        assert_eq!(ok(reply), 7);
    });
    assert_eq!(nodes.counts("INCR"), [0, 1]);
}
