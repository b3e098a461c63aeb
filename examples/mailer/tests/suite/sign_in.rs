//! Signing in, and what a session is worth.

use std::time::Duration;

use crate::support::http::Browser;
use crate::support::{Platform, server};

const LONG: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_signs_in_sends_and_signs_out() {
    let server = server();
    let platform = Platform::start(server.client(), LONG).await;
    let mut browser = Browser::new(platform.address);
    assert_eq!(browser.get("/account").await.status, 401);
    assert_eq!(
        browser.send("mail-0000-1", "ann@mail.example").await.status,
        401
    );

    let signed_in = browser.sign_in("ada", "analytical-engine").await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    let cookie = signed_in.header("set-cookie").expect("a cookie");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let account = browser.get("/account").await;
    assert_eq!(account.body, r#"{"user":"ada","tenant":"acme"}"#);
    let sent = browser.send("mail-0000-1", "ann@mail.example").await;
    assert_eq!(sent.status, 202, "{sent:?}");
    assert_eq!(sent.body, r#"{"id":"mail-0000-1","is_new":true}"#);

    assert_eq!(browser.post("/sign-out", "").await.status, 200);
    assert_eq!(browser.get("/account").await.status, 401);
    platform.stop().await;
}
