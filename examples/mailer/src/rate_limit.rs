//! [`RateLimit`]: how many mails each tenant may send.

use std::time::Duration;

use redis_ready::redis::{RedisResult, Script};

use crate::directory::Profile;
use crate::handles::{Handles, Redis};

/// Limits mails, over all instances of the application, in one round trip each.
pub struct RateLimit<R> {
    redis: R,
    script: Script,
}

impl<R: Redis> RateLimit<R> {
    #[must_use]
    pub fn new(handles: &Handles<R>) -> RateLimit<R> {
        RateLimit {
            // Sent again, the script would count a mail twice.
            redis: handles.once.clone(),
            script: Script::new(include_str!("scripts/limit.lua")),
        }
    }

    /// Counts a mail of the tenant and returns `None` if it is within the limit; otherwise how long to wait.
    ///
    /// # Errors
    ///
    /// If Redis does not answer. Whether to let such a request pass is for the caller to decide; here the queue would
    /// refuse it anyway.
    pub async fn take(&self, tenant: &str, profile: &Profile) -> RedisResult<Option<Duration>> {
        let interval = 60_000 / profile.mails_per_minute.max(1);
        let mut call = self.script.prepare_invoke();
        call.key(format!("limit:{tenant}"));
        call.arg(interval.max(1)).arg(profile.burst.max(1));
        let wait: u64 = call.invoke_async(&mut self.redis.clone()).await?;
        Ok((wait > 0).then(|| Duration::from_millis(wait)))
    }
}
