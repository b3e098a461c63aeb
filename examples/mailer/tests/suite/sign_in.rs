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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_signs_no_one_in() {
    let server = server();
    let platform = Platform::start(server.client(), LONG).await;
    let mut browser = Browser::new(platform.address);
    let attempts = [
        ("ada", "compiler"),
        ("ada", ""),
        ("ada", "analytical-engine2"),
        ("eve", "the password of no user"),
    ];
    for (user, password) in attempts {
        let response = browser.sign_in(user, password).await;
        assert_eq!(response.status, 401, "{user}: {response:?}");
        assert_eq!(response.header("set-cookie"), None, "{user}");
        assert_eq!(browser.get("/account").await.status, 401, "{user}");
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_a_session_changes_when_a_user_signs_in() {
    let server = server();
    let platform = Platform::start(server.client(), LONG).await;
    let mut browser = Browser::signed_in(platform.address, "ada", "analytical-engine").await;
    let known_before = browser.cookie.clone();
    browser.sign_in("grace", "compiler").await;
    assert_ne!(browser.cookie, known_before);
    assert_eq!(
        browser.get("/account").await.body,
        r#"{"user":"grace","tenant":"globex"}"#
    );
    browser.cookie = known_before;
    assert_eq!(browser.get("/account").await.status, 401);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_that_cannot_be_sent_are_refused() {
    let server = server();
    let platform = Platform::start(server.client(), LONG).await;
    let mut browser = Browser::signed_in(platform.address, "ada", "analytical-engine").await;
    for (id, to) in [
        ("short", "ann@mail.example"),
        ("..%2F..%2Fetc%2Fpasswd", "ann@mail.example"),
        ("mail-0000-1", "ann"),
        ("mail-0000-1", "ann@mail.example%0D%0ABcc:+bob@mail.example"),
    ] {
        let response = browser.send(id, to).await;
        assert_eq!(response.status, 422, "{id} {to}: {response:?}");
    }
    platform.stop().await;
}
