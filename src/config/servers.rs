//! [`Servers`]: where the servers of a client are.

use std::fmt;
use std::path::PathBuf;

use crate::address::Address;
use crate::login::Credentials;
use crate::url::{RedisUrl, UrlKind};

/// Where the servers of a client are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Servers {
    /// One server.
    Standalone(Endpoint),
    /// The server that Sentinels name.
    Sentinel(Sentinels),
    /// The seed nodes of a cluster, at least one.
    Cluster(Vec<Address>),
}

/// Where one server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Tcp(Address),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// The Sentinels, the service to ask them for, and their credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentinels {
    pub(crate) addresses: Vec<Address>,
    pub(crate) service: String,
    pub(crate) credentials: Credentials,
}

impl Servers {
    /// Returns the servers that `url` names; a URL that was parsed has what its kind needs.
    pub(super) fn of(url: &RedisUrl) -> Option<Servers> {
        let addresses = url.hosts().iter().cloned().map(Address::from);
        Some(match url.kind() {
            UrlKind::Tcp | UrlKind::Tls => {
                let address = { addresses }.next()?;
                Servers::Standalone(Endpoint::Tcp(address))
            }
            UrlKind::Unix => Servers::Standalone(Endpoint::Unix(url.path()?.to_owned())),
            UrlKind::Cluster | UrlKind::ClusterTls => Servers::Cluster(addresses.collect()),
            UrlKind::Sentinel | UrlKind::SentinelTls => Servers::Sentinel(Sentinels {
                addresses: addresses.collect(),
                service: url.service_name()?.to_owned(),
                credentials: Credentials {
                    username: url.sentinel_username().map(str::to_owned),
                    password: url.sentinel_password().map(str::to_owned),
                    ..Credentials::default()
                },
            }),
        })
    }

    /// Returns the scheme of a URL of this kind, with or without TLS.
    pub(crate) fn scheme(&self, uses_tls: bool) -> &'static str {
        match (self, uses_tls) {
            (Servers::Standalone(_), false) => "redis",
            (Servers::Standalone(_), true) => "rediss",
            (Servers::Sentinel(_), false) => "redis-sentinel",
            (Servers::Sentinel(_), true) => "rediss-sentinel",
            (Servers::Cluster(_), false) => "redis-cluster",
            (Servers::Cluster(_), true) => "rediss-cluster",
        }
    }

    /// Returns whether the URL itself names `endpoint`.
    pub(crate) fn contains(&self, endpoint: &Endpoint) -> bool {
        let addresses = match self {
            Servers::Standalone(server) => return server == endpoint,
            Servers::Sentinel(sentinels) => &sentinels.addresses,
            Servers::Cluster(seeds) => seeds,
        };
        matches!(endpoint, Endpoint::Tcp(address) if addresses.contains(address))
    }
}

/// Writes the server as messages name it: `cache:6379`, `[::1]:6379`, `/run/redis.sock`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(address) => address.fmt(f),
            Endpoint::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Writes the service and its Sentinels: `main of s1:26379,s2:26379`.
impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<_> = self.addresses.iter().map(Address::to_string).collect();
        write!(f, "{} of {}", self.service, addresses.join(","))
    }
}
