//! Each mail is delivered once, whatever happens to workers.

use std::time::{Duration, Instant};

use mailer::consumer::{Consumer, Entry};
use mailer::counts::{Counts, this_hour};
use mailer::handles::Handles;
use mailer::mail::Mail;
use mailer::outbox::{Delivery, Outbox};
use mailer::queue::{DEAD_LETTERS, Queue, STREAM};
use mailer::worker::Worker;
use redis_ready::Client;
use redis_ready::redis::AsyncCommands;
use redis_ready::redis::streams::StreamRangeReply;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{eventually, files, mail, server, temporary_directory};

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(100);

async fn enqueue(client: &Client, mail: &Mail) -> bool {
    let queue = Queue::new(&Handles::of(client));
    queue.enqueue(mail).await.expect("it is queued")
}

fn outbox() -> Outbox {
    Outbox::open(temporary_directory()).expect("it can be made")
}

fn spawn_worker(
    client: &Client,
    name: &str,
    outbox: &Outbox,
    abandoned_after: Duration,
) -> (JoinHandle<()>, CancellationToken) {
    let stop = CancellationToken::new();
    let consumer = Consumer::new(client, name.to_owned());
    let worker = Worker::new(consumer, outbox.clone(), abandoned_after);
    (tokio::spawn(worker.run(stop.clone())), stop)
}

async fn counts(client: &Client) -> Counts {
    let counts = Counts::read(client.clone(), "acme").await;
    counts.expect("they can be read")
}

async fn until(client: &Client, expected: Counts) {
    eventually(&format!("{expected:?}"), async || {
        counts(client).await == expected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_queued_twice_is_delivered_once() {
    let server = server();
    let client = server.client();
    assert!(enqueue(&client, &mail("mail-0000-1")).await);
    assert!(!enqueue(&client, &mail("mail-0000-1")).await);
    assert!(enqueue(&client, &mail("mail-0000-2")).await);
    let outbox = outbox();
    let (running, stop) = spawn_worker(&client, "worker", &outbox, LONG);
    let expected = Counts {
        queued: 2,
        delivered: 2,
        failed: 0,
    };
    until(&client, expected).await;
    assert_eq!(files(outbox.directory()).len(), 2);
    let of_hour = Counts::read_hour(client.clone(), "acme", this_hour()).await;
    assert_eq!(of_hour.expect("it can be read"), expected);
    let left: usize = client.clone().xlen(STREAM).await.expect("the length");
    assert_eq!(left, 0, "what is delivered is not kept");
    stop.cancel();
    running.await.expect("it ends");
}

/// What the first delivery has left.
const FIRST: &str = "the first";

/// The one mail in the outbox is that of the first delivery.
fn assert_delivered_once(outbox: &Outbox) {
    let files = files(outbox.directory());
    let contents = files.iter().map(std::fs::read_to_string);
    let contents: Vec<_> = contents.map(|it| it.expect("it can be read")).collect();
    assert_eq!(contents, [FIRST]);
}

/// A worker with this name has delivered the mail, and has died before it could say so.
async fn dies_after_delivery(client: &Client, name: &str, outbox: &Outbox) {
    let consumer = Consumer::new(client, name.to_owned());
    let entry = first(&consumer).await;
    let delivery = outbox.deliver(&entry.mail).await;
    assert_eq!(delivery.expect("it is delivered"), Delivery::Done);
    std::fs::write(outbox.file(&entry.mail), FIRST).expect("it can be written");
}

/// The first mail of the queue.
async fn first(consumer: &Consumer) -> Entry {
    let made_the_group = consumer.fresh(SHORT).await.expect("it can be read");
    assert!(made_the_group.is_empty());
    let mut held = consumer.fresh(LONG).await.expect("it can be read");
    held.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_starts_again_finishes_what_it_held() {
    let server = server();
    let client = server.client();
    let outbox = outbox();
    enqueue(&client, &mail("mail-0000-1")).await;
    dies_after_delivery(&client, "worker", &outbox).await;
    assert_eq!(counts(&client).await.delivered, 0);

    let (running, stop) = spawn_worker(&client, "worker", &outbox, LONG);
    eventually("it is counted", async || {
        counts(&client).await.delivered == 1
    })
    .await;
    stop.cancel();
    running.await.expect("it ends");
    assert_delivered_once(&outbox);
    assert_eq!(counts(&client).await.delivered, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mails_of_a_dead_worker_are_taken_over() {
    let server = server();
    let client = server.client();
    let outbox = outbox();
    enqueue(&client, &mail("mail-0000-1")).await;
    dies_after_delivery(&client, "dead", &outbox).await;

    let workers = ["one", "two"].map(|name| spawn_worker(&client, name, &outbox, SHORT));
    eventually("it is counted", async || {
        counts(&client).await.delivered == 1
    })
    .await;
    for (running, stop) in workers {
        stop.cancel();
        running.await.expect("it ends");
    }
    assert_delivered_once(&outbox);
    assert_eq!(counts(&client).await.delivered, 1);
}

#[tokio::test]
async fn an_acknowledgement_counts_once() {
    let server = server();
    let client = server.client();
    enqueue(&client, &mail("mail-0000-1")).await;
    let consumer = Consumer::new(&client, "worker".to_owned());
    let held = first(&consumer).await;
    assert!(consumer.acknowledge(&held).await.expect("acknowledged"));
    assert!(!consumer.acknowledge(&held).await.expect("known"));
    assert!(!consumer.bury(&held, "late").await.expect("known"));
    assert_eq!(consumer.attempts(&held).await.expect("asked"), 0);
    let expected = Counts {
        queued: 1,
        delivered: 1,
        failed: 0,
    };
    assert_eq!(counts(&client).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_fails_five_times_is_a_dead_letter() {
    let server = server();
    let client = server.client();
    let outbox = outbox();
    let bounces = Mail {
        to: "ann@nowhere.invalid".to_owned(),
        ..mail("mail-0000-1")
    };
    enqueue(&client, &bounces).await;
    enqueue(&client, &mail("mail-0000-2")).await;
    let start = Instant::now();
    let (running, stop) = spawn_worker(&client, "worker", &outbox, SHORT);
    let expected = Counts {
        queued: 2,
        delivered: 1,
        failed: 1,
    };
    until(&client, expected).await;
    let between_five = 4 * SHORT;
    assert!(start.elapsed() >= between_five, "{:?}", start.elapsed());
    let dead: StreamRangeReply = client.clone().xrange_all(DEAD_LETTERS).await.expect("read");
    assert_eq!(dead.ids.len(), 1);
    let kept: String = dead.ids[0].get("mail").expect("the mail");
    assert_eq!(
        serde_json::from_str::<Mail>(&kept).expect("it is one"),
        bounces
    );
    let error: String = dead.ids[0].get("error").expect("the cause");
    assert_eq!(error, "there is no host `nowhere.invalid`");
    let left: usize = client.clone().xlen(STREAM).await.expect("the length");
    assert_eq!(left, 0);
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_a_dead_letter_and_holds_up_no_mail() {
    let server = server();
    let mut client = server.client();
    for field in ["mail", "other"] {
        let id: String = client
            .xadd(STREAM, "*", &[(field, "?")])
            .await
            .expect("added");
        assert!(!id.is_empty());
    }
    enqueue(&client, &mail("mail-0000-1")).await;
    let outbox = outbox();
    let (running, stop) = spawn_worker(&client, "worker", &outbox, LONG);
    eventually("it is delivered", async || {
        counts(&client).await.delivered == 1
    })
    .await;
    let dead: usize = client.xlen(DEAD_LETTERS).await.expect("the length");
    assert_eq!(dead, 2);
    stop.cancel();
    running.await.expect("it ends");
}
