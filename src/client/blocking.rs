//! [`BlockingClient`]: the multiplexed connection for code that is not asynchronous.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use redis::{Cmd, ConnectionLike, RedisResult, Value};

use super::deployment::Deployment;
use crate::connection::{Packed, Resend};

/// Runs `Commands`, `TypedCommands` and pipelines on the connection of its [`Client`](crate::Client), in
/// code that is not asynchronous.
///
/// Every call blocks its thread until the reply has come or the deadline has passed. Clones share the
/// connection, so threads need no pool. In asynchronous code use the client itself, or call this one in
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

/// Blocks this thread until `future` is ready.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
