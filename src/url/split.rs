//! The parts of a URL behind its scheme.

use super::diagnostic::{Diagnostic, Parsed};
use super::spanned::Spanned;

/// The longest URL that is read, in bytes.
pub(super) const LONGEST_URL: usize = 16 * 1024;

/// A URL behind its scheme, cut at the first `/`, `?` and `#`.
pub(super) struct Split<'a> {
    pub(super) userinfo: Option<Spanned<'a>>,
    pub(super) hosts: Spanned<'a>,
    pub(super) path: Spanned<'a>,
    pub(super) query: Option<Spanned<'a>>,
    pub(super) fragment: Option<Spanned<'a>>,
}

/// Cuts the URL up; an `@` behind the authority means an unescaped delimiter.
pub(super) fn split(rest: Spanned<'_>) -> Parsed<Split<'_>> {
    let text = rest.text;
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    if text[end..].contains('@') {
        return Err(unescaped_delimiter(rest.char_at(end)));
    }
    let authority = rest.to(end);
    let (userinfo, hosts) = match authority.text.rfind('@') {
        None => (None, authority),
        Some(at) => {
            if let Some(first) = text[..at].find('@') {
                let message = "unescaped `@` in the password of {}";
                let help = "write `%40`";
                return Err(rest.char_at(first).error("unescaped_at", message, help));
            }
            (Some(authority.to(at)), authority.from(at + 1))
        }
    };
    let (before, fragment) = cut(rest.from(end), '#');
    let (path, query) = cut(before, '?');
    Ok(Split {
        userinfo,
        hosts,
        path,
        query,
        fragment,
    })
}

fn cut(part: Spanned<'_>, separator: char) -> (Spanned<'_>, Option<Spanned<'_>>) {
    match part.split_once(separator) {
        Some((head, tail)) => (head, Some(tail)),
        None => (part, None),
    }
}

fn unescaped_delimiter(delimiter: Spanned<'_>) -> Diagnostic {
    let (message, help) = match delimiter.text {
        "/" => ("unescaped `/` in the password of {}", "write `%2F`"),
        "?" => ("unescaped `?` in the password of {}", "write `%3F`"),
        _ => ("unescaped `#` in the password of {}", "write `%23`"),
    };
    delimiter.error("unescaped_delimiter", message, help)
}

/// Returns the `host:port` of what follows a scheme, if it can hold no secret.
pub(super) fn public_target(rest: &str) -> Option<&str> {
    let text = Spanned {
        text: rest,
        start: 0,
    };
    let target = split(text).ok()?.hosts.text;
    let (host, port) = split_port(target);
    let is_host = !host.is_empty() && host.len() <= 100 && host.bytes().all(is_host_byte);
    (is_host && port.is_none_or(is_short_number)).then_some(target)
}

/// Returns whether a bare text can be nothing but the address of a server.
pub(super) fn is_surely_host(target: &str) -> bool {
    let (host, port) = split_port(target);
    let bare = host.trim_matches(['[', ']']);
    let is_ip = bare.parse::<std::net::IpAddr>().is_ok();
    let is_label_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
    let is_name = port.is_some() && host.contains('.') && host.bytes().all(is_label_byte);
    is_ip || is_name || host == "localhost" || host == "redis"
}

/// Splits off the port of a node; brackets hold an IPv6 address.
pub(super) fn split_port(node: &str) -> (&str, Option<&str>) {
    let is_bracketed = node.starts_with('[');
    let from = node.find(']').filter(|_| is_bracketed).unwrap_or(0);
    match node[from..].split_once(':') {
        Some((host, port)) => (&node[..from + host.len()], Some(port)),
        None => (node, None),
    }
}

pub(super) fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-[]:".contains(&byte)
}

pub(super) fn is_short_number(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit())
}
