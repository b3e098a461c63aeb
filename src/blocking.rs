//! [`BlockingClient`]: the shared connection for code that is not asynchronous.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use redis::{Cmd, ConnectionLike, RedisResult, Value};

use crate::link::Resend;
use crate::servers::Servers;

/// The same connection as its [`Client`](crate::Client), for `Commands`, `TypedCommands` and
/// pipelines in code that is not asynchronous.
///
/// Every call blocks its thread until the reply is there or the deadline has passed. Clones share
/// the connection, so threads need no pool. In asynchronous code use the client itself, or
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
    servers: Arc<Servers>,
    resend: Resend,
}

impl BlockingClient {
    pub(crate) fn new(servers: Arc<Servers>, resend: Resend) -> BlockingClient {
        BlockingClient { servers, resend }
    }
}

impl fmt::Debug for BlockingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockingClient { servers, resend } = self;
        f.debug_struct("BlockingClient")
            .field("config", servers.config())
            .field("idempotent", &(*resend == Resend::Idempotent))
            .finish_non_exhaustive()
    }
}

impl ConnectionLike for BlockingClient {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        block_on(self.servers.send_encoded(command, self.resend))
    }

    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        block_on(
            self.servers
                .send_encoded_pipeline(commands, offset, count, self.resend),
        )
    }

    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        block_on(self.servers.send(command, self.resend))
    }

    fn get_db(&self) -> i64 {
        self.servers.config().database().into()
    }

    fn check_connection(&mut self) -> bool {
        self.req_command(&redis::cmd("PING")).is_ok()
    }

    /// The connection heals by itself, so it is never to be thrown away.
    fn is_open(&self) -> bool {
        true
    }
}

/// Runs `future` on this thread.
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
