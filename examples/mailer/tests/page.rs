//! The page in a real browser: what a user sees while Redis comes and goes.

use std::path::Path;
use std::time::Duration;

use mailer::counts::Counts;

use crate::support::webdriver::Chromium;
use crate::support::{Platform, durable_server, eventually};

mod support;

/// Where the pictures of the README are made; they are copied by hand.
const SCREENSHOTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/screenshots");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_shows_mails_an_outage_and_its_end() {
    let mut server = durable_server();
    let platform = Platform::start(server.client(), Duration::from_mins(1)).await;
    let screenshots = Path::new(SCREENSHOTS);
    std::fs::create_dir_all(screenshots).expect("it can be made");
    let chromium = Chromium::start().await;

    chromium
        .open(&format!("http://{}/", platform.address))
        .await;
    chromium.until("h2", |title| title == "Sign in").await;
    chromium.type_into("#user", "ada").await;
    chromium.type_into("#password", "wrong").await;
    chromium.click("#sign-in button").await;
    chromium
        .until("#sign-in .answer", |text| text.contains("not the password"))
        .await;
    chromium.screenshot(&screenshots.join("sign-in.png")).await;

    chromium
        .run("document.getElementById('password').value = ''")
        .await;
    chromium.type_into("#password", "analytical-engine").await;
    chromium.click("#sign-in button").await;
    chromium
        .until("#account", |text| text == "ada (acme)")
        .await;
    chromium.until("#delivered", |text| text == "0").await;
    assert_eq!(chromium.text("#banner").await, "");

    send(&chromium, "ann@mail.example").await;
    chromium
        .until("#send .answer", |text| text == "Queued.")
        .await;
    chromium.until("#delivered", |text| text == "1").await;
    assert_eq!(platform.delivered().len(), 1);
    chromium
        .screenshot(&screenshots.join("delivered.png"))
        .await;

    server.kill().expect("it can be killed");
    chromium
        .until("#banner", |text| text.contains("Redis is gone"))
        .await;
    // Sent in the outage, and a second time after it: it is one mail.
    send(&chromium, "bea@mail.example").await;
    chromium
        .until("#send .answer", |text| text.contains("Please try again"))
        .await;
    chromium
        .screenshot(&screenshots.join("redis-is-gone.png"))
        .await;

    server.restart().expect("it can be started");
    chromium.until("#banner", str::is_empty).await;
    chromium.click("#send button").await;
    chromium
        .until("#send .answer", |text| text == "Queued.")
        .await;
    chromium.until("#delivered", |text| text == "2").await;
    assert_eq!(chromium.text("#queued").await, "2");
    assert_eq!(platform.delivered().len(), 2);

    // A double click: two requests with one id.
    write(&chromium, "cyd@mail.example").await;
    let before = chromium.run(REQUESTS).await.as_u64().expect("a number");
    chromium.run(DOUBLE_CLICK).await;
    let both = before + 2;
    eventually("both are answered", async || {
        chromium.run(REQUESTS).await == both
    })
    .await;
    let counts = Counts::read(server.client(), "acme").await;
    assert_eq!(counts.expect("they can be read").queued, 3);

    chromium.click("#sign-out button").await;
    chromium.until("h2", |title| title == "Sign in").await;
    let violations = chromium.console().await.to_string();
    assert!(
        !violations.contains("Content Security Policy"),
        "{violations}"
    );
    platform.stop().await;
}

/// How many requests for mails were answered.
const REQUESTS: &str = "return performance.getEntriesByType('resource')\
                        .filter(it => it.name.endsWith('/mails')).length";
const DOUBLE_CLICK: &str = "const form = document.getElementById('send');\
                            form.requestSubmit(); form.requestSubmit()";

async fn send(chromium: &Chromium, to: &str) {
    write(chromium, to).await;
    chromium.click("#send button").await;
}

async fn write(chromium: &Chromium, to: &str) {
    chromium.type_into("#to", to).await;
    chromium.type_into("#subject", "The engine").await;
    chromium
        .type_into("#text", "It weaves algebraical patterns.")
        .await;
}
