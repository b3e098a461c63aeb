//! Commands that the crate has never heard of share the connection only if the server says that they may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use redis_ready::redis::aio::ConnectionLike;
use redis_ready::redis::{Cmd, RedisResult, Value, cmd, pipe};
use redis_ready::{Client, ErrorKind};

use crate::support::errors::{kind_of, ok, ours};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::ports::{ClosedPort, listener};
use crate::support::{open, run};

/// The answer to `COMMAND INFO`: flags, the argument that is the first key, and categories.
fn info(name: &str, flags: &str, first: u8, categories: &str) -> Answer {
    let words = |words: &str| {
        let lines: Vec<_> = words
            .split_whitespace()
            .map(|word| format!("+{word}\r\n"))
            .collect();
        format!("~{}\r\n{}", lines.len(), lines.concat())
    };
    let length = name.len();
    Answer::line(&format!(
        "*1\r\n*7\r\n${length}\r\n{name}\r\n:-2\r\n{}:{first}\r\n:{first}\r\n:1\r\n{}",
        words(flags),
        words(categories).trim_end(),
    ))
}

/// Knows `BNEW` that blocks and is never answered, `SNEW` about the session, and `RNEW` that reads.
fn new_commands(words: &[String]) -> Option<Answer> {
    match words[0].as_str() {
        "COMMAND" => Some(match words[2].as_str() {
            "BNEW" => info("bnew", "write blocking", 1, "@write @blocking"),
            "SNEW" => info(
                "snew",
                "noscript loading stale fast",
                0,
                "@fast @connection",
            ),
            "RNEW" => info("rnew", "readonly fast", 1, "@read @fast"),
            "WNEW" => info("wnew", "write fast", 1, "@write @fast"),
            _ => Answer::line("*1\r\n_"),
        }),
        "BNEW" => Some(Answer::Silence),
        "EXEC" => Some(Answer::line("*2\r\n+OK\r\n+OK")),
        _ => None,
    }
}

async fn send<T: redis_ready::redis::FromRedisValue>(
    client: &Client,
    command: &str,
) -> RedisResult<T> {
    command_of(command).query_async(&mut client.clone()).await
}

fn command_of(line: &str) -> Cmd {
    let mut words = line.split(' ');
    let mut command = cmd(words.next().expect("a name"));
    command.arg(words.collect::<Vec<_>>());
    command
}

/// How often the server was asked what a command is.
fn questions(server: &FakeServer) -> usize {
    server.count("COMMAND")
}

#[test]
fn a_new_blocking_command_holds_up_no_other() {
    let server = FakeServer::resp3(new_commands);
    run(async {
        let client = open(&server.url(), "response_timeout=1s");
        let blocked = tokio::spawn({
            let client = client.clone();
            async move { send::<Value>(&client, "BNEW k 2.5").await }
        });
        while server.count("BNEW") == 0 {
            let _: Value = ok(send(&client, "SET k v").await);
        }
        // Each of them would wait behind it.
        for _ in 0..20 {
            let _: Value = ok(send(&client, "SET k v").await);
        }
        assert!(!blocked.is_finished());
        // Its own number is how long it may take, besides the response timeout.
        let start = std::time::Instant::now();
        let error = blocked.await.expect("no panic").expect_err("it is silent");
        assert_eq!(ours(&error).kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= Duration::from_secs(2), "{error}");
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn a_new_session_command_is_refused_everywhere() {
    let server = FakeServer::resp3(new_commands);
    run(async {
        let client = open(&server.url(), "");
        let refused = Some(ErrorKind::InvalidCommand);
        assert_eq!(kind_of(send::<Value>(&client, "SNEW on").await), refused);
        let piped = pipe().get("k").cmd("snew").arg("on").clone();
        let atomic = piped.clone().atomic().clone();
        for pipeline in [piped, atomic] {
            let result: RedisResult<Value> = pipeline.query_async(&mut client.clone()).await;
            let error = ours(&result.expect_err("it is refused"));
            assert_eq!(Some(error.kind()), refused);
            assert!(
                error
                    .help()
                    .is_some_and(|help| help.contains("dedicated_connection"))
            );
        }
        let mut blocking = client.blocking();
        let result = tokio::task::spawn_blocking(move || {
            command_of("SNEW on").query::<Value>(&mut blocking)
        });
        assert_eq!(kind_of(result.await.expect("no panic")), refused);
        assert_eq!((server.count("SNEW"), questions(&server)), (0, 1));
        let mut dedicated = client.dedicated_connection().await.expect("it connects");
        let _: Value = ok(command_of("SNEW on").query_async(&mut dedicated).await);
        assert_eq!(server.count("SNEW"), 1);
    });
}

#[test]
fn a_new_read_is_sent_again_after_a_loss_and_a_new_write_is_not() {
    for (command, expected) in [
        ("RNEW k", None),
        ("WNEW k", Some(ErrorKind::ConnectionLost)),
    ] {
        for is_piped in [false, true] {
            let name = command.split(' ').next().expect("a name");
            let losses = AtomicUsize::new(1);
            let server = FakeServer::resp3(move |words| {
                let is_lost = words[0] == name
                    && losses
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                            left.checked_sub(1)
                        })
                        .is_ok();
                if is_lost {
                    Some(Answer::Close)
                } else {
                    new_commands(words)
                }
            });
            run(async {
                let client = open(&server.url(), "");
                let result: RedisResult<Value> = if is_piped {
                    pipe()
                        .add_command(command_of(command))
                        .query_async(&mut client.clone())
                        .await
                } else {
                    send(&client, command).await
                };
                assert_eq!(kind_of(result), expected, "{command} {is_piped}");
                assert_eq!(server.count(name), if expected.is_none() { 2 } else { 1 });
            });
        }
    }
}

#[test]
fn a_thousand_callers_ask_once_and_share_the_connection_then() {
    let server = FakeServer::resp3(new_commands);
    run(async {
        let client = open(&server.url(), "");
        for _ in 0..2 {
            let calls = (0..1_000).map(|_| send::<Value>(&client, "WNEW k"));
            for reply in join_all(calls).await {
                assert_eq!(reply, Ok(Value::Okay));
            }
        }
        let mut pipeline = pipe();
        pipeline
            .add_command(command_of("WNEW k"))
            .add_command(command_of("rnew k"));
        let _: (Value, Value) = ok(pipeline.query_async(&mut client.clone()).await);
        assert_eq!(server.count("WNEW"), 2_001);
        assert_eq!((questions(&server), server.accepted()), (2, 1));
    });
}

#[test]
fn the_server_is_asked_again_after_a_reconnect() {
    let is_new = Arc::new(AtomicUsize::new(0));
    let version = Arc::clone(&is_new);
    let server = FakeServer::resp3(move |words| match words[0].as_str() {
        "COMMAND" if version.load(Ordering::SeqCst) == 1 => {
            Some(info("rnew", "noscript", 0, "@connection"))
        }
        "GET" => Some(Answer::Last(b"+x\r\n".to_vec())),
        _ => new_commands(words),
    });
    run(async {
        let client = open(&server.url(), "");
        let _: Value = ok(send(&client, "RNEW k").await);
        is_new.store(1, Ordering::SeqCst);
        let _: Value = ok(send(&client, "GET k").await);
        while server.ended() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let _: Value = ok(send(&client, "SET k v").await);
        let refused = kind_of(send::<Value>(&client, "RNEW k").await);
        assert_eq!(refused, Some(ErrorKind::InvalidCommand));
        assert_eq!(questions(&server), 2);
    });
}

/// Whether a command went to a connection of its own, which `SET` never did.
fn went_its_own_way(server: &FakeServer) -> bool {
    server.accepted() > 1
}

#[test]
fn a_command_that_the_server_does_not_describe_goes_its_own_way() {
    let garbage = "*1\r\n*3\r\n+x\r\n*0\r\n$-1";
    for answer in [
        "-NOPERM User app has no permissions to run the 'command|info' command",
        "-ERR unknown command `COMMAND`",
        "*1\r\n_",
        "*0",
        "$5\r\nhello",
        "*1\r\n*0",
        garbage,
    ] {
        let server = FakeServer::resp3(move |words| match words[0].as_str() {
            "COMMAND" => Some(Answer::line(answer)),
            _ => None,
        });
        run(async {
            let client = open(&server.url(), "");
            let _: Value = ok(send(&client, "SET k v").await);
            for _ in 0..3 {
                assert_eq!(
                    send::<Value>(&client, "XNEW k").await,
                    Ok(Value::Okay),
                    "{answer}"
                );
            }
            assert!(went_its_own_way(&server), "{answer}");
            assert_eq!(questions(&server), 1, "{answer}");
            // It may have changed the session, so its connection is not used again.
            let accepted = server.accepted();
            assert_eq!(accepted, 4, "{answer}");
            // A module's command has not.
            for _ in 0..3 {
                assert_eq!(
                    send::<Value>(&client, "X.NEW k").await,
                    Ok(Value::Okay),
                    "{answer}"
                );
            }
            assert_eq!(server.accepted(), accepted + 1, "{answer}");
        });
    }
}

#[test]
fn a_proxy_that_ends_the_connection_when_it_is_asked_is_not_asked_again() {
    let server = FakeServer::resp3(|words| (words[0] == "COMMAND").then_some(Answer::Close));
    run(async {
        let client = open(&server.url(), "");
        for _ in 0..3 {
            assert_eq!(send::<Value>(&client, "XNEW k").await, Ok(Value::Okay));
            let _: Value = ok(send(&client, "SET k v").await);
        }
        assert_eq!(questions(&server), 1);
    });
}

#[test]
fn a_question_without_an_answer_fails_within_the_deadline_and_the_command_has_not_run() {
    let server = FakeServer::resp3(|words| (words[0] == "COMMAND").then_some(Answer::Silence));
    run(async {
        let client = open(&server.url(), "response_timeout=300ms&deadline=300ms");
        let calls = join_all((0..10).map(|_| send::<Value>(&client, "XNEW k"))).await;
        for result in calls {
            let error = ours(&result.expect_err("there is no answer"));
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(!error.may_have_run(), "{error:?}");
        }
        assert_eq!(server.count("XNEW"), 0);
    });
}

#[test]
fn a_question_waits_for_a_connection_as_the_command_would() {
    let port = ClosedPort::new();
    let address = port.address();
    run(async {
        let client = open(&format!("redis://{address}"), "deadline=20s");
        let waiting = join_all((0..10).map(|_| send::<Value>(&client, "RNEW k")));
        let server = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            FakeServer::start_on(port.listen(), |words| match words[0].as_str() {
                "HELLO" => Answer::hello(),
                _ => new_commands(words).unwrap_or_else(Answer::ok),
            })
        };
        let (replies, server) = futures::future::join(waiting, server).await;
        assert!(
            replies.iter().all(|reply| *reply == Ok(Value::Okay)),
            "{replies:?}"
        );
        assert_eq!((questions(&server), server.count("RNEW")), (1, 10));
        // Without a server the error says so.
        let client = open("redis://127.0.0.1:1", "deadline=300ms");
        let error = ours(
            &send::<Value>(&client, "RNEW k")
                .await
                .expect_err("no server"),
        );
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(!error.may_have_run());
    });
}

#[test]
fn names_are_bounded_in_length_and_number() {
    let server = FakeServer::resp3(new_commands);
    run(async {
        let client = open(&server.url(), "");
        let long = "X".repeat(1 << 20);
        assert_eq!(send::<Value>(&client, &long).await, Ok(Value::Okay));
        assert_eq!(
            send::<Value>(&client, &format!("CLIENT {long}")).await,
            Ok(Value::Okay)
        );
        assert_eq!(questions(&server), 0);
        // They are not remembered for ever, and the client goes on.
        for number in 0..1_100 {
            let _: Value = ok(send(&client, &format!("N.{number}")).await);
        }
        assert_eq!(send::<Value>(&client, "RNEW k").await, Ok(Value::Okay));
        assert_eq!(questions(&server), 1_101);
    });
}

#[test]
fn a_caller_that_is_gone_leaves_the_answer_to_the_others() {
    let server = FakeServer::resp3(new_commands);
    run(async {
        let client = open(&server.url(), "");
        let mut first = client.clone();
        let command = command_of("RNEW k");
        // It asks, and is never polled again, nor dropped.
        let mut stuck = first.req_packed_command(&command);
        assert!(futures::poll!(&mut stuck).is_pending());
        assert_eq!(send::<Value>(&client, "RNEW k").await, Ok(Value::Okay));
        assert_eq!(questions(&server), 1);
        drop(stuck);
    });
}

/// A primary and a replica of a cluster; both know the new commands.
fn cluster() -> [FakeServer; 2] {
    let listeners = [listener(), listener()];
    let [primary, replica] = [0, 1].map(|node| {
        let address = listeners[node].local_addr().expect("it is bound");
        let host = "$9\r\n127.0.0.1\r\n";
        format!("*3\r\n{host}:{}\r\n$1\r\n{node}\r\n", address.port())
    });
    let slots = format!(
        "*1\r\n*4\r\n:0\r\n:16383\r\n{primary}{}",
        replica.trim_end()
    );
    listeners.map(|listener| {
        let slots = slots.clone();
        FakeServer::start_on(listener, move |words| match words[0].as_str() {
            "HELLO" => Answer::hello(),
            "CLUSTER" => Answer::line(&slots),
            _ => new_commands(words).unwrap_or_else(Answer::ok),
        })
    })
}

#[test]
fn in_a_cluster_new_reads_go_to_replicas_and_a_primary_is_asked_once() {
    let [primary, replica] = cluster();
    run(async {
        let url = format!("redis-cluster://{}", primary.address());
        let client = open(&url, "read_from=replica");
        let calls = (0..20).map(|_| send::<Value>(&client, "RNEW k"));
        for reply in join_all(calls).await {
            assert_eq!(reply, Ok(Value::Okay));
        }
        assert_eq!((primary.count("RNEW"), replica.count("RNEW")), (0, 20));
        let _: Value = ok(send(&client, "WNEW k").await);
        let mut pipeline = pipe();
        pipeline
            .add_command(command_of("WNEW k"))
            .add_command(command_of("RNEW k"));
        let _: (Value, Value) = ok(pipeline.query_async(&mut client.clone()).await);
        let _: (Value, Value) = ok(pipeline.atomic().query_async(&mut client.clone()).await);
        assert_eq!((questions(&primary), questions(&replica)), (2, 0));
        let refused = kind_of(send::<Value>(&client, "SNEW on").await);
        assert_eq!(refused, Some(ErrorKind::InvalidCommand));
    });
}
