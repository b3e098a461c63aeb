//! [`Config`]: everything a client knows before it connects.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::url::{Kind, Protocol, RedisUrl, TlsVerify, UrlError};

/// The configuration of a [`Client`](crate::Client): a URL, and what the URL does not say.
///
/// Every setting can be written as a parameter of the URL; a setter called afterwards wins.
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
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    pub(crate) endpoint: Endpoint,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) tls: Option<TlsConfig>,
    database: u32,
    protocol: Protocol,
    client_name: Option<String>,
    connect_timeout: Duration,
    response_timeout: Duration,
    deadline: Duration,
    keepalive: Duration,
    max_in_flight: NonZeroUsize,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// How to verify the server, and how to identify to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    pub(crate) verify: TlsVerify,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) server_name: Option<String>,
}

impl Config {
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
    const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);
    const DEADLINE: Duration = Duration::from_secs(3);
    /// With probes every 2 s and two of them, a dead peer of an idle connection is noticed in 10 s.
    const KEEPALIVE: Duration = Duration::from_secs(6);
    const MAX_IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(10_000).expect("10,000 is not zero");

    /// Sets how long one attempt to connect may take, from the look-up of the name to the answer to
    /// `HELLO`. Default: 2 s.
    #[must_use]
    pub fn with_connect_timeout(self, connect_timeout: Duration) -> Config {
        Config {
            connect_timeout,
            ..self
        }
    }

    /// Sets how long a command waits for its reply on a live connection. Default: 1 s.
    #[must_use]
    pub fn with_response_timeout(self, response_timeout: Duration) -> Config {
        Config {
            response_timeout,
            ..self
        }
    }

    /// Sets how long a command takes in all, waiting for a connection included. Default: 3 s.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Config {
        Config { deadline, ..self }
    }

    /// Sets after how much silence the system probes whether the peer is still there. Default: 6 s.
    #[must_use]
    pub fn with_keepalive(self, keepalive: Duration) -> Config {
        Config { keepalive, ..self }
    }

    /// Sets how many commands may be in flight; further callers wait within their deadline.
    /// Default: 10,000.
    #[must_use]
    pub fn with_max_in_flight(self, max_in_flight: NonZeroUsize) -> Config {
        Config {
            max_in_flight,
            ..self
        }
    }

    /// Sets the name under which `CLIENT LIST` shows the connections. Characters that the server does not
    /// take, such as spaces, become `-`. Default: the application's package name for
    /// [`redis_client!`](crate::redis_client), none otherwise.
    #[must_use]
    pub fn with_client_name(self, client_name: impl AsRef<str>) -> Config {
        let allowed = |c: char| if c.is_ascii_graphic() { c } else { '-' };
        let name: String = client_name.as_ref().chars().map(allowed).collect();
        Config {
            client_name: Some(name).filter(|name| !name.is_empty()),
            ..self
        }
    }

    /// As [`with_client_name`](Config::with_client_name), unless there is a name already.
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

    /// Returns after how much silence the peer is probed.
    #[must_use]
    pub fn keepalive(&self) -> Duration {
        self.keepalive
    }

    /// Returns how many commands may be in flight.
    #[must_use]
    pub fn max_in_flight(&self) -> NonZeroUsize {
        self.max_in_flight
    }

    /// Returns the name that the connections give themselves.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.client_name.as_deref()
    }

    /// Returns the database that every connection selects.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.database
    }

    /// Returns the protocol that is asked for first.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The server in words for people: `cache:6379`, `[::1]:6379`, `/run/redis.sock`.
    pub(crate) fn peer(&self) -> String {
        match &self.endpoint {
            Endpoint::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Endpoint::Tcp { host, port } => format!("{host}:{port}"),
            Endpoint::Unix(path) => path.display().to_string(),
        }
    }
}

impl TryFrom<&RedisUrl> for Config {
    type Error = Error;

    fn try_from(url: &RedisUrl) -> Result<Config, Error> {
        let endpoint = match url.kind() {
            Kind::Tcp | Kind::Tls => url.hosts().first().map(|(host, port)| Endpoint::Tcp {
                host: host.clone(),
                port: *port,
            }),
            Kind::Unix => url.path().map(|path| Endpoint::Unix(path.to_owned())),
            _ => None,
        };
        let Some(endpoint) = endpoint else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("this version cannot connect to `{url}`"),
            )
            .note("Sentinel and Cluster URLs are validated, but not followed yet"));
        };
        let config = Config {
            endpoint,
            username: url.username().map(str::to_owned),
            password: url.password().map(str::to_owned),
            tls: (url.kind() == Kind::Tls).then(|| TlsConfig {
                verify: url.tls_verify(),
                ca: url.tls_ca().map(Path::to_owned),
                certificate: url.tls_cert().map(Path::to_owned),
                key: url.tls_key().map(Path::to_owned),
                server_name: url.tls_server_name().map(str::to_owned),
            }),
            database: url.database(),
            protocol: url.protocol().unwrap_or(Protocol::Resp3),
            client_name: url.client_name().map(str::to_owned),
            connect_timeout: url.connect_timeout().unwrap_or(Config::CONNECT_TIMEOUT),
            response_timeout: url.response_timeout().unwrap_or(Config::RESPONSE_TIMEOUT),
            deadline: url.deadline().unwrap_or(Config::DEADLINE),
            keepalive: url.keepalive().unwrap_or(Config::KEEPALIVE),
            max_in_flight: url.max_in_flight().unwrap_or(Config::MAX_IN_FLIGHT),
        };
        if cfg!(not(feature = "tls")) && config.tls.is_some() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("`{url}` asks for TLS, which this build leaves out"),
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

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Error {
        Error::invalid_url(&error, "the URL")
    }
}

impl Error {
    /// The report about a URL that stands in `subject`.
    pub(crate) fn invalid_url(error: &UrlError, subject: &str) -> Error {
        let (line, span) = error.shown();
        let report = Error::new(ErrorKind::InvalidUrl, error.message(subject)).excerpt(line, span);
        match error.help() {
            Some(help) => report.with_help(help),
            None => report,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config {
            endpoint,
            username,
            password,
            tls,
            database,
            protocol,
            client_name,
            connect_timeout,
            response_timeout,
            deadline,
            keepalive,
            max_in_flight,
        } = self;
        f.debug_struct("Config")
            .field("endpoint", endpoint)
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "***"))
            .field("tls", tls)
            .field("database", database)
            .field("protocol", protocol)
            .field("client_name", client_name)
            .field("connect_timeout", connect_timeout)
            .field("response_timeout", response_timeout)
            .field("deadline", deadline)
            .field("keepalive", keepalive)
            .field("max_in_flight", max_in_flight)
            .finish()
    }
}
