//! Every kind of command reaches the nodes that it has to, and what cannot is explained.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{AsyncCommands, Commands, RedisResult, Script, cmd, pipe};
use redis_ready::Client;

use crate::support::cluster::{Cluster, SLOTS, tag};
use crate::support::errors::{ok, report};
use crate::support::process::query;
use crate::support::run;

/// For tests that look at no keys but their own. It ends with the process.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::steady(3, 0));

fn client() -> Client {
    CLUSTER.client("")
}

/// A key of `name` in each of `count` slots, which are of all primaries.
fn keys(name: &str, count: u16) -> Vec<String> {
    let key = |number| format!("{{{}}}{name}", tag(SLOTS / count * number));
    (0..count).map(key).collect()
}

fn values(count: u16) -> Vec<Option<String>> {
    (0..count).map(|number| Some(number.to_string())).collect()
}

/// Asserts that an error explains what keys in several slots need.
#[track_caller]
fn assert_explained<T: std::fmt::Debug>(reply: RedisResult<T>) {
    let text = report(&reply.expect_err("its keys are in several slots"));
    println!("{text}\n");
    for part in ["slot", "{"] {
        assert!(text.contains(part), "`{part}`: {text}");
    }
}

#[test]
fn commands_of_keys_in_several_slots_are_split() {
    let mut client = client();
    run(async {
        let keys = keys("split", 50);
        let pairs: Vec<_> = keys.iter().zip(0..).collect();
        let () = ok(client.mset(&pairs).await);
        let read: Vec<Option<String>> = ok(client.mget(&keys).await);
        assert_eq!(read, values(50));
        let mut backwards = keys.clone();
        backwards.reverse();
        backwards.insert(1, "split:missing".to_owned());
        let read: Vec<Option<String>> = ok(client.mget(&backwards).await);
        let mut expected = values(50);
        expected.reverse();
        expected.insert(1, None);
        assert_eq!(read, expected);
        let exist: u64 = ok(client.exists(&backwards).await);
        assert_eq!(exist, 50);
        let touched: u64 = ok(cmd("TOUCH").arg(&keys).query_async(&mut client).await);
        assert_eq!(touched, 50);
        let deleted: u64 = ok(client.del(&backwards[..20]).await);
        assert_eq!(deleted, 19);
        let unlinked: u64 = ok(client.unlink(&keys).await);
        assert_eq!(unlinked, 31);
        // A key twice is two answers.
        let () = ok(client.set(&keys[0], "twice").await);
        let twice = [&keys[0], &keys[1], &keys[0]];
        let read: Vec<Option<String>> = ok(client.mget(&twice).await);
        let value = Some("twice".to_owned());
        assert_eq!(read, [value.clone(), None, value]);
    });
}

#[test]
fn a_thousand_keys_come_back_in_order() {
    let mut client = client();
    run(async {
        let keys = keys("many", 1_000);
        let pairs: Vec<_> = keys.iter().zip(0..).collect();
        let () = ok(client.mset(&pairs).await);
        let read: Vec<Option<String>> = ok(client.mget(&keys).await);
        assert_eq!(read, values(1_000));
    });
}

#[test]
fn a_pipeline_of_several_slots_answers_in_order() {
    let mut client = client();
    run(async {
        let keys = keys("pipeline", 100);
        let mut write = pipe();
        for (key, number) in keys.iter().zip(0..100) {
            write.set(key, number).ignore().incr(key, 1_000);
        }
        let counts: Vec<u64> = ok(write.query_async(&mut client).await);
        assert_eq!(counts, (1_000..1_100).collect::<Vec<u64>>());

        let mut mixed = pipe();
        mixed.mget(&keys[..3]).cmd("PING").get(&keys[50]);
        mixed.del(&keys[98..]).get(&keys[99]);
        let mixed: (Vec<u64>, String, u64, u64, Option<u64>) =
            ok(mixed.query_async(&mut client).await);
        let expected = (vec![1_000, 1_001, 1_002], "PONG".to_owned(), 1_050, 2, None);
        assert_eq!(mixed, expected);

        // One that is wrong leaves the others as they are.
        let mut wrong = pipe();
        wrong.incr(&keys[1], 1).lpush(&keys[2], 1).incr(&keys[3], 1);
        let error = wrong.query_async::<redis::Value>(&mut client).await;
        let error = error.expect_err("it is not a list");
        assert!(report(&error).contains("WRONGTYPE"), "{error}");
        let counts: Vec<u64> = ok(client.mget(&[&keys[1], &keys[3]]).await);
        assert_eq!(counts, [1_002, 1_004]);
    });
}

#[test]
fn a_transaction_runs_in_one_slot_and_is_refused_in_two() {
    let mut client = client();
    run(async {
        let key = |number: u8| format!("{{transaction}}{number}");
        let mut good = pipe();
        good.atomic().set(key(1), 1).ignore();
        good.incr(key(1), 1).mget(&[key(1), key(2)]);
        let reply: (u64, Vec<Option<u64>>) = ok(good.query_async(&mut client).await);
        assert_eq!(reply, (2, vec![Some(2), None]));

        let mut bad = pipe();
        bad.atomic()
            .incr(key(1), 1)
            .incr("transaction:elsewhere", 1);
        assert_explained(bad.query_async::<redis::Value>(&mut client).await);
        let counts: (u64, Option<u64>) = (
            ok(client.get(key(1)).await),
            ok(client.get("transaction:elsewhere").await),
        );
        assert_eq!(counts, (2, None));
    });
}

#[test]
fn what_cannot_be_split_is_explained() {
    let mut client = client();
    run(async {
        let keys = keys("whole", 3);
        assert_explained(client.sinter::<_, Vec<String>>(&keys).await);
        assert_explained(client.rename::<_, _, ()>(&keys[0], &keys[1]).await);
        let pairs: Vec<_> = keys.iter().zip(0..).collect();
        assert_explained(client.mset_nx::<_, _, bool>(&pairs).await);
        let script = Script::new("return 1");
        let mut call = script.key(&keys[0]);
        assert_explained(call.key(&keys[1]).invoke_async::<u64>(&mut client).await);
        assert_explained(client.blpop::<_, Option<[String; 2]>>(&keys, 0.1).await);
        let mut pipeline = pipe();
        pipeline.get(&keys[0]).sinter(&keys);
        assert_explained(pipeline.query_async::<redis::Value>(&mut client).await);
        let _: Vec<String> = ok(client.sinter(&["{whole}1", "{whole}2"]).await);
    });
}

#[test]
fn scripts_reach_the_node_of_their_keys() {
    let mut client = client();
    run(async {
        let keys = keys("script", 20);
        // Loaded where it is missing.
        let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
        for (key, number) in keys.iter().zip(1..) {
            let count: u64 = ok(script.key(key).arg(number).invoke_async(&mut client).await);
            assert_eq!(count, number);
        }
        // Loaded everywhere at once.
        let load = cmd("SCRIPT").arg("LOAD").arg("return ARGV[1]").to_owned();
        let sha: String = ok(load.query_async(&mut client).await);
        for key in &keys {
            let mut call = cmd("EVALSHA");
            call.arg(&sha).arg(1).arg(key).arg("x");
            assert_eq!(ok(call.query_async::<String>(&mut client).await), "x");
        }
        let mut eval = cmd("EVAL");
        eval.arg("return redis.call('GET', KEYS[1])").arg(1);
        assert_eq!(
            ok(eval.arg(&keys[6]).query_async::<u64>(&mut client).await),
            7
        );
        let keyless = cmd("EVAL").arg("return 'none'").arg(0).to_owned();
        assert_eq!(ok(keyless.query_async::<String>(&mut client).await), "none");
    });
}

#[test]
fn streams_are_found_where_their_keys_are_not_the_first_word() {
    let mut client = client();
    run(async {
        for key in keys("stream", 12) {
            let id: String = ok(client.xadd(&key, "1-1", &[("field", "value")]).await);
            assert_eq!(id, "1-1");
            let options = StreamReadOptions::default().count(10);
            let read: StreamReadReply = ok(client.xread_options(&[&key], &["0"], &options).await);
            assert_eq!(read.keys[0].ids[0].id, "1-1");
            let () = ok(client.xgroup_create(&key, "group", "0").await);
            let group = StreamReadOptions::default().group("group", "me");
            let read: StreamReadReply = ok(client.xread_options(&[&key], &[">"], &group).await);
            assert_eq!(read.keys[0].key, key);
            let block = StreamReadOptions::default().block(50);
            let none: Option<StreamReadReply> =
                ok(client.xread_options(&[&key], &["$"], &block).await);
            assert!(none.is_none_or(|reply| reply.keys.is_empty()));
        }
    });
}

#[test]
fn a_blocking_command_waits_at_its_node_and_holds_up_no_other() {
    let client = client();
    run(async {
        for key in keys("list", 3) {
            let mut popping = client.clone();
            let list = key.clone();
            let pop = tokio::spawn(async move {
                let popped: RedisResult<Option<(String, String)>> = popping.blpop(list, 10.0).await;
                popped
            });
            tokio::time::sleep(Duration::from_millis(200)).await;
            let start = Instant::now();
            let mut client = client.clone();
            let beside = key.replace("list", "beside");
            let () = ok(client.set(beside, 1).await);
            assert!(!pop.is_finished());
            let () = ok(client.rpush(&key, "element").await);
            let popped = ok(pop.await.expect("it does not panic"));
            assert_eq!(popped, Some((key, "element".to_owned())));
            // Not when it has waited for as long as it says.
            let took = start.elapsed();
            assert!(took < Duration::from_secs(8), "{took:?}");
        }
    });
}

#[test]
fn code_that_is_not_asynchronous_has_the_same() {
    let client = client();
    thread::scope(|scope| {
        for number in 0..4 {
            let mut client = client.blocking();
            scope.spawn(move || {
                let keys = keys(&format!("blocking{number}"), 20);
                let pairs: Vec<_> = keys.iter().zip(0..).collect();
                let () = ok(client.mset(&pairs));
                let read: Vec<Option<String>> = ok(client.mget(&keys));
                assert_eq!(read, values(20));
                let mut pipeline = pipe();
                pipeline.incr(&keys[1], 1).incr(&keys[11], 1);
                let counts: (u64, u64) = ok(pipeline.query(&mut client));
                assert_eq!(counts, (2, 12));
                pipeline.atomic();
                assert_explained(pipeline.query::<redis::Value>(&mut client));
                let mut transaction = pipe();
                transaction.atomic().incr(&keys[5], 1).get(&keys[5]);
                let counts: (u64, u64) = ok(transaction.query(&mut client));
                assert_eq!(counts, (6, 6));
            });
        }
    });
}

#[test]
fn an_idempotent_command_survives_lost_connections() {
    let cluster = Cluster::steady(3, 0);
    let client = cluster.client("").idempotent();
    let keys = keys("idempotent", 3);
    let pairs: Vec<_> = keys.iter().zip(0..).collect();
    let mut nodes: Vec<_> = (0..3).map(|node| cluster.connect(node)).collect();
    run(async {
        for _ in 0..20 {
            let calls = (0..30).map(|_| async {
                let mut client = client.clone();
                let () = ok(client.mset(&pairs).await);
                let read: Vec<Option<String>> = ok(client.mget(&keys).await);
                assert_eq!(read, values(3));
            });
            let calls = futures::future::join_all(calls);
            let resets = async {
                for node in &mut nodes {
                    let _: u64 = query(node, &["CLIENT", "KILL", "TYPE", "normal"]);
                }
            };
            futures::join!(calls, resets);
        }
    });
}

/// Keys whose hash tags are none, or less than they seem.
const ODD_KEYS: [&str; 14] = [
    "", "{}", "{}a", "a{}b", "{a", "a}", "}{a}", "{a}{b}", "{{a}}b", "{a}b}", "a{b}c{d}", "{}{a}",
    "{ }", "ü{ö}ä",
];

#[test]
fn commands_without_keys_mean_the_whole_cluster() {
    let cluster = Cluster::steady(3, 0);
    let mut client = cluster.client("");
    run(async {
        client.ping().await.expect("it is there");
        let keys = keys("key", 100);
        for key in keys.iter().map(String::as_str).chain(ODD_KEYS) {
            let () = ok(client.set(key, format!("value of {key}")).await);
            let value: String = ok(client.get(key).await);
            assert_eq!(value, format!("value of {key}"));
        }
        let odd: HashMap<&str, String> = ODD_KEYS
            .into_iter()
            .zip(ok(client.mget::<_, Vec<String>>(&ODD_KEYS).await))
            .collect();
        assert!(
            odd.iter()
                .all(|(key, value)| *value == format!("value of {key}")),
            "{odd:?}"
        );
        // Each was sent to the right node at once.
        assert_eq!(cluster.errors("MOVED"), 0);

        let all = keys.len() + ODD_KEYS.len();
        assert_eq!(
            ok(cmd("DBSIZE").query_async::<usize>(&mut client).await),
            all
        );
        assert_eq!(ok(client.keys::<_, Vec<String>>("*").await).len(), all);
        let random: Option<String> = ok(cmd("RANDOMKEY").query_async(&mut client).await);
        assert!(random.is_some());
        assert_eq!(
            ok(cmd("PING").query_async::<String>(&mut client).await),
            "PONG"
        );
        let echo = cmd("ECHO").arg("word").to_owned();
        assert_eq!(ok(echo.query_async::<String>(&mut client).await), "word");

        let () = ok(cmd("FLUSHALL").query_async(&mut client).await);
        assert_eq!(ok(cmd("DBSIZE").query_async::<usize>(&mut client).await), 0);
        let random: Option<String> = ok(cmd("RANDOMKEY").query_async(&mut client).await);
        assert_eq!(random, None);
    });
    for node in 0..3 {
        let size: usize = query(&mut cluster.connect(node), &["DBSIZE"]);
        assert_eq!(size, 0);
    }
}
