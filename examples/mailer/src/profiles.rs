//! [`Profiles`]: profiles of tenants from the cache, and from the directory where that does not have them.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use redis_ready::redis::{AsyncCommands, RedisResult};

use crate::directory::{Directory, Profile};
use crate::handles::{Handles, Redis};

/// How long Redis keeps a profile, in seconds ...
const LIFETIME: u64 = 300;
/// ... and up to how much longer, so that profiles that were read together do not all end together.
const JITTER: u64 = 60;

/// Reads profiles.
pub struct Profiles<R> {
    redis: R,
    directory: Arc<Directory>,
    /// Profiles that this process has seen a moment ago. It saves round trips, and above all it is a single flight: of
    /// many requests that miss the same profile one reads it, and the others wait for that one.
    nearby: Cache<String, Arc<Profile>>,
}

impl<R: Redis> Profiles<R> {
    /// `nearby` is how long this process uses a profile without asking Redis: so long a change is not seen.
    #[must_use]
    pub fn new(handles: &Handles<R>, directory: Arc<Directory>, nearby: Duration) -> Profiles<R> {
        let cache = Cache::builder().max_capacity(10_000).time_to_live(nearby);
        Profiles {
            redis: handles.cache.clone(),
            directory,
            nearby: cache.build(),
        }
    }

    /// Returns the profile; `None` if there is no such tenant.
    pub async fn get(&self, tenant: &str) -> Option<Arc<Profile>> {
        let read = async { self.read(tenant).await.map(Arc::new) };
        self.nearby.optionally_get_with_by_ref(tenant, read).await
    }

    async fn read(&self, tenant: &str) -> Option<Profile> {
        match self.cached(tenant).await {
            Ok(Some(profile)) => return Some(profile),
            Ok(None) => {}
            // Without the cache a request takes longer, and that is all.
            Err(error) => log::info!("the cache has no answer: {error}"),
        }
        let profile = self.directory.profile(tenant).await?;
        if let Err(error) = self.keep(tenant, &profile).await {
            log::info!("the cache does not keep a profile: {error}");
        }
        Some(profile)
    }

    async fn cached(&self, tenant: &str) -> RedisResult<Option<Profile>> {
        let stored: Option<Vec<u8>> = self.redis.clone().get(key(tenant)).await?;
        // One that an older version has written and this one cannot read is read anew.
        Ok(stored.and_then(|profile| serde_json::from_slice(&profile).ok()))
    }

    async fn keep(&self, tenant: &str, profile: &Profile) -> RedisResult<()> {
        let text = serde_json::to_string(profile).expect("a profile has only strings and numbers");
        let lifetime = LIFETIME + fastrand::u64(..JITTER);
        self.redis.clone().set_ex(key(tenant), text, lifetime).await
    }
}

fn key(tenant: &str) -> String {
    format!("profile:{tenant}")
}
