//! [`Queue`]: the mails that wait, in a stream.
//!
//! Libraries for jobs, such as apalis, work on a client of redis-ready. This queue is by hand, because each mail is to
//! be sent once: what is queued, or is done, must be marked and counted in the same step, which is a script here.

use redis_ready::redis::{RedisResult, Script};

use crate::counts::count_for;
use crate::handles::{Handles, Redis};
use crate::mail::Mail;

/// The mails that wait, and those that workers hold.
pub const STREAM: &str = "{mails}:stream";
/// The mails that could not be delivered, for a person to look at.
pub const DEAD_LETTERS: &str = "{mails}:dead";

/// For how long the id of a mail is remembered, in seconds.
const REMEMBERED: u64 = 24 * 3600;

/// Takes mails.
pub struct Queue<R> {
    redis: R,
    script: Script,
}

impl<R: Redis> Queue<R> {
    #[must_use]
    pub fn new(handles: &Handles<R>) -> Queue<R> {
        let script = concat!(
            include_str!("scripts/count.lua"),
            include_str!("scripts/enqueue.lua")
        );
        Queue {
            // The script does nothing the second time, so it is sent again after a lost connection.
            redis: handles.repeatable.clone(),
            script: Script::new(script),
        }
    }

    /// Queues a mail; returns `false` if one with its id was queued before, be it by this call, whose reply was lost.
    ///
    /// # Errors
    ///
    /// If Redis does not answer. The mail may be queued all the same: the caller tries again with the same id.
    pub async fn enqueue(&self, mail: &Mail) -> RedisResult<bool> {
        let mut call = self.script.prepare_invoke();
        count_for(&mut call, &mail.tenant);
        call.key(STREAM);
        call.key(format!("{{mails}}:queued:{}:{}", mail.tenant, mail.id));
        call.arg(text(mail)).arg(REMEMBERED);
        call.invoke_async(&mut self.redis.clone()).await
    }
}

pub(crate) fn text(mail: &Mail) -> String {
    serde_json::to_string(mail).expect("a mail has only strings")
}
