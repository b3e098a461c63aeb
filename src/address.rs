//! [`Address`]: where a server listens.

use std::fmt;
use std::net::IpAddr;

/// The host, a name or an IP address without brackets, and the port of a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    pub(crate) fn new(host: impl Into<String>, port: u16) -> Address {
        Address {
            host: host.into(),
            port,
        }
    }

    /// Takes an address that a server announces, which can send anything: `None` unless the host may
    /// stand in a message and in the log, and there is a port. `?` is a host that the server does not know.
    pub(crate) fn announced(host: &str, port: u16) -> Option<Address> {
        let is_host = !matches!(host, "" | "?") && host.chars().all(|c| c.is_ascii_graphic());
        (is_host && port > 0).then(|| Address::new(host, port))
    }

    /// Returns whether the host is an IP address, which few certificates name.
    pub(crate) fn is_ip(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
    }
}

impl From<(String, u16)> for Address {
    fn from((host, port): (String, u16)) -> Address {
        Address { host, port }
    }
}

/// Writes `host:port`, and an IPv6 address in brackets.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        assert_eq!(Address::new("cache", 6379).to_string(), "cache:6379");
        assert_eq!(Address::new("10.0.0.1", 1).to_string(), "10.0.0.1:1");
        assert_eq!(Address::new("::1", 6379).to_string(), "[::1]:6379");
    }

    #[test]
    fn an_announced_host_is_one_and_cannot_write_to_a_terminal() {
        let announced = |host| Address::announced(host, 1).map(|address| address.to_string());
        assert_eq!(announced("10.0.0.1").as_deref(), Some("10.0.0.1:1"));
        for host in ["", "?", "a\u{1b}[31m", "a\nb", "a b", "\u{202e}a"] {
            assert_eq!(announced(host), None, "{host:?}");
        }
    }

    #[test]
    fn a_server_that_is_announced_has_a_port() {
        assert_eq!(Address::announced("10.0.0.1", 0), None);
    }
}
