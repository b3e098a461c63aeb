//! The text of a Redis URL, read with one meaning or refused with a reason.
//!
//! The order of the checks is part of the contract: where a text is wrong in
//! two ways, the first check that fails names it.
//!
//! 1. length; 2. the text as a whole (`shape`); 3. control and invisible
//!    characters (`raw`); 4. the scheme; 5. a second URL, templates and
//!    placeholders, spaces, quotes, backslashes (`raw`); 6. an `@` behind the
//!    authority, a second `@`; 7. no host, too many hosts; 8. userinfo;
//!    9. each host and port; 10. path; 11. query: form, unknown names, names
//!    that would change the server, the login or TLS, duplicates, values,
//!    conflicts with what stands before; 12. fragment. Of a Sentinel URL the
//!    query and the fragment come before the path, because they decide what the
//!    path is.
//!
//! This module stands on `std` and the `url` crate alone: this repository's
//! build script compiles it too.

mod duration;
mod error;
mod hosts;
mod mask;
mod parameter_table;
mod parameters;
mod part;
mod path;
mod percent;
mod providers;
mod raw;
mod read;
mod scheme;
mod settings;
mod shape;
#[cfg(test)]
mod tests;
mod userinfo;
mod warning;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

pub use self::error::UrlError;

pub use self::scheme::UrlKind;
pub use self::settings::{Protocol, ReadFrom, TlsVerify};
pub use self::warning::UrlWarning;

use self::settings::Settings;

/// The longest URL that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// Holds a Redis URL that has been read and checked.
///
/// Its `Display` and `Debug` show `***` in the place of the password.
#[derive(Clone)]
pub struct RedisUrl {
    kind: UrlKind,
    hosts: Vec<(String, u16)>,
    path: Option<PathBuf>,
    username: Option<String>,
    password: Option<String>,
    database: u32,
    service_name: Option<String>,
    settings: Settings,
    warnings: Vec<UrlWarning>,
}

impl RedisUrl {
    /// Reads a URL such as `redis://user:password@localhost:6379/0`.
    ///
    /// # Errors
    ///
    /// Returns a [`UrlError`] whose code, position and help name the first
    /// thing that is wrong.
    pub fn parse(text: &str) -> Result<RedisUrl, UrlError> {
        read::read(text).map_err(|fault| fault.into_error(text))
    }

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

impl FromStr for RedisUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<RedisUrl, UrlError> {
        RedisUrl::parse(text)
    }
}

/// Writes the URL without its parameters, and `***` for the password.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.kind.canonical())?;
        match (&self.username, &self.password) {
            (_, None) => {}
            (Some(username), Some(password)) if !password.is_empty() => {
                write!(f, "{}:{}@", username.escape_debug(), mask::MASK)?;
            }
            _ => write!(f, ":{}@", mask::MASK)?,
        }
        if let Some(path) = &self.path {
            write!(f, "{}", path.display().to_string().escape_debug())?;
        }
        for (index, node) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", hosts::format_node(node))?;
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
