//! [`DedicatedConnection`] and [`BlockingDedicatedConnection`]: the session of one caller.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use redis::{
    AsyncHotkeysCommands, Cmd, HotkeysCommands, Pipeline, RedisFuture, RedisResult, Value, aio,
};
use tokio::sync::{Mutex, MutexGuard};

use super::deployment::Deployment;
use super::session_start::{SessionStart, in_use};
use crate::command::{CommandInfo, arguments};
use crate::config::Config;
use crate::connection::{
    CallOptions, ExpectedReplies, LimitedBy, MultiplexedConnection, Packed, Reply, Request, Resend,
    check_not_empty, check_wait, dedicated_options, own_request,
};
use crate::error::{Error, ErrorKind};
use crate::resp::encode;
use crate::runtime::{block_on, check_may_wait, within};

/// Holds a connection for one caller, for `WATCH` and other commands that change the session.
///
/// It does not reconnect, because the state of the session would be gone: after the connection is lost,
/// every command fails with [`ErrorKind::Closed`](crate::ErrorKind::Closed), and redis-rs's
/// `is_unrecoverable_error()` is true, so that a pool replaces it. Dropping the last clone closes the
/// connection; [`Client::close`](crate::Client::close) does not.
///
/// It ends as well when its server turns out to be a replica, by a `READONLY` in a reply: a demoted primary
/// would keep the sessions of a pool for ever.
///
/// In a cluster the first command with a key decides on the node, and the state of the session until then,
/// such as `MULTI` or a database, is set up again on that node, where the session stays: a redirection is an
/// error of its command. If the node refuses that state, the session has ended.
///
/// # Transactions that watch keys
///
/// redis-rs's `transaction_async` repeats its closure until no other client has changed the watched keys:
///
/// ```no_run
/// use redis_ready::redis::{self, AsyncCommands};
///
/// # async fn example(client: redis_ready::Client) -> redis::RedisResult<()> {
/// let connection = client.dedicated_connection().await?;
/// let (left,): (i64,) =
///     redis::aio::transaction_async(connection, &["stock"], |mut connection, mut pipe| async move {
///         let stock: i64 = connection.get("stock").await?;
///         pipe.set("stock", stock - 1).ignore().get("stock").query_async(&mut connection).await
///     })
///     .await?;
/// # let _ = left;
/// # Ok(())
/// # }
/// ```
///
/// Or command by command. In code that is not asynchronous the same is done with a
/// [`BlockingDedicatedConnection`].
///
/// ```no_run
/// use redis_ready::redis::{self, AsyncCommands};
///
/// # async fn example(client: redis_ready::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let mut connection = client.dedicated_connection().await?;
/// redis::cmd("WATCH").arg("stock").exec_async(&mut connection).await?;
/// let stock: i64 = connection.get("stock").await?;
/// // `None`: another client has changed `stock` meanwhile, and nothing was executed.
/// let sold: Option<(i64,)> =
///     redis::pipe().atomic().set("stock", stock - 1).ignore().get("stock").query_async(&mut connection).await?;
/// # let _ = sold;
/// # Ok(())
/// # }
/// ```
///
/// # Clones
///
/// Clones share the connection and its session: what one of them watches or selects holds for all of
/// them, and an `EXEC` by one ends the `WATCH` of another. Each gets the replies to its own commands, also
/// if they are used at the same time. For two transactions at once, open two dedicated connections.
#[derive(Clone)]
pub struct DedicatedConnection {
    session: Arc<Session>,
}

/// Holds a connection for one caller, in code that is not asynchronous. It behaves as a
/// [`DedicatedConnection`] does: the same session rules, errors and clones.
///
/// ```no_run
/// use redis_ready::redis::{self, Commands};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = redis_ready::Client::open("redis://localhost:6379")?.blocking();
/// let mut connection = client.dedicated_connection()?;
/// let (left,): (i64,) = redis::transaction(&mut connection, &["stock"], |connection, pipe| {
///     let stock: i64 = connection.get("stock")?;
///     pipe.set("stock", stock - 1).ignore().get("stock").query(connection)
/// })?;
/// # let _ = left;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BlockingDedicatedConnection {
    session: Arc<Session>,
}

impl DedicatedConnection {
    /// Opens a connection on which nothing but the handshake and `PING` has been sent; `GET` to a server
    /// that ends connections on `PING`.
    pub(super) async fn open(
        deployment: Arc<Deployment>,
        options: CallOptions,
    ) -> Result<DedicatedConnection, Error> {
        let session = Arc::new(Session::open(deployment, options).await?);
        Ok(DedicatedConnection { session })
    }

    /// Returns a handle to the same connection, and the same session, for code that is not asynchronous.
    #[must_use]
    pub fn blocking(&self) -> BlockingDedicatedConnection {
        BlockingDedicatedConnection {
            session: Arc::clone(&self.session),
        }
    }
}

/// The connection, and to which node of a cluster it leads.
struct Session {
    deployment: Arc<Deployment>,
    options: CallOptions,
    /// In a cluster it leads to any node, and is used until the first command with a key.
    first: MultiplexedConnection,
    /// What the first command with a key has decided in a cluster; `None` if `first` leads there, and an
    /// error if the session cannot move there.
    pinned: OnceLock<Result<Option<MultiplexedConnection>, Error>>,
    /// What the session is before that. A command without a key holds the lock until it is answered.
    start: Mutex<SessionStart>,
}

impl Session {
    async fn open(deployment: Arc<Deployment>, options: CallOptions) -> Result<Session, Error> {
        let options = CallOptions {
            resend: Resend::Never,
            ..options
        };
        let mut first = deployment.dedicated(options).await?;
        if let Err(error) = connect(&first, options, Duration::MAX).await {
            // By now it is known whether the server ends connections on `PING`.
            if !(error.may_have_run() && first.target().is_oldest()) {
                return Err(error);
            }
            first = deployment.dedicated(options).await?;
            connect(&first, options, Duration::MAX).await?;
        }
        let (pinned, start) = (OnceLock::new(), Mutex::default());
        Ok(Session {
            deployment,
            options,
            first,
            pinned,
            start,
        })
    }

    fn config(&self) -> &Config {
        self.deployment.config()
    }

    /// Returns the connection that leads to the node of the session, as far as that is decided.
    fn connection(&self) -> &MultiplexedConnection {
        match self.pinned.get() {
            Some(Ok(Some(connection))) => connection,
            _ => &self.first,
        }
    }

    /// Returns whether the session can still be used.
    fn is_open(&self) -> bool {
        !matches!(self.pinned.get(), Some(Err(_))) && !self.connection().has_ended()
    }

    /// Returns whether the node of the session is decided, as it always is without a cluster.
    fn is_pinned(&self) -> Result<bool, Error> {
        match self.pinned.get() {
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(_)) => Ok(true),
            None => Ok(self.deployment.cluster().is_none()),
        }
    }

    /// Moves to the node that one of these commands needs, in a cluster, if it is the first one with a
    /// key; returns what the session is so far if none has a key. All of it comes within the deadline, and
    /// what it has taken is returned as well.
    async fn pin<'a>(
        &self,
        commands: impl Iterator<Item = impl Iterator<Item = &'a [u8]> + Clone>,
    ) -> Result<(Option<MutexGuard<'_, SessionStart>>, Duration), Error> {
        if self.is_pinned()? {
            return Ok((None, Duration::ZERO));
        }
        let began = Instant::now();
        let deadline = self.options.timeouts.deadline;
        let start = within(deadline, self.start.lock()).await;
        let start = start.ok_or_else(|| in_use(deadline))?;
        if self.is_pinned()? {
            return Ok((None, began.elapsed()));
        }
        for arguments in commands {
            if self.decide(arguments, &start, began).await? {
                return Ok((None, began.elapsed()));
            }
        }
        Ok((Some(start), began.elapsed()))
    }

    /// Moves to the node of the command with these `arguments`; returns false if it has no key.
    async fn decide<'a>(
        &self,
        arguments: impl Iterator<Item = &'a [u8]> + Clone,
        start: &SessionStart,
        began: Instant,
    ) -> Result<bool, Error> {
        let Some(cluster) = self.deployment.cluster() else {
            return Ok(false);
        };
        let left = || self.options.after(began.elapsed());
        let Some(connection) = cluster.dedicated_for(arguments, left()).await? else {
            return Ok(false);
        };
        let moves = connection.target().to_string() != self.first.target().to_string();
        if moves {
            connect(&connection, self.options, left().timeouts.deadline).await?;
            let repeated = start.repeat_on(&connection, left()).await;
            if let Err(error) = repeated {
                if error.kind() == ErrorKind::Closed {
                    let _ = self.pinned.set(Err(error.clone()));
                }
                return Err(error);
            }
        }
        // Only the holder of the lock decides.
        let _ = self.pinned.set(Ok(moves.then_some(connection)));
        Ok(true)
    }

    async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let reply = self.run(command);
        self.deployment.observe(command, reply).await
    }

    async fn run(&self, command: &Cmd) -> RedisResult<Value> {
        check_may_wait()?;
        check_not_empty(command)?;
        let info = CommandInfo::of(arguments(command));
        let options = dedicated_options(info, arguments(command), self.options)?;
        let (start, waited) = self.pin(std::iter::once(arguments(command))).await?;
        if start.is_some() {
            let mut bytes = Vec::new();
            encode(command, &mut bytes);
            let packed = Packed::checked(bytes.into(), ExpectedReplies::One);
            let options = options.after(waited);
            return Ok(self.exchange(packed, options, start).await?.single());
        }
        let request = Request::command(command, info, options.after(waited));
        let reply = self.connection().call_in_session(request).await;
        Ok(reply?.single())
    }

    async fn send_packed(&self, packed: Packed<'_>) -> RedisResult<Vec<Value>> {
        let replies = self.run_packed(packed.borrowed());
        self.deployment.observe_packed(&packed, replies).await
    }

    async fn run_packed(&self, packed: Packed<'_>) -> RedisResult<Vec<Value>> {
        check_may_wait()?;
        let mut options = self.options;
        let commands = packed.commands();
        for command in &commands {
            let arguments = command.iter().copied();
            let info = CommandInfo::of(arguments.clone());
            check_wait(info, arguments.clone(), true, packed.is_transaction())?;
            options = dedicated_options(info, arguments, options)?;
        }
        let (start, waited) = self
            .pin(commands.iter().map(|command| command.iter().copied()))
            .await?;
        let count = packed.count();
        self.exchange(packed, options.after(waited), start)
            .await?
            .many(count)
            .await
    }

    /// Sends commands, and keeps what they make of the session as long as its node is not decided.
    async fn exchange(
        &self,
        packed: Packed<'_>,
        options: CallOptions,
        start: Option<MutexGuard<'_, SessionStart>>,
    ) -> Result<Reply, Error> {
        let Some(mut start) = start else {
            let request = Request::packed(packed, options);
            return self.connection().call_in_session(request).await;
        };
        start.before(packed.bytes());
        let request = Request::packed(packed.clone(), options);
        let reply = self.first.call_in_session(request).await?;
        start.answered(packed.bytes(), &reply);
        Ok(reply)
    }
}

/// Connects and sends `PING`, within `limit` and within the timeout of the handle, if it has its own, else
/// within the connect timeout and the response timeout together.
async fn connect(
    connection: &MultiplexedConnection,
    options: CallOptions,
    limit: Duration,
) -> Result<(), Error> {
    let (timeouts, target) = (options.timeouts, connection.target());
    let attempt = if options.limited_by == LimitedBy::Handle {
        timeouts.deadline
    } else {
        (target.client().connect_timeout()).saturating_add(timeouts.response_timeout)
    };
    let options = options.with_timeouts(timeouts.with_deadline(limit.min(attempt)));
    let probe = target.probe_command();
    let call = connection.call(own_request(&probe, options)).reply().await;
    call.map(drop)
}

impl fmt::Debug for DedicatedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DedicatedConnection { session } = self;
        f.debug_struct("DedicatedConnection")
            .field("config", session.config())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BlockingDedicatedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockingDedicatedConnection { session } = self;
        f.debug_struct("BlockingDedicatedConnection")
            .field("config", session.config())
            .finish_non_exhaustive()
    }
}

impl aio::ConnectionLike for DedicatedConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.session.send(command))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let packed = Packed::of_pipeline(pipeline, offset, count);
        Box::pin(async move { self.session.send_packed(packed?).await })
    }

    fn get_db(&self) -> i64 {
        self.session.config().database().into()
    }
}

impl redis::ConnectionLike for BlockingDedicatedConnection {
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        let packed = Packed::command(command)?;
        let replies = block_on(self.session.send_packed(packed))?;
        Ok(replies.into_iter().next().unwrap_or(Value::Nil))
    }

    fn req_packed_commands(
        &mut self,
        commands: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let packed = Packed::pipeline(commands, offset, count)?;
        block_on(self.session.send_packed(packed))
    }

    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        block_on(self.session.send(command))
    }

    fn get_db(&self) -> i64 {
        self.session.config().database().into()
    }

    fn check_connection(&mut self) -> bool {
        self.req_command(&redis::cmd("PING")).is_ok()
    }

    /// Returns false once the connection has ended.
    fn is_open(&self) -> bool {
        self.session.is_open()
    }
}

impl AsyncHotkeysCommands for DedicatedConnection {}
impl HotkeysCommands for BlockingDedicatedConnection {}
