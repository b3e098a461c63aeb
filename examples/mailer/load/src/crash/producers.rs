//! [`Producers`]: they queue each mail until that is confirmed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mailer::handles::Handles;
use mailer::mail::Mail;
use mailer::queue::Queue;
use redis_ready::redis::RedisError;
use redis_ready::{Client, Error};
use tokio::task::JoinSet;

use super::confirming::{Confirming, NOT_REPLICATED};

/// As many connections does the client keep for pipelines with `WAIT`.
const PRODUCERS: usize = 16;
/// Mails are spread over so many tenants.
pub const TENANTS: u64 = 10;
/// Before a mail is queued again.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// What the producers share, and the faults wait for.
#[derive(Default)]
pub struct Progress {
    next: AtomicU64,
    confirmed: AtomicU64,
}

impl Progress {
    pub fn confirmed(&self) -> u64 {
        self.confirmed.load(Ordering::Relaxed)
    }
}

/// What producers have seen.
#[derive(Debug, Default)]
pub struct Produced {
    pub confirmed: u64,
    /// Confirmed by a call that has not queued it: an earlier one had, and was not confirmed.
    pub by_repetition: u64,
    /// Queued by a server that had lost it when the mail was queued again.
    pub queued_again: u64,
    /// Calls that were not confirmed, by error.
    pub errors: BTreeMap<String, u64>,
}

/// The mail of a number.
pub fn mail(number: u64) -> Mail {
    let tenant = format!("tenant-{}", number % TENANTS);
    Mail {
        id: format!("crash-{number:07}"),
        from: format!("{tenant} <news@{tenant}.example>"),
        tenant,
        to: "ann@mail.example".to_owned(),
        subject: format!("Number {number}"),
        text: "How do you do?".to_owned(),
    }
}

/// Queues `mails` mails, and returns when the last one is confirmed.
pub async fn produce(
    client: &Client,
    mails: u64,
    waits: bool,
    progress: &Arc<Progress>,
) -> Produced {
    let mut tasks = JoinSet::new();
    for _ in 0..PRODUCERS {
        let connection = Confirming::new(client.idempotent(), waits);
        tasks.spawn(produce_some(connection, mails, Arc::clone(progress)));
    }
    let mut all = Produced::default();
    while let Some(produced) = tasks.join_next().await {
        all.merge(produced.expect("a producer does not panic"));
    }
    all
}

async fn produce_some(connection: Confirming, mails: u64, progress: Arc<Progress>) -> Produced {
    let queue = Queue::new(&Handles::all(&connection));
    let mut produced = Produced::default();
    loop {
        let number = progress.next.fetch_add(1, Ordering::Relaxed);
        if number >= mails {
            return produced;
        }
        let mail = mail(number);
        let is_new = loop {
            match queue.enqueue(&mail).await {
                Ok(is_new) => break is_new,
                Err(error) => *produced.errors.entry(kind(&error)).or_default() += 1,
            }
            tokio::time::sleep(AFTER_ERROR).await;
        };
        produced.confirmed += 1;
        produced.by_repetition += u64::from(!is_new);
        produced.queued_again += connection.take_accepted().saturating_sub(1);
        progress.confirmed.fetch_add(1, Ordering::Relaxed);
    }
}

/// A few words for a table.
fn kind(error: &RedisError) -> String {
    match Error::from_redis(error) {
        Some(error) => format!("{:?}", error.kind()),
        None => error.code().unwrap_or(NOT_REPLICATED).to_owned(),
    }
}

impl Produced {
    fn merge(&mut self, other: Produced) {
        let Produced {
            confirmed,
            by_repetition,
            queued_again,
            errors,
        } = other;
        self.confirmed += confirmed;
        self.by_repetition += by_repetition;
        self.queued_again += queued_again;
        for (error, count) in errors {
            *self.errors.entry(error).or_default() += count;
        }
    }
}
