//! R14: a connection that ends while it is idle costs the next command no error, as long as 10 ms have
//! passed in between, and whatever this machine itself is late by.

use std::time::Duration;

use futures::future::join_all;
use redis::{AsyncCommands, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, Error};

use crate::support::fake_server::{Answer, FakeServer};
use crate::support::measure::{Lateness, Times, timed};
use crate::support::{open, run, start};

/// Of each protocol.
const CLOSES: usize = 200;
/// Read side by side where each close is followed by a back-off.
const CLIENTS: usize = 40;
const APART: Duration = Duration::from_millis(10);

fn speaking(url: &str, protocol: usize) -> Client {
    open(url, &format!("protocol={protocol}"))
}

/// Waits for 10 ms, and for as long as a client may then still wait for a processor.
async fn apart(lateness: &Lateness) {
    tokio::time::sleep(APART).await;
    tokio::time::sleep(lateness.allowance()).await;
}

async fn set_timeout(operator: &mut Client, seconds: &str) {
    let mut set = cmd("CONFIG");
    set.arg("SET").arg("timeout").arg(seconds);
    let () = set.query_async(operator).await.expect("it runs");
}

/// Pings with all clients at once.
async fn ping_all(clients: &[Client]) -> (Vec<Error>, Times) {
    let pings = join_all(clients.iter().map(|client| timed(client.ping()))).await;
    let times = pings.iter().map(|(_, took)| *took).collect();
    let errors = pings.into_iter().filter_map(|(ping, _)| ping.err());
    (errors.collect(), times)
}

async fn connected(operator: &mut Client) -> usize {
    let list = cmd("CLIENT").arg("LIST").to_owned();
    let list: String = list.query_async(operator).await.expect("it runs");
    list.lines().count()
}

#[test]
fn a_timeout_of_the_server_is_no_error() {
    let server = start(Server::builder().tcp());
    run(async {
        let mut operator = server.client();
        let lateness = Lateness::watch();
        let clients: Vec<Client> = [2, 3]
            .into_iter()
            .flat_map(|protocol| (0..CLOSES / 2).map(move |_| protocol))
            .map(|protocol| speaking(server.url(), protocol))
            .collect();
        for _ in 0..2 {
            let (errors, _) = ping_all(&clients).await;
            assert!(errors.is_empty(), "{errors:?}");
            assert_eq!(connected(&mut operator).await, 1 + CLOSES);
            set_timeout(&mut operator, "1").await;
            while connected(&mut operator).await > 1 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            set_timeout(&mut operator, "0").await;
            apart(&lateness).await;
            let (errors, times) = ping_all(&clients).await;
            println!(
                "{} errors after `timeout 1`, {times}; {lateness}",
                errors.len()
            );
            assert!(errors.is_empty(), "{errors:?}");
        }
    });
}

/// Answers, and ends its side of the connection after the reply to `GET last`.
fn half_closing() -> FakeServer {
    FakeServer::resp3(|command| match command[0].as_str() {
        "GET" if command[1] == "last" => Some(Answer::Last(b"$4\r\nlast\r\n".to_vec())),
        "GET" => Some(Answer::line("$5\r\nvalue")),
        _ => None,
    })
}

/// Reads, lets the server end the connection, and reads 10 ms later: from a socket that could still
/// be written to.
async fn read_around_the_end(
    server: &FakeServer,
    client: &mut Client,
    lateness: &Lateness,
) -> (Option<String>, Duration) {
    let before = server.said_last();
    let last: String = client.get("last").await.expect("a new connection");
    assert_eq!(last, "last");
    while server.said_last() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    apart(lateness).await;
    let (value, took) = timed(client.get::<_, String>("k")).await;
    match value {
        Ok(value) => {
            assert_eq!(value, "value");
            (None, took)
        }
        Err(error) => (Some(error.to_string()), took),
    }
}

async fn read_around_many(protocol: usize, lateness: &Lateness) -> Vec<(Option<String>, Duration)> {
    let server = half_closing();
    let mut client = speaking(&server.url(), protocol);
    let mut seen = Vec::new();
    for _ in 0..CLOSES / CLIENTS {
        seen.push(read_around_the_end(&server, &mut client, lateness).await);
    }
    seen
}

#[test]
fn an_end_that_a_proxy_sends_is_no_error() {
    for protocol in [2, 3] {
        let lateness = Lateness::watch();
        let readers = (0..CLIENTS).map(|_| read_around_many(protocol, &lateness));
        let seen = run(join_all(readers)).into_iter().flatten();
        let (errors, times): (Vec<_>, Vec<_>) = seen.unzip();
        let errors: Vec<String> = errors.into_iter().flatten().collect();
        let times: Times = times.into_iter().collect();
        println!(
            "{} errors after FIN, RESP{protocol}, {times}; {lateness}",
            errors.len()
        );
        assert_eq!(times.len(), CLOSES);
        assert!(errors.is_empty(), "{errors:?}");
    }
}
