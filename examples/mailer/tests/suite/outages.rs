//! What becomes of mails when Redis crashes, with and without its data.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mailer::consumer::Consumer;
use mailer::counts::Counts;
use mailer::handles::Handles;
use mailer::queue::Queue;
use redis_ready::Client;
use redis_ready::testing::Server;

use crate::support::http::Browser;
use crate::support::network::lossy;
use crate::support::{Platform, all_delivered, durable_server, eventually, mail, server};

const SENDERS: usize = 8;
const MAILS: usize = 40;
const CRASHES: usize = 3;

/// Senders repeat what has failed, with the same id, as the page does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_is_delivered_once_in_crashes_of_redis() {
    let mut server = durable_server();
    let client = server.client();
    let platform = Platform::start(client.clone(), Duration::from_secs(2)).await;
    let queue = Arc::new(Queue::new(&Handles::of(&client)));
    let senders = (0..SENDERS).map(|sender| {
        let queue = Arc::clone(&queue);
        tokio::spawn(async move {
            for number in 0..MAILS {
                let mail = mail(&format!("mail-{sender:04}-{number:04}"));
                while queue.enqueue(&mail).await.is_err() {}
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    let crashes = tokio::task::spawn_blocking(move || {
        for _ in 0..CRASHES {
            std::thread::sleep(Duration::from_millis(250));
            server.kill().expect("it can be killed");
            server.restart().expect("it can be started");
        }
        server
    });
    let _server = crashes.await.expect("it runs again");
    for sender in senders {
        sender.await.expect("all are queued");
    }
    all_delivered(&client, SENDERS * MAILS).await;
    assert_eq!(platform.delivered().len(), SENDERS * MAILS);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_is_no_error_and_nothing_counts_twice() {
    let server = Server::builder().tcp().start().expect("it starts");
    let (network, loses) = lossy(server.port().expect("it has one")).await;
    let client = Client::open(&format!("redis://{network}")).expect("the URL is valid");
    let queue = Queue::new(&Handles::of(&client));
    let consumer = Consumer::new(&client, "worker".to_owned());
    let first = queue.enqueue(&mail("mail-0000-1")).await;
    assert_eq!(first, Ok(true), "the script is known now");
    loses.store(true, Ordering::Relaxed);
    let second = queue.enqueue(&mail("mail-0000-2")).await;
    assert_eq!(second, Ok(false), "it was queued by the same call");

    let wait = Duration::from_millis(10);
    consumer.fresh(wait).await.expect("it makes the group");
    let held = consumer.fresh(wait).await.expect("it can be read");
    assert_eq!(held.len(), 2);
    assert_eq!(consumer.acknowledge(&held[0]).await, Ok(true));
    loses.store(true, Ordering::Relaxed);
    assert_eq!(consumer.acknowledge(&held[1]).await, Ok(false));
    let expected = Counts {
        queued: 2,
        delivered: 2,
        failed: 0,
    };
    assert_eq!(Counts::read(client, "acme").await, Ok(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_lost_its_data_gets_a_new_group() {
    let mut server = server();
    let client = server.client();
    let platform = Platform::start(client, Duration::from_mins(1)).await;
    let mut browser = Browser::signed_in(platform.address, "ada", "analytical-engine").await;
    browser.send("mail-0000-1", "ann@mail.example").await;
    eventually("it is delivered", async || platform.delivered().len() == 1).await;

    server.kill().expect("it can be killed");
    server.restart().expect("it can be started");
    assert_eq!(
        browser.get("/account").await.status,
        401,
        "sessions are gone"
    );
    browser.sign_in("ada", "analytical-engine").await;
    browser.send("mail-0000-2", "ann@mail.example").await;
    eventually("it is delivered", async || platform.delivered().len() == 2).await;
    // The marks of the queue are gone as well, but the outbox still knows the first one.
    browser.send("mail-0000-1", "ann@mail.example").await;
    let mut events = browser.events().await;
    events.until("delivered", 2).await;
    assert_eq!(platform.delivered().len(), 2);
    platform.stop().await;
}
