//! A script that does not end is ended with a URL that names a database, too: the server refuses `SELECT`
//! meanwhile, and serves `SCRIPT KILL`.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use redis::{RedisResult, Value, cmd, pipe};
use redis_ready::ErrorKind;
use redis_ready::testing::Server;

use crate::support::errors::{kind, ok};
use crate::support::process::wait_until;
use crate::support::{address, open, run, start};

/// Far longer than the way out may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);

fn server() -> Server {
    start(
        Server::builder()
            .tcp()
            .arg("--busy-reply-threshold")
            .arg("10"),
    )
}

/// Keeps `server` busy with `words` until a test ends them.
fn keep_busy(server: &Server, words: &[&str]) {
    let mut busy = cmd(words[0]);
    busy.arg(&words[1..]);
    let url = server.url().to_owned();
    thread::spawn(move || {
        let client = open(&url, "response_timeout=60s&deadline=60s");
        // What it returns is that it was killed, or that the server has ended.
        let _: RedisResult<Value> = busy.query(&mut client.blocking());
    });
    let asks = open(server.url(), "deadline=1s");
    wait_until("it is busy", || {
        let get: RedisResult<Value> = cmd("GET").arg("k").query(&mut asks.blocking());
        get.is_err_and(|error| error.code() == Some("BUSY"))
    });
}

const SCRIPT: [&str; 3] = ["EVAL", "while true do end", "0"];

#[test]
fn a_script_is_killed_with_a_database_in_the_url() {
    let server = server();
    for protocol in [3, 2] {
        let url = format!(
            "redis://{}/1?protocol={protocol}&deadline=60s",
            address(&server)
        );
        let single = || {
            run(cmd("SCRIPT")
                .arg("KILL")
                .to_owned()
                .exec_async(&mut open(&url, "")))
        };
        let blocking = || {
            cmd("SCRIPT")
                .arg("KILL")
                .exec(&mut open(&url, "").blocking())
        };
        let pipeline = || {
            pipe()
                .cmd("SCRIPT")
                .arg("KILL")
                .exec(&mut open(&url, "").blocking())
        };
        let ways: [&dyn Fn() -> RedisResult<()>; 3] = [&single, &blocking, &pipeline];
        for way in ways {
            keep_busy(&server, &SCRIPT);
            let waiting = open(&url, "");
            let caller = thread::spawn(move || -> RedisResult<()> {
                cmd("SET")
                    .arg("in 1")
                    .arg("v")
                    .query(&mut waiting.blocking())
            });
            let start = Instant::now();
            ok(way());
            ok(caller.join().expect("it does not panic"));
            assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
        }
    }
    // Whatever waited has run in its own database.
    let in_zero: i64 = ok(cmd("EXISTS")
        .arg("in 1")
        .query(&mut server.client().blocking()));
    assert_eq!(in_zero, 0);
}

#[test]
fn a_function_is_killed_with_a_database_in_the_url() {
    let server = server();
    let code =
        "#!lua name=endless\nredis.register_function('endless', function() while true do end end)";
    let load = cmd("FUNCTION").arg("LOAD").arg(code).to_owned();
    ok(load.exec(&mut server.client().blocking()));
    keep_busy(&server, &["FCALL", "endless", "0"]);
    let client = open(&format!("redis://{}/1", address(&server)), "deadline=60s");
    ok(cmd("FUNCTION").arg("KILL").exec(&mut client.blocking()));
    ok(cmd("SET").arg("k").arg("v").exec(&mut client.blocking()));
}

#[test]
fn a_busy_server_is_shut_down_with_a_database_in_the_url() {
    let server = server();
    keep_busy(&server, &SCRIPT);
    let client = open(&format!("redis://{}/1", address(&server)), "deadline=60s");
    let shutdown = cmd("SHUTDOWN").arg("NOSAVE").to_owned();
    let ended: RedisResult<Value> = shutdown.query(&mut client.blocking());
    ended.expect_err("there is no reply");
    let address = address(&server);
    wait_until("it has ended", || TcpStream::connect(&address).is_err());
}

#[test]
fn other_commands_wait_for_their_database() {
    let server = server();
    keep_busy(&server, &SCRIPT);
    let client = open(&format!("redis://{}/1", address(&server)), "deadline=500ms");
    for name in ["GET", "FUNCTION", "SCRIPT"] {
        let command = match name {
            "GET" => cmd("GET").arg("k").to_owned(),
            name => cmd(name).arg("FLUSH").to_owned(),
        };
        let reply: RedisResult<Value> = command.query(&mut client.blocking());
        let error = reply.expect_err(name);
        // Servers that serve SELECT meanwhile refuse the command itself.
        let is_busy = kind(&error) == Some(ErrorKind::NotReady) || error.code() == Some("BUSY");
        assert!(is_busy, "{name}: {error}");
    }
    let kill: RedisResult<()> = cmd("SCRIPT").arg("KILL").query(&mut client.blocking());
    ok(kill);
}

#[test]
fn a_closed_client_does_not_end_a_server() {
    let server = server();
    run(async {
        let mut client = open(&format!("redis://{}/1", address(&server)), "");
        client.ping().await.expect("it is there");
        client.close(Duration::ZERO).await;
        for words in [&["SHUTDOWN", "NOSAVE"][..], &["SCRIPT", "KILL"]] {
            let reply: RedisResult<Value> = cmd(words[0])
                .arg(&words[1..])
                .query_async(&mut client)
                .await;
            let error = reply.expect_err("the client is closed");
            assert_eq!(kind(&error), Some(ErrorKind::Closed), "{error}");
        }
        open(server.url(), "").ping().await.expect("it still runs");
    });
}

#[test]
fn a_shutdown_that_takes_its_time_holds_up_no_other_caller() {
    let server = server();
    let url = format!("redis://{}", address(&server));
    run(async {
        let client = open(&url, "client_name=shared&deadline=60s");
        client.ping().await.expect("it is there");
        // `NOW` with `ABORT` is an error, and enough to see the connection that it came on.
        let abort: RedisResult<Value> = cmd("SHUTDOWN")
            .arg("ABORT")
            .query_async(&mut client.clone())
            .await;
        abort.expect_err("no shutdown is under way");
        let list: String = ok(cmd("CLIENT")
            .arg("LIST")
            .query_async(&mut client.clone())
            .await);
        let shared = list.lines().find(|line| line.contains("cmd=client|list"));
        assert!(
            shared.is_some_and(|line| line.contains("name=shared")),
            "{list}"
        );
        let stats: String = ok(cmd("INFO")
            .arg("stats")
            .query_async(&mut client.clone())
            .await);
        let connections = stats
            .lines()
            .find_map(|line| line.strip_prefix("total_connections_received:"));
        // The test's own look whether the server runs, the shared one, and that of `SHUTDOWN`.
        assert_eq!(connections.map(str::trim), Some("3"), "{stats}");
    });
}
