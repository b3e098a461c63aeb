//! What holds for an application with sessions, whatever its framework.
//!
//! It serves `/sign-in/{user}`, `/me`, `/visit` and `/sign-out`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis_ready::testing::Server;
use redis_ready::{Client, redis};

use crate::http::get;
use crate::{ask, commands_run, start};

/// Clients that sign in at the same time.
const CLIENTS: usize = 32;
/// How often the server is killed meanwhile.
const KILLS: usize = 5;
/// Time between two kills.
const BETWEEN_KILLS: Duration = Duration::from_millis(300);

/// A server that has written down what it has acknowledged.
pub(crate) fn durable_server() -> Server {
    let builder = Server::builder().arg("--appendonly").arg("yes");
    start(builder.arg("--appendfsync").arg("always"))
}

/// Signs in, is known, visits, signs out, is unknown; one command for each request.
pub(crate) async fn a_session_lives_and_ends(app: SocketAddr, redis: &Client) {
    let stranger = get(app, "/me", None).await.expect("the app answers");
    assert_eq!((stranger.status, &*stranger.body), (200, "a stranger"));
    assert_eq!(commands_run(redis).await, 0);

    let signed_in = get(app, "/sign-in/ann", None).await.expect("it answers");
    assert_eq!(signed_in.status, 200);
    let cookie = signed_in.cookie.expect("a session has a cookie");
    assert_eq!(commands_run(redis).await, 1, "SET");

    let me = get(app, "/me", Some(&cookie)).await.expect("it answers");
    assert_eq!((me.status, &*me.body), (200, "ann"));
    assert_eq!(commands_run(redis).await, 2, "GET");

    let visit = get(app, "/visit", Some(&cookie)).await.expect("it answers");
    assert_eq!((visit.status, &*visit.body), (200, "1"));
    assert_eq!(commands_run(redis).await, 4, "GET and SET");

    let out = get(app, "/sign-out", Some(&cookie)).await;
    assert_eq!(out.expect("it answers").status, 200);
    let me = get(app, "/me", Some(&cookie)).await.expect("it answers");
    assert_eq!((me.status, &*me.body), (200, "a stranger"));
    let keys: usize = ask(redis, &mut redis::cmd("DBSIZE")).await;
    assert_eq!(keys, 0);
}

/// Kills the server while users sign in; each one who was told that the sign-in worked is signed in.
pub(crate) async fn no_session_is_lost(app: SocketAddr, mut server: Server) {
    let ends = Arc::new(AtomicBool::new(false));
    let clients = (0..CLIENTS).map(|client| {
        let ends = Arc::clone(&ends);
        tokio::spawn(async move { sign_in_until(&ends, app, client).await })
    });
    let clients: Vec<_> = clients.collect();

    let killer = tokio::task::spawn_blocking(move || {
        for _ in 0..KILLS {
            std::thread::sleep(BETWEEN_KILLS);
            server.kill().expect("the server can be killed");
            server.restart().expect("the server starts again");
        }
        std::thread::sleep(BETWEEN_KILLS);
        server
    });
    let server = killer.await.expect("the server is there again");
    ends.store(true, Ordering::Relaxed);

    let (mut sessions, mut refused) = (Vec::new(), 0);
    for client in clients {
        let (signed_in, failed) = client.await.expect("a client ends");
        sessions.extend(signed_in);
        refused += failed;
    }
    let mut lost = 0;
    for (user, cookie) in &sessions {
        let me = get(app, "/me", Some(cookie)).await.expect("it answers");
        lost += usize::from(me.status != 200 || me.body != *user);
    }
    let count = sessions.len();
    println!("{count} sign-ins acknowledged, {refused} refused, {lost} lost in {KILLS} kills");
    assert!(count > CLIENTS * KILLS, "{count} sign-ins are too few");
    assert_eq!(lost, 0, "of {count} sessions");
    drop(server);
}

/// Signs users in, one after the other: those that it was told of, with their cookies, and how many were
/// refused.
async fn sign_in_until(
    ends: &AtomicBool,
    app: SocketAddr,
    client: usize,
) -> (Vec<(String, String)>, usize) {
    let (mut signed_in, mut refused) = (Vec::new(), 0);
    while !ends.load(Ordering::Relaxed) {
        let user = format!("user-{client}-{}", signed_in.len());
        match get(app, &format!("/sign-in/{user}"), None).await {
            Ok(response) if response.status == 200 => {
                let cookie = response.cookie.expect("a session has a cookie");
                signed_in.push((user, cookie));
            }
            _ => refused += 1,
        }
    }
    (signed_in, refused)
}
