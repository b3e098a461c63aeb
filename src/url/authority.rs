//! `user:password@host:port`: who logs in, and where the servers are.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::codes::{self, Warnings};
use super::diagnostic::{Diagnostic, Parsed};
use super::kind::UrlKind;
use super::percent::{decode, decode_query, should_encode};
use super::spanned::Spanned;
use super::split::Split;
use crate::placeholder;

/// The user name and the password of a URL; an empty password is one.
pub(super) type Credentials = (Option<String>, Option<String>);

/// Reads what stands before the `@`.
pub(super) fn credentials(split: &Split<'_>, warnings: &mut Warnings) -> Parsed<Credentials> {
    let Some(userinfo) = split.userinfo else {
        return Ok((None, None));
    };
    if userinfo.is_empty() || userinfo.text == ":" {
        warnings.push(codes::EMPTY_USERINFO);
        return Ok((None, None));
    }
    let Some((user, password)) = userinfo.split_once(':') else {
        return Err(userinfo.error(codes::USERINFO_WITHOUT_COLON));
    };
    if let Some(index) = userinfo.text.find(['[', ']']) {
        return Err(userinfo.char_at(index).error(codes::SHOULD_ENCODE_BRACKET));
    }
    refuse_placeholder(user)?;
    refuse_placeholder(password)?;
    warnings.extend(should_encode(userinfo.text).then_some(codes::SHOULD_ENCODE));
    let username = decode(user)?;
    let password = decode(password)?;
    if password.is_empty() {
        warnings.push(codes::EMPTY_PASSWORD);
    } else if matches!(&*username, "h" | "u" | "x") {
        warnings.push(codes::DUMMY_USERNAME);
    }
    warnings.extend(placeholder::is_weak(&password).then_some(codes::WEAK_PASSWORD));
    let username = Some(username).filter(|name| !name.is_empty());
    Ok((username, Some(password)))
}

/// Refuses what stands where a value should be: `undefined`, `<password>`.
fn refuse_placeholder(part: Spanned<'_>) -> Parsed<()> {
    let text = part.text;
    let is_unfilled = placeholder::is_nothing(text) || placeholder::is_placeholder(text);
    part.refuse_if(is_unfilled, codes::PLACEHOLDER)
}

/// A host, in lower case and without brackets, and its port.
pub(super) type Node = (String, u16);

/// Checks that there is a host, one where one is meant, and none in the URL of a socket.
pub(super) fn check_count(kind: UrlKind, split: &Split<'_>) -> Parsed<()> {
    let text = split.hosts.text;
    let problem = match kind {
        UrlKind::Unix if text.is_empty() => return Ok(()),
        UrlKind::Unix => codes::HOST_IN_UNIX,
        _ if text.is_empty() => return Err(missing_host(split)),
        _ if text.starts_with(':') && !text.starts_with("::") => codes::MISSING_HOST,
        _ if text.contains(',') && !kind.is_list() => codes::MULTIPLE_HOSTS,
        _ => return Ok(()),
    };
    Err(split.hosts.error(problem))
}

/// Points at the separator that the host should follow.
fn missing_host(split: &Split<'_>) -> Diagnostic {
    let separator = if split.userinfo.is_some() { "@" } else { "://" };
    let end = split.hosts.start;
    Diagnostic::new(
        codes::MISSING_HOST,
        end.saturating_sub(separator.len())..end,
    )
}

/// Refuses a node that is named twice.
pub(super) fn check_distinct(nodes: &[Node], hosts: Spanned<'_>) -> Parsed<()> {
    let mut seen = HashSet::with_capacity(nodes.len());
    let is_repeated = !nodes.iter().all(|node| seen.insert(node));
    hosts.refuse_if(is_repeated, codes::DUPLICATE_HOST)
}

/// Reads `host[:port]`.
pub(super) fn node(kind: UrlKind, node: Spanned<'_>, warnings: &mut Warnings) -> Parsed<Node> {
    let is_bracketed = node.text.starts_with('[');
    let read = if is_bracketed { bracketed } else { unbracketed };
    let (host, port) = read(node)?;
    let is_empty = port.is_some_and(Spanned::is_empty);
    warnings.extend(is_empty.then_some(codes::EMPTY_PORT));
    match port.filter(|_| !is_empty) {
        Some(port) => Ok((host, parse_port(port, warnings)?)),
        None => Ok((host, kind.default_port())),
    }
}

/// Reads a node of the query, where the colon and the brackets may be encoded.
pub(super) fn encoded_node(kind: UrlKind, raw: Spanned<'_>, found: &mut Warnings) -> Parsed<Node> {
    let (text, start, span) = (&*decode_query(raw)?, raw.start, raw.span());
    let read = node(kind, Spanned { text, start }, found);
    read.map_err(|error| Diagnostic { span, ..error })
}

fn bracketed(node: Spanned<'_>) -> Parsed<(String, Option<Spanned<'_>>)> {
    let Some((before, tail)) = node.split_once(']') else {
        return Err(node.error(codes::IPV6_BRACKETS));
    };
    let inner = before.from(1);
    let zoned = inner.text.split_once('%').map(|(bare, _)| bare);
    let has_zone = zoned.is_some_and(|bare| bare.parse::<Ipv6Addr>().is_ok());
    inner.refuse_if(has_zone, codes::ZONE_ID)?;
    let Ok(address) = inner.text.parse::<Ipv6Addr>() else {
        return Err(inner.error(codes::INVALID_IPV6));
    };
    inner.refuse_if(address.is_unspecified(), codes::WILDCARD_HOST)?;
    let port = tail.split_once(':').filter(|(none, _)| none.is_empty());
    tail.refuse_if(!tail.is_empty() && port.is_none(), codes::INVALID_PORT)?;
    Ok((address.to_string(), port.map(|(_, port)| port)))
}

fn unbracketed(node: Spanned<'_>) -> Parsed<(String, Option<Spanned<'_>>)> {
    let is_ipv6 = is_bare_ipv6(node.text) || node.text.contains(']');
    let has_colons = node.text.matches(':').count() > 1;
    node.refuse_if(is_ipv6 && has_colons, codes::IPV6_BRACKETS)?;
    let (name, port) = node.cut(':');
    Ok((host(name)?, port))
}

fn is_bare_ipv6(text: &str) -> bool {
    let text = text.split('%').next().unwrap_or(text);
    let without_port = text.rsplit_once(':').map_or(text, |(host, _)| host);
    text.parse::<Ipv6Addr>().is_ok() || without_port.parse::<Ipv6Addr>().is_ok()
}

/// Reads a name or an IPv4 address.
pub(super) fn host(host: Spanned<'_>) -> Parsed<String> {
    let text = host.text;
    refuse_placeholder(host)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(index) = text.find(|c: char| c.is_ascii() && !is_allowed(c)) {
        return Err(host.char_at(index).error(codes::HOST_CHARACTER));
    }
    host.refuse_if(!text.is_ascii(), codes::NON_ASCII_HOST)?;
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_name = name.len() <= 253 && name.split('.').all(is_label);
    host.refuse_if(!is_name, codes::INVALID_HOST)?;
    if name.split('.').all(is_number) {
        check_ipv4(host, name)?;
    }
    Ok(text.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    matches!(label.len(), 1..=63) && !label.starts_with('-') && !label.ends_with('-')
}

fn is_number(label: &str) -> bool {
    match label.to_ascii_lowercase().strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Refuses what `inet_aton` reads as an address and others as a name.
fn check_ipv4(host: Spanned<'_>, name: &str) -> Parsed<()> {
    let is_decimal = |label: &str| label == "0" || !label.starts_with('0');
    let problem = match name.parse::<Ipv4Addr>() {
        Ok(address) if address.is_unspecified() => codes::WILDCARD_HOST,
        Ok(_) if host.text.ends_with('.') => codes::AMBIGUOUS_HOST,
        Ok(_) => return Ok(()),
        Err(_) if name.matches('.').count() > 2 && name.split('.').all(is_decimal) => {
            codes::INVALID_IPV4
        }
        Err(_) => codes::AMBIGUOUS_HOST,
    };
    Err(host.error(problem))
}

fn parse_port(port: Spanned<'_>, warnings: &mut Warnings) -> Parsed<u16> {
    let text = port.text;
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(number) if is_number && number > 0 => {
            warnings.extend(text.starts_with('0').then_some(codes::LEADING_ZERO_PORT));
            Ok(number)
        }
        // A longer number may be a secret.
        _ if is_number && text.len() <= 5 => {
            Err(port.error(codes::PORT_OUT_OF_RANGE).about(text.to_owned()))
        }
        _ if text.starts_with("tcp:") => Err(port.error(codes::KUBERNETES_PORT)),
        _ => Err(port.error(codes::INVALID_PORT)),
    }
}

/// Returns whether the `url` crate reads the same host and port.
pub(super) fn agrees_with_url_crate(text: &str, (host, port): &Node) -> bool {
    let Ok(url) = ::url::Url::parse(text) else {
        return false;
    };
    let same_host = match url.host() {
        Some(::url::Host::Ipv6(address)) => host.parse() == Ok(address),
        Some(::url::Host::Domain(name)) => name.eq_ignore_ascii_case(host),
        // An IPv4 address is a name to it where it does not know the scheme.
        Some(::url::Host::Ipv4(_)) | None => false,
    };
    same_host && url.port().unwrap_or(6379) == *port
}

#[cfg(test)]
mod tests {
    use super::agrees_with_url_crate;

    #[test]
    fn the_url_crate_has_to_read_the_same_host_and_the_same_port() {
        for (text, host, port, expected) in [
            ("redis://cache:6380", "cache", 6380, true),
            ("redis://CACHE", "cache", 6379, true),
            ("redis://[::1]:6380", "::1", 6380, true),
            ("redis://cache:6380", "cache", 6379, false),
            ("redis://cache:6380", "other", 6380, false),
            ("redis://[::1]", "::2", 6379, false),
            ("redis://[::1", "::1", 6379, false),
        ] {
            let node = (host.to_owned(), port);
            assert_eq!(agrees_with_url_crate(text, &node), expected, "{text}");
        }
    }
}
