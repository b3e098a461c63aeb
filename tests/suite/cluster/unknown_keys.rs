//! A command whose keys the client does not know goes where `MOVED` says.

use redis::{Pipeline, RedisResult, Value, cmd, pipe};
use redis_ready::Client;

use crate::support::errors::ok;
use crate::support::fake_server::{Answer, FakeServer};
use crate::support::ports::listener;
use crate::support::run;

/// Starts the node that has the key, in slot 16383, and the one that has everything else.
fn nodes() -> (FakeServer, FakeServer) {
    let right = FakeServer::resp3(|words| match words[0].as_str() {
        "GRAPH.MEMORY" => Some(Answer::line(":7")),
        "EXEC" => Some(Answer::Send(b"*1\r\n:7\r\n".to_vec())),
        _ => None,
    });
    let listener = listener();
    let port = listener.local_addr().expect("it is bound").port();
    let entry = |first: u16, last: u16, port: u16| {
        format!("*3\r\n:{first}\r\n:{last}\r\n*2\r\n$0\r\n\r\n:{port}\r\n")
    };
    let table = entry(0, 16_382, port) + &entry(16_383, 16_383, right.port());
    let moved = format!("-MOVED 16383 127.0.0.1:{}", right.port());
    let wrong = FakeServer::start_on(listener, move |words| match words[0].as_str() {
        "HELLO" => Answer::hello(),
        "CLUSTER" => Answer::Send(format!("*2\r\n{table}").into_bytes()),
        "GRAPH.MEMORY" => Answer::line(&moved),
        "EXEC" => Answer::line("-EXECABORT Transaction discarded because of previous errors."),
        _ => Answer::ok(),
    });
    (wrong, right)
}

fn command() -> redis::Cmd {
    cmd("GRAPH.MEMORY").arg("USAGE").arg("g").to_owned()
}

fn several() -> Pipeline {
    let mut several = pipe();
    several.add_command(command());
    several
}

#[test]
fn a_command_costs_one_redirection() {
    let (wrong, right) = nodes();
    let url = format!("redis-cluster://127.0.0.1:{}", wrong.port());
    let mut client = Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"));
    run(async {
        assert_eq!(ok(command().query_async::<u64>(&mut client).await), 7);
        assert_eq!(
            [&wrong, &right].map(|node| node.count("GRAPH.MEMORY")),
            [1, 1]
        );

        let mut pipeline = several();
        pipeline.cmd("GET").arg("key").ignore();
        let replies: RedisResult<(u64,)> = pipeline.query_async(&mut client).await;
        assert_eq!(ok(replies), (7,));
        assert_eq!(
            [&wrong, &right].map(|node| node.count("GRAPH.MEMORY")),
            [2, 2]
        );
        assert_eq!(right.count("GET"), 0);

        let replies: RedisResult<(u64,)> = several().atomic().query_async(&mut client).await;
        assert_eq!(ok(replies), (7,));
        assert_eq!(
            [&wrong, &right].map(|node| node.count("GRAPH.MEMORY")),
            [3, 3]
        );
    });
}

#[test]
fn nodes_that_do_not_agree_get_no_more_than_some_redirections() {
    let nodes = [listener(), listener()];
    let ports = nodes
        .each_ref()
        .map(|it| it.local_addr().expect("it is bound").port());
    let mut nodes = nodes
        .into_iter()
        .zip([ports[1], ports[0]])
        .map(|(listener, other)| {
            FakeServer::start_on(listener, move |words| match words[0].as_str() {
                "HELLO" => Answer::hello(),
                "CLUSTER" => Answer::Send(
                    format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$0\r\n\r\n:{other}\r\n")
                        .into_bytes(),
                ),
                _ => Answer::line(&format!("-MOVED 5 127.0.0.1:{other}")),
            })
        });
    let nodes = [nodes.next(), nodes.next()].map(|node| node.expect("there are two"));
    let url = format!("redis-cluster://127.0.0.1:{}?deadline=60s", nodes[0].port());
    let mut client = Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"));
    let reply: RedisResult<Value> = run(command().query_async(&mut client));
    assert_eq!(
        reply.expect_err("they send it to and fro").code(),
        Some("MOVED")
    );
    let sent: usize = nodes.iter().map(|node| node.count("GRAPH.MEMORY")).sum();
    assert!((2..=17).contains(&sent), "{sent}");
}
