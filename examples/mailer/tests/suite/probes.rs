//! What the operator sees.

use std::time::Duration;

use crate::support::http::Browser;
use crate::support::{Platform, eventually, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_ends_readiness_and_not_health() {
    let mut server = server();
    let platform = Platform::start(server.client(), Duration::from_mins(1)).await;
    let mut browser = Browser::new(platform.address);
    eventually("it is ready", async || {
        let ready = Browser::new(platform.address).get("/ready").await;
        ready.status == 200 && ready.body.contains(r#""redis":"connected""#)
    })
    .await;

    server.kill().expect("it can be killed");
    eventually("it is not ready", async || {
        Browser::new(platform.address).get("/ready").await.status == 503
    })
    .await;
    let health = browser.get("/health").await;
    assert_eq!(health.status, 200);
    assert!(
        health.body.contains(r#""redis":"reconnecting""#),
        "{health:?}"
    );
    let refused = browser.sign_in("ada", "analytical-engine").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        browser.get("/").await.status,
        200,
        "the page needs no Redis"
    );

    server.restart().expect("it can be started");
    eventually("it is ready", async || {
        Browser::new(platform.address).get("/ready").await.status == 200
    })
    .await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_tell_of_the_client_and_of_the_application() {
    let server = server();
    let platform = Platform::start(server.client(), Duration::from_mins(1)).await;
    let mut browser = Browser::signed_in(platform.address, "ada", "analytical-engine").await;
    browser.send("mail-0000-1", "ann@mail.example").await;
    eventually("it is delivered", async || platform.delivered().len() == 1).await;
    let metrics = browser.get("/metrics").await.body;
    for line in [
        "\nmailer_mails_queued ",
        "\nmailer_mails_delivered ",
        "\nmailer_sign_ins ",
        "\ndb_client_operation_duration_bucket{",
        "\nredis_ready_connection_state{",
    ] {
        assert!(metrics.contains(line), "{line}:\n{metrics}");
    }
    platform.stop().await;
}
