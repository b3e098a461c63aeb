//! [`UrlKind`]: what kind of server a URL points at, and whether over TLS.

/// Says what a URL points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UrlKind {
    /// One server over TCP.
    Tcp,
    /// One server over TLS.
    Tls,
    /// One server on a Unix socket.
    Unix,
    /// Sentinels that know the primary.
    Sentinel,
    /// Sentinels that know the primary, over TLS.
    SentinelTls,
    /// Seed nodes of a Redis Cluster.
    Cluster,
    /// Seed nodes of a Redis Cluster, over TLS.
    ClusterTls,
}

use UrlKind::{Cluster, ClusterTls, Sentinel, SentinelTls, Tcp, Tls, Unix};

/// The schemes of each kind, the canonical one first, and those that only other clients write.
#[rustfmt::skip]
pub(super) const SCHEMES: [(UrlKind, &str, &str); 7] = [
    (Tcp, "redis valkey", ""),
    (Tls, "rediss valkeys", "redis+ssl"),
    (Unix, "unix redis+unix valkey+unix", "redis-socket redis+socket"),
    (Sentinel, "redis-sentinel redis+sentinel valkey-sentinel valkey+sentinel", ""),
    (SentinelTls, "rediss-sentinel rediss+sentinel valkeys-sentinel valkeys+sentinel", ""),
    (Cluster, "redis-cluster redis+cluster valkey-cluster valkey+cluster", ""),
    (ClusterTls, "rediss-cluster rediss+cluster valkeys-cluster valkeys+cluster", ""),
];

impl UrlKind {
    /// Returns whether connections of this kind use TLS.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Tls | SentinelTls | ClusterTls)
    }

    pub(super) fn is_sentinel(self) -> bool {
        matches!(self, Sentinel | SentinelTls)
    }

    pub(crate) fn is_cluster(self) -> bool {
        matches!(self, Cluster | ClusterTls)
    }

    /// Returns whether the URL names one server over TCP.
    pub(super) fn is_single(self) -> bool {
        matches!(self, Tcp | Tls)
    }

    /// Returns whether the URL may name several hosts.
    pub(super) fn is_list(self) -> bool {
        self.is_sentinel() || self.is_cluster()
    }

    /// Returns the scheme we write.
    pub(super) fn canonical(self) -> &'static str {
        let row = SCHEMES.iter().find(|(kind, ..)| *kind == self);
        let first = row.and_then(|(_, names, _)| names.split(' ').next());
        first.unwrap_or("redis")
    }

    pub(super) fn default_port(self) -> u16 {
        if self.is_sentinel() { 26379 } else { 6379 }
    }
}
