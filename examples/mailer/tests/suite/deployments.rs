//! Sentinel and a cluster need another URL, and no other code.

use std::time::Duration;

use redis_ready::Client;
use redis_ready::testing::{Cluster, Sentinels};

use crate::support::http::Browser;
use crate::support::{Platform, eventually};

async fn sends_and_watches(client: Client) -> Platform {
    let platform = Platform::start(client, Duration::from_mins(1)).await;
    let mut ada = Browser::signed_in(platform.address, "ada", "analytical-engine").await;
    let mut grace = Browser::signed_in(platform.address, "grace", "compiler").await;
    let mut events = ada.events().await;
    for number in 1..=5 {
        let sent = ada
            .send(&format!("mail-0000-{number}"), "ann@mail.example")
            .await;
        assert_eq!(sent.status, 202, "{sent:?}");
    }
    let sent = grace.send("mail-0000-1", "ann@mail.example").await;
    assert_eq!(sent.status, 202, "{sent:?}");
    events.until("delivered", 5).await;
    eventually("all are delivered", async || {
        platform.delivered().len() == 6
    })
    .await;
    platform
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_runs_on_a_cluster() {
    let cluster = Cluster::start().unwrap_or_else(|error| panic!("{error}"));
    let platform = sends_and_watches(cluster.client()).await;
    eventually("all are delivered", async || {
        platform.delivered().len() == 6
    })
    .await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_follows_sentinels_to_another_primary() {
    let mut sentinels = Sentinels::start().unwrap_or_else(|error| panic!("{error}"));
    let platform = sends_and_watches(sentinels.client()).await;
    tokio::task::block_in_place(|| sentinels.failover()).expect("it fails over");
    let mut ada = Browser::new(platform.address);
    eventually("users can sign in", async || {
        ada.sign_in("ada", "analytical-engine").await.status == 200
    })
    .await;
    eventually("mails can be sent", async || {
        ada.send("mail-0000-6", "ann@mail.example").await.status == 202
    })
    .await;
    eventually("all are delivered", async || {
        platform.delivered().len() == 7
    })
    .await;
    platform.stop().await;
}
