//! [`RedisUrl`]: a URL that has been parsed.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::kind::UrlKind;
use super::settings::{Protocol, ReadFrom, TlsVerify};
use super::warning::UrlWarning;

/// What stands in the place of anything that may be a secret.
pub(super) const MASK: &str = "***";

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

/// The values of the parameters, `None` where the URL does not set one.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) protocol: Option<Protocol>,
    pub(super) client_name: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) response_timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) keepalive: Option<Duration>,
    pub(super) max_in_flight: Option<NonZeroUsize>,
    pub(super) tls_ca: Option<PathBuf>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) tls_verify: TlsVerify,
    pub(super) tls_server_name: Option<String>,
    pub(super) sentinel_username: Option<String>,
    pub(super) sentinel_password: Option<String>,
    pub(super) read_from: Option<ReadFrom>,
}

/// Writes getters, `name -> type: |url| value`: documented ones, then those of parameters.
macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident -> $type:ty: |$url:ident| $value:expr;)*) => {
        impl RedisUrl {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> $type {
                let $url = self;
                $value
            })*
        }
    };
    (parameters: $($name:ident -> $type:ty: |$url:ident| $value:expr;)*) => {
        getters! {
            $(#[doc = concat!("Returns the parameter `", stringify!($name), "`.")]
            $name -> $type: |$url| $value;)*
        }
    };
}

getters! {
    /// Returns what a usable URL should be told about, the gravest first.
    warnings -> &[UrlWarning]: |url| &url.warnings;
    /// Returns what the URL points at.
    kind -> UrlKind: |url| url.kind;
    /// Returns the hosts and ports, in their order; none for a Unix socket.
    ///
    /// Names are in lower case, IPv6 addresses without brackets. The default
    /// port is 6379, of Sentinels 26379.
    hosts -> &[(String, u16)]: |url| &url.hosts;
    /// Returns the path of the Unix socket.
    path -> Option<&Path>: |url| url.path.as_deref();
    /// Returns the user name.
    username -> Option<&str>: |url| url.username.as_deref();
    /// Returns the password; `user:@host` has an empty one.
    password -> Option<&str>: |url| url.password.as_deref();
    /// Returns the number of the database, 0 by default.
    database -> u32: |url| url.database;
    /// Returns the name under which the Sentinels know the primary.
    service_name -> Option<&str>: |url| url.service_name.as_deref();
}

getters! { parameters:
    protocol -> Option<Protocol>: |url| url.settings.protocol;
    client_name -> Option<&str>: |url| url.settings.client_name.as_deref();
    connect_timeout -> Option<Duration>: |url| url.settings.connect_timeout;
    response_timeout -> Option<Duration>: |url| url.settings.response_timeout;
    deadline -> Option<Duration>: |url| url.settings.deadline;
    keepalive -> Option<Duration>: |url| url.settings.keepalive;
    max_in_flight -> Option<NonZeroUsize>: |url| url.settings.max_in_flight;
    tls_ca -> Option<&Path>: |url| url.settings.tls_ca.as_deref();
    tls_cert -> Option<&Path>: |url| url.settings.tls_cert.as_deref();
    tls_key -> Option<&Path>: |url| url.settings.tls_key.as_deref();
    tls_verify -> TlsVerify: |url| url.settings.tls_verify;
    tls_server_name -> Option<&str>: |url| url.settings.tls_server_name.as_deref();
    sentinel_username -> Option<&str>: |url| url.settings.sentinel_username.as_deref();
    sentinel_password -> Option<&str>: |url| url.settings.sentinel_password.as_deref();
    read_from -> Option<ReadFrom>: |url| url.settings.read_from;
}

impl RedisUrl {
    /// Returns the name to send and to verify in TLS.
    ///
    /// It is `tls_server_name`, else the first host without a trailing dot;
    /// `None` for a Unix socket.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        let host = self.hosts.first().map(|(host, _)| host.as_str());
        let bare = host.map(|host| host.strip_suffix('.').unwrap_or(host));
        self.tls_server_name().or(bare)
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
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            let (open, close) = if host.contains(':') {
                ("[", "]")
            } else {
                ("", "")
            };
            write!(f, "{open}{host}{close}:{port}")?;
        }
        if let Some(name) = &self.service_name {
            write!(f, "/{}", name.escape_debug())?;
        }
        match self.kind {
            UrlKind::Unix if self.database > 0 => write!(f, "?db={}", self.database),
            UrlKind::Unix => Ok(()),
            UrlKind::Cluster | UrlKind::ClusterTls if self.database == 0 => Ok(()),
            _ => write!(f, "/{}", self.database),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}
