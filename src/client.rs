//! [`Client`]: the handle an application holds.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use crate::blocking::BlockingClient;
use crate::config::Config;
use crate::dedicated::DedicatedConnection;
use crate::error::{Error, ErrorKind};
use crate::link::{Limits, Resend, sleep, within as within_limit};
use crate::registry;
use crate::servers::Servers;

/// A Redis client that is ready: connects when it is first used, and again whenever it has to.
///
/// Clones share one multiplexed connection, from any number of tasks, threads and runtimes. All of
/// redis-rs's commands work on it: `AsyncCommands`, `AsyncTypedCommands`, pipelines, transactions and
/// scripts.
///
/// ```no_run
/// use redis_ready::redis::AsyncCommands;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut client = redis_ready::Client::open("redis://localhost:6379")?;
/// let visits: u64 = client.incr("visits", 1).await?;
/// # Ok(())
/// # }
/// ```
///
/// A command waits for its connection and its reply until its deadline, 3 s unless
/// [configured](Config) otherwise. A command that was not written yet when the connection was lost
/// moves to the next one, and so does one that only reads; any other that was written fails with
/// [`ErrorKind::ConnectionLost`], for it may have run, unless it is [idempotent](Client::idempotent).
/// Dropping the future of a command is safe: its reply is read and discarded.
#[derive(Clone)]
pub struct Client {
    servers: Arc<Servers>,
    resend: Resend,
}

/// What an error may come late at the end of a limit, so that it can say why.
const GRACE: Duration = Duration::from_millis(50);

impl Client {
    /// Returns the client for the variable `name`, as [`redis_client!`](crate::redis_client) does,
    /// without the check at compile time that it is documented. Does not connect.
    ///
    /// The value is read once per process and name, from the process environment, else the file that
    /// `NAME_FILE` names, else `.env` in the current directory. Later calls return the same client, or
    /// the same error, whatever has changed in between.
    ///
    /// # Errors
    /// [`ErrorKind::MissingVariable`]; [`ErrorKind::InvalidFile`] for a file that cannot be used; and
    /// those of [`Client::open`].
    pub fn from_env(name: &str) -> Result<Client, Error> {
        registry::client_from_env(name)
    }

    /// Opens a client for `url`, without connecting.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUrl`], or [`ErrorKind::Unsupported`] for a URL that asks for what this
    /// build cannot do.
    pub fn open(url: &str) -> Result<Client, Error> {
        url.parse().map(Client::with_config)
    }

    /// Opens a client with `config`, without connecting.
    #[must_use]
    pub fn with_config(config: Config) -> Client {
        Client {
            servers: Arc::new(Servers::new(config)),
            resend: Resend::AtMostOnce,
        }
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.servers.config()
    }

    /// Sends `PING` and returns how long the reply took; in a cluster to every primary. Connects if
    /// needed.
    ///
    /// # Errors
    /// As for any command; [`ErrorKind::NotReady`] where the server answers with an error, as it does
    /// while it loads its data.
    pub async fn ping(&self) -> Result<Duration, Error> {
        self.ping_within(self.limits()).await
    }

    async fn ping_within(&self, limits: Limits) -> Result<Duration, Error> {
        let start = Instant::now();
        self.servers.ping(limits).await?;
        Ok(start.elapsed())
    }

    /// Waits until the server answers: a gate for the start of an application. Connects, and waits
    /// at most `within` for a server that is still starting, loading its data or out of reach.
    ///
    /// # Errors
    /// The last error at the end of `within`; at once what no waiting will change, such as
    /// [`ErrorKind::Authentication`] and [`ErrorKind::Tls`].
    pub async fn ready(&self, within: Duration) -> Result<(), Error> {
        let mut last = None;
        let until_ready = self.until_ready(Instant::now() + within, &mut last);
        let answered = within_limit(within + 2 * GRACE, until_ready).await;
        answered.unwrap_or_else(|| {
            let late = || Error::new(ErrorKind::TimedOut, format!("not ready within {within:?}"));
            Err(last.unwrap_or_else(late))
        })
    }

    async fn until_ready(&self, until: Instant, last: &mut Option<Error>) -> Result<(), Error> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let limits = self.limits();
            let limits = Limits {
                deadline: limits.deadline.min(left + GRACE),
                ..limits
            };
            match self.ping_within(limits).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_passing() && !left.is_zero() => *last = Some(error),
                Err(error) => return Err(error),
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Opens a connection of its own: for `WATCH`, blocking commands, and whatever else changes the
    /// session. Connects at once; in a cluster to the node that serves the keys of its first command.
    ///
    /// # Errors
    /// Why it cannot connect, within the connect timeout.
    pub async fn dedicated_connection(&self) -> Result<DedicatedConnection, Error> {
        DedicatedConnection::open(Arc::clone(&self.servers)).await
    }

    /// Returns a handle to the same connection, for commands that may run twice: after a lost
    /// connection they are sent again, as commands that only read always are.
    ///
    /// Right for `SET`, `DEL`, `HSET`, `EXPIRE` and scripts that leave the same state behind however
    /// often they run; wrong for `INCR`, `LPUSH`, `SETNX` as a lock. A command is written at most three
    /// times, within its deadline, and all callers share a budget: 1,000 commands at once, and one for
    /// every ten replies on the long run.
    ///
    /// ```no_run
    /// use redis_ready::redis::AsyncCommands;
    ///
    /// # async fn example(client: redis_ready::Client) -> redis_ready::redis::RedisResult<()> {
    /// let () = client.idempotent().set("session:17", "…").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn idempotent(&self) -> Client {
        Client {
            resend: Resend::Idempotent,
            ..self.clone()
        }
    }

    /// Returns the same connection for code that is not asynchronous.
    #[must_use]
    pub fn blocking(&self) -> BlockingClient {
        BlockingClient::new(Arc::clone(&self.servers), self.resend)
    }

    /// Refuses new commands from all clones, waits at most `grace` for those in flight, and closes
    /// the connection. What is in flight after that fails with [`ErrorKind::Closed`].
    pub async fn close(&self, grace: Duration) {
        self.servers.close(grace).await;
    }

    fn limits(&self) -> Limits {
        Limits::from(self.config())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Client { servers, resend } = self;
        f.debug_struct("Client")
            .field("config", servers.config())
            .field("idempotent", &(*resend == Resend::Idempotent))
            .finish_non_exhaustive()
    }
}

impl ConnectionLike for Client {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.servers.send(command, self.resend))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(
            self.servers
                .send_pipeline(pipeline, offset, count, self.resend),
        )
    }

    fn get_db(&self) -> i64 {
        self.config().database().into()
    }
}
