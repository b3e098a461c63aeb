//! [`Consumer`]: one worker's view of the queue, a member of the consumer group.

use std::time::Duration;

use redis_ready::Client;
use redis_ready::redis::streams::{
    StreamAutoClaimOptions, StreamAutoClaimReply, StreamId, StreamPendingCountReply,
    StreamReadOptions, StreamReadReply,
};
use redis_ready::redis::{AsyncCommands, RedisError, RedisResult, Script};

use crate::counts::count_for;
use crate::mail::Mail;
use crate::queue::{DEAD_LETTERS, STREAM, text};

/// The consumer group of all workers.
pub const GROUP: &str = "workers";
/// How many mails a worker holds at most.
const BATCH: usize = 16;

/// A mail that this worker holds.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: String,
    pub mail: Mail,
}

/// Reads and acknowledges.
#[derive(Clone)]
pub struct Consumer {
    client: Client,
    /// Unique among the workers that run, and the same after a restart.
    name: String,
    acknowledge: Script,
    bury: Script,
}

impl Consumer {
    #[must_use]
    pub fn new(client: &Client, name: String) -> Consumer {
        let count = include_str!("scripts/count.lua");
        let script = |body| Script::new(&format!("{count}{body}"));
        Consumer {
            client: client.clone(),
            name,
            acknowledge: script(include_str!("scripts/acknowledge.lua")),
            bury: script(include_str!("scripts/bury.lua")),
        }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for mails that no worker has had yet; none if there are none for so long.
    ///
    /// It blocks a connection of the server and no other caller: the client gives blocking commands connections of
    /// their own. A reply that is lost leaves the mails with this worker, see [`own`](Consumer::own).
    ///
    /// # Errors
    ///
    /// If Redis does not answer.
    pub async fn fresh(&self, wait: Duration) -> RedisResult<Vec<Entry>> {
        let wait = usize::try_from(wait.as_millis()).unwrap_or(usize::MAX);
        self.read(">", &self.options().block(wait)).await
    }

    /// Returns mails that this worker has had and not acknowledged, after that entry; `0` is before all.
    ///
    /// # Errors
    ///
    /// If Redis does not answer.
    pub async fn own(&self, after: &str) -> RedisResult<Vec<Entry>> {
        self.read(after, &self.options()).await
    }

    fn options(&self) -> StreamReadOptions {
        let options = StreamReadOptions::default();
        options.group(GROUP, &self.name).count(BATCH)
    }

    async fn read(&self, after: &str, options: &StreamReadOptions) -> RedisResult<Vec<Entry>> {
        let mut client = self.client.clone();
        let reply = client.xread_options(&[STREAM], &[after], options).await;
        // `None` if nothing has come for as long as it has waited.
        let reply: Option<StreamReadReply> = self.with_group(reply).await?.flatten();
        let keys = reply.unwrap_or_default().keys.into_iter();
        self.entries(keys.flat_map(|key| key.ids)).await
    }

    /// Takes over mails that another worker has held for too long: it has died, or could not deliver them.
    ///
    /// # Errors
    ///
    /// If Redis does not answer.
    pub async fn abandoned(&self, idle: Duration) -> RedisResult<Vec<Entry>> {
        let mut client = self.client.clone();
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let options = StreamAutoClaimOptions::default().count(BATCH);
        let claim = client.xautoclaim_options(STREAM, GROUP, &self.name, idle, "0-0", options);
        let claimed: Option<StreamAutoClaimReply> = self.with_group(claim.await).await?;
        self.entries(claimed.unwrap_or_default().claimed).await
    }

    /// Makes the group if there is none: at the first start, and on a server that has lost its data.
    async fn with_group<T>(&self, reply: RedisResult<T>) -> RedisResult<Option<T>> {
        match reply {
            Err(error) if error.code() == Some("NOGROUP") => {}
            reply => return reply.map(Some),
        }
        let mut client = self.client.clone();
        // From the first entry on: mails may have come before the group.
        match client.xgroup_create_mkstream(STREAM, GROUP, "0").await {
            Err(error) if !is_busy_group(&error) => Err(error),
            // Another worker may have been faster.
            Ok(()) | Err(_) => Ok(None),
        }
    }

    /// Reads the mails, and buries what it cannot read, so that nothing is tried for ever.
    async fn entries(&self, ids: impl IntoIterator<Item = StreamId>) -> RedisResult<Vec<Entry>> {
        let mut entries = Vec::new();
        for StreamId { id, map, .. } in ids {
            let text = map.get("mail").and_then(as_text).unwrap_or_default();
            match serde_json::from_str(&text) {
                Ok(mail) => entries.push(Entry { id, mail }),
                Err(error) => {
                    self.bury_text(&id, "unknown", &text, &error.to_string())
                        .await?;
                }
            }
        }
        Ok(entries)
    }

    /// Returns how often workers have had this mail; 0 if it is acknowledged.
    ///
    /// # Errors
    ///
    /// If Redis does not answer.
    pub async fn attempts(&self, entry: &Entry) -> RedisResult<usize> {
        let mut client = self.client.clone();
        let pending = client.xpending_count(STREAM, GROUP, &entry.id, &entry.id, 1);
        let pending: StreamPendingCountReply = pending.await?;
        Ok(pending.ids.first().map_or(0, |it| it.times_delivered))
    }

    /// Takes a delivered mail out of the queue and counts it; returns `false` if that was done before.
    ///
    /// # Errors
    ///
    /// If Redis does not answer. The mail will come again then, and the outbox knows that it was delivered.
    pub async fn acknowledge(&self, entry: &Entry) -> RedisResult<bool> {
        let mut call = self.acknowledge.prepare_invoke();
        count_for(&mut call, &entry.mail.tenant);
        call.key(STREAM).arg(GROUP).arg(&entry.id);
        // The script does nothing the second time, so it is sent again after a lost connection.
        call.invoke_async(&mut self.client.idempotent()).await
    }

    /// Moves a mail to the dead letters and counts it; returns `false` if that was done before.
    ///
    /// # Errors
    ///
    /// If Redis does not answer.
    pub async fn bury(&self, entry: &Entry, cause: &str) -> RedisResult<bool> {
        let Entry { id, mail } = entry;
        self.bury_text(id, &mail.tenant, &text(mail), cause).await
    }

    async fn bury_text(
        &self,
        id: &str,
        tenant: &str,
        mail: &str,
        cause: &str,
    ) -> RedisResult<bool> {
        let mut call = self.bury.prepare_invoke();
        count_for(&mut call, tenant);
        call.key(STREAM).key(DEAD_LETTERS);
        call.arg(GROUP).arg(id).arg(mail).arg(cause);
        call.invoke_async(&mut self.client.idempotent()).await
    }
}

fn as_text(value: &redis_ready::redis::Value) -> Option<String> {
    redis_ready::redis::from_redis_value_ref(value).ok()
}

fn is_busy_group(error: &RedisError) -> bool {
    error.code() == Some("BUSYGROUP")
}
