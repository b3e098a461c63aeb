//! [`BlockingClient`]: the multiplexed connection for code that is not asynchronous.
//!
//! The I/O thread drives the connection for it, and not the thread that calls. There is little to gain: one
//! `GET` after the other took 61 µs each, 56 µs on a connection of redis-rs, where the calling thread reads
//! for itself, and 72 µs where it ran a tokio runtime with the task that drives (medians of ten runs over TCP, on
//! two cores). With many threads the one that drives would have to wake all others, as the I/O thread does.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ConnectionLike, HotkeysCommands, RedisError, RedisResult, Value};

use super::dedicated::{BlockingDedicatedConnection, DedicatedConnection};
use super::deployment::Deployment;
use crate::command::arguments;
use crate::connection::{CallOptions, Packed, blocking_time, blocking_time_of};
use crate::error::{Error, ErrorKind};
use crate::observe::{Health, Statistics};
use crate::runtime::{block_on, block_on_within, check_may_wait};
use crate::subscription::{BlockingSubscription, ChannelNames, Kind};
use crate::timeout_cause::TimeoutCause;

/// Runs `Commands`, `TypedCommands` and pipelines on the connection of its [`Client`](crate::Client), in
/// code that is not asynchronous.
///
/// Every call blocks its thread until the reply has come or the deadline has passed. Clones share the
/// connection, so threads need no pool. `is_open()` is always true, because a lost connection is made again by
/// itself: a pool must never replace this client. In asynchronous code use the client itself, or call this one in
/// `spawn_blocking`.
///
/// A logger or a waker may call it: neither runs on the I/O thread of this crate. On that
/// thread itself, where another crate may log, a command fails at once with
/// [`ErrorKind::Deadlock`](crate::ErrorKind::Deadlock).
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
    options: CallOptions,
}

impl BlockingClient {
    pub(super) fn new(deployment: Arc<Deployment>, options: CallOptions) -> BlockingClient {
        BlockingClient {
            deployment,
            options,
        }
    }

    /// Opens a dedicated connection, for `WATCH`, redis-rs's `transaction` and other commands that change
    /// the session, as [`Client::dedicated_connection`](crate::Client::dedicated_connection) does.
    ///
    /// # Errors
    ///
    /// The error of the attempt to connect, as of
    /// [`Client::dedicated_connection`](crate::Client::dedicated_connection);
    /// [`ErrorKind::Deadlock`](crate::ErrorKind::Deadlock) on the I/O thread.
    pub fn dedicated_connection(&self) -> Result<BlockingDedicatedConnection, Error> {
        let connection = DedicatedConnection::open(Arc::clone(&self.deployment), self.options);
        Ok(block_on(connection)?.blocking())
    }

    /// Subscribes to channels, as [`Client::subscribe`](crate::Client::subscribe) does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::subscribe`](crate::Client::subscribe);
    /// [`ErrorKind::Deadlock`](crate::ErrorKind::Deadlock) on the I/O thread.
    pub fn subscribe(&self, channels: impl ChannelNames) -> Result<BlockingSubscription, Error> {
        self.subscribe_to(Kind::Channel, channels)
    }

    /// Subscribes to patterns, as [`Client::psubscribe`](crate::Client::psubscribe) does.
    ///
    /// # Errors
    ///
    /// Those of [`subscribe`](BlockingClient::subscribe).
    pub fn psubscribe(&self, patterns: impl ChannelNames) -> Result<BlockingSubscription, Error> {
        self.subscribe_to(Kind::Pattern, patterns)
    }

    /// Subscribes to sharded channels, as [`Client::ssubscribe`](crate::Client::ssubscribe) does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::ssubscribe`](crate::Client::ssubscribe);
    /// [`ErrorKind::Deadlock`](crate::ErrorKind::Deadlock) on the I/O thread.
    pub fn ssubscribe(&self, channels: impl ChannelNames) -> Result<BlockingSubscription, Error> {
        self.subscribe_to(Kind::Sharded, channels)
    }

    fn subscribe_to(
        &self,
        kind: Kind,
        names: impl ChannelNames,
    ) -> Result<BlockingSubscription, Error> {
        check_may_wait()?;
        let subscription = block_on(self.deployment.subscribe(kind, names))?;
        Ok(BlockingSubscription::new(subscription))
    }

    /// Returns how the client is at this moment, without I/O, as
    /// [`Client::health`](crate::Client::health) does.
    #[must_use]
    pub fn health(&self) -> Health {
        self.deployment.health()
    }

    /// Returns what the client has done since it was made, without I/O, as
    /// [`Client::statistics`](crate::Client::statistics) does.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.deployment.statistics()
    }

    /// Tells the recorder of the `metrics` facade how the client is, as
    /// [`Client::record_metrics`](crate::Client::record_metrics) does.
    #[cfg(feature = "metrics")]
    pub fn record_metrics(&self) {
        self.deployment.record_metrics();
    }

    /// Returns a handle whose commands may run twice, as [`Client::idempotent`](crate::Client::idempotent)
    /// does.
    #[must_use]
    pub fn idempotent(&self) -> BlockingClient {
        self.with_options(self.options.idempotent())
    }

    /// Returns a handle whose commands have `limit` as their response timeout and as their deadline, as
    /// [`Client::with_timeout`](crate::Client::with_timeout) does.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use redis_ready::redis::Commands;
    ///
    /// # fn example(client: redis_ready::BlockingClient) -> redis_ready::redis::RedisResult<()> {
    /// let stock: u64 = client.with_timeout(Duration::from_millis(50)).get("stock")?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_timeout(&self, limit: Duration) -> BlockingClient {
        self.with_options(self.options.with_own_timeout(limit))
    }

    /// Returns a handle whose commands fail at once where they would have to wait, as
    /// [`Client::fail_fast`](crate::Client::fail_fast) does.
    #[must_use]
    pub fn fail_fast(&self) -> BlockingClient {
        self.with_options(self.options.fail_fast())
    }

    fn with_options(&self, options: CallOptions) -> BlockingClient {
        BlockingClient {
            deployment: Arc::clone(&self.deployment),
            options,
        }
    }

    /// Blocks this thread until `future` is ready. Fails if it is not ready some time after the deadline
    /// plus `more`: then the I/O thread does not run.
    fn wait<T>(
        &self,
        future: impl Future<Output = RedisResult<T>>,
        more: impl FnOnce() -> Duration,
    ) -> RedisResult<T> {
        check_may_wait()?;
        let deadline = self.options.timeouts.deadline;
        block_on_within(future, deadline, more).unwrap_or_else(|| {
            let message = format!(
                "the I/O thread did not report on the command within its deadline, {deadline:?}"
            );
            let error = Error::new(ErrorKind::TimedOut, message)
                .after_writing()
                .timed_out(TimeoutCause::NotScheduled)
                .with_help("look for code that blocks or has stopped the thread `redis-ready`");
            Err(RedisError::from(error))
        })
    }

    /// Closes the client and all of its clones, as [`Client::close`](crate::Client::close) does, and waits
    /// at most `grace` for the commands in flight.
    pub fn close(&self, grace: Duration) {
        // On the I/O thread the wait would never end.
        if check_may_wait().is_ok() {
            block_on(self.deployment.close(grace));
        }
    }
}

impl fmt::Debug for BlockingClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockingClient {
            deployment,
            options,
        } = self;
        let mut client = f.debug_struct("BlockingClient");
        client.field("config", deployment.config());
        options.describe(&mut client);
        client.finish_non_exhaustive()
    }
}

impl ConnectionLike for BlockingClient {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        let packed = Packed::command(command)?;
        let reply = self.deployment.send_packed(packed.clone(), self.options);
        Ok(self.wait(reply, || blocking_time(&packed))?.single())
    }

    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let packed = Packed::pipeline(commands, offset, count)?;
        let values = self
            .deployment
            .send_packed_pipeline(packed.clone(), self.options);
        self.wait(values, || blocking_time(&packed))
    }

    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        let value = self.deployment.send(command, self.options);
        self.wait(value, || blocking_time_of(arguments(command)))
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use futures::executor::block_on as block_on_futures;
    use redis::{AsyncCommands, Commands};

    use super::*;
    use crate::client::Client;
    use crate::runtime::spawn;

    /// The kinds of the errors that `calls` fails with on the I/O thread.
    fn on_the_io_thread(
        calls: impl FnOnce(Client) -> Vec<Option<ErrorKind>> + Send + 'static,
    ) -> Vec<Option<ErrorKind>> {
        let client = Client::open("redis://127.0.0.1:1").expect("valid");
        let (send, receive) = std::sync::mpsc::channel();
        spawn(async move { send.send(calls(client)).expect("the test waits") }).expect("it starts");
        receive.recv().expect("it does not panic")
    }

    fn kind<T>(result: RedisResult<T>) -> Option<ErrorKind> {
        Error::from_redis(&result.err()?).map(Error::kind)
    }

    #[test]
    fn a_call_on_the_io_thread_fails_at_once() {
        let kinds = on_the_io_thread(|client| {
            let mut blocking = client.blocking();
            vec![
                kind(blocking.get::<_, Option<String>>("a")),
                kind(redis::pipe().get("a").query::<()>(&mut blocking)),
                kind(block_on_futures(
                    client.clone().get::<_, Option<String>>("a"),
                )),
                kind(block_on_futures(client.clone().blpop::<_, ()>("a", 0.0))),
                block_on_futures(client.ping())
                    .err()
                    .map(|error| error.kind()),
                block_on_futures(client.dedicated_connection())
                    .err()
                    .map(|error| error.kind()),
            ]
        });
        assert_eq!(kinds, [Some(ErrorKind::Deadlock); 6]);
    }

    #[test]
    fn a_session_on_the_io_thread_fails_and_closing_returns_at_once() {
        let (server, port) = server_that_knows_ping();
        let client = Client::open(&format!("redis://127.0.0.1:{port}?deadline=20s"));
        let client = client.expect("valid");
        let mut connection = client
            .blocking()
            .dedicated_connection()
            .expect("it answers");
        let open = connection.clone();
        let kinds = on_the_io_thread(move |_| {
            let kinds = vec![
                kind(connection.get::<_, Option<String>>("a")),
                kind(redis::pipe().get("a").query::<()>(&mut connection)),
            ];
            client.blocking().close(Duration::MAX);
            kinds
        });
        assert_eq!(kinds, [Some(ErrorKind::Deadlock); 2]);
        assert!(redis::ConnectionLike::is_open(&open));
        drop(open);
        server.join().expect("it does not panic");
    }

    /// Answers `+PONG` to each command on one connection, until that ends.
    fn server_that_knows_ping() -> (std::thread::JoinHandle<()>, u16) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the client connects");
            let mut bytes = [0; 1_024];
            while let Ok(length @ 1..) = stream.read(&mut bytes) {
                let commands = bytes[..length].split(|byte| *byte == b'*').count() - 1;
                let written = stream.write_all(&b"+PONG\r\n".repeat(commands));
                written.expect("the client reads");
            }
        });
        (server, port)
    }
}
