//! Which hosts of a documented URL are on this machine or its network, and which are examples.

use std::net::IpAddr;

use crate::url::RedisUrl;

/// Top-level names that are reserved for documentation and tests (RFC 2606, RFC 6761).
const RESERVED: [&str; 4] = ["example", "test", "invalid", "localhost"];

/// Returns whether every host of `url` is local.
pub(super) fn are_local(url: &RedisUrl) -> bool {
    url.hosts().iter().all(|(host, _)| is_local(host))
}

/// Returns whether `url` names a host that others can reach: neither local nor an example.
pub(super) fn names_a_reachable_host(url: &RedisUrl) -> bool {
    let mut hosts = url.hosts().iter();
    hosts.any(|(host, _)| !is_local(host) && !is_example(host))
}

/// Loopback, or a name without dots: a service of Docker Compose, a host of the same network.
fn is_local(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => !host.contains('.') || host.trim_end_matches('.') == "localhost",
    }
}

fn is_example(host: &str) -> bool {
    let mut labels = host.trim_end_matches('.').rsplit('.');
    labels.clone().any(|label| label == "example")
        || labels.next().is_some_and(|last| RESERVED.contains(&last))
}
