//! The lists on our connections, against redis-rs's.

use redis::{Cmd, ErrorKind, RedisResult, Value, cmd, pipe};
use redis_ready::testing::Server;
use redis_ready::{BlockingClient, Client};

use super::outcomes::Outcomes;
use super::theirs::{blocking, multiplexed, requests, requests_blocking, reset, server};
use super::{families, sequences};
use crate::support::{open, run};

fn client(server: &Server, protocol: u8) -> Client {
    let parameters = format!("protocol={protocol}&response_timeout=30s&deadline=60s");
    open(server.url(), &parameters)
}

/// Runs `$list` on `$theirs` and on `$ours`, each time on an empty server.
macro_rules! compare {
    ($server:ident, $list:path, $theirs:expr, $ours:expr) => {{
        reset(&$server);
        let expected = $list(&mut $theirs).await;
        reset(&$server);
        expected.assert_same(&$list(&mut $ours).await);
    }};
}

async fn compare_all<C>(server: &Server, protocol: u8, ours: &mut C)
where
    C: redis::aio::ConnectionLike + Send + Sync,
{
    let mut theirs = multiplexed(server, protocol).await;
    compare!(server, families::untyped, theirs, *ours);
    compare!(server, families::typed, theirs, *ours);
    compare!(server, requests, theirs, *ours);
    compare!(server, sequences::run, theirs, *ours);
}

#[test]
fn a_client_answers_as_redis_rs_does_in_resp3() {
    let server = server();
    run(compare_all(&server, 3, &mut client(&server, 3)));
}

#[test]
fn a_client_answers_as_redis_rs_does_in_resp2() {
    let server = server();
    run(compare_all(&server, 2, &mut client(&server, 2)));
}

#[test]
fn a_dedicated_connection_answers_as_redis_rs_does() {
    let server = server();
    run(async {
        let mut ours = client(&server, 3)
            .dedicated_connection()
            .await
            .expect("the server is there");
        compare_all(&server, 3, &mut ours).await;

        let mut theirs = multiplexed(&server, 3).await;
        let mut another = multiplexed(&server, 3).await;
        reset(&server);
        let expected = sequences::watch(&mut theirs, &mut another).await;
        reset(&server);
        expected.assert_same(&sequences::watch(&mut ours, &mut another).await);
    });
}

#[test]
fn a_blocking_client_answers_as_redis_rs_does() {
    type List<C> = fn(&mut C) -> Outcomes;
    let theirs: [List<redis::Connection>; 4] = [
        families::untyped_blocking,
        families::typed_blocking,
        requests_blocking,
        sequences::run_blocking,
    ];
    let ours: [List<BlockingClient>; 4] = [
        families::untyped_blocking,
        families::typed_blocking,
        requests_blocking,
        sequences::run_blocking,
    ];
    let server = server();
    let mut blocking_client = client(&server, 3).blocking();
    for (theirs, ours) in theirs.into_iter().zip(ours) {
        reset(&server);
        let expected = theirs(&mut blocking(&server));
        reset(&server);
        expected.assert_same(&ours(&mut blocking_client));
    }
}

// What redis-rs's connections do not survive, so that there is nothing to compare with.

#[test]
fn an_empty_command_in_a_pipeline_is_refused_and_moves_no_reply() {
    let server = server();
    run(async {
        let mut client = client(&server, 3);
        for atomic in [false, true] {
            let mut pipeline = pipe();
            pipeline.set("a", 1).add_command(Cmd::new()).get("a");
            if atomic {
                pipeline.atomic();
            }
            let reply: RedisResult<Value> = pipeline.query_async(&mut client).await;
            let error = reply.expect_err("the server answers nothing to an empty command");
            assert_eq!(error.kind(), ErrorKind::Client, "{error}");
            assert!(error.to_string().contains("empty command"), "{error}");
            for i in 0..10 {
                let reply: RedisResult<i32> = cmd("ECHO").arg(i).query_async(&mut client).await;
                assert_eq!(reply, Ok(i));
            }
        }
    });
}

#[test]
fn an_error_with_bytes_that_are_not_text_is_the_callers_alone() {
    let server = server();
    for protocol in [2, 3] {
        run(async {
            let mut client = client(&server, protocol);
            let odd = b"odd \xff\xfe\x00 \xe2\x82 bytes";
            let reply: RedisResult<Value> = cmd("NOSUCH").arg(odd).query_async(&mut client).await;
            let error = reply.expect_err("there is no such command");
            assert_eq!(error.code(), Some("ERR"), "{error}");
            let reply: RedisResult<i32> = cmd("ECHO").arg(1).query_async(&mut client).await;
            assert_eq!(reply, Ok(1));
        });
    }
}

#[test]
fn a_blocking_client_reads_the_reply_of_a_command_without_one() {
    let server = server();
    let mut client = client(&server, 3).blocking();
    let quiet = cmd("SET")
        .arg("k")
        .arg("v")
        .set_no_response(true)
        .to_owned();
    assert_eq!(quiet.query(&mut client), Ok(()));
    assert_eq!(cmd("GET").arg("k").query(&mut client), Ok("v".to_owned()));
}
