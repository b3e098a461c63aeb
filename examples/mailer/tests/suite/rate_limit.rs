//! How many mails a tenant may send.

use std::time::Duration;

use crate::support::http::Browser;
use crate::support::{Platform, eventually, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_mails_wait_and_those_of_others_do_not() {
    let server = server();
    let platform = Platform::start(server.client(), Duration::from_mins(1)).await;
    // Globex may send two at once, and one in three seconds.
    let mut grace = Browser::signed_in(platform.address, "grace", "compiler").await;
    let mut ada = Browser::signed_in(platform.address, "ada", "analytical-engine").await;
    assert_eq!(
        grace.send("mail-0000-1", "ann@mail.example").await.status,
        202
    );
    assert_eq!(
        grace.send("mail-0000-2", "ann@mail.example").await.status,
        202
    );
    let refused = grace.send("mail-0000-3", "ann@mail.example").await;
    assert_eq!(refused.status, 429, "{refused:?}");
    let seconds = refused.header("retry-after").and_then(|it| it.parse().ok());
    let seconds: u64 = seconds.expect("a number of seconds");
    assert!((1..=3).contains(&seconds), "{seconds} s");
    assert_eq!(
        ada.send("mail-0000-1", "ann@mail.example").await.status,
        202
    );

    tokio::time::sleep(Duration::from_secs(seconds)).await;
    assert_eq!(
        grace.send("mail-0000-3", "ann@mail.example").await.status,
        202
    );
    eventually("all are delivered", async || {
        platform.delivered().len() == 4
    })
    .await;
    platform.stop().await;
}
