//! [`Config`]: everything a client knows before it connects.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::url::{Protocol, ReadFrom, RedisUrl, TlsVerify, UrlError, UrlKind};

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
    /// Nodes that know the others, for a cluster; empty otherwise.
    seeds: Vec<(String, u16)>,
    read_from: ReadFrom,
    /// A node of a cluster that serves reads as a replica.
    pub(crate) reads_as_replica: bool,
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
    Sentinel(Sentinels),
}

/// Who knows where the server listens.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sentinels {
    pub(crate) hosts: Vec<(String, u16)>,
    pub(crate) service: String,
    username: Option<String>,
    password: Option<String>,
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sentinels {
            hosts,
            service,
            username,
            password,
        } = self;
        f.debug_struct("Sentinels")
            .field("hosts", hosts)
            .field("service", service)
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "***"))
            .finish()
    }
}

/// How to verify the server, and how to identify to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    pub(crate) verify: TlsVerify,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) server_name: Option<String>,
    /// Further names of which the certificate may carry one instead.
    pub(crate) other_names: Vec<String>,
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

    /// Returns the nodes that know the others, if it is a cluster or a node of one.
    pub(crate) fn seeds(&self) -> &[(String, u16)] {
        &self.seeds
    }

    /// Returns who serves what only reads.
    pub(crate) fn read_from(&self) -> ReadFrom {
        self.read_from
    }

    /// Returns the configuration of the connections to a node of this cluster.
    ///
    /// Nodes of clouds announce addresses that their certificates do not name: they carry the name that
    /// the URL has, so that is verified for a node that announces an IP address.
    pub(crate) fn at_node(&self, host: &str, port: u16, reads_as_replica: bool) -> Config {
        let mut config = Config {
            endpoint: Endpoint::Tcp {
                host: host.to_owned(),
                port,
            },
            reads_as_replica,
            ..self.clone()
        };
        if let Some(tls) = config.tls.as_mut().filter(|tls| tls.server_name.is_none())
            && is_ip_address(host)
        {
            let mut names = self.seeds.iter().map(|(host, _)| host.clone());
            let mut names = names.by_ref().filter(|host| !is_ip_address(host));
            tls.server_name = names.next();
            if tls.server_name.is_some() {
                tls.other_names = names.chain([host.to_owned()]).collect();
            }
        }
        config
    }

    /// Returns the configuration of a connection to one of the Sentinels.
    pub(crate) fn at_sentinel(&self, host: &str, port: u16, sentinels: &Sentinels) -> Config {
        Config {
            endpoint: Endpoint::Tcp {
                host: host.to_owned(),
                port,
            },
            username: sentinels.username.clone(),
            password: sentinels.password.clone(),
            database: 0,
            ..self.clone()
        }
    }

    /// Returns the configuration of a connection to a server that the Sentinels name.
    pub(crate) fn at_server(&self, host: &str, port: u16) -> Config {
        Config {
            endpoint: Endpoint::Tcp {
                host: host.to_owned(),
                port,
            },
            ..self.clone()
        }
    }

    /// The server in words for people: `cache:6379`, `[::1]:6379`, `/run/redis.sock`.
    pub(crate) fn peer(&self) -> String {
        match &self.endpoint {
            Endpoint::Tcp { host, port } => host_and_port(host, *port),
            Endpoint::Unix(path) => path.display().to_string(),
            Endpoint::Sentinel(sentinels) => {
                let hosts = sentinels.hosts.iter();
                let hosts: Vec<_> = hosts
                    .map(|(host, port)| host_and_port(host, *port))
                    .collect();
                format!("{} of {}", sentinels.service, hosts.join(","))
            }
        }
    }
}

fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn is_ip_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

impl TryFrom<&RedisUrl> for Config {
    type Error = Error;

    fn try_from(url: &RedisUrl) -> Result<Config, Error> {
        let endpoint = match url.kind() {
            UrlKind::Tcp | UrlKind::Tls | UrlKind::Cluster | UrlKind::ClusterTls => {
                url.hosts().first().map(|(host, port)| Endpoint::Tcp {
                    host: host.clone(),
                    port: *port,
                })
            }
            UrlKind::Unix => url.path().map(|path| Endpoint::Unix(path.to_owned())),
            UrlKind::Sentinel | UrlKind::SentinelTls => url.service_name().map(|service| {
                Endpoint::Sentinel(Sentinels {
                    hosts: url.hosts().to_vec(),
                    service: service.to_owned(),
                    username: url.sentinel_username().map(str::to_owned),
                    password: url.sentinel_password().map(str::to_owned),
                })
            }),
        };
        let Some(endpoint) = endpoint else {
            // A URL that has been read has what its kind needs.
            let message = format!("`{url}` does not say where the server is");
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let is_cluster = url.kind().is_cluster();
        let config = Config {
            endpoint,
            username: url.username().map(str::to_owned),
            password: url.password().map(str::to_owned),
            tls: url.kind().is_tls().then(|| TlsConfig {
                verify: url.tls_verify(),
                ca: url.tls_ca().map(Path::to_owned),
                certificate: url.tls_cert().map(Path::to_owned),
                key: url.tls_key().map(Path::to_owned),
                server_name: url.tls_server_name().map(str::to_owned),
                other_names: Vec::new(),
            }),
            seeds: if is_cluster {
                url.hosts().to_vec()
            } else {
                Vec::new()
            },
            read_from: url.read_from().unwrap_or(ReadFrom::Primary),
            reads_as_replica: false,
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
            seeds,
            read_from,
            reads_as_replica: _,
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
            .field("seeds", seeds)
            .field("read_from", read_from)
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
