//! No text makes the parser panic, point outside, or show a password; what it accepts has one meaning, which is that
//! of the same URL written in full.
#![no_main]

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use redis_ready::{Protocol, ReadFrom, RedisUrl, TlsVerify};

const PASSWORD: &str = "Zq7kx4VwJ40rPmd";

fuzz_target!(|text: &str| {
    match RedisUrl::parse(text) {
        Ok(url) => {
            hides_its_password(&url);
            let full = written_in_full(&url);
            match RedisUrl::parse(&full) {
                Ok(again) => assert_eq!(meaning(&again), meaning(&url), "{full}"),
                // Of a host in capitals, such as `XxXxX`, one in lower case is made.
                Err(error) => assert_eq!(error.code(), "placeholder", "{full}: {error:?}"),
            }
        }
        Err(error) => {
            assert!(text.get(error.span()).is_some());
            let shown = format!("{error}{error:?}{:?}", error.help());
            assert!(!shown.contains(char::is_control));
        }
    }
    // The comparisons teach the fuzzer the password, and a host may have that name.
    if !text.to_lowercase().contains(&PASSWORD.to_lowercase()) {
        hides(&with_password(text));
    }
});

/// What a URL prints has its password only where the password is a part of something else as well.
fn hides_its_password(url: &RedisUrl) {
    let shown = format!("{url} {url:?} {:?}", url.warnings());
    if let Some(password) = url.password().filter(|password| password.len() > 16) {
        let elsewhere = [
            url.username(),
            url.service_name(),
            url.path().and_then(|path| path.to_str()),
        ]
        .into_iter()
        .flatten()
        .chain(url.hosts().iter().map(|(host, _)| host.as_str()))
        .any(|part| part.contains(password));
        assert!(elsewhere || !shown.contains(password));
    }
}

/// Puts a password where the text has one, or where one would be.
fn with_password(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = text.split_at(start);
    match rest.rsplit_once('@') {
        Some((userinfo, host)) => match userinfo.split_once(':') {
            Some((user, _)) => format!("{scheme}{user}:{PASSWORD}@{host}"),
            None => format!("{scheme}{PASSWORD}@{host}"),
        },
        None => format!("{scheme}:{PASSWORD}@{rest}"),
    }
}

fn hides(text: &str) {
    let shown = match RedisUrl::parse(text) {
        Ok(url) => format!("{url} {url:?} {:?}", url.warnings()),
        Err(error) => format!("{error} {error:?} {:?}", error.help()),
    };
    let shown = shown.to_lowercase();
    assert!(!shown.contains(&PASSWORD.to_lowercase()), "{shown}");
}

/// Everything that a client takes from a URL.
fn meaning(url: &RedisUrl) -> String {
    let mut meaning = String::new();
    macro_rules! add {
        ($($getter:ident)*) => {
            $(write!(meaning, "{} {:?}\n", stringify!($getter), url.$getter()).expect("a String takes everything");)*
        };
    }
    add! {
        kind hosts path username password database service_name server_name protocol client_name connect_timeout
        response_timeout deadline keepalive max_in_flight tls_ca tls_cert tls_key tls_verify tls_server_name
        sentinel_username sentinel_password read_from
    }
    meaning
}

/// Writes the URL with everything at its own place and percent-encoded.
fn written_in_full(url: &RedisUrl) -> String {
    let shown = url.to_string();
    let (scheme, _) = shown.split_once("://").expect("a scheme comes first");
    let mut full = format!("{scheme}://");
    if let Some(password) = url.password() {
        let username = url.username().map(encoded).unwrap_or_default();
        full += &format!("{username}:{}@", encoded(password));
    }
    let hosts = url
        .hosts()
        .iter()
        .map(|(host, port)| match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        });
    full += &hosts.collect::<Vec<_>>().join(",");
    if let Some(path) = url.path().and_then(|path| path.to_str()) {
        let path = encoded(path).replace("%2F", "/");
        // Several slashes at the start of a path are one, unless they are encoded.
        full += &match path.strip_prefix("//") {
            Some(rest) => format!("/%2F{rest}"),
            None => path,
        };
    }
    // A number alone would be the database, and the service missing.
    full += &match url.service_name() {
        Some(service) => format!("/{}/{}?", encoded(service), url.database()),
        None => format!("?db={}", url.database()),
    };
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            full += &format!("&{name}={value}");
        }
    };
    let nanoseconds = |duration: std::time::Duration| format!("{}ns", duration.as_nanos());
    let protocol = |protocol| {
        if protocol == Protocol::Resp2 {
            "2"
        } else {
            "3"
        }
    };
    let read_from = |from| match from {
        ReadFrom::Replica => "replica",
        ReadFrom::PreferReplica => "prefer_replica",
        _ => "primary",
    };
    let verify = match url.tls_verify() {
        TlsVerify::Full => None,
        TlsVerify::Ca => Some("ca".to_owned()),
        TlsVerify::None => Some("none".to_owned()),
    };
    let path = |path: &std::path::Path| path.to_str().map(encoded);
    if url.password().is_none() {
        add("username", url.username().map(encoded));
    }
    add("protocol", url.protocol().map(|it| protocol(it).to_owned()));
    add("client_name", url.client_name().map(encoded));
    add("connect_timeout", url.connect_timeout().map(nanoseconds));
    add("response_timeout", url.response_timeout().map(nanoseconds));
    add("deadline", url.deadline().map(nanoseconds));
    add("keepalive", url.keepalive().map(nanoseconds));
    add(
        "max_in_flight",
        url.max_in_flight().map(|it| it.to_string()),
    );
    add("tls_ca", url.tls_ca().and_then(path));
    add("tls_cert", url.tls_cert().and_then(path));
    add("tls_key", url.tls_key().and_then(path));
    add("tls_verify", verify);
    add("tls_server_name", url.tls_server_name().map(str::to_owned));
    add("sentinel_username", url.sentinel_username().map(encoded));
    add("sentinel_password", url.sentinel_password().map(encoded));
    add(
        "read_from",
        url.read_from().map(|it| read_from(it).to_owned()),
    );
    full
}

fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let mut encoded = String::new();
    for byte in text.bytes() {
        match is_plain(byte) {
            true => encoded.push(char::from(byte)),
            false => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}
