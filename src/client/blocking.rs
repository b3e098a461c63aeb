//! [`BlockingClient`]: the multiplexed connection for code that is not asynchronous.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ConnectionLike, HotkeysCommands, RedisResult, Value};

use super::block_on::block_on;
use super::dedicated::{BlockingDedicatedConnection, DedicatedConnection};
use super::deployment::Deployment;
use crate::connection::{Packed, Resend};
use crate::error::Error;

/// Runs `Commands`, `TypedCommands` and pipelines on the connection of its [`Client`](crate::Client), in
/// code that is not asynchronous.
///
/// Every call blocks its thread until the reply has come or the deadline has passed. Clones share the
/// connection, so threads need no pool. `is_open()` is always true, because a lost connection is made again by
/// itself: a pool must never replace this client. In asynchronous code use the client itself, or call this one in
/// `spawn_blocking`.
///
/// ```no_run
/// use redis_ready::redis::Commands;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = redis_ready::Client::open("redis://localhost:6379")?;
/// let visits: u64 = client.blocking().incr("visits", 1)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BlockingClient {
    deployment: Arc<Deployment>,
    resend: Resend,
}

impl BlockingClient {
    pub(super) fn new(deployment: Arc<Deployment>, resend: Resend) -> BlockingClient {
        BlockingClient { deployment, resend }
    }

    /// Opens a dedicated connection, for `WATCH`, redis-rs's `transaction` and other commands that change
    /// the session, as [`Client::dedicated_connection`](crate::Client::dedicated_connection) does.
    ///
    /// # Errors
    ///
    /// As there: the error of the attempt to connect.
    pub fn dedicated_connection(&self) -> Result<BlockingDedicatedConnection, Error> {
        let connection = DedicatedConnection::open(Arc::clone(&self.deployment));
        Ok(block_on(connection)?.blocking())
    }

    /// Closes the client and all of its clones, as [`Client::close`](crate::Client::close) does, and waits
    /// at most `grace` for the commands in flight.
    pub fn close(&self, grace: Duration) {
        block_on(self.deployment.close(grace));
    }
}

impl fmt::Debug for BlockingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockingClient { deployment, resend } = self;
        f.debug_struct("BlockingClient")
            .field("config", deployment.config())
            .field("idempotent", &(*resend == Resend::Idempotent))
            .finish_non_exhaustive()
    }
}

impl ConnectionLike for BlockingClient {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        let packed = Packed::command(command)?;
        let reply = block_on(self.deployment.send_packed(packed, self.resend))?;
        Ok(reply.single())
    }

    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let packed = Packed::pipeline(commands, offset, count)?;
        block_on(self.deployment.send_pipeline(packed, self.resend))
    }

    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        block_on(self.deployment.send(command, self.resend))
    }

    fn get_db(&self) -> i64 {
        self.deployment.config().database().into()
    }

    fn check_connection(&mut self) -> bool {
        self.req_command(&redis::cmd("PING")).is_ok()
    }

    /// The connection is made again by itself, so a pool must never replace it.
    fn is_open(&self) -> bool {
        true
    }
}

impl HotkeysCommands for BlockingClient {}
