//! How long callers wait, and what their waiting costs, with nodes that are slow, silent or gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use redis::{AsyncCommands, ConnectionLike, RedisResult};
use redis_ready::{Client, ErrorKind};

use crate::support::cluster::tag;
use crate::support::errors::{kind_of, may_have_run, ok, report};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::ports::{ClosedPort, listener};
use crate::support::process::wait_until;
use crate::support::run;

/// Starts a node that serves all slots, with a replica on `replica` if that is a port, and answers
/// `CLUSTER SLOTS` after `delay` and other commands with `answer`.
fn node(
    replica: Option<u16>,
    delay: Duration,
    answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> FakeServer {
    let listener = listener();
    let port = listener.local_addr().expect("it is bound").port();
    let nodes: Vec<_> = [Some(port), replica].into_iter().flatten().collect();
    let entry = |port: &u16| format!("*2\r\n$0\r\n\r\n:{port}\r\n");
    let entries: String = nodes.iter().map(entry).collect();
    let slots = format!("*1\r\n*{}\r\n:0\r\n:16383\r\n{entries}", 2 + nodes.len());
    FakeServer::start_on(listener, move |command| match command[0].as_str() {
        "CLUSTER" => {
            sleep(delay);
            Answer::Send(slots.clone().into_bytes())
        }
        name => answer(name),
    })
}

fn greet(name: &str) -> Answer {
    match name {
        "HELLO" => Answer::Send(b"%1\r\n$5\r\nproto\r\n:3\r\n".to_vec()),
        _ => Answer::ok(),
    }
}

fn client(node: &FakeServer, parameters: &str) -> Client {
    let url = format!("redis-cluster://127.0.0.1:{}?{parameters}", node.port());
    Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn a_ping_waits_for_the_slot_table_and_the_reply_within_one_deadline() {
    let node = node(None, Duration::from_millis(1_400), |name| match name {
        "PING" => Answer::Silence,
        name => greet(name),
    });
    let client = client(&node, "deadline=2s&response_timeout=5s");
    let start = Instant::now();
    let error = run(client.ping()).expect_err("the node is silent");
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error:?}");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(1_950), "{took:?}");
    assert!(took < Duration::from_millis(3_200), "{took:?}");
}

#[test]
fn a_thousand_readers_share_one_attempt_to_connect_to_a_replica() {
    let replica = FakeServer::start(|command| match command[0].as_str() {
        "HELLO" => {
            sleep(Duration::from_millis(300));
            greet("HELLO")
        }
        "GET" => Answer::line(":7"),
        name => greet(name),
    });
    let primary = node(Some(replica.port()), Duration::ZERO, greet);
    let client = client(&primary, "read_from=prefer_replica&deadline=10s");
    run(async {
        client.ping().await.expect("the primary is there");
        let read = || {
            let mut client = client.clone();
            async move { client.get("key").await }
        };
        let values: Vec<RedisResult<u32>> = join_all((0..1_000).map(|_| read())).await;
        for value in values {
            assert_eq!(value, Ok(7));
        }
    });
    let count = |name: &str| {
        let seen = replica.seen();
        seen.iter().filter(|command| command[0] == name).count()
    };
    assert_eq!(count("GET"), 1_000);
    let pings = count("PING");
    assert!(pings <= 3, "{pings}");
}

#[test]
fn a_command_for_all_nodes_does_not_wait_for_a_lost_replica_beyond_its_deadline() {
    let closed = ClosedPort::new();
    let port = closed.port();
    let primary = node(Some(port), Duration::ZERO, greet);
    let mut client = client(&primary, "read_from=prefer_replica&deadline=1s");
    run(async {
        let start = Instant::now();
        let mut reset = redis::cmd("CONFIG");
        let reset = reset.arg("RESETSTAT").exec_async(&mut client).await;
        let text = report(&reset.expect_err("the replica is gone"));
        assert!(text.contains(&format!("127.0.0.1:{port}")), "{text}");
        let took = start.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
    });
}

#[test]
fn a_script_that_meets_a_replica_is_sent_once_and_the_slot_table_fetched_once_a_second() {
    let node = node(None, Duration::ZERO, |name| match name {
        "EVAL" => Answer::line("-READONLY You can't write against a read only replica."),
        name => greet(name),
    });
    let client = client(&node, "");
    let start = Instant::now();
    run(async {
        client.ping().await.expect("the node is there");
        let before = node.count("CLUSTER");
        let mut calls = 0;
        while start.elapsed() < Duration::from_millis(2_500) {
            let mut eval = redis::cmd("EVAL");
            eval.arg("return redis.call('INCR', KEYS[1])")
                .arg(1)
                .arg("k");
            let reply = eval.query_async::<()>(&mut client.clone()).await;
            reply.expect_err("it is a replica");
            calls += 1;
            assert_eq!(node.count("EVAL"), calls);
        }
        let refreshes = node.count("CLUSTER") - before;
        let most = usize::try_from(start.elapsed().as_secs()).expect("few") + 1;
        assert!((2..=most).contains(&refreshes), "{refreshes}");
    });
}

#[test]
fn a_redirection_does_not_bring_a_closed_client_back_to_life() {
    let other = FakeServer::resp3(|_| None);
    let moved = format!("-MOVED 12539 127.0.0.1:{}", other.port());
    let node = node(None, Duration::ZERO, move |name| match name {
        "GET" => {
            sleep(Duration::from_millis(500));
            Answer::line(&moved)
        }
        name => greet(name),
    });
    let client = client(&node, "deadline=10s");
    run(async {
        client.ping().await.expect("the node is there");
        let get = || {
            let mut client = client.clone();
            async move { client.get::<_, String>("key").await }
        };
        let close = async {
            wait_until("the command is in flight", || node.count("GET") == 1);
            client.close(Duration::from_secs(5)).await;
        };
        let (in_flight, ()) = join(get(), close).await;
        assert_eq!(kind_of(in_flight), Some(ErrorKind::Closed));
        assert_eq!(kind_of(get().await), Some(ErrorKind::Closed));
    });
    assert_eq!(other.accepted(), 0);
}

/// Starts two nodes that serve half of the slots each. They answer commands with `answer`, which is told
/// the node.
fn pair(answer: impl Fn(usize, &str) -> Answer + Send + Sync + Clone + 'static) -> [FakeServer; 2] {
    let listeners = [listener(), listener()];
    let port = |node: usize| {
        let address = listeners[node].local_addr();
        address.expect("it is bound").port()
    };
    let range = |node: usize, first: u16, last: u16| {
        let port = port(node);
        format!("*3\r\n:{first}\r\n:{last}\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n")
    };
    let slots = format!("*2\r\n{}{}", range(0, 0, 8_191), range(1, 8_192, 16_383));
    let mut node = 0;
    listeners.map(|listener| {
        let (slots, answer, number) = (slots.clone(), answer.clone(), node);
        node += 1;
        FakeServer::start_on(listener, move |command| match command[0].as_str() {
            "CLUSTER" => Answer::Send(slots.clone().into_bytes()),
            name => answer(number, name),
        })
    })
}

/// Returns a key of the node on which no session has sent `SELECT`.
fn key_of_the_other(nodes: &[FakeServer; 2]) -> &'static str {
    let slot = if nodes[0].count("SELECT") > 0 {
        16_383
    } else {
        0
    };
    tag(slot)
}

fn select_database() -> redis::Cmd {
    redis::cmd("SELECT").arg(1).to_owned()
}

#[test]
fn a_session_moves_to_the_node_of_its_first_key_within_one_deadline() {
    let nodes = pair(|_, name| match name {
        "HELLO" | "SELECT" => {
            sleep(Duration::from_millis(1_200));
            greet(name)
        }
        "GET" => Answer::Silence,
        name => greet(name),
    });
    let client = client(&nodes[0], "deadline=2s&response_timeout=10s");
    run(async {
        let mut connection = client
            .dedicated_connection()
            .await
            .expect("there are nodes");
        ok(select_database().exec_async(&mut connection).await);
        let start = Instant::now();
        let value: RedisResult<String> = connection.get(key_of_the_other(&nodes)).await;
        value.expect_err("the node is silent");
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(1_950), "{took:?}");
        assert!(took < Duration::from_secs(4), "{took:?}");
    });
}

#[test]
fn clones_of_a_session_wait_for_each_other_within_the_deadline_of_each() {
    let silent = Arc::new(AtomicBool::new(false));
    let is_silent = Arc::clone(&silent);
    let nodes = pair(move |_, name| match name {
        "PING" if is_silent.load(Ordering::SeqCst) => Answer::Silence,
        name => greet(name),
    });
    let client = client(&nodes[0], "deadline=1s&response_timeout=20s");
    run(async {
        let connection = client
            .dedicated_connection()
            .await
            .expect("there are nodes");
        silent.store(true, Ordering::SeqCst);
        let ping = || {
            let mut connection = connection.clone();
            async move { redis::cmd("PING").exec_async(&mut connection).await }
        };
        let start = Instant::now();
        for reply in join_all((0..6).map(|_| ping())).await {
            reply.expect_err("the node is silent");
        }
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(950), "{took:?}");
        assert!(took < Duration::from_secs(4), "{took:?}");
    });
}

#[test]
fn a_session_that_cannot_move_has_ended_and_a_pool_replaces_it() {
    let selected = Arc::new(AtomicBool::new(false));
    let nodes = pair(move |_, name| match name {
        "SELECT" if selected.swap(true, Ordering::SeqCst) => {
            Answer::line("-ERR DB index is out of range")
        }
        name => greet(name),
    });
    let client = client(&nodes[0], "");
    run(async {
        let mut connection = client
            .dedicated_connection()
            .await
            .expect("there are nodes");
        ok(select_database().exec_async(&mut connection).await);
        assert!(connection.blocking().is_open());
        let value: RedisResult<String> = connection.get(key_of_the_other(&nodes)).await;
        let error = value.expect_err("the database does not exist there");
        assert!(error.is_unrecoverable_error(), "{}", report(&error));
        assert!(!may_have_run(&error), "{}", report(&error));
        assert_eq!(kind_of::<()>(Err(error)), Some(ErrorKind::Closed));
        assert!(!connection.blocking().is_open());
        let ping = redis::cmd("PING").exec_async(&mut connection).await;
        assert_eq!(kind_of(ping), Some(ErrorKind::Closed));
    });
}
