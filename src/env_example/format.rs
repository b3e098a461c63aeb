//! [`Format`]: which forms of URL a `.env.example` is to show.

use super::secret::is_local;
use crate::url::{RedisUrl, UrlKind};

/// A form of URL that `.env.example` is to show, so that whoever deploys finds theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Without TLS on this machine: loopback, a host name without dots, or a Unix socket.
    Local,
    /// With a password.
    Password,
    /// With TLS, such as `rediss://`; with or without a password.
    Tls,
}

impl Format {
    pub(crate) const ALL: [Format; 3] = [Format::Local, Format::Password, Format::Tls];

    /// The format that a URL is meant to show which does not parse: its own finding is enough.
    pub(super) fn meant_by(url: &str) -> Format {
        let url = url.to_ascii_lowercase();
        if url.contains("rediss") || url.contains("valkeys") {
            Format::Tls
        } else if url.contains('@') {
            Format::Password
        } else {
            Format::Local
        }
    }

    pub(super) fn is_shown_by(self, url: &RedisUrl) -> bool {
        use UrlKind::{Cluster, ClusterTls, Sentinel, SentinelTls, Tcp, Tls, Unix};
        match (self, url.kind()) {
            (Format::Local, Unix) | (Format::Tls, Tls | SentinelTls | ClusterTls) => true,
            (Format::Local, Tcp | Sentinel | Cluster) => {
                url.hosts().iter().all(|(host, _)| is_local(host))
            }
            (Format::Password, _) => url.password().is_some_and(|password| !password.is_empty()),
            _ => false,
        }
    }

    /// What it is called, and the lines that document it.
    pub(super) fn lesson(self, name: &str) -> (&'static str, String) {
        let (what, url) = match self {
            Format::Local => ("without TLS on this machine", "redis://localhost:6379"),
            Format::Password => ("with a password", "redis://:password@localhost:6379"),
            Format::Tls => ("with TLS", "rediss://:password@host:port"),
        };
        (
            what,
            format!("add these lines:\n# Or {what}:\n# {name}={url}"),
        )
    }
}
