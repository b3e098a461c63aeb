//! [`BlockingClient`]: the shared connection for code that is not asynchronous.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use redis::{Cmd, ConnectionLike, RedisResult, Value};

use crate::client::{empty_command, send};
use crate::link::{Limits, Link, Reply, Request, aborted, count_commands};

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
    link: Arc<Link>,
}

impl BlockingClient {
    pub(crate) fn new(link: Arc<Link>) -> BlockingClient {
        BlockingClient { link }
    }

    fn limits(&self) -> Limits {
        Limits::from(self.link.config())
    }
}

impl fmt::Debug for BlockingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockingClient { link } = self;
        f.debug_struct("BlockingClient")
            .field("config", link.config())
            .finish_non_exhaustive()
    }
}

impl ConnectionLike for BlockingClient {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        if count_commands(command) != Some(1) {
            return Err(empty_command());
        }
        match block_on(self.link.call(Request::encoded(command, self.limits())))? {
            Reply::One(value) => Ok(value),
            Reply::Many(_) | Reply::Aborted(_) => Ok(Value::Nil),
        }
    }

    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        // One command that is empty, or none at all, and every later reply would be somebody else's.
        if commands.is_empty() || count_commands(commands) != Some(offset + count) {
            return Err(empty_command());
        }
        let request = Request::pipeline(Cow::Borrowed(commands), offset, count, self.limits());
        match block_on(self.link.call(request))? {
            Reply::Many(values) => Ok(values),
            Reply::One(value) => Ok(vec![value]),
            // A transaction is its commands between MULTI and EXEC.
            Reply::Aborted(refused) => Err(block_on(aborted(offset.saturating_sub(1), &refused))),
        }
    }

    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        block_on(send(&self.link, command, self.limits()))
    }

    fn get_db(&self) -> i64 {
        self.link.config().database().into()
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
