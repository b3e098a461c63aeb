//! Addresses that Sentinels name and this machine cannot reach: reported as what they are, and mapped.

use redis::{AsyncCommands, RedisResult, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, Config, ErrorKind};

use crate::support::errors::{ok, ours};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::proxy::{Proxy, Script};
use crate::support::sentinel::Sentinels;
use crate::support::{open, run, start};

/// Nothing listens at this host.
const ELSEWHERE: &str = "127.9.9.9";

/// A sentinel that names servers elsewhere, a primary and a replica.
fn sentinel(primary: u16, replica: u16) -> FakeServer {
    let array = |words: &[&str]| {
        let bulk = |word: &&str| format!("${}\r\n{word}", word.len());
        let bulks: Vec<String> = words.iter().map(bulk).collect();
        format!("*{}\r\n{}", words.len(), bulks.join("\r\n"))
    };
    let (primary, replica) = (primary.to_string(), replica.to_string());
    FakeServer::resp3(move |words| {
        (words[0] == "SENTINEL").then(|| match words[1].as_str() {
            "replicas" => Answer::line(&format!(
                "*1\r\n{}",
                array(&["ip", ELSEWHERE, "port", &replica, "flags", "slave"])
            )),
            _ => Answer::line(&array(&[ELSEWHERE, &primary])),
        })
    })
}

#[test]
fn an_address_that_a_sentinel_names_is_reported_as_such() {
    let sentinel = sentinel(7001, 7002);
    let url = format!("redis-sentinel://{}/main", sentinel.address());
    run(async {
        for (read_from, port) in [("primary", 7001), ("replica", 7002)] {
            let parameters = format!("deadline=500ms&read_from={read_from}");
            let reply: RedisResult<String> = open(&url, &parameters).get("key").await;
            let error = ours(&reply.expect_err("nothing listens there"));
            println!("{error:?}");
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
            let expected = format!(
                "cannot reach `{ELSEWHERE}:{port}`, which is what the Sentinel at `{}` names",
                sentinel.address()
            );
            assert!(error.to_string().contains(&expected), "{error:?}");
            let help = error.help().unwrap_or_default();
            for word in [
                "replica-announce-ip",
                "resolve-hostnames",
                "with_address_map",
            ] {
                assert!(help.contains(word), "{error:?}");
            }
        }
    });
}

#[test]
fn servers_that_sentinels_name_are_found_where_the_address_map_leads() {
    let primary = start(Server::builder().tcp());
    let replica = start(Server::builder().tcp());
    let port = |server: &Server| server.port().expect("it listens on TCP");
    run(async {
        let mut demote = cmd("REPLICAOF");
        demote.arg("127.0.0.1").arg(port(&primary));
        let demoted = demote.exec_async(&mut replica.client()).await;
        demoted.expect("it is demoted");

        let sentinel = sentinel(7001, port(&replica));
        let url = format!("redis-sentinel://{}/main?deadline=20s", sentinel.address());
        let map = [
            (
                format!("{ELSEWHERE}:7001"),
                format!("localhost:{}", port(&primary)),
            ),
            (ELSEWHERE.to_owned(), "127.0.0.1".to_owned()),
        ];
        for (read_from, expected) in [("primary", "master"), ("replica", "slave")] {
            let config: Config = format!("{url}&read_from={read_from}")
                .parse()
                .expect("valid");
            let config = config.with_address_map(map.clone()).expect("it is valid");
            let mut client = Client::with_config(config);
            let role: Vec<redis::Value> = ok(cmd("ROLE").query_async(&mut client).await);
            let role: String = redis::from_redis_value(role[0].clone()).expect("a word");
            assert_eq!(role, expected);
        }
    });
}

#[test]
fn a_switch_is_followed_to_where_the_address_map_leads() {
    let sentinels = Sentinels::start(1, 1);
    let ports = [0, 1].map(|server| sentinels.port(server));
    let ways = ports.map(|port| Proxy::before_port(port, |_| Script::default()));
    let map = [0, 1].map(|server| {
        let way = ways[server].port();
        (
            format!("127.0.0.1:{}", ports[server]),
            format!("localhost:{way}"),
        )
    });
    let config: Config = sentinels.url_with("deadline=20s").parse().expect("valid");
    let config = config.with_address_map(map).expect("it is valid");
    let mut client = Client::with_config(config);
    run(async {
        let () = ok(client.set("key", 1).await);
        assert_eq!((ways[0].accepted(), ways[1].accepted()), (1, 0));
        let switches = sentinels.switches();
        sentinels.failover();
        switches.wait_for(0, ports[0]);
        // Until the client has left the old primary, it writes there.
        while ways[1].accepted() == 0 {
            let _: RedisResult<()> = client.set("key", 2).await;
        }
        let () = ok(client.set("key", 3).await);
        let kept: u64 =
            redis::Commands::get(&mut sentinels.connect(1), "key").expect("it is there");
        assert_eq!(kept, 3);
    });
}
