//! `user:password@host:port`: who logs in, and where the servers are.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::diagnostic::{Diagnostic, Parsed};
use super::kind::UrlKind;
use super::mistakes::UNREPLACED;
use super::percent::{Plus, decode, should_encode};
use super::scheme::Scheme;
use super::spanned::Spanned;
use super::split::{Split, is_short_number, public_target};
use super::warning::Warnings;
use crate::placeholder;

/// The credentials of a URL; an empty password is one.
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
}

/// Reads what stands before the `@`.
pub(super) fn credentials(
    scheme: Scheme,
    split: &Split<'_>,
    warnings: &mut Warnings,
) -> Parsed<Credentials> {
    let Some(userinfo) = split.userinfo else {
        return Ok(Credentials::default());
    };
    if userinfo.is_empty() || userinfo.text == ":" {
        warnings.add(
            "empty_userinfo",
            "nothing before the `@`: a variable for the password may be unset",
        );
        return Ok(Credentials::default());
    }
    let Some((user, password)) = userinfo.split_once(':') else {
        return Err(without_colon(scheme, userinfo, split.hosts.text));
    };
    if let Some(index) = userinfo.text.find(['[', ']']) {
        let message = "unescaped bracket in the userinfo of {}";
        let help = "write `%5B` for `[` and `%5D` for `]`";
        return Err(userinfo
            .char_at(index)
            .error("should_encode_bracket", message, help));
    }
    for part in [user, password] {
        refuse_placeholder(part)?;
    }
    if should_encode(userinfo.text) {
        let message = "characters before the `@` that belong percent-encoded";
        warnings.add("should_encode", message);
    }
    let username = decode(user, Plus::Literal, "user name")?;
    let password = decode(password, Plus::Literal, "password")?;
    warn_about_credentials(&username, &password, warnings);
    Ok(Credentials {
        username: Some(username).filter(|name| !name.is_empty()),
        password: Some(password),
    })
}

fn warn_about_credentials(username: &str, password: &str, warnings: &mut Warnings) {
    if password.is_empty() {
        let message = "empty password: a variable for it may be unset";
        warnings.add("empty_password", message);
    } else if matches!(username, "h" | "u" | "x") {
        let message = "one-letter user name: leave it out where the server knows only a password";
        warnings.add("dummy_username", message);
    }
    if placeholder::is_weak(password) {
        let message = "the password is one that asks to be changed";
        warnings.add("weak_password", message);
    }
}

fn without_colon(scheme: Scheme, userinfo: Spanned<'_>, hosts: &str) -> Diagnostic {
    let name = scheme.name;
    let is_unix = scheme.kind == UrlKind::Unix;
    let target = public_target(hosts).unwrap_or(if is_unix { "/<path>" } else { "<host>" });
    let alone = format!("{name}://:<password>@{target}");
    let with_user = format!("{name}://<user>:<password>@{target}");
    let message =
        "missing colon before the `@` in {}: a password to some clients, a user name to others";
    let help = format!("password alone: `{alone}`; with a user: `{with_user}`");
    userinfo.error("userinfo_without_colon", message, help)
}

/// Refuses what stands where a value should be: `undefined`, `<password>`.
fn refuse_placeholder(part: Spanned<'_>) -> Parsed<()> {
    if placeholder::is_nothing(part.text) || placeholder::is_placeholder(part.text) {
        return Err(UNREPLACED.at(part));
    }
    Ok(())
}

/// A host, in lower case and without brackets, and its port.
pub(super) type Node = (String, u16);

/// Checks that there is a host, and only one where one is meant.
pub(super) fn check_count(scheme: Scheme, split: &Split<'_>) -> Parsed<()> {
    let text = split.hosts.text;
    if text.is_empty() || text.starts_with(':') && !text.starts_with("::") {
        return Err(missing_host(scheme.name, split));
    }
    if text.contains(',') && !scheme.kind.is_list() {
        let ours = scheme.kind.canonical();
        let message = "several hosts in {}, expected one";
        return Err(split.hosts.error("multiple_hosts", message, format!(
            "write `{ours}-cluster://` for a cluster, `{ours}-sentinel://` with a service name for Sentinel"
        )));
    }
    Ok(())
}

fn missing_host(name: &str, split: &Split<'_>) -> Diagnostic {
    let segment = split.path.text.trim_start_matches('/');
    let is_socket = segment.contains('/') || segment.contains(".sock");
    let user = split.userinfo.map_or("", |_| "<user>:<password>@");
    let help = match user {
        _ if segment.starts_with("localhost") => {
            format!("write two slashes: `{name}://localhost:6379`")
        }
        "" if is_socket => "write `unix:///<path>` for a socket".to_owned(),
        _ if is_socket => format!("write `unix://{user}/<path>` for a socket"),
        _ => format!("write `{name}://{user}localhost:6379` for a local server"),
    };
    let before = match split.userinfo {
        _ if !split.hosts.is_empty() => 0,
        None => 3,    // `://`
        Some(_) => 1, // `@`
    };
    let span = split.hosts.start.saturating_sub(before)..split.hosts.end();
    Diagnostic::new("missing_host", span, "missing host in {}", help)
}

/// Reads the comma-separated nodes.
pub(super) fn nodes(
    kind: UrlKind,
    hosts: Spanned<'_>,
    warnings: &mut Warnings,
) -> Parsed<Vec<Node>> {
    hosts
        .split(',')
        .map(|host| node(kind, host, warnings))
        .collect()
}

/// Refuses a node that is named twice.
pub(super) fn check_distinct(nodes: &[Node], hosts: Spanned<'_>) -> Parsed<()> {
    let mut seen = HashSet::with_capacity(nodes.len());
    if nodes.iter().all(|node| seen.insert(node)) {
        return Ok(());
    }
    let message = "the same host and port twice in {}";
    Err(hosts.error("duplicate_host", message, "name each node once"))
}

/// Reads `host[:port]`.
pub(super) fn node(kind: UrlKind, node: Spanned<'_>, warnings: &mut Warnings) -> Parsed<Node> {
    let (host, port) = if node.text.starts_with('[') {
        bracketed(node)?
    } else {
        unbracketed(node)?
    };
    let port = match port {
        None => kind.default_port(),
        Some(port) if port.is_empty() => {
            let message = "nothing after the colon: a variable for the port may be unset";
            warnings.add("empty_port", message);
            kind.default_port()
        }
        Some(port) => parse_port(port, warnings)?,
    };
    Ok((host, port))
}

fn bracketed(node: Spanned<'_>) -> Parsed<(String, Option<Spanned<'_>>)> {
    let Some(close) = node.text.find(']') else {
        let message = "missing `]` after the IPv6 address in {}";
        return Err(node.error("ipv6_brackets", message, "write `[::1]:6379`"));
    };
    let inner = node.slice(1..close);
    let tail = node.from(close + 1);
    if let Some((bare, _)) = inner.text.split_once('%')
        && bare.parse::<Ipv6Addr>().is_ok()
    {
        let message = "zone of an IPv6 address in {}: expected an address without `%`";
        let help = "use an address that is not link-local";
        return Err(inner.error("zone_id", message, help));
    }
    let Ok(address) = inner.text.parse::<Ipv6Addr>() else {
        let message = "invalid IPv6 address in {}: brackets hold nothing else";
        let help = "write `[::1]:6379`, or a name without brackets";
        return Err(inner.error("invalid_host", message, help));
    };
    if address.is_unspecified() {
        return Err(wildcard(inner, "write `[::1]` for this machine"));
    }
    if !tail.is_empty() && !tail.text.starts_with(':') {
        let message = "invalid port in {}: expected `:` after the `]`";
        return Err(tail.error("invalid_port", message, "write `[::1]:6379`"));
    }
    let port = (!tail.is_empty()).then(|| tail.from(1));
    Ok((address.to_string(), port))
}

fn unbracketed(node: Spanned<'_>) -> Parsed<(String, Option<Spanned<'_>>)> {
    let colons = node.text.matches(':').count();
    if colons > 1 && (is_bare_ipv6(node.text) || node.text.contains(']')) {
        let message = "IPv6 address without brackets in {}";
        return Err(node.error("ipv6_brackets", message, "write `[::1]:6379`"));
    }
    match node.split_once(':') {
        Some((name, port)) => Ok((host(name)?, Some(port))),
        None => Ok((host(node)?, None)),
    }
}

fn is_bare_ipv6(text: &str) -> bool {
    let text = text.split('%').next().unwrap_or(text);
    let without_port = text.rsplit_once(':').map_or(text, |(host, _)| host);
    text.parse::<Ipv6Addr>().is_ok() || without_port.parse::<Ipv6Addr>().is_ok()
}

/// Reads a name or an IPv4 address.
pub(super) fn host(host: Spanned<'_>) -> Parsed<String> {
    let text = host.text;
    let invalid =
        |message: &'static str, help: &'static str| Err(host.error("invalid_host", message, help));
    if text.is_empty() {
        return invalid("empty host in the list of {}", "remove the spare comma");
    }
    refuse_placeholder(host)?;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(index) = text.find(|c: char| c.is_ascii() && !is_allowed(c)) {
        let found = host.char_at(index);
        let help = match found.text {
            "%" => "write the host as it is; a socket is `unix:///<path>`",
            "[" | "]" => "brackets hold an IPv6 address: `[::1]:6379`",
            _ => "a host consists of letters, digits, `-`, `_` and `.`",
        };
        let message = "invalid character in the host of {}";
        return Err(found.error("invalid_host", message, help));
    }
    if !text.is_ascii() {
        return Err(non_ascii(host));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let any_label = |check: fn(&str) -> bool| name.split('.').any(check);
    if any_label(str::is_empty) {
        return invalid("empty label in the host of {}", "remove the spare dot");
    }
    if name.len() > 253 || any_label(|label| label.len() > 63) {
        let message = "host of {} is too long: expected at most 253 characters, 63 between dots";
        return invalid(message, "");
    }
    if any_label(|label| label.starts_with('-') || label.ends_with('-')) {
        return invalid(
            "invalid host in {}: a label starts or ends with a hyphen",
            "",
        );
    }
    if !any_label(|label| !is_number(label)) {
        check_ipv4(host, name)?;
    }
    Ok(text.to_ascii_lowercase())
}

fn is_number(label: &str) -> bool {
    let hex = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Refuses what `inet_aton` reads as an address and others as a name.
fn check_ipv4(host: Spanned<'_>, name: &str) -> Parsed<()> {
    let ambiguous = |help: String| {
        let message =
            "ambiguous host in {}: an IPv4 address in shorthand to some, a name to others";
        Err(host.error("ambiguous_host", message, help))
    };
    match name.parse::<Ipv4Addr>() {
        Ok(address) if address.is_unspecified() => {
            return Err(wildcard(host, "write `127.0.0.1` for this machine"));
        }
        Ok(address) if host.text.ends_with('.') => return ambiguous(format!("write `{address}`")),
        Ok(_) => return Ok(()),
        Err(_) => {}
    }
    let is_decimal = |label: &str| label == "0" || !label.starts_with('0');
    if name.matches('.').count() > 2 && name.split('.').all(is_decimal) {
        let message = "invalid IPv4 address in {}: expected four numbers from 0 to 255";
        return Err(host.error("invalid_host", message, ""));
    }
    match (name.parse::<u16>(), ::url::Host::parse(name)) {
        (Ok(port), _) if port > 0 => ambiguous(format!("write `localhost:{port}` if it is a port")),
        (_, Ok(::url::Host::Ipv4(address))) => ambiguous(format!("write `{address}`")),
        _ => ambiguous("write the address with four decimal numbers".to_owned()),
    }
}

fn wildcard(host: Spanned<'_>, help: &'static str) -> Diagnostic {
    let message = "address to listen on in {}, expected one to connect to";
    host.error("wildcard_host", message, help)
}

fn non_ascii(host: Spanned<'_>) -> Diagnostic {
    let message = "character outside ASCII in the host of {}";
    let help = match ::url::Host::parse(host.text) {
        Ok(::url::Host::Domain(name)) if name.len() <= 100 => {
            format!("write `{name}` if that is the host you mean")
        }
        _ => String::new(),
    };
    host.error("non_ascii_host", message, help)
}

fn parse_port(port: Spanned<'_>, warnings: &mut Warnings) -> Parsed<u16> {
    let text = port.text;
    let is_digits = text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(number) if is_digits && number > 0 => {
            if text.starts_with('0') {
                let message = format!("port with leading zeros: write `{number}`");
                warnings.add("leading_zero_port", message);
            }
            Ok(number)
        }
        _ => Err(invalid_port(port, is_digits)),
    }
}

fn invalid_port(port: Spanned<'_>, is_digits: bool) -> Diagnostic {
    let text = port.text;
    let is_port = |text: &str| !text.is_empty() && is_short_number(text);
    let (first, second) = text.split_once(':').unwrap_or((text, ""));
    let invalid = |found: String, help: &str| {
        let message = ("invalid port in ", format!(": {found}"));
        let help = help.to_owned();
        port.error("invalid_port", message, help)
    };
    let expected = "expected 1 to 65535";
    let not_a_port = |found: String| format!("{expected}, found {found}");
    if is_digits && text.len() <= 5 {
        let help = "leave the port out for 6379";
        return invalid(not_a_port(format!("`{text}`")), help);
    }
    if is_port(first) && is_port(second) {
        return invalid("two ports".to_owned(), &format!("keep `:{first}`"));
    }
    if matches!(text, "undefined" | "null" | "None" | "nil" | "NaN") {
        let help = "set the variable the port comes from";
        return invalid(not_a_port(format!("the `{text}` of a template")), help);
    }
    if text.starts_with("tcp:") {
        let help = "Kubernetes sets `REDIS_PORT=tcp://...` for a service named redis: use another name, or `enableServiceLinks: false`";
        return invalid(not_a_port("a URL".to_owned()), help);
    }
    let help = "write digits only, or leave the port out for 6379";
    invalid(expected.to_owned(), help)
}

/// Returns whether the `url` crate reads the same host and port.
pub(super) fn agrees_with_url_crate(text: &str, (host, port): &Node) -> bool {
    let Ok(url) = ::url::Url::parse(text) else {
        return false;
    };
    let same_host = match url.host() {
        Some(::url::Host::Ipv6(address)) => host.parse() == Ok(address),
        Some(::url::Host::Ipv4(address)) => host.parse() == Ok(address),
        Some(::url::Host::Domain(name)) => name.eq_ignore_ascii_case(host),
        None => false,
    };
    same_host && url.port().unwrap_or(6379) == *port
}
