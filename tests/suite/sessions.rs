//! What would hold up or change the shared connection never reaches it.

use std::time::{Duration, Instant};

use redis_ready::redis::{self, AsyncCommands, Commands, Value};
use redis_ready::testing::Server;
use redis_ready::{Client, Error, ErrorKind};

use crate::support::errors::{kind, ours};
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::{open, run, start};

/// A client whose replies must come within a second: sooner than a blocking command's.
fn client(server: &Server) -> Client {
    open(server.url(), "response_timeout=1s")
}

#[test]
fn a_blocking_command_waits_as_long_as_it_says_and_holds_up_no_other() {
    let server = start(Server::builder());
    run(async {
        let client = client(&server);
        let start = Instant::now();
        let waiting = tokio::spawn({
            let mut client = client.clone();
            async move { client.blpop::<_, Value>("queue", 1.5).await }
        });
        let mut others = 0;
        while !waiting.is_finished() {
            let _: Value = client
                .clone()
                .get("key")
                .await
                .expect("it does not wait for the queue");
            others += 1;
        }
        assert_eq!(waiting.await.expect("no panic"), Ok(Value::Nil));
        assert!(start.elapsed() >= Duration::from_millis(1500));
        assert!(others > 10, "{others} other commands");
    });
}

#[test]
fn blocking_commands_wait_side_by_side_and_get_one_element_each() {
    let server = start(Server::builder());
    run(async {
        let client = client(&server);
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let mut client = client.clone();
                tokio::spawn(async move { client.brpop::<_, (String, u32)>("jobs", 30.0).await })
            })
            .collect();
        let mut client = client.clone();
        for job in 0..8u32 {
            let _: u32 = client.lpush("jobs", job).await.expect("it is pushed");
        }
        let mut jobs = Vec::new();
        for worker in workers {
            jobs.push(worker.await.expect("no panic").expect("a job").1);
        }
        jobs.sort_unstable();
        assert_eq!(jobs, (0..8).collect::<Vec<_>>());
    });
}

#[test]
fn a_blocking_command_that_is_dropped_takes_nothing() {
    let server = start(Server::builder());
    run(async {
        let mut client = client(&server);
        for _ in 0..20 {
            let waiting = tokio::spawn({
                let mut client = client.clone();
                async move { client.blpop::<_, Value>("queue", 0.0).await }
            });
            blocked_clients(&mut client, 1).await;
            waiting.abort();
            blocked_clients(&mut client, 0).await;
        }
        let length: u32 = client
            .rpush("queue", "element")
            .await
            .expect("it is pushed");
        assert_eq!(length, 1);
        let left: u32 = client.llen("queue").await.expect("it is counted");
        assert_eq!(left, 1);
    });
}

#[test]
fn a_pipeline_that_blocks_goes_its_own_way_whole() {
    let server = start(Server::builder());
    run(async {
        let mut client = client(&server);
        let mut pipeline = redis::pipe();
        pipeline
            .set("a", 1)
            .ignore()
            .cmd("BLPOP")
            .arg("queue")
            .arg(1)
            .incr("a", 1);
        let replies: (Value, u32) = pipeline
            .query_async(&mut client)
            .await
            .expect("all of it runs");
        assert_eq!(replies, (Value::Nil, 2));
    });
}

#[test]
fn a_wait_has_to_stand_behind_a_write_on_its_own_connection() {
    let server = start(Server::builder());
    run(async {
        let client = client(&server);
        for wait in ["WAIT 0 100", "waitaof 0 0 100"].map(command) {
            let pipeline = || redis::pipe();
            let refused = [
                pipeline().add_command(wait.clone()).clone(),
                pipeline().add_command(wait.clone()).set("a", 1).clone(),
                pipeline().get("a").add_command(wait.clone()).clone(),
                pipeline()
                    .atomic()
                    .set("a", 1)
                    .add_command(wait.clone())
                    .clone(),
            ];
            let mut blocking = client.blocking();
            let (alone, pipelines) = (wait.clone(), refused.clone());
            let results = tokio::task::spawn_blocking(move || {
                let piped = pipelines.map(|pipeline| pipeline.exec(&mut blocking));
                piped
                    .into_iter()
                    .chain([alone.exec(&mut blocking)])
                    .collect::<Vec<_>>()
            });
            let mut results = results.await.expect("no panic");
            results.push(wait.exec_async(&mut client.clone()).await);
            for pipeline in &refused {
                results.push(pipeline.exec_async(&mut client.clone()).await);
            }
            for result in results {
                let error = ours(&result.expect_err("it is refused"));
                assert_eq!(error.kind(), ErrorKind::InvalidCommand, "{error}");
                assert!(
                    error
                        .help()
                        .is_some_and(|help| help.contains("dedicated_connection"))
                );
            }
            let mut behind = pipeline().set("a", 1).ignore().clone();
            let behind = behind.add_command(wait.clone()).set("b", 1).ignore();
            let mut dedicated = client.dedicated_connection().await.expect("it connects");
            for sent in [
                behind.exec_async(&mut client.clone()).await,
                wait.exec_async(&mut dedicated).await,
            ] {
                // Servers before 7.2 have no WAITAOF, and say so.
                assert_eq!(sent.err().as_ref().and_then(kind), None);
            }
            let transaction = refused[3].exec_async(&mut dedicated).await;
            let error = transaction.expect_err("it answers before the writes are sent");
            assert_eq!(kind(&error), Some(ErrorKind::InvalidCommand));
        }
    });
}

#[test]
fn a_flush_has_a_connection_of_its_own_unless_it_is_asynchronous() {
    let server = FakeServer::resp3(|words| {
        let is_held = words[0].starts_with("FLUSH") && words.len() == 1;
        is_held.then_some(Answer::Silence)
    });
    run(async {
        let client = open(&server.url(), "response_timeout=2s&deadline=2s");
        let mut others = client.clone();
        let flushes = ["FLUSHALL", "FLUSHDB"].map(|flush| {
            let mut client = client.clone();
            tokio::spawn(async move { command(flush).exec_async(&mut client).await })
        });
        while server.accepted() < 2 || server.count("FLUSHALL") == 0 {
            let () = others
                .set("key", 1)
                .await
                .expect("it does not wait for the flush");
        }
        for flush in flushes {
            // It is given no more time than any other command.
            let error = flush.await.expect("no panic").expect_err("it is held");
            assert_eq!(kind(&error), Some(ErrorKind::TimedOut));
        }
        let accepted = server.accepted();
        let flush = command("FLUSHALL ASYNC");
        flush
            .exec_async(&mut others)
            .await
            .expect("it is answered at once");
        assert_eq!(server.accepted(), accepted);
    });
}

#[test]
fn what_changes_the_session_is_refused_and_disturbs_no_other_caller() {
    let server = start(Server::builder());
    run(async {
        let client = client(&server);
        let others: Vec<_> = (0..63u32)
            .map(|task| {
                let mut client = client.clone();
                tokio::spawn(async move {
                    for round in 0..200 {
                        let key = format!("{task}:{round}");
                        let () = client.set(&key, &key).await.expect("it is set");
                        let value: String = client.get(&key).await.expect("it is there");
                        assert_eq!(value, key);
                    }
                })
            })
            .collect();
        let mut asynchronous = client.clone();
        for line in SESSION_COMMANDS {
            let command = command(line);
            let error = command.exec_async(&mut asynchronous).await.expect_err(line);
            assert_eq!(kind(&error), Some(ErrorKind::InvalidCommand), "{line}");
            assert!(Error::from_redis(&error).is_some_and(|error| error.help().is_some()));

            let mut pipeline = redis::pipe();
            pipeline.get("key").add_command(command.clone());
            let error = pipeline
                .exec_async(&mut asynchronous)
                .await
                .expect_err(line);
            assert_eq!(
                kind(&error),
                Some(ErrorKind::InvalidCommand),
                "{line} in a pipeline"
            );

            let mut blocking = client.blocking();
            let (alone, piped) = tokio::task::spawn_blocking(move || {
                (command.exec(&mut blocking), pipeline.exec(&mut blocking))
            })
            .await
            .expect("no panic");
            for result in [alone, piped] {
                let error = result.expect_err(line);
                assert_eq!(
                    kind(&error),
                    Some(ErrorKind::InvalidCommand),
                    "{line} blocking"
                );
            }
        }
        for other in others {
            other.await.expect("it was not disturbed");
        }
        // One connection, in database 0, without subscriptions.
        let mut client = client.clone();
        let clients: String = redis::cmd("CLIENT")
            .arg("LIST")
            .query_async(&mut client)
            .await
            .expect("a list");
        assert_eq!(clients.lines().count(), 1, "{clients}");
        assert!(clients.contains(" db=0 sub=0 psub=0 "), "{clients}");
    });
}

#[test]
fn a_dedicated_connection_takes_what_changes_its_session() {
    let server = start(Server::builder());
    run(async {
        let client = client(&server);
        let mut connection = client.dedicated_connection().await.expect("it connects");
        command("SELECT 3")
            .exec_async(&mut connection)
            .await
            .expect("it is its own");
        let () = connection.set("key", "three").await.expect("it is set");
        let value: Option<String> = client.clone().get("key").await.expect("another database");
        assert_eq!(value, None);
    });
}

#[test]
fn a_transaction_that_watches_is_aborted_by_the_write_of_another() {
    let server = start(Server::builder());
    run(async {
        let client = client(&server);
        let mut connection = client.dedicated_connection().await.expect("it connects");
        command("WATCH stock")
            .exec_async(&mut connection)
            .await
            .expect("it watches");
        let () = client.clone().set("stock", 7).await.expect("it is set");
        let mut transaction = redis::pipe();
        transaction.atomic().set("stock", 1);
        let done: Value = transaction
            .query_async(&mut connection)
            .await
            .expect("an answer");
        assert_eq!(done, Value::Nil);
        assert_eq!(client.blocking().get("stock"), Ok(7));
    });
}

#[test]
fn a_closed_client_refuses_blocking_commands_too() {
    let server = start(Server::builder());
    run(async {
        let mut client = client(&server);
        client.close(Duration::from_secs(1)).await;
        let error = client
            .blpop::<_, Value>("queue", 1.0)
            .await
            .expect_err("it is closed");
        assert_eq!(kind(&error), Some(ErrorKind::Closed));
    });
}

#[test]
fn closing_ends_blocking_commands() {
    let server = start(Server::builder());
    run(async {
        let client = client(&server);
        let waiting = tokio::spawn({
            let mut client = client.clone();
            async move { client.blpop::<_, Value>("queue", 0.0).await }
        });
        blocked_clients(&mut client.clone(), 1).await;
        client.close(Duration::ZERO).await;
        let error = waiting.await.expect("no panic").expect_err("it is closed");
        assert_eq!(kind(&error), Some(ErrorKind::Closed));
    });
}

#[test]
fn a_blocking_command_waits_for_the_server() {
    let mut server = start(Server::builder());
    run(async {
        let mut client = client(&server);
        client.ping().await.expect("it answers");
        server.kill().expect("it ends");
        let start = Instant::now();
        let error = client
            .blpop::<_, Value>("queue", 1.0)
            .await
            .expect_err("there is no server");
        assert_eq!(kind(&error), Some(ErrorKind::Unreachable));
        assert!(
            start.elapsed() > Duration::from_secs(2),
            "it waits until its deadline"
        );

        let waiting = tokio::spawn(async move { client.blpop::<_, Value>("queue", 0.1).await });
        server.restart().expect("it starts");
        assert_eq!(waiting.await.expect("no panic"), Ok(Value::Nil));
    });
}

#[test]
fn what_has_no_single_reply_is_refused_on_a_dedicated_connection() {
    let server = start(Server::builder());
    run(async {
        let client = client(&server);
        let mut connection = client.dedicated_connection().await.expect("it connects");
        for line in [
            "MONITOR",
            "SUBSCRIBE a b",
            "CLIENT REPLY SKIP",
            "PSYNC ? -1",
        ] {
            let error = command(line)
                .exec_async(&mut connection)
                .await
                .expect_err(line);
            assert_eq!(kind(&error), Some(ErrorKind::InvalidCommand), "{line}");
        }
        let () = connection.set("key", 1).await.expect("it goes on");
    });
}

const SESSION_COMMANDS: [&str; 37] = [
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH key",
    "UNWATCH",
    "SUBSCRIBE channel",
    "psubscribe pattern",
    "SSUBSCRIBE channel",
    "UNSUBSCRIBE",
    "PUNSUBSCRIBE",
    "SUNSUBSCRIBE",
    "MONITOR",
    "SYNC",
    "PSYNC ? -1",
    "REPLCONF ACK 0",
    "SELECT 1",
    "AUTH password",
    "HELLO 2",
    "RESET",
    "QUIT",
    "READONLY",
    "READWRITE",
    "ASKING",
    "CLIENT REPLY OFF",
    "CLIENT REPLY SKIP",
    "client tracking on",
    "CLIENT CACHING yes",
    "CLIENT SETNAME name",
    "CLIENT NO-EVICT on",
    "CLIENT NO-TOUCH on",
    "CLIENT CAPA redirect",
    "CLIENT IMPORT-SOURCE on",
    "HIMPORT PREPARE set field",
    "himport SET key set value",
    "SCRIPT DEBUG yes",
    "script debug sync",
    "Select 2",
];

fn command(line: &str) -> redis::Cmd {
    let mut words = line.split(' ');
    let mut command = redis::cmd(words.next().unwrap_or_default());
    words.for_each(|word| {
        command.arg(word);
    });
    command
}

/// Waits until the server counts so many clients that block.
async fn blocked_clients(client: &mut Client, count: u32) {
    loop {
        let info: String = redis::cmd("INFO")
            .arg("clients")
            .query_async(client)
            .await
            .expect("information");
        if info.contains(&format!("blocked_clients:{count}\r\n")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
