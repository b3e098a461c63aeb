//! What `GET /events` sends.

use std::time::Duration;

use redis_ready::redis::{self, AsyncCommands};

use crate::support::http::Browser;
use crate::support::{Platform, durable_server, server};

const LONG: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_come_as_they_change_to_their_tenant() {
    let server = server();
    let platform = Platform::start(server.client(), LONG).await;
    let mut ada = Browser::signed_in(platform.address, "ada", "analytical-engine").await;
    let grace = Browser::signed_in(platform.address, "grace", "compiler").await;
    let (mut of_ada, mut of_grace) = (ada.events().await, grace.events().await);
    assert_eq!(of_ada.until("is_live", true).await["queued"], 0);
    of_grace.until("is_live", true).await;
    ada.send("mail-0000-1", "ann@mail.example").await;
    let event = of_ada.until("delivered", 1).await;
    assert_eq!(event["queued"], 1);

    // The streams end with the platform, and no event of another tenant has come.
    platform.stop().await;
    assert_eq!(of_grace.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_told_and_so_is_its_end() {
    let mut server = durable_server();
    let platform = Platform::start(server.client(), LONG).await;
    let mut ada = Browser::signed_in(platform.address, "ada", "analytical-engine").await;
    let mut events = ada.events().await;
    ada.send("mail-0000-1", "ann@mail.example").await;
    events.until("delivered", 1).await;

    server.kill().expect("it can be killed");
    let event = events.until("is_live", false).await;
    assert_eq!(event["delivered"], 1, "what was known is shown");
    server.restart().expect("it can be started");
    let event = events.until("is_live", true).await;
    assert_eq!(event["delivered"], 1);
    ada.send("mail-0000-2", "ann@mail.example").await;
    events.until("delivered", 2).await;

    // A server that is silent is an outage, too.
    server.pause().expect("it can be paused");
    events.until("is_live", false).await;
    server.resume().expect("it can go on");
    events.until("is_live", true).await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_told_is_read_after_a_gap() {
    let server = server();
    let platform = Platform::start(server.client(), LONG).await;
    let ada = Browser::signed_in(platform.address, "ada", "analytical-engine").await;
    let mut events = ada.events().await;
    events.until("is_live", true).await;
    let mut client = server.client();
    let () = client
        .hset("{mails}:totals:acme", "delivered", 7)
        .await
        .expect("set");
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("TYPE").arg("pubsub");
    let killed: usize = kill.query_async(&mut client).await.expect("killed");
    assert_eq!(killed, 1, "all pages share one subscription");
    events.until("delivered", 7).await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_users_get_events() {
    let server = server();
    let platform = Platform::start(server.client(), LONG).await;
    let response = Browser::new(platform.address).get("/events").await;
    assert_eq!(response.status, 401);
    platform.stop().await;
}
