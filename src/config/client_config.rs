//! [`Config`]: the settings of a client.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use super::address_map::AddressMap;
use super::servers::Servers;
use super::tls_config::TlsConfig;
use crate::error::{Error, ErrorKind};
use crate::login::{Credentials, CredentialsSource};
use crate::url::{Protocol, ReadFrom, RedisUrl};

/// Holds the settings of a [`Client`](crate::Client): where the server is, and how to use it.
///
/// A `Config` is made from a URL, and most of its settings have a parameter there. A setter that is called
/// afterwards replaces what the URL says.
///
/// ```
/// use std::time::Duration;
/// use redis_ready::{Client, Config};
///
/// # fn main() -> Result<(), redis_ready::Error> {
/// let config: Config = "redis://localhost:6379/1?deadline=5s".parse()?;
/// let client = Client::with_config(config.with_response_timeout(Duration::from_millis(800)));
/// # Ok(())
/// # }
/// ```
///
/// # Setters
///
/// | setter | takes | default | parameter |
/// |---|---|---|---|
/// | [`with_connect_timeout`](Config::with_connect_timeout) | [`Duration`] | 2 s | `connect_timeout` |
/// | [`with_response_timeout`](Config::with_response_timeout) | [`Duration`] | 1 s | `response_timeout` |
/// | [`with_deadline`](Config::with_deadline) | [`Duration`] | 3 s | `deadline` |
/// | [`with_keepalive`](Config::with_keepalive) | [`Duration`] | 6 s | `keepalive` |
/// | [`with_max_in_flight`](Config::with_max_in_flight) | number of commands | 10,000 | `max_in_flight` |
/// | [`with_subscription_buffer`](Config::with_subscription_buffer) | number of messages | 10,000 | none |
/// | [`with_client_name`](Config::with_client_name) | text | the package's name with [`redis_client!`](crate::redis_client), else none | `client_name` |
/// | [`with_address_map`](Config::with_address_map) | pairs of addresses | empty | none |
/// | [`with_credentials`](Config::with_credentials) | a [`CredentialsProvider`](crate::CredentialsProvider) | none | user and password |
/// | [`with_io_thread_only`](Config::with_io_thread_only) | nothing | off | none |
///
/// Everything else is set in the URL alone: the servers, the database, TLS, `protocol` and `read_from`.
///
/// # Forms of the URL
///
#[doc = include_str!("../url/forms.md")]
///
/// # Parameters of the URL
///
/// Parameters follow a `?` and are separated by `&`: `redis://localhost?protocol=2&deadline=5s`.
///
#[doc = include_str!("../url/parameters.md")]
///
/// A text that is not such a URL is an error with a code, listed on [`UrlError`](crate::UrlError). A URL
/// that works and should be corrected gets a warning in the log, listed on
/// [`UrlWarning`](crate::UrlWarning).
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    servers: Servers,
    credentials: CredentialsSource,
    tls: Option<TlsConfig>,
    read_from: ReadFrom,
    database: u32,
    protocol: Protocol,
    client_name: Option<String>,
    connect_timeout: Duration,
    response_timeout: Duration,
    deadline: Duration,
    keepalive: Duration,
    max_in_flight: NonZeroUsize,
    subscription_buffer: NonZeroUsize,
    address_map: AddressMap,
    io_thread_only: bool,
}

impl Config {
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
    const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
    const DEADLINE: Duration = Duration::from_secs(3);
    /// With probes every 2 s and two of them, a dead peer of an idle connection is noticed in 10 s.
    const KEEPALIVE: Duration = Duration::from_secs(6);
    const MAX_IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(10_000).expect("10,000 is not zero");
    /// Two seconds of 5,000 messages each.
    const SUBSCRIPTION_BUFFER: NonZeroUsize =
        NonZeroUsize::new(10_000).expect("10,000 is not zero");

    /// Sets how long one attempt to connect may take, from the name look-up to the answer to `HELLO`.
    /// Default: 2 s.
    #[must_use]
    pub fn with_connect_timeout(self, connect_timeout: Duration) -> Config {
        Config {
            connect_timeout,
            ..self
        }
    }

    /// Sets how long the server may be silent while a command waits for its reply. Default: 1 s.
    ///
    /// It counts from the last byte that the server has sent, or from the command if that is later. While
    /// the replies of a long pipeline arrive, or a large value, the deadline alone bounds a command.
    #[must_use]
    pub fn with_response_timeout(self, response_timeout: Duration) -> Config {
        Config {
            response_timeout,
            ..self
        }
    }

    /// Sets how long a command may take in all, waiting for a connection included. Default: 3 s.
    ///
    /// A pipeline counts as one command: all of its replies have to come within this time.
    ///
    /// A blocking command has the time of its own argument on top of this and of the response timeout.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Config {
        Config { deadline, ..self }
    }

    /// Sets after how much silence the system probes whether the server is still there. Default: 6 s.
    ///
    /// Two probes without an answer, 2 s apart, end the connection.
    #[must_use]
    pub fn with_keepalive(self, keepalive: Duration) -> Config {
        Config { keepalive, ..self }
    }

    /// Sets how many commands may be in flight on one connection; further callers wait for room within
    /// their deadline. Default: 10,000.
    #[must_use]
    pub fn with_max_in_flight(self, max_in_flight: NonZeroUsize) -> Config {
        Config {
            max_in_flight,
            ..self
        }
    }

    /// Lets the thread of the crate read and write all connections, and no task on a runtime of the callers.
    /// Default: such a task does, where a connection is busy and its callers are all on one runtime.
    ///
    /// A command takes more processor time then, and throughput is lower, most of all with few commands in
    /// flight and with large values. It is for a runtime whose tasks must all be the application's own, and
    /// for one that was built without `enable_io`: that it has no I/O is found out by a panic of tokio, which
    /// is caught, and which a panic hook sees once. The environment variable `REDIS_READY_DRIVER=io_thread`
    /// has the same effect for all clients of a process. It makes no difference except on Unix.
    #[must_use]
    pub fn with_io_thread_only(self) -> Config {
        Config {
            io_thread_only: true,
            ..self
        }
    }

    /// Sets how many messages each [`Subscription`](crate::Subscription) keeps for a reader that is slower
    /// than they come. Default: 10,000.
    ///
    /// Messages that find no room are dropped and counted, and the reader gets a
    /// [`Gap`](crate::subscription::Gap) with their number in their place. 64 MiB of channel names and
    /// payloads are the limit as well, however few messages these are.
    #[must_use]
    pub fn with_subscription_buffer(self, subscription_buffer: NonZeroUsize) -> Config {
        Config {
            subscription_buffer,
            ..self
        }
    }

    /// Sets the name under which `CLIENT LIST` shows the connections. Default: the application's package
    /// name with [`redis_client!`](crate::redis_client), none otherwise.
    ///
    /// Characters that the server does not accept, such as spaces, become `-`.
    #[must_use]
    pub fn with_client_name(self, client_name: impl AsRef<str>) -> Config {
        let allowed = |c: char| if c.is_ascii_graphic() { c } else { '-' };
        let name: String = client_name.as_ref().chars().map(allowed).collect();
        Config {
            client_name: Some(name).filter(|name| !name.is_empty()),
            ..self
        }
    }

    /// Sets the addresses to use in place of those that servers announce. Default: none, announced addresses
    /// are used as they are.
    ///
    /// The nodes of a cluster tell clients where the other nodes are, and Sentinels where the primary
    /// is. In a container network, or behind NAT or a tunnel, they announce addresses that this machine
    /// cannot reach. Each pair leads one of these, `host:port` or a `host` with any port, to another
    /// one; without a port there, the port stays the announced one. A pair with a port goes before one
    /// without.
    ///
    /// ```
    /// # fn main() -> Result<(), redis_ready::Error> {
    /// use redis_ready::{Client, Config};
    ///
    /// let config: Config = "redis-cluster://localhost:7001".parse()?;
    /// let config = config.with_address_map([
    ///     ("172.17.0.2:6379", "localhost:7001"),
    ///     ("172.17.0.3:6379", "localhost:7002"),
    ///     ("172.17.0.4", "redis-4.internal"),
    /// ])?;
    /// let client = Client::with_config(config);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The addresses of the URL itself are not mapped, and neither is the result of a pair. With TLS a
    /// certificate has to be valid for the host that the pair leads to, under the same rules as for an
    /// announced one. A second call replaces the map of the first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidUrl`] for a text that is neither `host:port` nor `host`. An IPv6 address with
    /// a port stands in brackets: `[fd00::2]:6379`.
    pub fn with_address_map<A: AsRef<str>, B: AsRef<str>>(
        self,
        pairs: impl IntoIterator<Item = (A, B)>,
    ) -> Result<Config, Error> {
        Ok(Config {
            address_map: AddressMap::of(pairs)?,
            ..self
        })
    }

    /// Sets the name of the connections, unless there is one already.
    pub(crate) fn with_default_client_name(self, client_name: &str) -> Config {
        if self.client_name.is_some() {
            self
        } else {
            self.with_client_name(client_name)
        }
    }

    /// Returns the time limit of one attempt to connect.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// Returns the time limit of one reply.
    #[must_use]
    pub fn response_timeout(&self) -> Duration {
        self.response_timeout
    }

    /// Returns the time limit of one command in all.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Returns after how much silence the system probes whether the server is still there.
    #[must_use]
    pub fn keepalive(&self) -> Duration {
        self.keepalive
    }

    /// Returns how many commands may be in flight.
    #[must_use]
    pub fn max_in_flight(&self) -> NonZeroUsize {
        self.max_in_flight
    }

    /// Returns whether the thread of the crate reads and writes all connections.
    #[must_use]
    pub fn io_thread_only(&self) -> bool {
        self.io_thread_only
    }

    /// Returns how many messages each subscription keeps for a slow reader.
    #[must_use]
    pub fn subscription_buffer(&self) -> NonZeroUsize {
        self.subscription_buffer
    }

    /// Returns the name of the connections in `CLIENT LIST`.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.client_name.as_deref()
    }

    /// Returns the database that every connection selects.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.database
    }

    /// Returns the same settings with database 0, which no connection has to select.
    pub(crate) fn without_database(&self) -> Config {
        Config {
            database: 0,
            ..self.clone()
        }
    }

    /// Returns the version of RESP that is asked for first.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(crate) fn servers(&self) -> &Servers {
        &self.servers
    }

    pub(crate) fn credentials(&self) -> &CredentialsSource {
        &self.credentials
    }

    /// Sets where the credentials come from.
    pub(crate) fn with_credentials_of(self, credentials: CredentialsSource) -> Config {
        Config {
            credentials,
            ..self
        }
    }

    pub(crate) fn tls(&self) -> Option<&TlsConfig> {
        self.tls.as_ref()
    }

    /// Returns where announced addresses lead.
    pub(crate) fn address_map(&self) -> &AddressMap {
        &self.address_map
    }

    /// Returns which servers commands that only read go to.
    pub(crate) fn read_from(&self) -> ReadFrom {
        self.read_from
    }
}

impl TryFrom<&RedisUrl> for Config {
    type Error = Error;

    fn try_from(url: &RedisUrl) -> Result<Config, Error> {
        let Some(servers) = Servers::of(url) else {
            let message = format!("`{url}` does not say where the server is");
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let config = Config {
            servers,
            credentials: CredentialsSource::from(Credentials {
                username: url.username().map(str::to_owned),
                password: url.password().map(str::to_owned),
                ..Credentials::default()
            }),
            tls: TlsConfig::of(url),
            read_from: url.read_from().unwrap_or(ReadFrom::Primary),
            database: url.database(),
            protocol: url.protocol().unwrap_or(Protocol::Resp3),
            client_name: url.client_name().map(str::to_owned),
            connect_timeout: url.connect_timeout().unwrap_or(Config::CONNECT_TIMEOUT),
            response_timeout: url.response_timeout().unwrap_or(Config::RESPONSE_TIMEOUT),
            deadline: url.deadline().unwrap_or(Config::DEADLINE),
            keepalive: url.keepalive().unwrap_or(Config::KEEPALIVE),
            max_in_flight: url.max_in_flight().unwrap_or(Config::MAX_IN_FLIGHT),
            subscription_buffer: Config::SUBSCRIPTION_BUFFER,
            address_map: AddressMap::default(),
            io_thread_only: false,
        };
        if cfg!(not(feature = "tls")) && config.tls.is_some() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("`{url}` asks for TLS, which this build does not include"),
            )
            .with_help("enable the feature `tls` of `redis-ready`"));
        }
        Ok(config)
    }
}

impl FromStr for Config {
    type Err = Error;

    fn from_str(url: &str) -> Result<Config, Error> {
        Config::try_from(&RedisUrl::parse(url)?)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config {
            servers,
            credentials,
            tls,
            read_from,
            database,
            protocol,
            client_name,
            connect_timeout,
            response_timeout,
            deadline,
            keepalive,
            max_in_flight,
            subscription_buffer,
            address_map,
            io_thread_only,
        } = self;
        f.debug_struct("Config")
            .field("servers", servers)
            .field("credentials", credentials)
            .field("tls", tls)
            .field("read_from", read_from)
            .field("database", database)
            .field("protocol", protocol)
            .field("client_name", client_name)
            .field("connect_timeout", connect_timeout)
            .field("response_timeout", response_timeout)
            .field("deadline", deadline)
            .field("keepalive", keepalive)
            .field("max_in_flight", max_in_flight)
            .field("subscription_buffer", subscription_buffer)
            .field("address_map", address_map)
            .field("io_thread_only", io_thread_only)
            .finish()
    }
}
