//! [`Worker`]: takes mails out of the queue, and delivers each of them once.

use std::time::Duration;

use redis_ready::redis::RedisResult;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::consumer::{Consumer, Entry};
use crate::outbox::{Delivery, Outbox};

/// After so many attempts a mail is a dead letter.
const ATTEMPTS: usize = 5;
/// How long a worker waits for mails before it looks after those of others.
const WAIT: Duration = Duration::from_secs(2);
/// Time between two attempts of a worker to which Redis gives an error.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Delivers mails until it is told to stop.
pub struct Worker {
    consumer: Consumer,
    outbox: Outbox,
    abandoned_after: Duration,
}

impl Worker {
    /// `abandoned_after` is how long a mail may be with a worker before another one takes it over, and after which a
    /// mail that was not delivered is tried again. It has to be much longer than all mails of a batch take.
    #[must_use]
    pub fn new(consumer: Consumer, outbox: Outbox, abandoned_after: Duration) -> Worker {
        Worker {
            consumer,
            outbox,
            abandoned_after,
        }
    }

    /// Works until `stop`, and ends when the mails that it holds then are delivered.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.work(&stop).await {
                log::warn!("{} begins again: {error}", self.consumer.name());
                let _ = stop
                    .run_until_cancelled(tokio::time::sleep(AFTER_ERROR))
                    .await;
            }
        }
    }

    async fn work(&self, stop: &CancellationToken) -> RedisResult<()> {
        self.finish_own().await?;
        let mut looks_at = Instant::now();
        while !stop.is_cancelled() {
            if looks_at <= Instant::now() {
                self.finish_abandoned().await?;
                looks_at = Instant::now() + self.abandoned_after / 2;
            }
            // Mails that arrive in this very moment stay with this worker, and are its own at the next start.
            let Some(fresh) = stop.run_until_cancelled(self.consumer.fresh(WAIT)).await else {
                break;
            };
            self.deliver(&fresh?).await?;
        }
        Ok(())
    }

    /// Delivers what this worker held when it ended without a stop, or when a reply to it was lost.
    async fn finish_own(&self) -> RedisResult<()> {
        let mut after = "0".to_owned();
        loop {
            let own = self.consumer.own(&after).await?;
            let Some(last) = own.last() else {
                return Ok(());
            };
            after.clone_from(&last.id);
            self.deliver(&own).await?;
        }
    }

    async fn finish_abandoned(&self) -> RedisResult<()> {
        loop {
            let abandoned = self.consumer.abandoned(self.abandoned_after).await?;
            if abandoned.is_empty() {
                return Ok(());
            }
            self.deliver(&abandoned).await?;
        }
    }

    async fn deliver(&self, entries: &[Entry]) -> RedisResult<()> {
        for entry in entries {
            match self.outbox.deliver(&entry.mail).await {
                Ok(delivery) => self.acknowledge(entry, delivery).await?,
                Err(error) => self.postpone(entry, &error.to_string()).await?,
            }
        }
        Ok(())
    }

    async fn acknowledge(&self, entry: &Entry, delivery: Delivery) -> RedisResult<()> {
        if delivery == Delivery::DoneBefore {
            log::info!("mail {} was delivered before", entry.mail.id);
        }
        if self.consumer.acknowledge(entry).await? {
            metrics::counter!("mailer.mails.delivered").increment(1);
        }
        Ok(())
    }

    /// Leaves a mail with this worker, until it counts as abandoned and is tried again; or gives it up.
    async fn postpone(&self, entry: &Entry, cause: &str) -> RedisResult<()> {
        let attempts = self.consumer.attempts(entry).await?;
        log::warn!("attempt {attempts} for mail {}: {cause}", entry.mail.id);
        if attempts >= ATTEMPTS && self.consumer.bury(entry, cause).await? {
            metrics::counter!("mailer.mails.failed").increment(1);
        }
        Ok(())
    }
}
