//! [`AddressMap`]: maps addresses that servers announce to addresses that this machine can reach.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use crate::address::Address;
use crate::error::{Error, ErrorKind};
use crate::report::printable;

/// Maps addresses that servers announce to addresses that this machine can reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AddressMap(BTreeMap<Place, Place>);

/// A host, and one of its ports or all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    host: String,
    port: Option<u16>,
}

impl AddressMap {
    /// Reads pairs of `host:port` or `host`.
    pub(super) fn of<A: AsRef<str>, B: AsRef<str>>(
        pairs: impl IntoIterator<Item = (A, B)>,
    ) -> Result<AddressMap, Error> {
        let pair = |(from, to): (A, B)| {
            let from = place(from.as_ref())?;
            let host = comparable(&from.host);
            Ok((Place { host, ..from }, place(to.as_ref())?))
        };
        pairs
            .into_iter()
            .map(pair)
            .collect::<Result<_, _>>()
            .map(AddressMap)
    }

    /// Returns where `announced` leads.
    pub(crate) fn mapped(&self, announced: Address) -> Address {
        if self.0.is_empty() {
            return announced;
        }
        let port = announced.port;
        let host = comparable(&announced.host);
        let exact = Place {
            host: host.clone(),
            port: Some(port),
        };
        let any_port = Place { host, port: None };
        match self.0.get(&exact).or_else(|| self.0.get(&any_port)) {
            Some(to) => Address::new(&to.host, to.port.unwrap_or(port)),
            None => announced,
        }
    }
}

/// Returns a host as it is compared: names without regard to case, IP addresses as what they mean.
fn comparable(host: &str) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => ip.to_string(),
        Err(_) => host.trim_end_matches('.').to_ascii_lowercase(),
    }
}

fn place(text: &str) -> Result<Place, Error> {
    parse(text).ok_or_else(|| {
        // What has an `@` may be a URL with its password.
        let shown = if text.contains('@') {
            "***".to_owned()
        } else {
            printable(text)
        };
        let message = format!("invalid address in the address map: `{shown}`");
        Error::new(ErrorKind::InvalidUrl, message)
            .with_help("write `host:port` or `host`, and `[…]` around an IPv6 address with a port")
    })
}

fn parse(text: &str) -> Option<Place> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some(Place {
            host: text.to_owned(),
            port: None,
        });
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            match port {
                "" => (host, None),
                port => (host, Some(port.strip_prefix(':')?)),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let is_host = !host.is_empty() && host.chars().all(is_name);
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    is_host.then(|| Place {
        host: host.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_goes_before_its_host_and_both_keep_what_they_do_not_name() {
        let map = AddressMap::of([
            ("172.17.0.2:7000", "localhost:7001"),
            ("172.17.0.2", "10.0.0.2"),
            ("Redis-3.Internal.", "fd00::3"),
            ("[fd00:0::4]:7000", "localhost"),
            ("fd00::5", "[::1]:7005"),
            ("localhost:7001", "elsewhere:1"),
        ]);
        let map = map.expect("all are valid");
        for (host, port, expected) in [
            ("172.17.0.2", 7000, "localhost:7001"),
            ("172.17.0.2", 7001, "10.0.0.2:7001"),
            ("redis-3.internal", 6379, "[fd00::3]:6379"),
            ("fd00::4", 7000, "localhost:7000"),
            ("fd00::4", 7001, "[fd00::4]:7001"),
            ("fd00:0:0::5", 1, "[::1]:7005"),
            ("172.17.0.20", 7000, "172.17.0.20:7000"),
        ] {
            let mapped = map.mapped(Address::new(host, port)).to_string();
            assert_eq!(mapped, expected, "{host} {port}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_fit_to_print() {
        for text in [
            "",
            ":7000",
            "a:",
            "a:0",
            "a:70000",
            "a:b",
            "a:1:2",
            "[::1",
            "[a]:1",
            "::1]:1",
            "a b",
            "redis://a:1",
            "a@b:1",
            "a\u{1b}[31m:1",
            "[::1]7000",
        ] {
            for pair in [(text, "a:1"), ("a:1", text)] {
                let error = AddressMap::of([pair]).expect_err(text);
                assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{error:?}");
                assert!(!format!("{error:?}").contains('\u{1b}'), "{error:?}");
            }
        }
    }
}
