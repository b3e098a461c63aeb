//! The scheme of a URL, and what to write where there is none or another one.

use super::diagnostic::{Diagnostic, Parsed};
use super::foreign;
use super::kind::{SCHEMES, UrlKind};
use super::spanned::Spanned;
use super::split::{is_surely_host, public_target};

/// The scheme of a URL that has a known one.
#[derive(Clone, Copy)]
pub(super) struct Scheme {
    pub(super) kind: UrlKind,
    pub(super) name: &'static str,
    /// Only other clients spell it so.
    pub(super) is_alias: bool,
}

/// Finds a known scheme by its name in any case.
pub(super) fn known(name: &str) -> Option<Scheme> {
    let find = |kind, names: &'static str, is_alias| {
        let name = names.split(' ').find(|n| n.eq_ignore_ascii_case(name))?;
        (!name.is_empty()).then_some(Scheme {
            kind,
            name,
            is_alias,
        })
    };
    SCHEMES.iter().find_map(|&(kind, names, aliases)| {
        find(kind, names, false).or_else(|| find(kind, aliases, true))
    })
}

/// Returns whether the text starts with a known scheme and `://`.
pub(super) fn starts_with_known(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(name, _)| known(name).is_some())
}

/// Parses `scheme://rest`; `unix:/path` is `unix:///path`.
pub(super) fn parse(whole: Spanned<'_>) -> Parsed<(Scheme, Spanned<'_>)> {
    let text = whole.text;
    let word = text.find([':', '/', '?', '#', '@']).unwrap_or(text.len());
    let name = whole.to(word);
    let rest = whole.from(word);
    match known(name.text) {
        Some(scheme) if rest.text.starts_with("://") => Ok((scheme, rest.from(3))),
        Some(scheme) if scheme.kind == UrlKind::Unix && rest.text.starts_with(":/") => {
            Ok((scheme, rest.from(1)))
        }
        Some(scheme) if rest.text.starts_with(':') => {
            Err(missing_slashes(whole.to(word + 1), scheme, rest.text))
        }
        _ if name.is_empty() => Err(missing_scheme(whole)),
        _ if rest.text.starts_with("://") && !name.text.contains(',') => {
            Err(unknown(name, &rest.text[3..]))
        }
        _ if rest.text.starts_with("//") && starts_like_a_scheme(name.text) => {
            Err(unknown(name, &rest.text[2..]))
        }
        _ => Err(missing_scheme(whole)),
    }
}

fn starts_like_a_scheme(name: &str) -> bool {
    let letters = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    known(&name[..name.len() - letters.len()]).is_some()
}

fn missing_slashes(found: Spanned<'_>, scheme: Scheme, rest: &str) -> Diagnostic {
    let name = scheme.name;
    let help = match public_target(rest.trim_start_matches([':', '/', '\\'])) {
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            format!("write `{name}://{name}:{port}`")
        }
        Some(host) => format!("write `{name}://{host}`"),
        None => format!("write `{name}://<host>:<port>`"),
    };
    let message = (format!("expected `://` after `{name}` in "), "");
    found.error("missing_slashes", message, help)
}

fn missing_scheme(whole: Spanned<'_>) -> Diagnostic {
    let text = whole.text;
    let end = text.find([':', '/', '@']).unwrap_or(text.len());
    let help = match public_target(text) {
        _ if text.starts_with('/') && !text.starts_with("//") => {
            "write `unix://` in front of the path of a socket".to_owned()
        }
        Some(host) if is_surely_host(host) => format!("write `redis://{host}`"),
        _ => "write `redis://` in front, `rediss://` for TLS".to_owned(),
    };
    let message =
        "missing scheme in {}: expected `redis://`, `rediss://` or another one that is known";
    whole.to(end).error("missing_scheme", message, help)
}

fn unknown(name: Spanned<'_>, rest: &str) -> Diagnostic {
    let Some((other, what, ours)) = foreign::scheme(name.text) else {
        let help = "write `redis://`, or `rediss://` for TLS";
        return name.error("unknown_scheme", "unknown scheme in {}", help);
    };
    let is_http = other.starts_with("http");
    let code = if is_http {
        "http_scheme"
    } else {
        "unknown_scheme"
    };
    let before = format!("unknown scheme `{other}` in ");
    let user = if rest.contains('@') {
        "<user>:<password>@"
    } else {
        ""
    };
    let help = match (ours, public_target(rest)) {
        ("", _) => String::new(),
        ("unix", _) => "write `unix:///run/redis/redis.sock`".to_owned(),
        ("redis-sentinel", _) => format!("write `{ours}://<host>:26379/<service name>`"),
        (_, Some(host)) => format!("write `{ours}://{user}{host}`"),
        (_, None) => format!("write `{ours}://`"),
    };
    name.error(code, (before, format!(": it is {what}")), help)
}
