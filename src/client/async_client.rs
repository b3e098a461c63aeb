//! [`Client`]: the handle that an application holds.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::ConnectionLike;
use redis::{AsyncHotkeysCommands, Cmd, Pipeline, RedisFuture, Value};

use super::blocking::BlockingClient;
use super::dedicated::DedicatedConnection;
use super::deployment::Deployment;
use crate::config::Config;
use crate::connection::{CallOptions, LimitedBy};
use crate::error::{Error, ErrorKind};
use crate::observe::{Health, Statistics};
use crate::runtime::{later, sleep, within as within_limit};
use crate::subscription::{ChannelNames, Kind, Subscription};
use crate::timeout_cause::TimeoutCause;

/// Connects when it is first used, and reconnects by itself after that.
///
/// Clones share one multiplexed connection, and may be used by any number of tasks, threads and
/// runtimes. All commands of redis-rs work on it: `AsyncCommands`, `AsyncTypedCommands`, pipelines,
/// transactions and scripts.
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
/// A command waits for a connection and for its reply until its deadline, 3 s unless
/// [configured](Config) otherwise. If the connection is lost, a command that had not been written moves
/// to the next one, and so does a command that only reads. Any other command that had been written fails
/// with [`ErrorKind::ConnectionLost`], because it may have run, unless it is
/// [idempotent](Client::idempotent). [Delivery](crate::guide::delivery) has all cases.
///
/// Commands are cancel safe for the connection: when the future of a command is dropped, its reply is
/// read and discarded. The command may have run all the same.
///
/// # Limits of a handle
///
/// [`with_timeout`](Client::with_timeout), [`fail_fast`](Client::fail_fast) and
/// [`idempotent`](Client::idempotent) return another handle to the same connection, for as many or as few commands
/// as one likes. A handle costs what a clone does, and the three go together in any order:
///
/// ```no_run
/// use std::time::Duration;
/// use redis_ready::redis::AsyncCommands;
///
/// # async fn example(client: redis_ready::Client) -> redis_ready::redis::RedisResult<()> {
/// let mut cache = client.fail_fast().with_timeout(Duration::from_millis(50)).idempotent();
/// let () = cache.set_ex("page:1", "…", 60).await?;
/// # Ok(())
/// # }
/// ```
///
/// [`ping`](Client::ping) and [`dedicated_connection`](Client::dedicated_connection) go by the settings of their
/// handle, and a dedicated connection keeps its time limits. [`ready`](Client::ready) waits for the server from
/// any handle.
///
/// # A Redis that is optional
///
/// An application that can do without Redis, say without a cache, has to know two cases: that it is not
/// configured, and that it is not there at the moment.
///
/// ```no_run
/// use std::time::Duration;
/// use redis_ready::redis::AsyncCommands;
/// use redis_ready::{Client, ErrorKind};
///
/// /// The cache, if the variable is set.
/// fn cache() -> Result<Option<Client>, redis_ready::Error> {
///     match Client::from_env("CACHE_REDIS_URL") {
///         Ok(client) => Ok(Some(client.fail_fast().with_timeout(Duration::from_millis(50)))),
///         Err(error) if error.kind() == ErrorKind::MissingVariable => Ok(None),
///         // A variable that is set and wrong is a mistake.
///         Err(error) => Err(error),
///     }
/// }
///
/// /// Reads through the cache. Without it the page takes longer, and that is all.
/// async fn page(cache: Option<Client>, key: &str) -> String {
///     let Some(mut cache) = cache else {
///         return render(key).await;
///     };
///     if let Ok(Some(page)) = cache.get::<_, Option<String>>(key).await {
///         return page;
///     }
///     let page = render(key).await;
///     // At once, if the cache is not there: it need not be asked whether it is.
///     let _: Result<(), _> = cache.set_ex(key, &page, 60).await;
///     page
/// }
/// # async fn render(key: &str) -> String { key.to_owned() }
/// ```
///
/// The macro does the same for a variable of `.env.example`: `match redis_client!()`.
#[derive(Clone)]
pub struct Client {
    deployment: Arc<Deployment>,
    options: CallOptions,
}

/// Extra time past the limit of [`Client::ready`], so that the cause is reported instead of a bare
/// timeout.
const REPORT_TIME: Duration = Duration::from_millis(50);
/// Time between two `PING` of [`Client::ready`].
const READY_INTERVAL: Duration = Duration::from_millis(100);

impl Client {
    /// Opens a client for `url`, without connecting.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidUrl`] for a text that is not a URL of the [forms](Config#forms-of-the-url) and
    /// [parameters](Config#parameters-of-the-url) on [`Config`]; [`ErrorKind::Unsupported`] for TLS in a
    /// build without the feature `tls`.
    pub fn open(url: &str) -> Result<Client, Error> {
        url.parse().map(Client::with_config)
    }

    /// Opens a client with `config`, without connecting.
    #[must_use]
    pub fn with_config(config: Config) -> Client {
        Client {
            options: CallOptions::from(&config),
            deployment: Arc::new(Deployment::new(config)),
        }
    }

    /// Returns the settings of the client.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.deployment.config()
    }

    /// Returns the URL of the server, password included, for a library that takes a URL of redis-rs and no
    /// connection.
    ///
    /// What such a library opens has server, login and database in common with this client, and none of its
    /// promises: pass the client itself where a `ConnectionLike` is taken, and `&client` where an
    /// [`IntoConnectionInfo`](redis::IntoConnectionInfo) is. Keep the URL out of logs: it is a secret, and
    /// unlike [`Config`] it shows it.
    ///
    /// ```
    /// # fn main() -> Result<(), redis_ready::Error> {
    /// let client = redis_ready::Client::open("redis://app:s%23cret@cache/2?deadline=5s")?;
    /// assert_eq!(client.expose_url()?, "redis://app:s%23cret@cache:6379/2");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It holds scheme, login, host, port and database, and no parameter of this crate. `tls_verify=none`
    /// is `#insecure` there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for Sentinels, for a cluster, and for TLS with parameters other than
    /// `tls_verify=none`: a URL of redis-rs cannot say that. As well for a client whose credentials change, before
    /// it has connected; after that the login is the one that was used last.
    pub fn expose_url(&self) -> Result<String, Error> {
        self.config().expose_url()
    }

    /// Sends `PING`, in a cluster to every primary, and returns how long the reply took. Connects if
    /// needed.
    ///
    /// Any answer that proves that the server processes commands is a good one: also that the user may not
    /// run `PING`, that it does not exist, or `MISCONF`, by which a server that cannot save its data refuses
    /// `PING` and writes, and serves reads. After such an answer `DBSIZE` is sent as well, because a server
    /// looks at permissions before it looks whether it is ready.
    ///
    /// # Errors
    ///
    /// Those of any command; [`ErrorKind::NotReady`] if the server answers `LOADING`, `BUSY`, `MASTERDOWN`
    /// or `CLUSTERDOWN`; [`ErrorKind::Authentication`] if it asks for a password.
    pub async fn ping(&self) -> Result<Duration, Error> {
        self.ping_with(self.options).await
    }

    async fn ping_with(&self, options: CallOptions) -> Result<Duration, Error> {
        let start = Instant::now();
        self.deployment.ping(options).await?;
        Ok(start.elapsed())
    }

    /// Waits until the server serves, for the start of an application. Connects, and waits at most
    /// `within` for a server that is starting, loading its data or out of reach. Which answers count is
    /// described at [`ping`](Client::ping).
    ///
    /// ```no_run
    /// # async fn example(client: redis_ready::Client) -> Result<(), redis_ready::Error> {
    /// client.ready(std::time::Duration::from_secs(10)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The last error, at the end of `within`. An error that waiting does not change is returned at once,
    /// such as [`ErrorKind::Authentication`] and [`ErrorKind::Tls`].
    pub async fn ready(&self, within: Duration) -> Result<(), Error> {
        let mut last = None;
        let until_ready = self.until_ready(within, &mut last);
        let answered = within_limit(within.saturating_add(2 * REPORT_TIME), until_ready).await;
        answered.unwrap_or_else(|| {
            let late = || {
                Error::new(
                    ErrorKind::TimedOut,
                    format!("the server was not ready within {within:?}"),
                )
                .timed_out(TimeoutCause::NotReady)
            };
            Err(last.unwrap_or_else(late))
        })
    }

    async fn until_ready(&self, within: Duration, last: &mut Option<Error>) -> Result<(), Error> {
        let until = later(Instant::now(), within);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeouts = self.options.timeouts;
            let deadline = timeouts.deadline.min(left.saturating_add(REPORT_TIME));
            let options = CallOptions {
                timeouts: timeouts.with_deadline(deadline),
                fail_fast: false,
                limited_by: LimitedBy::Ready(within),
                ..self.options
            };
            match self.ping_with(options).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_transient() && !left.is_zero() => *last = Some(error),
                Err(error) => return Err(error),
            }
            sleep(READY_INTERVAL).await;
        }
    }

    /// Opens a dedicated connection, for `WATCH` and other commands that change the session. Connects at
    /// once.
    ///
    /// In a cluster the first command with a key decides which node the connection leads to.
    ///
    /// # Errors
    ///
    /// The error of the attempt to connect, which takes at most the connect timeout and the response
    /// timeout together. In a cluster finding the nodes may take the deadline before that.
    pub async fn dedicated_connection(&self) -> Result<DedicatedConnection, Error> {
        DedicatedConnection::open(Arc::clone(&self.deployment), self.options).await
    }

    /// Subscribes to channels, on a connection that all subscriptions of the client share. Connects if needed,
    /// and returns when the server has confirmed all of them.
    ///
    /// The subscription heals by itself and says what it may have missed: see
    /// [the module](crate::subscription). A single name, an array, a slice or a `Vec` of names will do.
    ///
    /// ```no_run
    /// use redis_ready::subscription::Event;
    ///
    /// # async fn example(client: redis_ready::Client) -> Result<(), redis_ready::Error> {
    /// let mut subscription = client.subscribe(["news", "weather"]).await?;
    /// while let Some(event) = subscription.next().await {
    ///     match event {
    ///         Event::Message(message) => println!("{}: {:?}", message.channel(), message.payload()),
    ///         Event::Gap(gap) => println!("read the state again: {gap}"),
    ///         Event::Lost(error) => println!("nothing is received for now: {error}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the attempt to connect, at the deadline or, if the cause lasts, at once;
    /// [`ErrorKind::TimedOut`] if the server does not confirm; [`ErrorKind::Authentication`] if it does not
    /// permit the user to subscribe to one of the channels; [`ErrorKind::InvalidCommand`] if there is no
    /// name; [`ErrorKind::Closed`] once the client is closed.
    pub async fn subscribe(&self, channels: impl ChannelNames) -> Result<Subscription, Error> {
        self.deployment.subscribe(Kind::Channel, channels).await
    }

    /// Subscribes to all channels that match patterns such as `news.*`, as
    /// [`subscribe`](Client::subscribe) does to channels.
    ///
    /// # Errors
    ///
    /// Those of [`subscribe`](Client::subscribe).
    pub async fn psubscribe(&self, patterns: impl ChannelNames) -> Result<Subscription, Error> {
        self.deployment.subscribe(Kind::Pattern, patterns).await
    }

    /// Subscribes to sharded channels (Redis 7.0 and later), as [`subscribe`](Client::subscribe) does to
    /// others. In a cluster there is one connection for each node that serves one of them, and the channels
    /// move with their slots.
    ///
    /// # Errors
    ///
    /// Those of [`subscribe`](Client::subscribe); [`ErrorKind::Unsupported`] if the server does not know
    /// sharded channels; in a cluster [`ErrorKind::NotReady`] if no node serves the slot of a channel.
    pub async fn ssubscribe(&self, channels: impl ChannelNames) -> Result<Subscription, Error> {
        self.deployment.subscribe(Kind::Sharded, channels).await
    }

    /// Returns a client on the same connection for commands that may run twice: after a lost connection
    /// they are sent again, as commands that only read always are.
    ///
    /// It is right for `SET`, `DEL`, `HSET`, `EXPIRE` and for scripts that lead to the same state however
    /// often they run. It is wrong for `INCR`, `LPUSH` and for `SETNX` as a lock. A command is written at
    /// most three times, within its deadline. What is sent again is bounded for all callers together:
    /// 1,000 commands at once, and one more for every ten replies.
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
        self.with_options(self.options.idempotent())
    }

    /// Returns a client on the same connection whose commands have `limit` as their response timeout and as
    /// their deadline, in place of those that are [configured](Config).
    ///
    /// It may be shorter or longer than those. All that a command waits for is within it: a connection, room
    /// beside `max_in_flight` others, a server that is not ready, and the reply. A blocking command has the
    /// time of its own argument on top. A limit of zero leaves no time for a reply: each command fails, and
    /// may have run all the same. The handle is as cheap as a clone, and a limit that is too short for the
    /// server costs the callers of other handles nothing: a silent connection is replaced after three response
    /// timeouts of the configuration.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use redis_ready::redis::AsyncCommands;
    ///
    /// # async fn example(client: redis_ready::Client) -> redis_ready::redis::RedisResult<()> {
    /// let stock: u64 = client.with_timeout(Duration::from_millis(50)).get("stock").await?;
    /// let keys: Vec<String> = client.with_timeout(Duration::from_secs(30)).keys("session:*").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_timeout(&self, limit: Duration) -> Client {
        self.with_options(self.options.with_own_timeout(limit))
    }

    /// Returns a client on the same connection whose commands do not wait for a server that is out of reach: for
    /// a Redis that is [optional](Client#a-redis-that-is-optional).
    ///
    /// While there is no connection, a command fails at once with [`ErrorKind::Unreachable`], which has the last
    /// failure in its text, and the client goes on connecting in the background. It does not wait for room
    /// beside `max_in_flight` others either ([`ErrorKind::QueueFull`]), nor for a server that refuses it with
    /// `LOADING`, `READONLY` or `CLUSTERDOWN` ([`ErrorKind::NotReady`], or the error of the server). After all of
    /// these [`may_have_run`](Error::may_have_run) is false. In a cluster each node counts for itself; where no
    /// node answers, the table of slots cannot be fetched, and all commands fail at once.
    ///
    /// As long as no attempt to connect has failed, a command waits for that attempt, within its deadline and the
    /// connect timeout: the first command of all, and the first one after an idle connection was closed. So the
    /// first command to a healthy server succeeds. A blocking command may have to make a connection of its own,
    /// and waits for that one attempt, too.
    ///
    /// A connection that is there and silent is another matter: a command that has been written waits for its
    /// reply until its time is up. [`with_timeout`](Client::with_timeout) shortens that, and the two go together:
    /// `client.fail_fast().with_timeout(limit)`. The limit is then that of the first attempt to connect as well:
    /// where it is shorter than connecting takes, call [`ready`](Client::ready) before.
    #[must_use]
    pub fn fail_fast(&self) -> Client {
        self.with_options(self.options.fail_fast())
    }

    /// Returns a handle to the same connection for code that is not asynchronous.
    #[must_use]
    pub fn blocking(&self) -> BlockingClient {
        BlockingClient::new(Arc::clone(&self.deployment), self.options)
    }

    /// Refuses new commands from all clones, waits at most `grace` for those in flight, blocking commands
    /// included, and closes all connections but the dedicated ones. Subscriptions end.
    ///
    /// Commands that are in flight after that fail with [`ErrorKind::Closed`]. A closed client stays closed.
    ///
    /// ```no_run
    /// # async fn example(client: redis_ready::Client) {
    /// client.close(std::time::Duration::from_secs(2)).await;
    /// # }
    /// ```
    pub async fn close(&self, grace: Duration) {
        self.deployment.close(grace).await;
    }

    /// Returns how the client is at this moment, without I/O: whether there is a connection and since when,
    /// the last error, version and role of the server. [`ping`](Client::ping) asks the server itself.
    #[must_use]
    pub fn health(&self) -> Health {
        self.deployment.health()
    }

    /// Returns what the client has done since it was made, without I/O.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.deployment.statistics()
    }

    /// Tells the recorder of the `metrics` facade how the client is: its gauges, the counters that are not
    /// told with each command, and how long connections took to make. Call it before each scrape or every few
    /// seconds; [the table](crate::observability#metrics) says what it tells. Without a recorder it does nothing.
    ///
    /// ```no_run
    /// # async fn example(client: redis_ready::Client) {
    /// tokio::spawn(async move {
    ///     loop {
    ///         client.record_metrics();
    ///         tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    ///     }
    /// });
    /// # }
    /// ```
    #[cfg(feature = "metrics")]
    pub fn record_metrics(&self) {
        self.deployment.record_metrics();
    }

    fn with_options(&self, options: CallOptions) -> Client {
        Client {
            deployment: Arc::clone(&self.deployment),
            options,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Client {
            deployment,
            options,
        } = self;
        let mut client = f.debug_struct("Client");
        client.field("config", deployment.config());
        options.describe(&mut client);
        client.finish_non_exhaustive()
    }
}

impl ConnectionLike for Client {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.deployment.send(command, self.options)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.deployment
            .send_pipeline(pipeline, offset, count, self.options)
    }

    fn get_db(&self) -> i64 {
        self.config().database().into()
    }
}

impl AsyncHotkeysCommands for Client {}
