//! [`RedisUrl`]: a URL that has been parsed.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::kind::UrlKind;
use super::redact::MASK;
use super::settings::{Protocol, ReadFrom, Settings, TlsVerify};
use super::warning::UrlWarning;

/// Holds a Redis URL that has been read and checked.
///
/// Its `Display` and `Debug` show `***` in the place of the password.
///
/// # Forms
///
#[doc = include_str!("forms.md")]
///
/// # Parameters
///
/// Parameters follow a `?`, separated by `&`: `redis://localhost?protocol=2&deadline=5s`.
///
#[doc = include_str!("parameters.md")]
#[derive(Clone)]
pub struct RedisUrl {
    pub(super) kind: UrlKind,
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) path: Option<PathBuf>,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
    pub(super) service_name: Option<String>,
    pub(super) settings: Settings,
    pub(super) warnings: Vec<UrlWarning>,
}

impl RedisUrl {
    /// Returns what a usable URL should be told about, the gravest first.
    #[must_use]
    pub fn warnings(&self) -> &[UrlWarning] {
        &self.warnings
    }

    /// Returns what the URL points at.
    #[must_use]
    pub fn kind(&self) -> UrlKind {
        self.kind
    }

    /// Returns the hosts and ports, in their order; none for a Unix socket.
    ///
    /// Names are in lower case, IPv6 addresses without brackets. The default
    /// port is 6379, of Sentinels 26379.
    #[must_use]
    pub fn hosts(&self) -> &[(String, u16)] {
        &self.hosts
    }

    /// Returns the path of the Unix socket.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the user name.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Returns the password; `user:@host` has an empty one.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Returns the number of the database, 0 by default.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.database
    }

    /// Returns the name under which the Sentinels know the primary.
    #[must_use]
    pub fn service_name(&self) -> Option<&str> {
        self.service_name.as_deref()
    }

    /// Returns the parameter `protocol`.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        self.settings.protocol
    }

    /// Returns the parameter `client_name`.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.settings.client_name.as_deref()
    }

    /// Returns the parameter `connect_timeout`.
    #[must_use]
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.settings.connect_timeout
    }

    /// Returns the parameter `response_timeout`, for short `timeout`.
    #[must_use]
    pub fn response_timeout(&self) -> Option<Duration> {
        self.settings.response_timeout
    }

    /// Returns the parameter `deadline`.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.settings.deadline
    }

    /// Returns the parameter `keepalive`.
    #[must_use]
    pub fn keepalive(&self) -> Option<Duration> {
        self.settings.keepalive
    }

    /// Returns the parameter `max_in_flight`.
    #[must_use]
    pub fn max_in_flight(&self) -> Option<NonZeroUsize> {
        self.settings.max_in_flight
    }

    /// Returns the parameter `tls_ca`: a file of certificates to trust as well.
    #[must_use]
    pub fn tls_ca(&self) -> Option<&Path> {
        self.settings.tls_ca.as_deref()
    }

    /// Returns the parameter `tls_cert`: the file of the client's certificate.
    #[must_use]
    pub fn tls_cert(&self) -> Option<&Path> {
        self.settings.tls_cert.as_deref()
    }

    /// Returns the parameter `tls_key`: the file of the client's private key.
    #[must_use]
    pub fn tls_key(&self) -> Option<&Path> {
        self.settings.tls_key.as_deref()
    }

    /// Returns the parameter `tls_verify`, [`TlsVerify::Full`] by default.
    #[must_use]
    pub fn tls_verify(&self) -> TlsVerify {
        self.settings.tls_verify
    }

    /// Returns the parameter `tls_server_name`.
    #[must_use]
    pub fn tls_server_name(&self) -> Option<&str> {
        self.settings.tls_server_name.as_deref()
    }

    /// Returns the name to send and to verify in TLS.
    ///
    /// It is `tls_server_name`, else the first host without a trailing dot;
    /// `None` for a Unix socket.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        let host = || {
            self.hosts
                .first()
                .map(|(host, _)| host.strip_suffix('.').unwrap_or(host))
        };
        self.tls_server_name().or_else(host)
    }

    /// Returns the parameter `sentinel_username`.
    #[must_use]
    pub fn sentinel_username(&self) -> Option<&str> {
        self.settings.sentinel_username.as_deref()
    }

    /// Returns the parameter `sentinel_password`.
    #[must_use]
    pub fn sentinel_password(&self) -> Option<&str> {
        self.settings.sentinel_password.as_deref()
    }

    /// Returns the parameter `read_from`.
    #[must_use]
    pub fn read_from(&self) -> Option<ReadFrom> {
        self.settings.read_from
    }
}

/// Writes the URL without its parameters, and `***` for the password.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.kind.canonical())?;
        match (&self.username, &self.password) {
            (_, None) => {}
            (Some(username), Some(password)) if !password.is_empty() => {
                write!(f, "{}:{MASK}@", username.escape_debug())?;
            }
            _ => write!(f, ":{MASK}@")?,
        }
        if let Some(path) = &self.path {
            write!(f, "{}", path.display().to_string().escape_debug())?;
        }
        for (index, node) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", format_node(node))?;
        }
        if let Some(name) = &self.service_name {
            write!(f, "/{}", name.escape_debug())?;
        }
        match self.kind {
            UrlKind::Unix if self.database > 0 => write!(f, "?db={}", self.database),
            UrlKind::Unix | UrlKind::Cluster | UrlKind::ClusterTls => Ok(()),
            _ => write!(f, "/{}", self.database),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// Returns the node as it stands in a URL.
fn format_node((host, port): &(String, u16)) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
