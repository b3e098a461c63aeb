//! Which hosts of a documented URL are on this machine or its network, and which are examples.

use std::net::IpAddr;

use crate::url::RedisUrl;

/// Who can reach a server, as its host tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// This machine, its network, or an example without a server.
    Local,
    /// Others than this machine.
    Reachable,
    /// The document leaves it open.
    Unknown,
}

/// Top-level names that are reserved for documentation and tests (RFC 2606, RFC 6761).
const RESERVED: [&str; 4] = ["example", "test", "invalid", "localhost"];
/// Ends of names that a container engine gives to this machine.
const THIS_MACHINE: [&str; 3] = [".localhost", ".docker.internal", ".containers.internal"];

/// Returns whether every host of `url` is local.
pub(super) fn are_local(url: &RedisUrl) -> bool {
    url.hosts().iter().all(|(host, _)| is_local(host))
}

/// Returns who can reach `host`.
pub(super) fn place(host: &str) -> Place {
    let host = host.to_ascii_lowercase();
    if is_local(&host) || is_example(&host) {
        Place::Local
    } else {
        Place::Reachable
    }
}

/// Loopback, or a name without dots: a service of Docker Compose, a host of the same network.
fn is_local(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => !host.contains('.') || THIS_MACHINE.iter().any(|end| host.ends_with(end)),
    }
}

fn is_example(host: &str) -> bool {
    let mut labels = host.trim_end_matches('.').rsplit('.');
    labels.clone().any(|label| label == "example")
        || labels.next().is_some_and(|last| RESERVED.contains(&last))
}
