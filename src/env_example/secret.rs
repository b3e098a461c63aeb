//! Which password in a documented URL may be committed.

const PLACEHOLDERS: [&str; 11] = [
    "host", "hostname", "port", "user", "username", "password", "db", "changeme", "secret", "pass",
    "x",
];

/// Whether `password` looks like a real one on a host that others can reach.
pub(super) fn is_committed(password: &str, hosts: &[(String, u16)]) -> bool {
    let password = password.to_ascii_lowercase();
    let is_placeholder = password.contains("example")
        || PLACEHOLDERS.contains(&&*password)
        || ["x", "*"]
            .iter()
            .any(|mark| password.replace(mark, "").is_empty());
    !is_placeholder && hosts.iter().any(|(host, _)| !is_harmless(host))
}

/// Loopback, or a name without dots: a service of Docker Compose, a host of the same network.
pub(super) fn is_local(host: &str) -> bool {
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => !host.contains('.') || host.trim_end_matches('.') == "localhost",
    }
}

/// A host that nobody owns: local, or reserved for documentation (RFC 2606, RFC 6761).
fn is_harmless(host: &str) -> bool {
    let labels = || host.trim_end_matches('.').split('.');
    let reserved = ["example", "test", "invalid", "localhost"];
    is_local(host)
        || labels()
            .next_back()
            .is_some_and(|last| reserved.contains(&last))
        || labels().any(|label| label == "example")
}
