//! A server that does not tell which node serves which slot: why, at once, and what to do.

use std::time::{Duration, Instant};

use redis::{AsyncCommands, RedisResult};
use redis_ready::{Client, ErrorKind};

use crate::support::cluster::Cluster;
use crate::support::errors::{kind, ok, report};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::process::query;
use crate::support::run;

/// Much less than the deadline, much more than an answer takes.
const AT_ONCE: Duration = Duration::from_secs(30);

fn restrict(cluster: &Cluster, nodes: impl IntoIterator<Item = usize>, rules: &[&str]) {
    for node in nodes {
        let words = [&["ACL", "SETUSER", "app", "on", ">pw", "~*"], rules].concat();
        let _: String = query(&mut cluster.connect(node), &words);
    }
}

fn as_app(cluster: &Cluster, parameters: &str) -> Client {
    let url = cluster.url_of(0..3, parameters);
    let url = url.replace("://", "://app:pw@");
    Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
fn a_user_who_may_not_ask_for_the_slots_is_told_at_once() {
    let cluster = Cluster::steady(3, 0);
    restrict(&cluster, 0..3, &["+@read", "+@write", "+ping", "-cluster"]);
    let mut client = as_app(&cluster, "deadline=60s");
    let start = Instant::now();
    run(async {
        let written: RedisResult<()> = client.set("key", 1).await;
        let error = written.expect_err("there is no slot table");
        assert_eq!(kind(&error), Some(ErrorKind::Authentication));
        let text = report(&error);
        println!("{text}");
        assert!(
            text.contains("NOPERM") && text.contains("+cluster|slots"),
            "{text}"
        );
        assert!(!text.contains("pw"), "{text}");
        let ready = client.ready(2 * AT_ONCE).await.expect_err("as the command");
        assert_eq!(ready.kind(), ErrorKind::Authentication, "{ready:?}");
    });
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    restrict(&cluster, 0..3, &["+cluster|slots"]);
    run(async { ok(client.set::<_, _, ()>("key", 1).await) });
}

#[test]
fn one_node_that_answers_is_enough() {
    let cluster = Cluster::steady(3, 0);
    restrict(&cluster, 0..3, &["+@all"]);
    restrict(&cluster, 0..2, &["-cluster"]);
    let mut client = as_app(&cluster, "");
    run(async {
        for key in ["a", "b", "c", "d", "e", "f"] {
            ok(client.set::<_, _, ()>(key, 1).await);
        }
    });
}

fn answering(answer: &'static str) -> (FakeServer, Client) {
    let node =
        FakeServer::resp3(move |words| (words[0] == "CLUSTER").then(|| Answer::line(answer)));
    let url = format!("redis-cluster://127.0.0.1:{}?deadline=60s", node.port());
    let client = Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"));
    (node, client)
}

#[test]
fn a_server_that_does_not_know_the_question_is_told_at_once_with_the_url_to_write() {
    for answer in [
        "-ERR This instance has cluster support disabled",
        "-ERR Cluster is disabled. Use --cluster_mode=yes to enable.",
        "-ERR unknown command 'CLUSTER', with args beginning with: 'SLOTS'",
    ] {
        let (node, mut client) = answering(answer);
        let start = Instant::now();
        let written: RedisResult<()> = run(client.set("key", 1));
        let error = written.expect_err("it is not in a cluster");
        assert_eq!(kind(&error), Some(ErrorKind::InvalidUrl), "{answer}");
        let help = format!("write `redis://{}`", node.address());
        assert!(report(&error).contains(&help), "{}", report(&error));
        assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    }
}

#[test]
fn the_reason_is_known_when_the_time_of_a_start_is_up() {
    let (_node, client) = answering("-ERR come back later");
    let error = run(client.ready(Duration::from_secs(1))).expect_err("it does not answer");
    assert_eq!(error.kind(), ErrorKind::NotReady);
    assert!(
        format!("{error:?}").contains("come back later"),
        "{error:?}"
    );
}
