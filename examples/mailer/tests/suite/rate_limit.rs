//! How many mails a tenant may send.

use std::time::Duration;

use crate::support::http::Browser;
use crate::support::{Platform, eventually, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_mails_wait_and_those_of_others_do_not() {
    let server = server();
    let platform = Platform::start(server.client(), Duration::from_mins(1)).await;
    // Globex may send two at once, and one each half second.
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
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(
        ada.send("mail-0000-1", "ann@mail.example").await.status,
        202
    );

    tokio::time::sleep(Duration::from_secs(1)).await;
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
