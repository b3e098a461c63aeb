//! What looks like a real secret: told by where it stands and by how random it looks.

use std::ops::Range;

use super::documented_url;
use super::host::{self, Place};
use super::randomness::{has_letters_and_digits, looks_random, random_words};
use super::words::{self, Field};
use crate::placeholder;

/// Returns where a Redis URL, which need not be valid, has a password that looks like a real one.
pub(super) fn in_url(url: &str) -> Option<Range<usize>> {
    let is_real = |at: &Range<usize>| {
        let password = &url[at.clone()];
        let place = match url[at.end..].strip_prefix('@') {
            Some(host) => place(&format!("redis://{host}")),
            None => place(url),
        };
        !words::is_example_password(password)
            && match place {
                Place::Reachable => true,
                Place::Unknown => looks_random(password),
                Place::Local => false,
            }
    };
    passwords(url).into_iter().find(is_real)
}

/// Returns whether the text may hold a secret that a word announces: `# password: …`, `# pw …`.
pub(super) fn may_be_in_words(text: &str) -> bool {
    let is_generated = |word: &str| word.len() >= 6 && has_letters_and_digits(word);
    mentions_a_secret(text) || text.split(|c: char| !c.is_alphanumeric()).any(is_generated)
}

/// Returns where the server is, as far as a text in a document tells.
pub(super) fn place(url: &str) -> Place {
    let place = |host: &str| {
        let is_word = Field::Host.is_named_by(host) || placeholder::is_placeholder(host);
        let is_open =
            !placeholder::marked(host).is_empty() || host.contains("...") || !host.is_ascii();
        // Of `<name>.upstash.io` the provider is known, not the server.
        if is_word || is_open {
            Place::Unknown
        } else {
            host::place(host.trim_matches(['[', ']']))
        }
    };
    if !url.contains("://") {
        return place(url.split([':', ',']).next().unwrap_or(url));
    }
    let mut hosts = documented_url::hosts(url).map(place);
    let first = hosts.next().unwrap_or(Place::Local);
    if hosts.any(|place| place == Place::Reachable) {
        Place::Reachable
    } else {
        first
    }
}

/// The parameters that hold a password in the URLs of this crate, or a token in those of REST APIs.
const SECRET_PARAMETERS: [&str; 7] = [
    "password",
    "pass",
    "sentinel_password",
    "sentinelPassword",
    "token",
    "_token",
    "auth",
];

/// Returns where a URL has passwords: before the `@` and in its query.
pub(super) fn passwords(url: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let Some(start) = url.find("://").map(|at| at + 3) else {
        return options(url).into_iter().chain(login(url)).collect();
    };
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| start + at);
    let mut at = url[start..end].rfind('@').map(|at| start + at);
    if at.is_none() && !is_host_and_port(&url[start..end]) {
        // `:hun?ter2@host`: the sign belongs to the password.
        at = url[start..].rfind('@').map(|at| start + at);
    }
    if let Some(at) = at {
        let colon = url[start..at].find(':').map(|colon| start + colon + 1);
        let user = colon.is_none() && looks_random(&url[start..at]);
        found.extend(colon.or(user.then_some(start)).map(|from| from..at));
    }
    let from = at.unwrap_or(start);
    let query = url[from..].find('?');
    let mut position = query.map_or(url.len(), |query| from + query + 1);
    for pair in url[position..].split('&') {
        if let Some((key, value)) = pair.split_once('=')
            && SECRET_PARAMETERS.contains(&key)
        {
            found.push(position + pair.len() - value.len()..position + pair.len());
        }
        position += pair.len() + 1;
    }
    found
}

fn is_host_and_port(text: &str) -> bool {
    let port = text.rsplit_once(':').map_or("", |(_, port)| port);
    port.bytes().all(|b| b.is_ascii_digit()) || text.ends_with(']')
}

/// Returns where `user:password@host` has its password.
fn login(text: &str) -> Option<Range<usize>> {
    let at = text.rfind('@')?;
    let colon = text[..at].find(':')? + 1;
    let has_space = text[..at].contains(char::is_whitespace);
    (colon < at && !has_space && text[at..].contains('.')).then_some(colon..at)
}

/// Returns where `host:6380,password=…,ssl=True` has its password.
fn options(text: &str) -> Vec<Range<usize>> {
    let mut position = 0;
    let mut found = Vec::new();
    for option in text.split(',') {
        if option
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("password=")
        {
            let start = position + option.find('=').map_or(0, |at| at + 1);
            found.push(start..position + option.len());
        }
        position += option.len() + 1;
    }
    found
}

/// Returns whether a report may show the text: no password in it may be a real one.
pub(super) fn may_be_shown(text: &str) -> bool {
    let is_harmless = |at: Range<usize>| {
        let password = &text[at];
        password.is_ascii() && words::is_example_password(password)
    };
    // `redis://:hun?ter2@host`: a sign that is not escaped hides where the password ends.
    let rest = text.find("://").map_or("", |at| &text[at + 3..]);
    let is_clear = rest
        .find(['/', '?', '#'])
        .is_none_or(|end| !rest[end..].contains('@'));
    is_clear
        && passwords(text).into_iter().all(is_harmless)
        && random_words(text).is_empty()
        && !text.contains(char::is_control)
}

/// Returns where a comment that mentions a secret has one outside of a URL.
pub(super) fn in_prose(text: &str) -> Vec<Range<usize>> {
    let is_announced = mentions_a_secret(text);
    let mut start = 0;
    let mut found = Vec::new();
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        if !word.contains("://") {
            let secrets = if is_announced {
                random_words(bare)
            } else {
                Vec::new()
            };
            // `host:6380,password=…`, `user:password@host`
            let secrets = secrets.into_iter().chain(in_url(bare));
            found.extend(secrets.map(|at| start + at.start..start + at.end));
        }
        start += word.len();
    }
    found
}

/// What announces a secret in a comment, beside [`words::SECRETS`].
const SECRET_WORDS: [&str; 5] = ["passphrase", "mot de passe", "credential", "auth", "key"];

fn mentions_a_secret(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut known = words::SECRETS.iter().chain(&SECRET_WORDS);
    known.any(|word| lower.contains(word))
}

/// Words of the names of variables that hold a secret.
const SECRET_NAMES: [&str; 7] = [
    "PASSWORD", "PASS", "PASSWD", "PWD", "TOKEN", "SECRET", "AUTH",
];
/// Ends of the names of variables that hold a key of a service, not one of a map.
const KEY_NAMES: [&str; 4] = ["ACCESS_KEY", "API_KEY", "PRIMARY_KEY", "SECONDARY_KEY"];

/// Returns whether a variable holds a secret of Redis, by its name: `REDIS_PASSWORD`.
pub(super) fn is_named_by(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let mut words = name.split('_');
    let is_secret = words.any(|word| word.ends_with("PASSWORD") || SECRET_NAMES.contains(&word))
        || KEY_NAMES.iter().any(|end| name.ends_with(end));
    let uses = ["CACHE_", "QUEUE_", "SESSION_", "SENTINEL_"];
    is_secret && (is_of_redis(&name) || uses.iter().any(|start| name.starts_with(start)))
}

/// Returns whether a variable belongs to Redis, by its name. Vercel calls its Redis `KV`.
pub(super) fn is_of_redis(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_redis = |it: &&str| name.contains(it);
    ["REDIS", "VALKEY", "UPSTASH"].iter().any(is_redis) || name.starts_with("KV_")
}

/// Returns whether a variable names the host of a Redis server, itself or in a URL.
pub(super) fn names_a_host(name: &str) -> bool {
    let ends = [
        "HOST",
        "HOSTNAME",
        "ENDPOINT",
        "SERVER",
        "ADDR",
        "REST_URL",
        "REST_API_URL",
    ];
    ends.iter().any(|end| name.ends_with(end)) && is_of_redis(name)
}

/// Returns whether the value is none of a secret: a path, a switch, the name of a key with its parts.
fn is_plain_setting(value: &str) -> bool {
    let switches = ["true", "false", "yes", "no", "on", "off"];
    value.starts_with(['/', '.', '~'])
        || value.contains(':')
        || switches
            .iter()
            .any(|switch| value.eq_ignore_ascii_case(switch))
}

/// Returns whether a text is not one that documents show as an example.
pub(super) fn is_no_example(text: &str) -> bool {
    !words::is_example_password(text) && !is_plain_setting(text)
}

#[cfg(test)]
mod tests {
    use super::{
        in_prose, in_url, is_named_by, is_no_example, login, may_be_in_words, may_be_shown,
        names_a_host, passwords,
    };

    #[test]
    fn passwords_stand_before_the_at_sign_and_in_the_query() {
        for (url, expected) in [
            (
                "redis://u:hunter2@h?password=hunter3",
                &["hunter2", "hunter3"][..],
            ),
            (
                "redis://h?db=1&password=hunter2&token=x&a=b",
                &["hunter2", "x"],
            ),
            ("redis://:hun?pass=ter2@h?pass=x", &["hun?pass=ter2", "x"]),
            ("redis://u:hunter2@cache:x/a@b", &["hunter2"]),
            ("redis://cache:6379/a@b", &[]),
            ("redis://[::1]/a@b", &[]),
            ("redis://app@cache.example.com", &[]),
            ("redis://AX8kd93ksl2LsPq0@h", &["AX8kd93ksl2LsPq0"]),
        ] {
            let found: Vec<_> = passwords(url).into_iter().map(|at| &url[at]).collect();
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn a_url_without_a_real_password_may_be_shown() {
        for (url, expected) in [
            ("redis://:password@h/1", true),
            ("redis://:hunter2@h", false),
            ("redis://:contraseña@h", false),
            ("redis://:pass/word@h", false),
            ("redis://h/AX8kd93ksl2LsPq0", false),
            ("redis://h\n", false),
        ] {
            assert_eq!(may_be_shown(url), expected, "{url}");
        }
    }

    #[test]
    fn a_word_or_a_generated_text_announces_a_secret() {
        for (text, expected) in [
            ("the password", true),
            ("it is hunter2", true),
            ("of staging", false),
            ("redis db15 port 6379", false),
            ("1234567", false),
        ] {
            assert_eq!(may_be_in_words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_comment_holds_a_login_anywhere() {
        let text = "# é staging: app:hunter2@prod-1.upstash.io, or so";
        let found: Vec<_> = in_prose(text).into_iter().map(|at| &text[at]).collect();
        assert_eq!(found, ["hunter2"]);
    }

    #[test]
    fn paths_addresses_and_switches_are_no_secrets() {
        for (text, expected) in [
            ("hunter2", true),
            ("/run/secrets/redis", false),
            ("cache:6379", false),
            ("TRUE", false),
            ("changeme", false),
        ] {
            assert_eq!(is_no_example(text), expected, "{text}");
        }
    }

    #[test]
    fn a_variable_of_redis_may_name_a_host() {
        assert!(names_a_host("REDIS_HOST") && names_a_host("KV_REST_API_URL"));
        assert!(!names_a_host("DATABASE_HOST") && !names_a_host("REDIS_DB"));
    }

    #[test]
    fn a_password_is_a_secret_where_others_can_reach_the_server() {
        for (url, secret) in [
            (
                "redis://default:hunter2@prod-1.upstash.io:6379",
                Some("hunter2"),
            ),
            (
                "redis://prod-1.upstash.io?password=hunter2&db=1",
                Some("hunter2"),
            ),
            ("redis://:hunter2@<name>.upstash.io", None),
            (
                "redis://:AX8kd93ksl2LsPq0@<name>.upstash.io",
                Some("AX8kd93ksl2LsPq0"),
            ),
            (
                "redis://:AX8kd93ksl2LsPq0@host:port",
                Some("AX8kd93ksl2LsPq0"),
            ),
            ("redis://:hunter2@localhost", None),
            ("redis://:mypassword@prod-1.upstash.io", None),
            ("redis://prod-1.upstash.io", None),
            ("redis-cluster://:hunter2@localhost:7000,cache:7001", None),
            (
                "redis-cluster://:hunter2@localhost:7000,prod-1.upstash.io",
                Some("hunter2"),
            ),
        ] {
            assert_eq!(in_url(url).map(|at| &url[at]), secret, "{url}");
        }
    }

    #[test]
    fn a_login_has_a_password_without_spaces_and_a_host_with_dots() {
        for (text, password) in [
            ("app:hunter2@prod.example.com", Some("hunter2")),
            (":hunter2@prod.example.com", Some("hunter2")),
            ("app:@prod.example.com", None),
            ("app:hunter2@cache", None),
            ("write to: ops@example.com", None),
            ("ops@example.com", None),
        ] {
            assert_eq!(login(text).map(|at| &text[at]), password, "{text}");
        }
    }

    #[test]
    fn names_tell_of_secrets() {
        assert!(is_named_by("REDIS_PASSWORD") && is_named_by("UPSTASH_REDIS_REST_TOKEN"));
        assert!(is_named_by("KV_REST_API_TOKEN") && is_named_by("redis_auth"));
        assert!(!is_named_by("REDIS_KEY_PREFIX") && !is_named_by("STRIPE_KEY"));
    }
}
