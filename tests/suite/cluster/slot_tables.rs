//! What a slot table lacks costs the slots that it is about, and no others.

use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult, Value};
use redis_ready::{Client, ErrorKind};

use crate::support::cluster::{Cluster, SLOTS, tag};
use crate::support::errors::{kind, ok, ours, report};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::ports::listener;
use crate::support::process::query;
use crate::support::run;

const DEADLINE: Duration = Duration::from_secs(3);

/// Starts a node that serves all slots up to `last`, announced by its port alone, in a table with these
/// entries more.
fn node(last: u16, more: &[&str]) -> FakeServer {
    let listener = listener();
    let port = listener.local_addr().expect("it is bound").port();
    let own = format!("*3\r\n:0\r\n:{last}\r\n*2\r\n$0\r\n\r\n:{port}\r\n");
    let table = format!("*{}\r\n{own}{}", 1 + more.len(), more.concat());
    FakeServer::start_on(listener, move |words| match words[0].as_str() {
        "HELLO" => Answer::hello(),
        "CLUSTER" => Answer::Send(table.clone().into_bytes()),
        _ => Answer::ok(),
    })
}

fn client(node: &FakeServer, parameters: &str) -> Client {
    let url = format!("redis-cluster://127.0.0.1:{}?{parameters}", node.port());
    Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"))
}

fn set(client: &Client, slot: u16) -> (RedisResult<()>, Duration) {
    let start = Instant::now();
    let reply = run(client.clone().set(format!("{{{}}}key", tag(slot)), 1));
    (reply, start.elapsed())
}

#[test]
fn a_node_that_announces_no_host_costs_its_own_slots_alone() {
    let nameless = "*3\r\n:9000\r\n:16383\r\n*3\r\n$1\r\n?\r\n:7001\r\n$4\r\n4f0a\r\n";
    let odd = [
        nameless,
        "*3\r\n:8000\r\n:8999\r\n*2\r\n$1\r\n?\r\n:0\r\n",
        "*3\r\n:-1\r\n:5\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*3\r\n:5\r\n:70000\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "+OK\r\n",
        "*1\r\n:5\r\n",
        "_\r\n",
    ];
    let node = node(7_999, &odd);
    let client = client(&node, "deadline=3s");
    for slot in [0, 5, 7_999] {
        ok(set(&client, slot).0);
    }
    let (reply, took) = set(&client, 16_000);
    let error = reply.expect_err("its node has no address");
    assert_eq!(kind(&error), Some(ErrorKind::NotReady));
    let text = report(&error);
    println!("{text}");
    for part in ["slot 16000", "4f0a", "7001", "cluster-announce-hostname"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(took >= DEADLINE, "{took:?}");
    assert!(!ours(&error).may_have_run());
    ok(set(&client, 0).0);
}

#[test]
fn the_ip_address_of_the_entry_stands_for_a_host_that_is_not_announced() {
    let serving = FakeServer::resp3(|_| None);
    for metadata in ["*2\r\n", "%1\r\n"] {
        let entry = format!(
            "*3\r\n:8000\r\n:16383\r\n*4\r\n$1\r\n?\r\n:{}\r\n$1\r\ni\r\n\
             {metadata}$2\r\nip\r\n$9\r\n127.0.0.1\r\n",
            serving.port()
        );
        let node = node(7_999, &[&entry]);
        let client = client(&node, "");
        ok(set(&client, 0).0);
        ok(set(&client, 16_000).0);
    }
    assert_eq!(serving.count("SET"), 2);
}

#[test]
fn a_table_that_cannot_be_read_at_all_is_told() {
    let nameless = "*3\r\n:0\r\n:16383\r\n*3\r\n$1\r\n?\r\n:7001\r\n$4\r\n4f0a\r\n";
    let check = |table: &'static str, part: &str| {
        let node = FakeServer::resp3(move |words| {
            (words[0] == "CLUSTER").then(|| Answer::Send(table.into()))
        });
        let client = client(&node, "deadline=500ms");
        let text = report(&set(&client, 0).0.expect_err("there is no table"));
        assert!(text.contains(part), "{text}");
    };
    check(
        format!("*1\r\n{nameless}").leak(),
        "node `4f0a` with port 7001",
    );
    check("*1\r\n+OK\r\n", "without a slot table");
    check("+OK\r\n", "without a slot table");
    check("*0\r\n", "no slot assignments");
}

#[test]
fn one_node_of_three_without_a_host_name_is_reached_by_its_address() {
    let cluster = Cluster::steady(3, 0);
    for node in 0..3 {
        let mut connection = cluster.connect(node);
        let words = ["cluster-preferred-endpoint-type", "hostname"];
        let _: String = query(&mut connection, &["CONFIG", "SET", words[0], words[1]]);
        if node != 1 {
            let words = ["cluster-announce-hostname", "localhost"];
            let _: String = query(&mut connection, &["CONFIG", "SET", words[0], words[1]]);
        }
    }
    for protocol in ["protocol=2", "protocol=3"] {
        let mut client = cluster.client(protocol);
        run(async {
            for slot in (0..SLOTS).step_by(1_800) {
                let key = format!("{{{}}}key", tag(slot));
                let () = ok(client.set(&key, slot).await);
                assert_eq!(ok(client.get::<_, u16>(&key).await), slot);
            }
            // Redirections to it have no host either.
            let keys = ["a", "b"].map(|name| format!("{{{}}}{name}", tag(9)));
            let () = ok(client.mset(&[(&keys[0], 1), (&keys[1], 2)]).await);
            cluster.half_migrate(9, &keys[..1], 0, 1);
            assert_eq!(ok(client.get::<_, u16>(&keys[0]).await), 1);
            cluster.migrate([9], 0, 1);
            assert_eq!(ok(client.get::<_, u16>(&keys[1]).await), 2);
            cluster.migrate([9], 1, 0);
        });
    }
}

#[test]
fn a_slot_that_no_node_serves_is_told_and_the_next_caller_does_not_wait() {
    let slot = 8_579;
    let cluster = Cluster::steady(3, 0);
    for node in 0..3 {
        let mut connection = cluster.connect(node);
        let delete = ["CLUSTER", "DELSLOTS", &slot.to_string()].map(str::to_owned);
        let delete = delete.each_ref().map(String::as_str);
        let _: Value = query(&mut connection, &delete);
    }
    let client = cluster.client("deadline=3s");
    ok(set(&client, 0).0);
    let (first, waited) = set(&client, slot);
    let (second, at_once) = set(&client, slot);
    for reply in [first, second] {
        let error = reply.expect_err("no node serves it");
        assert_eq!(kind(&error), Some(ErrorKind::NotReady));
        let text = report(&error);
        assert!(
            text.contains("no node of the cluster serves slot 8579"),
            "{text}"
        );
        assert!(text.contains("CLUSTER INFO"), "{text}");
    }
    assert!(waited >= DEADLINE, "{waited:?}");
    assert!(at_once < DEADLINE / 2, "{at_once:?}");
    ok(set(&client, slot + 1).0);

    let owner = cluster.owner(slot + 1);
    let add = ["CLUSTER", "ADDSLOTS", "8579"];
    let _: Value = query(&mut cluster.connect(owner), &add);
    let start = Instant::now();
    while set(&client, slot).0.is_err() {
        assert!(start.elapsed() < 10 * DEADLINE, "it is served again");
    }
}
