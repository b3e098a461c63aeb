//! R11: after a demotion the client follows the name, and does not fail writes meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redis::{AsyncCommands, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::kind_of;
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, assert_within};
use crate::support::proxy::Proxy;
use crate::support::{open, run, start};

const CALLERS: usize = 16;

/// A primary and its replica, and a name that leads to the first.
struct Pair {
    one: Server,
    two: Server,
    name: Proxy,
    leads_to: Arc<AtomicU16>,
}

fn pair() -> Pair {
    let one = start(Server::builder().tcp());
    let two = start(Server::builder().tcp());
    let leads_to = Arc::new(AtomicU16::new(port(&one)));
    let name = Proxy::before_moving_port(Arc::clone(&leads_to));
    Pair {
        one,
        two,
        name,
        leads_to,
    }
}

fn port(server: &Server) -> u16 {
    server.port().expect("it listens on a port")
}

async fn replicate(server: &Server, primary: &Server) {
    let mut replica = cmd("REPLICAOF");
    replica.arg("127.0.0.1").arg(port(primary));
    let demoted: redis::RedisResult<()> = replica.query_async(&mut server.client()).await;
    demoted.expect("it is demoted");
}

/// What writers see who write all the time while `change` happens.
async fn writes_during<F: Future>(client: &Client, change: F) -> (usize, usize, F::Output) {
    let over = Arc::new(AtomicBool::new(false));
    let (good, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let mut client = client.clone();
            let (over, good, failed) = (over.clone(), good.clone(), failed.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    match client.incr::<_, _, i64>("counter", 1).await {
                        Ok(_) => good.fetch_add(1, Ordering::SeqCst),
                        Err(error) => {
                            println!("{error}");
                            failed.fetch_add(1, Ordering::SeqCst)
                        }
                    };
                }
            })
        })
        .collect();
    let output = change.await;
    over.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.expect("no writer panics");
    }
    (
        good.load(Ordering::SeqCst),
        failed.load(Ordering::SeqCst),
        output,
    )
}

#[test]
fn no_write_fails_when_the_name_moves_after_a_demotion() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    let lateness = Lateness::watch();
    run(async {
        replicate(&pair.two, &pair.one).await;
        for round in 0..3 {
            let (good, failed, late) = writes_during(&client, async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let (old, new) = if round % 2 == 0 {
                    (&pair.one, &pair.two)
                } else {
                    (&pair.two, &pair.one)
                };
                let promote = cmd("REPLICAOF").arg("NO").arg("ONE").to_owned();
                let promoted: redis::RedisResult<()> = promote.query_async(&mut new.client()).await;
                promoted.expect("it is promoted");
                replicate(old, new).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
                pair.leads_to.store(port(new), Ordering::SeqCst);
                let start = Instant::now();
                let mut client = client.clone();
                let _: i64 = client.incr("after", 1).await.expect("it is written");
                start.elapsed()
            })
            .await;
            println!(
                "R11: {good} writes, {failed} failed; good again {late:?} after the name moved"
            );
            assert_eq!(failed, 0);
            // A connection is left at most once a second.
            let bound = Duration::from_millis(1_300);
            assert_within("written again", late, bound, &lateness);
        }
    });
}

#[test]
fn a_replica_is_left_at_most_once_a_second_while_the_name_does_not_move() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    let before = pair.name.accepted();
    run(async {
        let mut client = client.clone();
        let () = client.set("k", "v").await.expect("it is a primary");
        replicate(&pair.one, &pair.two).await;
        let five = tokio::time::sleep(Duration::from_secs(5));
        let (good, failed, ()) = writes_during(&client, five).await;
        assert_eq!(good, 0);
        // Each of them waits for its whole deadline.
        assert!(failed <= CALLERS * 3, "{failed}");
    });
    let connections = pair.name.accepted() - before;
    println!("R11: {connections} connections in 5 to 8 s on a replica");
    assert!((3..=10).contains(&connections), "{connections}");
}

#[test]
fn a_server_that_is_promoted_where_it_stands_is_noticed() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    run(async {
        let mut client = client.clone();
        let () = client.set("k", "v").await.expect("it is a primary");
        replicate(&pair.one, &pair.two).await;
        let mut writer = client.clone();
        let write = tokio::spawn(async move { writer.set::<_, _, ()>("k", "w").await });
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!write.is_finished());
        let promote = cmd("REPLICAOF").arg("NO").arg("ONE").to_owned();
        let promoted: redis::RedisResult<()> = promote.query_async(&mut pair.one.client()).await;
        promoted.expect("it is promoted");
        let start = Instant::now();
        let lateness = Lateness::watch();
        write
            .await
            .expect("it does not panic")
            .expect("it is written");
        let late = start.elapsed();
        println!("R11: written {late:?} after the promotion");
        assert_within("written", late, Duration::from_secs(1), &lateness);
    });
}

#[test]
fn a_replica_serves_reads_without_being_left() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    run(async {
        replicate(&pair.one, &pair.two).await;
        let mut client = client.clone();
        for _ in 0..100 {
            let _: Option<String> = client.get("k").await.expect("reads are served");
        }
    });
    assert_eq!(pair.name.accepted(), 1);
}

const INCREMENT: &str = "return redis.call('INCR', KEYS[1])";
const LIBRARY: &str = "#!lua name=counters\n\
    redis.register_function('increment', function(keys) return redis.call('INCR', keys[1]) end)";

/// One write, in a way that may not be sent again when it is refused, or only in a part.
async fn write(client: &mut Client, way: &str) -> redis::RedisResult<()> {
    let mut pipe = redis::pipe();
    match way {
        "EVAL" | "idempotent EVAL" => {
            let mut eval = cmd("EVAL");
            eval.arg(INCREMENT).arg(1).arg("n");
            if way == "EVAL" {
                eval.query_async(client).await
            } else {
                eval.query_async(&mut client.idempotent()).await
            }
        }
        "EVALSHA" => {
            let script = redis::Script::new(INCREMENT);
            script.key("n").invoke_async(client).await
        }
        "FCALL" => {
            let mut call = cmd("FCALL");
            call.arg("increment")
                .arg(1)
                .arg("n")
                .query_async(client)
                .await
        }
        "a caught error" => {
            let mut eval = cmd("EVAL");
            eval.arg("return {1, redis.pcall('INCR', KEYS[1])}").arg(1);
            let reply = eval
                .arg("n")
                .query_async::<Vec<redis::Value>>(client)
                .await?;
            match &reply[1] {
                redis::Value::ServerError(error) => Err(error.clone().into()),
                _ => Ok(()),
            }
        }
        "GET, SET" => {
            pipe.get("k")
                .ignore()
                .set("k", 1)
                .ignore()
                .query_async(client)
                .await
        }
        "GET, SET, GET" => {
            pipe.get("k")
                .ignore()
                .set("k", 1)
                .ignore()
                .get("k")
                .ignore();
            pipe.query_async(client).await
        }
        "SET, EVAL" => {
            pipe.set("k", 1)
                .ignore()
                .cmd("EVAL")
                .arg(INCREMENT)
                .arg(1)
                .arg("n")
                .ignore();
            pipe.query_async(client).await
        }
        "MULTI, EVAL" => {
            pipe.atomic()
                .cmd("EVAL")
                .arg(INCREMENT)
                .arg(1)
                .arg("n")
                .ignore();
            pipe.query_async(client).await
        }
        "blocking EVAL" => {
            let mut client = client.blocking();
            let call = move || {
                let mut eval = cmd("EVAL");
                eval.arg(INCREMENT).arg(1).arg("n").query::<()>(&mut client)
            };
            tokio::task::spawn_blocking(call)
                .await
                .expect("it does not panic")
        }
        other => unreachable!("{other}"),
    }
}

/// Far more than the second after which a connection is left again.
const MOVED_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn a_writer_whose_command_may_not_be_sent_again_follows_the_name_too() {
    for way in [
        "EVAL",
        "idempotent EVAL",
        "EVALSHA",
        "FCALL",
        "a caught error",
        "GET, SET",
        "GET, SET, GET",
        "SET, EVAL",
        "MULTI, EVAL",
        "blocking EVAL",
    ] {
        let pair = pair();
        let mut client = open(&pair.name.url(), "");
        run(async {
            let mut load = cmd("FUNCTION");
            load.arg("LOAD").arg(LIBRARY);
            for server in [&pair.one, &pair.two] {
                let loaded: redis::RedisResult<()> = load.query_async(&mut server.client()).await;
                loaded.expect("it has functions");
            }
            write(&mut client, way).await.expect("it is a primary");
            replicate(&pair.one, &pair.two).await;
            pair.leads_to.store(port(&pair.two), Ordering::SeqCst);
            let start = Instant::now();
            let mut failed = 0;
            while let Err(error) = write(&mut client, way).await {
                assert!(
                    error.to_string().contains("read only replica"),
                    "{way}: {error}"
                );
                assert!(
                    start.elapsed() < MOVED_WITHIN,
                    "{way}: {failed} writes failed"
                );
                failed += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            println!(
                "R11: {way}: good again after {:?}, {failed} failed",
                start.elapsed()
            );
        });
        assert_eq!(pair.name.accepted(), 2, "{way}");
    }
}

#[test]
fn a_script_of_a_replica_is_sent_once_and_the_replica_left_once_a_second() {
    let pair = pair();
    let mut client = open(&pair.name.url(), "");
    let (mut calls, start) = (0, Instant::now());
    run(async {
        replicate(&pair.one, &pair.two).await;
        while start.elapsed() < Duration::from_secs(3) {
            write(&mut client, "EVAL")
                .await
                .expect_err("it is a replica");
            calls += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let stats = cmd("INFO").arg("commandstats").to_owned();
        let stats: String = stats
            .query_async(&mut pair.one.client())
            .await
            .expect("INFO");
        let sent = format!("cmdstat_eval:calls={calls},");
        assert!(stats.contains(&sent), "{calls} calls: {stats}");
    });
    let seconds = usize::try_from(start.elapsed().as_secs()).expect("few");
    let connections = pair.name.accepted();
    println!("{connections} connections for {calls} scripts in {seconds} s");
    assert!((3..=seconds + 2).contains(&connections), "{connections}");
}

#[test]
fn an_error_that_a_script_makes_up_leaves_the_primary_alone() {
    let server = start(Server::builder().tcp());
    let name = Proxy::start(&server, |_| crate::support::proxy::Script::default());
    let client = open(&name.url(), "");
    run(async {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(2_500) {
            let mut forged = cmd("EVAL");
            forged
                .arg("return redis.error_reply('READONLY forged')")
                .arg(0);
            let reply = forged.query_async::<()>(&mut client.clone()).await;
            assert!(reply.expect_err("an error").to_string().contains("forged"));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let stats = cmd("INFO").arg("commandstats").to_owned();
        let stats: String = stats.query_async(&mut server.client()).await.expect("INFO");
        let roles = stats
            .split("cmdstat_role:calls=")
            .nth(1)
            .expect("it was asked");
        let roles: u64 = roles
            .split(',')
            .next()
            .expect("a number")
            .parse()
            .expect("a number");
        let most = start.elapsed().as_secs() + 1;
        assert!((2..=most).contains(&roles), "asked {roles} times");
    });
    assert_eq!(name.accepted(), 1);
}

/// The wordings of older servers and of those that refuse a whole transaction.
#[test]
fn a_replica_is_recognised_in_the_text_of_another_error() {
    const BY: &str = "READONLY You can't write against a read only replica.";
    for error in [
        format!("-ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -{BY} "),
        format!("-EXECABORT Transaction discarded because of: {BY}"),
        format!("-{BY} script: 1fa, on @user_script:1."),
        "-ERR Error running script (call to f_1): @user_script:1: -MASTERDOWN Link with MASTER is \
         down and replica-serve-stale-data is set to 'no'."
            .to_owned(),
    ] {
        let answer = error.clone();
        let server = FakeServer::resp3(move |words| match words[0].as_str() {
            "EVAL" => Some(Answer::line(&answer)),
            "ROLE" => Some(Answer::line("*2\r\n$5\r\nslave\r\n$1\r\nx")),
            _ => None,
        });
        let mut client = open(&server.url(), "");
        run(async {
            write(&mut client, "EVAL")
                .await
                .expect_err("it is a replica");
            let start = Instant::now();
            while server.count("HELLO") < 2 {
                assert!(start.elapsed() < MOVED_WITHIN, "not left: {error}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert_eq!(
            (server.count("EVAL"), server.count("ROLE")),
            (1, 1),
            "{error}"
        );
    }
}

#[test]
fn a_dedicated_connection_to_a_demoted_primary_ends() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    run(async {
        let mut session = client.dedicated_connection().await.expect("it connects");
        let () = session.set("k", "v").await.expect("it is a primary");
        replicate(&pair.one, &pair.two).await;
        pair.leads_to.store(port(&pair.two), Ordering::SeqCst);
        let refused = session.set::<_, _, ()>("k", "w").await;
        assert_eq!(
            refused.expect_err("it is a replica").code(),
            Some("READONLY")
        );
        let ended = session.get::<_, redis::Value>("k").await;
        assert_eq!(kind_of(ended), Some(ErrorKind::Closed));
        let mut session = client.dedicated_connection().await.expect("it connects");
        let () = session.set("k", "w").await.expect("it is the new primary");
    });
}

#[test]
fn blocking_workers_follow_the_name_too() {
    let pair = pair();
    let client = open(&pair.name.url(), "");
    run(async {
        let pop = || {
            let mut client = client.clone();
            tokio::spawn(async move { client.blpop::<_, Option<(String, i64)>>("jobs", 3.0).await })
        };
        let push = async |server: &Server, count: i64| {
            let values: Vec<_> = (0..count).collect();
            let mut client = open(server.url(), "");
            let _: i64 = client.rpush("jobs", values).await.expect("a primary");
        };
        // Many connections that are kept, and one that blocks.
        let workers: Vec<_> = (0..8).map(|_| pop()).collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        push(&pair.one, 8).await;
        for worker in workers {
            worker.await.expect("no panic").expect("an element");
        }
        let blocked = pop();
        tokio::time::sleep(Duration::from_millis(100)).await;
        pair.leads_to.store(port(&pair.two), Ordering::SeqCst);
        replicate(&pair.one, &pair.two).await;
        let workers: Vec<_> = (0..4).map(|_| pop()).collect();
        push(&pair.two, 5).await;
        for worker in workers.into_iter().chain([blocked]) {
            let element = worker.await.expect("no panic").expect("it is asked again");
            assert!(element.is_some());
        }
    });
}
