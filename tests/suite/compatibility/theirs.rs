//! redis-rs's own connections, and the lists that run on both sides.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Value, cmd};
use redis_ready::testing::Server;

use super::outcomes::Outcomes;
use super::requests as lists;
use crate::support::{run, start, with_debug};

/// Long enough for 8 MiB on a busy machine: nothing here is about time.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn server() -> Server {
    start(with_debug(Server::builder()))
}

fn redis_rs(server: &Server, protocol: u8) -> redis::Client {
    let url = format!("{}?protocol=resp{protocol}", server.url());
    redis::Client::open(url).expect("redis-rs reads our URL")
}

pub(crate) async fn multiplexed(server: &Server, protocol: u8) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    redis_rs(server, protocol)
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .expect("the server is there")
}

pub(crate) fn blocking(server: &Server) -> redis::Connection {
    redis_rs(server, 3)
        .get_connection()
        .expect("the server is there")
}

/// Every run finds the same: nothing.
pub(crate) fn reset(server: &Server) {
    for command in [cmd("FLUSHALL"), cmd("SCRIPT").arg("FLUSH").clone()] {
        command
            .exec(&mut blocking(server))
            .expect("the server is there");
    }
}

pub(crate) async fn requests<C: redis::aio::ConnectionLike>(c: &mut C) -> Outcomes {
    let mut out = Outcomes::default();
    for (name, command) in lists::commands() {
        out.push(name, command.query_async::<Value>(c).await);
    }
    for (name, pipeline) in lists::pipelines() {
        out.push(name, pipeline.query_async::<Value>(c).await);
    }
    out.note("database", c.get_db());
    out
}

pub(crate) fn requests_blocking<C: redis::ConnectionLike>(c: &mut C) -> Outcomes {
    let mut out = Outcomes::default();
    for (name, command) in lists::commands() {
        // redis-rs's blocking connection takes the unread reply for the next command's.
        if command.is_no_response() {
            continue;
        }
        out.push(name, command.query::<Value>(c));
    }
    for (name, pipeline) in lists::pipelines() {
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
