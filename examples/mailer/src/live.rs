//! [`Live`]: follows the counts of all tenants for the pages that show them.

use std::collections::HashMap;
use std::time::Duration;

use redis_ready::redis::RedisResult;
use redis_ready::subscription::{Event, Message};
use redis_ready::{Client, Subscription};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::counts::{CHANNEL, Counts};

/// Time between two attempts to read the counts.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What the pages show.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// Whether `counts` are those of this moment.
    pub is_live: bool,
    pub counts: HashMap<String, Counts>,
}

/// What the scripts of the queue publish.
#[derive(Deserialize)]
struct Update {
    tenant: String,
    #[serde(flatten)]
    counts: Counts,
}

/// Keeps a [`Board`] up to date: one subscription, however many pages are open.
pub struct Live {
    client: Client,
    tenants: Vec<String>,
    board: watch::Sender<Board>,
}

impl Live {
    /// The second value is for the pages. A page that is slow misses boards, and not the last one.
    #[must_use]
    pub fn new(client: &Client, tenants: Vec<String>) -> (Live, watch::Receiver<Board>) {
        let (board, boards) = watch::channel(Board::default());
        let live = Live {
            client: client.clone(),
            tenants,
            board,
        };
        (live, boards)
    }

    /// Follows the counts until `stop`. Then the board has no sender any more, which ends the streams of the pages.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(self) {
        let mut subscription = self.subscribe().await;
        // First the subscription, then the counts: what changes in between is in one of them, or in both.
        self.read_until_answered().await;
        while let Some(event) = subscription.next().await {
            match event {
                Event::Message(message) => self.update(&message),
                Event::Lost(error) => {
                    log::warn!("the counts stand still: {error}");
                    self.board.send_modify(|board| board.is_live = false);
                }
                Event::Gap(gap) => {
                    log::info!("the counts are read again: {gap}");
                    self.read_until_answered().await;
                }
            }
        }
    }

    /// A subscription heals by itself once there is one.
    async fn subscribe(&self) -> Subscription {
        loop {
            match self.client.subscribe(CHANNEL).await {
                Ok(subscription) => return subscription,
                Err(error) => log::warn!("the counts cannot be followed: {error}"),
            }
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }

    async fn read_until_answered(&self) {
        while let Err(error) = self.read().await {
            log::warn!("the counts cannot be read: {error}");
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }

    async fn read(&self) -> RedisResult<()> {
        let mut counts = HashMap::new();
        for tenant in &self.tenants {
            counts.insert(
                tenant.clone(),
                Counts::read(self.client.clone(), tenant).await?,
            );
        }
        let is_live = true;
        self.board.send_replace(Board { is_live, counts });
        Ok(())
    }

    fn update(&self, message: &Message) {
        match serde_json::from_slice(message.payload()) {
            Ok(Update { tenant, counts }) => self.board.send_modify(|board| {
                board.counts.insert(tenant, counts);
            }),
            Err(error) => log::warn!("{CHANNEL} has a message that cannot be read: {error}"),
        }
    }
}
