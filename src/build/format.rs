//! [`Format`]: which forms of URL a `.env.example` is to show.

use super::host;
use crate::url::{RedisUrl, UrlKind};

/// A form of URL that `.env.example` is to show, so that each reader finds the one to copy.
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
    pub(super) const ALL: [Format; 3] = [Format::Local, Format::Password, Format::Tls];

    /// Guesses the formats that an invalid URL was meant to show: its own finding is enough.
    pub(super) fn guess(url: &str) -> Vec<Format> {
        let url = url.to_ascii_lowercase();
        let is_tls = url.contains("rediss") || url.contains("valkeys");
        let has_password = url.contains('@');
        let formats = [
            (Format::Tls, is_tls),
            (Format::Password, has_password),
            (Format::Local, !is_tls && !has_password),
        ];
        let guessed = formats.into_iter().filter(|(_, is_meant)| *is_meant);
        guessed.map(|(format, _)| format).collect()
    }

    pub(super) fn is_shown_by(self, url: &RedisUrl) -> bool {
        use UrlKind::{Cluster, ClusterTls, Sentinel, SentinelTls, Tcp, Tls, Unix};
        match (self, url.kind()) {
            (Format::Local, Unix) | (Format::Tls, Tls | SentinelTls | ClusterTls) => true,
            (Format::Local, Tcp | Sentinel | Cluster) => host::are_local(url),
            (Format::Password, _) => url.password().is_some_and(|password| !password.is_empty()),
            _ => false,
        }
    }

    /// Returns what the format is called after "a URL".
    pub(super) fn description(self) -> &'static str {
        match self {
            Format::Local => "without TLS on this machine",
            Format::Password => "with a password",
            Format::Tls => "with TLS",
        }
    }

    /// Returns the lines that document the format.
    pub(super) fn suggestion(self, name: &str) -> String {
        let url = match self {
            Format::Local => "redis://localhost:6379",
            Format::Password => "redis://:password@localhost:6379",
            Format::Tls => "rediss://:password@host:port",
        };
        format!("# Or {}:\n# {name}={url}", self.description())
    }
}

#[cfg(test)]
mod tests {
    use super::Format::{self, Local, Password, Tls};

    #[test]
    fn an_invalid_url_is_meant_to_show_what_its_scheme_and_its_login_say() {
        for (url, expected) in [
            ("redis://cache:x", &[Local][..]),
            ("redis://:p@cache:x", &[Password]),
            ("REDISS://cache:x", &[Tls]),
            ("valkeys://:p@cache:x", &[Tls, Password]),
        ] {
            assert_eq!(Format::guess(url), expected, "{url}");
        }
    }
}
