//! [`Confirming`]: a connection on which a write is done when it is on the replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use redis_ready::Client;
use redis_ready::redis::aio::ConnectionLike;
use redis_ready::redis::{
    Arg, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, Value, pipe,
};

/// How long a replica has to confirm a write, in milliseconds.
const PATIENCE: u64 = 1000;
/// The error of a write that is on the primary alone.
pub const NOT_REPLICATED: &str = "not on the replica";
/// Written behind each command, see [`Confirming`].
const FENCE: &str = "{mails}:fence";

/// Sends `WAIT` behind each command, in one pipeline: the client gives that a connection of its own for so long.
///
/// `WAIT` is about what the same connection has written before. A mail that is queued a second time writes nothing, and
/// then the write of the fence stands behind that of the first time: with the fence the replica has both.
#[derive(Clone)]
pub struct Confirming {
    client: Client,
    waits: bool,
    accepted: Arc<AtomicU64>,
}

impl Confirming {
    /// If not `waits`, a write is done when the primary says so.
    pub fn new(client: Client, waits: bool) -> Confirming {
        Confirming {
            client,
            waits,
            accepted: Arc::default(),
        }
    }

    /// Returns how often a server has queued a mail, since the last call of this: more than once for the same mail if
    /// the server that had queued it has lost it.
    pub fn take_accepted(&self) -> u64 {
        self.accepted.swap(0, Ordering::Relaxed)
    }

    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let is_script = matches!(command.args_iter().next(), Some(Arg::Simple(b"EVALSHA")));
        if !is_script || !self.waits {
            let reply = self.client.req_packed_command(command).await?;
            self.count(is_script, &reply);
            return Ok(reply);
        }
        let mut pipeline = pipe();
        pipeline.add_command(command.clone());
        pipeline.cmd("SET").arg(FENCE).arg(1);
        pipeline.cmd("WAIT").arg(1).arg(PATIENCE);
        let replies = self.client.req_packed_commands(&pipeline, 0, 3).await?;
        let replies: RedisResult<Vec<Value>> = replies.into_iter().map(checked).collect();
        let mut replies = replies?.into_iter();
        let reply = replies.next().unwrap_or(Value::Nil);
        self.count(is_script, &reply);
        match replies.nth(1) {
            Some(Value::Int(1..)) => Ok(reply),
            _ => Err(RedisError::from((ErrorKind::Client, NOT_REPLICATED))),
        }
    }

    fn count(&self, is_script: bool, reply: &Value) {
        if is_script && *reply == Value::Int(1) {
            self.accepted.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// An error of the server stands among the replies of a pipeline.
fn checked(reply: Value) -> RedisResult<Value> {
    match reply {
        Value::ServerError(error) => Err(error.into()),
        reply => Ok(reply),
    }
}

impl ConnectionLike for Confirming {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.send(command).boxed()
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.client.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.client.get_db()
    }
}
