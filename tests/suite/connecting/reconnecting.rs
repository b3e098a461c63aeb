//! A client that was connected once: it outlives the server.

use std::thread;
use std::time::Duration;

use redis::{Commands, cmd};
use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::{open, run, start};

fn patient(server: &Server) -> Client {
    open(server.url(), "deadline=30s&connect_timeout=5s")
}

#[test]
fn a_command_after_a_restart_succeeds() {
    for builder in [Server::builder(), Server::builder().tcp().password("pw")] {
        let mut server = start(builder);
        let client = patient(&server);
        for round in 0..3 {
            run(client.ping()).unwrap();
            if round % 2 == 0 {
                server.kill().unwrap();
            }
            server.restart().unwrap();
        }
        run(client.ping()).unwrap();
    }
}

#[test]
fn commands_wait_for_a_server_that_comes_back() {
    let mut server = start(Server::builder());
    let client = patient(&server);
    run(client.ping()).unwrap();
    server.kill().unwrap();
    // Long enough that the first attempts find no server.
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(400));
        server.restart().unwrap();
        server
    });
    let callers: Vec<_> = (0..8)
        .map(|i| {
            let mut client = client.blocking();
            thread::spawn(move || client.set(format!("k{i}"), i))
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.join().unwrap(), Ok(()));
    }
    late.join().unwrap();
}

#[test]
fn an_application_may_start_before_its_server() {
    let mut server = start(Server::builder().tcp());
    server.stop().unwrap();
    let client = patient(&server);
    let late = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        server.restart().unwrap();
        server
    });
    run(client.ready(Duration::from_secs(30))).unwrap();
    late.join().unwrap();
}

#[test]
fn a_killed_connection_is_replaced() {
    let server = start(Server::builder());
    let client = patient(&server);
    let mut operator = patient(&server).blocking();
    for _ in 0..10 {
        run(client.ping()).unwrap();
        let () = cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
            .query(&mut operator)
            .unwrap();
    }
    run(client.ping()).unwrap();
}

#[test]
fn a_rotated_password_needs_no_restart_once_it_is_back() {
    let server = start(Server::builder().tcp().password("old"));
    let client = patient(&server);
    run(client.ping()).unwrap();
    let mut operator = server.client().blocking();
    let mut set = |password: &str| {
        for words in [
            &["CONFIG", "SET", "requirepass", password][..],
            &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
        ] {
            let () = cmd(words[0]).arg(&words[1..]).query(&mut operator).unwrap();
        }
    };
    set("new");
    run(client.ping()).expect_err("the password in the URL is the old one");
    set("old");
    let back = run(async {
        for _ in 0..100 {
            if client.ping().await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    });
    assert!(back, "the old password is right again");
}
