//! A script runs once, whatever it returns, and is redirected like any other command.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use redis::{AsyncCommands, Cmd, RedisResult, Script, Value, cmd, pipe};
use redis_ready::testing::Server;

use crate::support::cluster::{Cluster, tag};
use crate::support::errors::{may_have_run, ok, report};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::ports::listener;
use crate::support::process::query;
use crate::support::{address, open, run, start};

const SLOT: u16 = 7;

/// What scripts may return; a server says some of it in the same words.
fn errors(other_port: u16) -> Vec<String> {
    let own = [
        format!("MOVED {SLOT} 127.0.0.1:{other_port}"),
        format!("ASK {SLOT} 127.0.0.1:{other_port}"),
        format!("MOVED {SLOT} 127.0.0.1:1"),
        format!("MOVED {SLOT} 127.0.0.1:{other_port} or elsewhere"),
    ];
    let others = [
        "TRYAGAIN the bucket is empty",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "MOVED 1 127.0.0.1:1",
        "ASK 1 127.0.0.1:1",
        "CLUSTERDOWN The cluster is down",
        "LOADING Redis is loading the dataset in memory",
        "BUSY Redis is busy running a script",
        "READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down",
    ];
    own.into_iter().chain(others.map(str::to_owned)).collect()
}

/// What is behind the code, which redis-rs shows in words of its own.
fn detail(error: &str) -> &str {
    error.split_once(' ').expect("it has two words").1
}

fn forging() -> &'static str {
    "redis.call('INCR', KEYS[1]) return redis.error_reply(ARGV[1])"
}

fn eval(key: &str, error: &str) -> Cmd {
    let eval = cmd("EVAL").arg(forging()).arg(1).to_owned();
    eval.clone().arg(key).arg(error).to_owned()
}

#[test]
fn a_script_that_returns_a_redirection_runs_once() {
    let cluster = Cluster::steady(3, 0);
    let client = cluster.client("deadline=2s");
    let sha = Script::new(forging()).get_hash().to_owned();
    for node in 0..3 {
        let _: String = query(&mut cluster.connect(node), &["SCRIPT", "LOAD", forging()]);
    }
    let mut key_number = 0;
    let mut check = async |name: &str, call: &dyn Fn(&str, &str) -> Cmd, error: &str| {
        key_number += 1;
        let key = format!("{{{}}}{key_number}", tag(SLOT));
        let mut client = client.clone();
        let reply: RedisResult<Value> = call(&key, error).query_async(&mut client).await;
        let text = report(&reply.expect_err("it returns an error"));
        assert!(text.contains(detail(error)), "{name}, {error}: {text}");
        let runs: u64 = ok(client.get(&key).await);
        assert_eq!(runs, 1, "{name}, {error}");

        let mut several = pipe();
        several.add_command(call(&key, error)).incr(&key, 10);
        let reply: RedisResult<Vec<Value>> = several.query_async(&mut client).await;
        assert!(reply.is_err(), "{name}, {error}: {reply:?}");
        let runs: u64 = ok(client.get(&key).await);
        assert_eq!(runs, 12, "{name} in a pipeline, {error}");

        let mut atomic = pipe();
        atomic.atomic().add_command(call(&key, error));
        let reply: RedisResult<Vec<Value>> = atomic.query_async(&mut client).await;
        assert!(reply.is_err(), "{name}, {error}: {reply:?}");
        let runs: u64 = ok(client.get(&key).await);
        assert_eq!(runs, 13, "{name} in a transaction, {error}");
    };
    run(async {
        for error in errors(cluster.port(1)) {
            check("EVAL", &eval, &error).await;
            let evalsha = |key: &str, error: &str| {
                let mut call = cmd("EVALSHA");
                call.arg(&sha).arg(1).arg(key).arg(error).to_owned()
            };
            check("EVALSHA", &evalsha, &error).await;
        }
    });
}

#[test]
fn a_function_that_returns_a_redirection_runs_once() {
    let cluster = Cluster::steady(2, 0);
    let mut client = cluster.client("deadline=2s");
    let library = "#!lua name=forging\n\
         redis.register_function('forge', function(keys, args)\n\
         redis.call('INCR', keys[1]) return redis.error_reply(args[1]) end)";
    run(async {
        let load = cmd("FUNCTION").arg("LOAD").arg(library).to_owned();
        let _: String = ok(load.query_async(&mut client).await);
        for (number, error) in errors(cluster.port(1)).iter().enumerate() {
            let key = format!("{{{}}}{number}", tag(SLOT));
            let mut call = cmd("FCALL");
            call.arg("forge").arg(1).arg(&key).arg(error);
            let reply: RedisResult<Value> = call.query_async(&mut client).await;
            assert!(reply.is_err(), "{error}: {reply:?}");
            assert_eq!(ok(client.get::<_, u64>(&key).await), 1, "{error}");
        }
    });
}

#[test]
fn a_script_follows_its_slot_to_another_node() {
    let cluster = Cluster::steady(2, 0);
    let mut client = cluster.client("deadline=20s");
    let keys = ["a", "b"].map(|name| format!("{{{}}}{name}", tag(SLOT)));
    let both = Script::new("return redis.call('INCR', KEYS[1]) + redis.call('INCR', KEYS[2])");
    let count = async |client: &mut redis_ready::Client| {
        let mut call = both.key(&keys[0]);
        call.key(&keys[1]).invoke_async::<u64>(client).await
    };
    let one = |key: &str| {
        let mut eval = cmd("EVAL");
        eval.arg("return redis.call('INCR', KEYS[1])");
        eval.arg(1).arg(key).to_owned()
    };
    run(async {
        assert_eq!(ok(count(&mut client).await), 2);
        cluster.half_migrate(SLOT, &keys[..1], 0, 1);
        // `ASK`, for the key that has moved.
        assert_eq!(ok(one(&keys[0]).query_async::<u64>(&mut client).await), 2);
        let mut several = pipe();
        several
            .add_command(one(&keys[0]))
            .add_command(one(&keys[1]));
        let counts: (u64, u64) = ok(several.query_async(&mut client).await);
        assert_eq!(counts, (3, 2));
        // A script that the importing node has never seen.
        let unknown = Script::new("return redis.call('INCR', KEYS[1]) + 100");
        let call = unknown.key(&keys[0]).invoke_async::<u64>(&mut client).await;
        assert_eq!(ok(call), 104);
        // `TRYAGAIN`, until both keys are on the same node.
        thread::scope(|scope| {
            let end = scope.spawn(|| {
                thread::sleep(Duration::from_millis(700));
                cluster.migrate([SLOT], 0, 1);
            });
            let counted = futures::executor::block_on(count(&mut client));
            end.join().expect("the slot moves");
            assert_eq!(ok(counted), 8);
        });
        // `MOVED`, with a table that is older.
        let mut late = cluster.client("");
        let () = ok(late.set(&keys[0], 0).await);
        cluster.migrate([SLOT], 1, 0);
        assert_eq!(ok(one(&keys[0]).query_async::<u64>(&mut late).await), 1);
    });
}

#[test]
fn a_server_outside_a_cluster_is_not_taken_for_a_node_because_of_a_script() {
    let server = start(Server::builder().tcp());
    let mut client = open(&format!("redis://{}", address(&server)), "deadline=2s");
    run(async {
        for (number, error) in errors(1).iter().enumerate() {
            let key = number.to_string();
            let reply: RedisResult<Value> = eval(&key, error).query_async(&mut client).await;
            let failure = reply.expect_err("it returns an error");
            assert!(
                report(&failure).contains(detail(error)),
                "{}",
                report(&failure)
            );
            assert_eq!(ok(client.get::<_, u64>(&key).await), 1, "{error}");
            let mut several = pipe();
            several.add_command(eval(&key, error)).incr(&key, 1);
            let reply: RedisResult<Value> = several.query_async(&mut client).await;
            let failure = reply.expect_err("it returns an error");
            assert!(
                report(&failure).contains(detail(error)),
                "{}",
                report(&failure)
            );
            assert_eq!(ok(client.get::<_, u64>(&key).await), 3, "{error}");
        }
    });
}

#[test]
fn a_pipeline_that_a_node_has_run_in_part_may_have_run() {
    let cluster = Cluster::steady(2, 0);
    let url = format!("redis://127.0.0.1:{}", cluster.port(0));
    let mut client = open(&url, "");
    let (here, there) = (format!("{{{}}}", tag(0)), format!("{{{}}}", tag(16_383)));
    run(async {
        let mut several = pipe();
        several.incr(&there, 1).incr(&here, 1);
        let reply: RedisResult<Value> = several.query_async(&mut client).await;
        let failure = reply.expect_err("one of the keys is elsewhere");
        assert!(report(&failure).contains("redis-cluster://"), "{failure}");
        assert!(may_have_run(&failure), "{}", report(&failure));
        assert_eq!(ok(client.get::<_, u64>(&here).await), 1);
        let alone = client.incr::<_, _, u64>(&there, 1).await;
        assert!(!may_have_run(&alone.expect_err("it is elsewhere")));
    });
}

/// Returns the answer to `CLUSTER SLOTS` of a node that serves all slots.
fn all_slots(port: u16) -> Answer {
    Answer::line(&format!(
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}"
    ))
}

#[test]
fn redirections_of_all_scripts_of_a_pipeline_are_confirmed_together() {
    const SCRIPTS: usize = 100;
    let listeners = [listener(), listener()];
    let [old_port, new_port] = listeners.each_ref().map(|listener| {
        let address = listener.local_addr();
        address.expect("it is bound").port()
    });
    let [old, new] = listeners;
    let moved = format!("-MOVED {SLOT} 127.0.0.1:{new_port}\r\n");
    let (zeros, questions) = ("0".repeat(40), AtomicUsize::new(0));
    let old = FakeServer::start_on(old, move |words| match words[0].as_str() {
        "HELLO" => Answer::hello(),
        "CLUSTER" => all_slots(old_port),
        "EVALSHA" if words[1] != zeros => Answer::Send(moved.clone().into_bytes()),
        // The questions are answered once all of them have come.
        "EVALSHA" => match questions.fetch_add(1, Ordering::SeqCst) + 1 {
            SCRIPTS => Answer::Send(moved.repeat(SCRIPTS).into_bytes()),
            _ => Answer::Send(Vec::new()),
        },
        _ => Answer::ok(),
    });
    let _new = FakeServer::start_on(new, move |words| match words[0].as_str() {
        "HELLO" => Answer::hello(),
        "CLUSTER" => all_slots(new_port),
        "EVALSHA" => Answer::line(":1"),
        _ => Answer::ok(),
    });
    let url = format!("redis-cluster://{}?deadline=10s", old.address());
    let mut client = redis_ready::Client::open(&url).expect("valid");
    let mut scripts = pipe();
    for number in 0..SCRIPTS {
        let key = format!("{{{}}}{number}", tag(SLOT));
        scripts.cmd("EVALSHA").arg("5".repeat(40)).arg(1).arg(key);
    }
    run(async {
        let replies: RedisResult<Vec<u64>> = scripts.query_async(&mut client).await;
        assert_eq!(ok(replies), [1; SCRIPTS]);
    });
}
