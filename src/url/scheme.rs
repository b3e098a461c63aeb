//! The scheme: what kind of server, and whether over TLS.

use super::error::Fault;
use super::mask;
use super::part::Part;

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

impl UrlKind {
    /// Returns whether connections of this kind use TLS.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(
            self,
            UrlKind::Tls | UrlKind::SentinelTls | UrlKind::ClusterTls
        )
    }

    pub(super) fn is_sentinel(self) -> bool {
        matches!(self, UrlKind::Sentinel | UrlKind::SentinelTls)
    }

    pub(crate) fn is_cluster(self) -> bool {
        matches!(self, UrlKind::Cluster | UrlKind::ClusterTls)
    }

    pub(super) fn is_list(self) -> bool {
        self.is_sentinel() || self.is_cluster()
    }

    /// Returns the scheme we write.
    pub(super) fn canonical(self) -> &'static str {
        match self {
            UrlKind::Tcp => "redis",
            UrlKind::Tls => "rediss",
            UrlKind::Unix => "unix",
            UrlKind::Sentinel => "redis-sentinel",
            UrlKind::SentinelTls => "rediss-sentinel",
            UrlKind::Cluster => "redis-cluster",
            UrlKind::ClusterTls => "rediss-cluster",
        }
    }

    pub(super) fn default_port(self) -> u16 {
        if self.is_sentinel() { 26379 } else { 6379 }
    }
}

/// Every scheme that is read, and whether it is the spelling of another client.
const SCHEMES: [(&str, UrlKind, bool); 26] = [
    ("redis", UrlKind::Tcp, false),
    ("rediss", UrlKind::Tls, false),
    ("valkey", UrlKind::Tcp, false),
    ("valkeys", UrlKind::Tls, false),
    ("unix", UrlKind::Unix, false),
    ("redis+unix", UrlKind::Unix, false),
    ("valkey+unix", UrlKind::Unix, false),
    ("redis-socket", UrlKind::Unix, true),
    ("redis+socket", UrlKind::Unix, true),
    ("redis+ssl", UrlKind::Tls, true),
    ("redis-sentinel", UrlKind::Sentinel, false),
    ("redis+sentinel", UrlKind::Sentinel, false),
    ("valkey-sentinel", UrlKind::Sentinel, false),
    ("valkey+sentinel", UrlKind::Sentinel, false),
    ("rediss-sentinel", UrlKind::SentinelTls, false),
    ("rediss+sentinel", UrlKind::SentinelTls, false),
    ("valkeys-sentinel", UrlKind::SentinelTls, false),
    ("valkeys+sentinel", UrlKind::SentinelTls, false),
    ("redis-cluster", UrlKind::Cluster, false),
    ("redis+cluster", UrlKind::Cluster, false),
    ("valkey-cluster", UrlKind::Cluster, false),
    ("valkey+cluster", UrlKind::Cluster, false),
    ("rediss-cluster", UrlKind::ClusterTls, false),
    ("rediss+cluster", UrlKind::ClusterTls, false),
    ("valkeys-cluster", UrlKind::ClusterTls, false),
    ("valkeys+cluster", UrlKind::ClusterTls, false),
];

/// The scheme of a URL that has a known one.
#[derive(Clone, Copy)]
pub(super) struct Scheme {
    pub(super) kind: UrlKind,
    pub(super) name: &'static str,
    pub(super) is_alias: bool,
}

/// Finds a known scheme by its name in any case.
pub(super) fn known(name: &str) -> Option<Scheme> {
    SCHEMES
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(name))
        .map(|&(name, kind, is_alias)| Scheme {
            kind,
            name,
            is_alias,
        })
}

/// Splits `scheme://rest`; `unix:/path` is `unix:///path`.
pub(super) fn split(whole: Part<'_>) -> Result<(Scheme, Part<'_>), Fault> {
    let text = whole.text;
    let word = text.find([':', '/', '?', '#', '@']).unwrap_or(text.len());
    let name = whole.to(word);
    let rest = whole.from(word);
    match known(name.text) {
        Some(scheme) if rest.text.starts_with("://") => Ok((scheme, rest.from(3))),
        Some(scheme) if scheme.kind == UrlKind::Unix && rest.text.starts_with(":/") => {
            Ok((scheme, rest.from(1)))
        }
        Some(scheme) if rest.text.starts_with(':') => Err(missing_slashes(whole, scheme, rest)),
        _ if name.is_empty() => Err(missing_scheme(whole)),
        _ if rest.text.starts_with("://") && !text[..word].contains(',') => {
            Err(unknown(name, rest.from(3)))
        }
        _ if rest.text.starts_with("//") && starts_like_a_scheme(name.text) => {
            Err(unknown(name, rest.from(2)))
        }
        _ => Err(missing_scheme(whole)),
    }
}

fn starts_like_a_scheme(name: &str) -> bool {
    let letters = name
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(name.len());
    known(&name[..letters]).is_some()
}

fn missing_slashes(whole: Part<'_>, scheme: Scheme, rest: Part<'_>) -> Fault {
    let span = whole.span_of(0..whole.text.len() - rest.text.len() + 1);
    let name = scheme.name;
    let target = mask::target(rest.text.trim_start_matches([':', '/', '\\']));
    let help = match target {
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            format!("write `{name}://{name}:{port}`")
        }
        Some(host) => format!("write `{name}://{host}`"),
        None => format!("write `{name}://<host>:<port>`"),
    };
    Fault::new(
        "missing_slashes",
        span,
        format!("expected `://` after `{name}` in {{}}"),
    )
    .help(help)
}

fn missing_scheme(whole: Part<'_>) -> Fault {
    let help = match mask::target(whole.text) {
        _ if whole.text.starts_with('/') && !whole.text.starts_with("//") => {
            "write `unix://` in front of the path of a socket".to_owned()
        }
        Some(host) if mask::is_surely_host(host) => format!("write `redis://{host}`"),
        _ => "write `redis://` in front, `rediss://` for TLS".to_owned(),
    };
    let end = whole.text.find([':', '/', '@']).unwrap_or(whole.text.len());
    Fault::new(
        "missing_scheme",
        whole.span_of(0..end),
        "missing scheme in {}: expected `redis://`, `rediss://` or another one that is known",
    )
    .help(help)
}

/// What other well-known schemes are, and the scheme of ours that fits.
const OTHERS: [(&str, &str, Option<&str>); 38] = [
    ("http", "of a web page", Some("redis")),
    ("https", "of a web page", Some("rediss")),
    ("tcp", "of another client", Some("redis")),
    ("tls", "of another client", Some("rediss")),
    ("ssl", "of another client", Some("rediss")),
    ("redis+tls", "of another client", Some("rediss")),
    ("redis-ssl", "of another client", Some("rediss")),
    ("redis-tls", "of another client", Some("rediss")),
    ("rediss", "misspelt", Some("rediss")),
    ("reddis", "misspelt", Some("redis")),
    ("reids", "misspelt", Some("redis")),
    ("redi", "misspelt", Some("redis")),
    ("edis", "misspelt", Some("redis")),
    ("rediscache", "of django-environ", Some("redis")),
    ("rediscaches", "of django-environ", Some("rediss")),
    ("ioredis", "of one application", None),
    ("sentinel", "of Celery", Some("redis-sentinel")),
    ("redis+srv", "not defined for Redis", None),
    ("rediss+srv", "not defined for Redis", None),
    ("file", "of a file", Some("unix")),
    ("unixs", "not defined", Some("unix")),
    ("redis-uds", "not defined", Some("unix")),
    ("redis-unix", "not defined", Some("unix")),
    ("rediss+unix", "not defined", Some("unix")),
    ("rediss+socket", "not defined", Some("unix")),
    ("socket", "of another client", Some("unix")),
    ("postgres", "of PostgreSQL", None),
    ("postgresql", "of PostgreSQL", None),
    ("mysql", "of MySQL", None),
    ("mongodb", "of MongoDB", None),
    ("mongodb+srv", "of MongoDB", None),
    ("amqp", "of RabbitMQ", None),
    ("amqps", "of RabbitMQ", None),
    ("memcached", "of memcached", None),
    ("memcache", "of memcached", None),
    ("nats", "of NATS", None),
    ("kafka", "of Kafka", None),
    ("sqlite", "of SQLite", None),
];

fn unknown(name: Part<'_>, rest: Part<'_>) -> Fault {
    let lower = name.text.to_ascii_lowercase();
    let Some(&(other, what, ours)) = OTHERS.iter().find(|(other, ..)| *other == lower) else {
        return Fault::new("unknown_scheme", name.span(), "unknown scheme in {}")
            .help("write `redis://`, or `rediss://` for TLS");
    };
    let code = if other.starts_with("http") {
        "http_scheme"
    } else {
        "unknown_scheme"
    };
    let message = format!("unknown scheme `{other}` in {{}}: it is {what}");
    let help = match (ours, mask::target(rest.text)) {
        (Some("unix"), _) => Some("write `unix:///run/redis/redis.sock`".to_owned()),
        (Some("redis-sentinel"), _) => {
            Some("write `redis-sentinel://<host>:26379/<service name>`".to_owned())
        }
        (Some(ours), Some(host)) if !rest.text.contains('@') => {
            Some(format!("write `{ours}://{host}`"))
        }
        (Some(ours), Some(host)) => Some(format!("write `{ours}://<user>:<password>@{host}`")),
        (Some(ours), None) => Some(format!("write `{ours}://`")),
        (None, _) => None,
    };
    Fault::new(code, name.span(), message).help_some(help)
}

/// Returns whether the text may be repeated as the scheme of a URL.
pub(super) fn is_public(name: &str) -> bool {
    known(name).is_some()
        || OTHERS
            .iter()
            .any(|(other, ..)| other.eq_ignore_ascii_case(name))
}
