//! A URL with one mistake → the URL without it, where that is certain enough to propose it.

use std::ops::Range;

use super::redact;
use super::words::Field;

/// Returns what to write for the URL, whose parser has found the mistake `code` at the bytes `at`. It may
/// have other mistakes.
pub(super) fn repaired(url: &str, code: &str, at: &Range<usize>) -> Option<String> {
    let with = |span: Range<usize>, new: &str| {
        let before = url.get(..span.start)?;
        Some(format!("{before}{new}{}", url.get(span.end..)?))
    };
    let rest = url.find("://").map(|at| at + 3);
    match code {
        "invalid_port" => with(at.clone(), Field::Port.example()),
        "invalid_db" => with(at.clone(), Field::Database.example()),
        "missing_scheme" if redact::is_shown(url) => Some(format!("redis://{url}")),
        "missing_slashes" | "unknown_scheme" => with_slashes(url),
        "http_scheme" => {
            let scheme = if url.starts_with("https") {
                "rediss://"
            } else {
                "redis://"
            };
            with(0..rest?, scheme)
        }
        "host_in_unix" => with(rest?..rest?, "/"),
        "missing_host" => {
            let host = url.rfind('@').map_or(rest?, |at| at + 1);
            with(host..host, Field::Host.example())
        }
        "userinfo_without_colon" => {
            let end = url.rfind('@')?;
            let user = url
                .get(rest?..end)?
                .trim_matches(['<', '>', '{', '}', '[', ']']);
            let is_user = user == "default" || Field::Username.is_named_by(user);
            if is_user {
                with(end..end, ":password")
            } else {
                with(rest?..rest?, ":")
            }
        }
        "trailing_garbage" => with(at.start..url.len(), ""),
        "wildcard_host" => with(at.clone(), Field::Host.example()),
        "multiple_hosts" => with(rest? - 3..rest?, "-cluster://"),
        "foreign_tls_param" | "invalid_param" if asks_for_tls(url, at) => {
            let plain = without_parameter(url, at)?;
            Some(plain.replacen("redis://", "rediss://", 1))
        }
        "foreign_tls_param"
        | "duplicate_param"
        | "conflicting_password"
        | "conflicting_username" => without_parameter(url, at),
        _ => None,
    }
}

/// `redis:6379` has no scheme, `redis:/host` and `redis//host` have a wrong one.
fn with_slashes(url: &str) -> Option<String> {
    let schemes = ["rediss", "redis", "valkeys", "valkey"];
    let scheme = schemes.iter().find(|scheme| url.starts_with(**scheme))?;
    let rest = &url[scheme.len()..];
    let host = rest.trim_start_matches([':', '/']);
    let is_port = host
        .split('/')
        .next()
        .is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    if is_port && rest.starts_with(':') {
        return Some(format!("redis://{url}"));
    }
    Some(format!("{scheme}://{host}"))
}

/// Leaves out the parameter of the query that the mistake is in.
fn without_parameter(url: &str, at: &Range<usize>) -> Option<String> {
    let query = url.find('?')? + 1;
    let (path, pairs) = (url.get(..query - 1)?, url.get(query..)?);
    let mut position = query;
    let mut kept = Vec::new();
    for pair in pairs.split('&') {
        let end = position + pair.len();
        if !(position..=end).contains(&at.start) {
            kept.push(pair);
        }
        position = end + 1;
    }
    let joined = kept.join("&");
    Some(if joined.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{joined}")
    })
}

/// Returns whether the parameter is `ssl=true` or the like, in a URL without TLS.
fn asks_for_tls(url: &str, at: &Range<usize>) -> bool {
    let before = url.get(..at.start).unwrap_or_default();
    let start = before.rfind(['?', '&']).map_or(0, |at| at + 1);
    let pair = url[start..].split('&').next().unwrap_or_default();
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let is_off = ["false", "0", "no", "off", "none"]
        .iter()
        .any(|off| value.eq_ignore_ascii_case(off));
    url.starts_with("redis://") && ["ssl", "tls", "ssl_cert_reqs"].contains(&key) && !is_off
}

#[cfg(test)]
mod tests {
    use super::repaired;
    use crate::url::RedisUrl;

    #[test]
    fn one_mistake_is_mended_and_the_rest_stays() {
        for (url, expected) in [
            ("redis://cache:99999/1", "redis://cache:6379/1"),
            ("redis://cache/x", "redis://cache/0"),
            ("cache:6379", "redis://cache:6379"),
            ("redis:6379", "redis://redis:6379"),
            ("redis:/cache", "redis://cache"),
            ("redis//cache", "redis://cache"),
            ("https://cache.example.com", "rediss://cache.example.com"),
            ("unix://run/redis.sock", "unix:///run/redis.sock"),
            ("redis://:6379", "redis://localhost:6379"),
            (
                "redis://:password@:6379",
                "redis://:password@localhost:6379",
            ),
            ("redis://password@cache", "redis://:password@cache"),
            ("redis://user@cache", "redis://user:password@cache"),
            ("redis://cache?ssl=false", "redis://cache"),
            ("redis://cache?ssl=true&db=1", "rediss://cache?db=1"),
            ("redis://cache?db=1&ssl=false", "redis://cache?db=1"),
            (
                "redis://cache?protocol=3&deadline=5s&keepalive=5s&client_name=x&db=1&db=2",
                "redis://cache?protocol=3&deadline=5s&keepalive=5s&client_name=x&db=1",
            ),
            ("redis://cache:6379 or so", "redis://cache:6379"),
            ("redis://0.0.0.0:6379", "redis://localhost:6379"),
            ("redis://a:1,b:2", "redis-cluster://a:1,b:2"),
        ] {
            let error = RedisUrl::parse(url).expect_err(url);
            let found = repaired(url, error.code(), &error.span());
            assert_eq!(found.as_deref(), Some(expected), "{url}: {}", error.code());
            assert!(RedisUrl::parse(expected).is_ok(), "{expected}");
        }
    }

    #[test]
    fn what_is_not_certain_is_not_mended() {
        // It says nothing of TLS; it may be a password.
        for url in ["redis://cache?protocol=9", "hunter2"] {
            let error = RedisUrl::parse(url).expect_err(url);
            let found = repaired(url, error.code(), &error.span());
            assert_eq!(found, None, "{url}");
        }
    }
}
