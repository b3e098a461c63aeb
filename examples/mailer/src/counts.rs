//! [`Counts`]: how many mails of a tenant were queued, delivered and given up.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use redis_ready::redis::{AsyncCommands, RedisResult, ScriptInvocation};
use serde::{Deserialize, Serialize};

use crate::handles::Redis;

/// On this channel the scripts of the queue tell new [`Counts`], as JSON with the name of the tenant.
pub const CHANNEL: &str = "mails.counts";

/// Numbers of mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub queued: u64,
    pub delivered: u64,
    pub failed: u64,
}

impl Counts {
    /// Reads how many mails of the tenant there were in all.
    ///
    /// # Errors
    ///
    /// If Redis does not answer.
    pub async fn read(mut redis: impl Redis, tenant: &str) -> RedisResult<Counts> {
        Ok(Counts::of(&redis.hgetall(totals(tenant)).await?))
    }

    /// Reads how many there were in one hour, counted from 1970 on: the roll-up for reports.
    ///
    /// # Errors
    ///
    /// If Redis does not answer.
    pub async fn read_hour(mut redis: impl Redis, tenant: &str, hour: u64) -> RedisResult<Counts> {
        Ok(Counts::of(&redis.hgetall(of_hour(tenant, hour)).await?))
    }

    fn of(fields: &HashMap<String, u64>) -> Counts {
        let field = |name| fields.get(name).copied().unwrap_or(0);
        Counts {
            queued: field("queued"),
            delivered: field("delivered"),
            failed: field("failed"),
        }
    }
}

/// Adds what all scripts that count begin with: the keys of the counts, the tenant, and the channel.
///
/// The hour is that of this process and not of the server, because the keys of a script have to be known before it
/// runs. So a script that is sent again counts in the same hour, too.
pub(crate) fn count_for(call: &mut ScriptInvocation, tenant: &str) {
    call.key(totals(tenant)).key(of_hour(tenant, this_hour()));
    call.arg(tenant).arg(CHANNEL);
}

/// The hour that it is now, counted from 1970 on.
#[must_use]
pub fn this_hour() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970.unwrap_or_default().as_secs() / 3600
}

// `{mails}` is in all keys of the queue, so that a cluster keeps them on one node and a script can use several.

fn totals(tenant: &str) -> String {
    format!("{{mails}}:totals:{tenant}")
}

fn of_hour(tenant: &str, hour: u64) -> String {
    format!("{{mails}}:hour:{hour}:{tenant}")
}
