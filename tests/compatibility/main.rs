//! One list of checks, run on redis-rs's own connections and on ours: the outcomes are the same.

#![cfg(feature = "testing")]

#[macro_use]
mod commands;
mod families;
mod outcomes;
#[path = "../support/mod.rs"]
mod support;

mod ours;
mod requests;
mod sequences;

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Value, cmd};
use redis_ready::testing::Server;

use self::outcomes::Outcomes;
use self::support::{run, start, with_debug};

/// Long enough for 8 MiB on a busy machine: nothing here is about time.
const PATIENCE: Duration = Duration::from_secs(30);

fn server() -> Server {
    start(with_debug(Server::builder()))
}

fn redis_rs(server: &Server, protocol: u8) -> redis::Client {
    let url = format!("{}?protocol=resp{protocol}", server.url());
    redis::Client::open(url).expect("redis-rs reads our URL")
}

async fn multiplexed(server: &Server, protocol: u8) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    redis_rs(server, protocol)
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .expect("the server is there")
}

fn blocking(server: &Server) -> redis::Connection {
    redis_rs(server, 3)
        .get_connection()
        .expect("the server is there")
}

/// Every run finds the same: nothing.
fn reset(server: &Server) {
    for command in [cmd("FLUSHALL"), cmd("SCRIPT").arg("FLUSH").clone()] {
        command
            .exec(&mut blocking(server))
            .expect("the server is there");
    }
}

async fn requests<C: redis::aio::ConnectionLike>(c: &mut C) -> Outcomes {
    let mut out = Outcomes::default();
    for (name, command) in requests::commands() {
        out.push(name, command.query_async::<Value>(c).await);
    }
    for (name, pipeline) in requests::pipelines() {
        out.push(name, pipeline.query_async::<Value>(c).await);
    }
    out.note("database", c.get_db());
    out
}

fn requests_blocking<C: redis::ConnectionLike>(c: &mut C) -> Outcomes {
    let mut out = Outcomes::default();
    for (name, command) in requests::commands() {
        // redis-rs's blocking connection takes the unread reply for the next command's.
        if command.is_no_response() {
            continue;
        }
        out.push(name, command.query::<Value>(c));
    }
    for (name, pipeline) in requests::pipelines() {
        out.push(name, pipeline.query::<Value>(c));
    }
    out.note("database", c.get_db());
    out
}

#[test]
fn the_checks_give_the_same_on_every_run_and_notice_a_difference() {
    let server = server();
    run(async {
        let mut resp3 = multiplexed(&server, 3).await;
        reset(&server);
        let first = requests(&mut resp3).await;
        reset(&server);
        let second = requests(&mut resp3).await;
        first.assert_same(&second);

        let mut resp2 = multiplexed(&server, 2).await;
        reset(&server);
        let other = requests(&mut resp2).await;
        assert!(first.differences(&other).contains("protocol map"));
    });
}
