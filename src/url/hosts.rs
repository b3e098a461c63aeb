//! Where the servers are: names, addresses, ports.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::error::Fault;
use super::part::Part;
use super::raw::{self, Split};
use super::scheme::{Scheme, UrlKind};
use super::warning::UrlWarning;
use crate::placeholder;

/// A host, in lower case and without brackets, and its port.
pub(super) type Node = (String, u16);

/// Checks that there is a host, and only one where one is meant.
pub(super) fn check_count(scheme: Scheme, split: &Split<'_>) -> Result<(), Fault> {
    let text = split.hosts.text;
    if text.is_empty() || text.starts_with(':') && !text.starts_with("::") {
        return Err(missing_host(scheme, split));
    }
    if text.contains(',') && !scheme.kind.is_list() {
        let secure = scheme.kind.canonical();
        let message = "several hosts in {}, expected one";
        return Err(Fault::new("multiple_hosts", split.hosts.span(), message).help(format!(
            "write `{secure}-cluster://` for a cluster, `{secure}-sentinel://` with a service name for Sentinel"
        )));
    }
    Ok(())
}

fn missing_host(scheme: Scheme, split: &Split<'_>) -> Fault {
    let name = scheme.name;
    let segment = split.path.text.trim_start_matches('/');
    let is_socket = segment.contains('/') || segment.contains(".sock");
    let help = match split.userinfo {
        _ if segment.starts_with("localhost") => {
            format!("write two slashes: `{name}://localhost:6379`")
        }
        Some(_) if is_socket => "write `unix://<user>:<password>@/<path>` for a socket".to_owned(),
        None if is_socket => "write `unix:///<path>` for a socket".to_owned(),
        Some(_) => format!("write `{name}://<user>:<password>@localhost:6379` for a local server"),
        None => format!("write `{name}://localhost:6379` for a local server"),
    };
    let span = match split.userinfo {
        None if split.hosts.is_empty() => split.hosts.start.saturating_sub(3)..split.hosts.start,
        Some(_) if split.hosts.is_empty() => split.hosts.start - 1..split.hosts.start,
        _ => split.hosts.span(),
    };
    Fault::new("missing_host", span, "missing host in {}").help(help)
}

/// Reads the comma-separated nodes and those of `node` parameters.
pub(super) fn read(
    kind: UrlKind,
    hosts: Part<'_>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<Vec<Node>, Fault> {
    hosts
        .split(',')
        .map(|node| read_node(kind, node, warnings))
        .collect()
}

/// Refuses a node that is named twice.
pub(super) fn check_distinct(nodes: &[Node], hosts: &Range<usize>) -> Result<(), Fault> {
    let mut seen = HashSet::with_capacity(nodes.len());
    if nodes.iter().all(|node| seen.insert(node)) {
        return Ok(());
    }
    Err(Fault::new(
        "duplicate_host",
        hosts.clone(),
        "the same host and port twice in {}",
    )
    .help("name each node once"))
}

/// Reads `host[:port]`.
pub(super) fn read_node(
    kind: UrlKind,
    node: Part<'_>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<Node, Fault> {
    let (host, port) = if node.text.starts_with('[') {
        bracketed(node)?
    } else {
        plain(node)?
    };
    let port = match port {
        None => kind.default_port(),
        Some(port) if port.is_empty() => {
            warnings.push(UrlWarning::new(
                "empty_port",
                "nothing after the colon: a variable for the port may be unset",
            ));
            kind.default_port()
        }
        Some(port) => read_port(port, warnings)?,
    };
    Ok((host, port))
}

fn bracketed(node: Part<'_>) -> Result<(String, Option<Part<'_>>), Fault> {
    let Some(close) = node.text.find(']') else {
        return Err(Fault::new(
            "ipv6_brackets",
            node.span(),
            "missing `]` after the IPv6 address in {}",
        )
        .help("write `[::1]:6379`"));
    };
    let inner = Part {
        text: &node.text[1..close],
        start: node.start + 1,
    };
    let tail = node.from(close + 1);
    if inner
        .text
        .split('%')
        .next()
        .is_some_and(|bare| inner.text.contains('%') && bare.parse::<Ipv6Addr>().is_ok())
    {
        return Err(Fault::new(
            "zone_id",
            inner.span(),
            "zone of an IPv6 address in {}: expected an address without `%`",
        )
        .help("use an address that is not link-local"));
    }
    let Ok(address) = inner.text.parse::<Ipv6Addr>() else {
        return Err(Fault::new(
            "invalid_host",
            inner.span(),
            "invalid IPv6 address in {}: brackets hold nothing else",
        )
        .help("write `[::1]:6379`, or a name without brackets"));
    };
    if address.is_unspecified() {
        return Err(wildcard(inner, "[::1]"));
    }
    match tail.text.strip_prefix(':') {
        _ if tail.is_empty() => Ok((address.to_string(), None)),
        Some(_) => Ok((address.to_string(), Some(tail.from(1)))),
        None => Err(Fault::new(
            "invalid_port",
            tail.span(),
            "invalid port in {}: expected `:` after the `]`",
        )
        .help("write `[::1]:6379`")),
    }
}

fn plain(node: Part<'_>) -> Result<(String, Option<Part<'_>>), Fault> {
    let colons = node.text.matches(':').count();
    if colons > 1 && (is_bare_ipv6(node.text) || node.text.contains(']')) {
        return Err(Fault::new(
            "ipv6_brackets",
            node.span(),
            "IPv6 address without brackets in {}",
        )
        .help("write `[::1]:6379`"));
    }
    let (host, port) = match node.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (node, None),
    };
    Ok((read_host(host)?, port))
}

fn is_bare_ipv6(text: &str) -> bool {
    let text = text.split('%').next().unwrap_or(text);
    let without_port = text.rsplit_once(':').map_or(text, |(host, _)| host);
    text.parse::<Ipv6Addr>().is_ok() || without_port.parse::<Ipv6Addr>().is_ok()
}

/// Reads a name or an IPv4 address.
pub(super) fn read_host(host: Part<'_>) -> Result<String, Fault> {
    let text = host.text;
    let invalid = |span, message: &'static str| Fault::new("invalid_host", span, message);
    if text.is_empty() {
        return Err(
            invalid(host.span(), "empty host in the list of {}").help("remove the spare comma")
        );
    }
    if placeholder::is_nothing(text) || placeholder::is_placeholder(text) {
        return Err(raw::placeholder(host));
    }
    if let Some(index) =
        text.find(|c: char| c.is_ascii() && !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
    {
        let help = match &text[index..=index] {
            "%" => "write the host as it is; a socket is `unix:///<path>`",
            "[" | "]" => "brackets hold an IPv6 address: `[::1]:6379`",
            _ => "a host consists of letters, digits, `-`, `_` and `.`",
        };
        return Err(invalid(host.span_at(index), "invalid character in the host of {}").help(help));
    }
    if !text.is_ascii() {
        return Err(non_ascii(host));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.split('.').any(str::is_empty) {
        return Err(
            invalid(host.span(), "empty label in the host of {}").help("remove the spare dot")
        );
    }
    if name.len() > 253 || name.split('.').any(|label| label.len() > 63) {
        return Err(invalid(
            host.span(),
            "host of {} is too long: expected at most 253 characters, 63 between dots",
        ));
    }
    if name
        .split('.')
        .any(|label| label.starts_with('-') || label.ends_with('-'))
    {
        return Err(invalid(
            host.span(),
            "invalid host in {}: a label starts or ends with a hyphen",
        ));
    }
    numeric(host, name)?;
    Ok(text.to_ascii_lowercase())
}

/// Refuses what `inet_aton` reads as an address and others as a name.
fn numeric(host: Part<'_>, name: &str) -> Result<(), Fault> {
    let is_number = |label: &str| {
        let hex = label
            .strip_prefix("0x")
            .or_else(|| label.strip_prefix("0X"));
        match hex {
            Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
            None => label.bytes().all(|b| b.is_ascii_digit()),
        }
    };
    if !name.split('.').all(is_number) {
        return Ok(());
    }
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        if address.is_unspecified() {
            return Err(wildcard(host, "127.0.0.1"));
        }
        if host.text.ends_with('.') {
            return Err(ambiguous(host).help(format!("write `{address}`")));
        }
        return Ok(());
    }
    let decimal = name
        .split('.')
        .all(|label| label == "0" || !label.starts_with('0'));
    if name.matches('.').count() > 2 && decimal {
        return Err(Fault::new(
            "invalid_host",
            host.span(),
            "invalid IPv4 address in {}: expected four numbers from 0 to 255",
        ));
    }
    let port = name.parse::<u16>().ok().filter(|&port| port > 0);
    Err(match (port, url_address(name)) {
        (Some(port), _) => {
            ambiguous(host).help(format!("write `localhost:{port}` if it is a port"))
        }
        (None, Some(address)) => ambiguous(host).help(format!("write `{address}`")),
        (None, None) => ambiguous(host),
    })
}

/// What the WHATWG rules make of a shorthand address.
fn url_address(name: &str) -> Option<Ipv4Addr> {
    match ::url::Host::parse(name) {
        Ok(::url::Host::Ipv4(address)) => Some(address),
        _ => None,
    }
}

fn ambiguous(host: Part<'_>) -> Fault {
    Fault::new(
        "ambiguous_host",
        host.span(),
        "ambiguous host in {}: an IPv4 address in shorthand to some, a name to others",
    )
    .help("write the address with four decimal numbers")
}

fn wildcard(host: Part<'_>, local: &str) -> Fault {
    Fault::new(
        "wildcard_host",
        host.span(),
        "address to listen on in {}, expected one to connect to",
    )
    .help(format!("write `{local}` for this machine"))
}

fn non_ascii(host: Part<'_>) -> Fault {
    let ascii = match ::url::Host::parse(host.text) {
        Ok(::url::Host::Domain(name)) if name.len() <= 100 => {
            Some(format!("write `{name}` if that is the host you mean"))
        }
        _ => None,
    };
    Fault::new(
        "non_ascii_host",
        host.span(),
        "character outside ASCII in the host of {}",
    )
    .help_some(ascii)
}

fn read_port(port: Part<'_>, warnings: &mut Vec<UrlWarning>) -> Result<u16, Fault> {
    let text = port.text;
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let number = if digits {
        text.parse::<u16>().ok().filter(|&number| number > 0)
    } else {
        None
    };
    let Some(number) = number else {
        return Err(invalid_port(port, digits));
    };
    if text.starts_with('0') {
        warnings.push(UrlWarning::new(
            "leading_zero_port",
            format!("port with leading zeros: write `{number}`"),
        ));
    }
    Ok(number)
}

fn invalid_port(port: Part<'_>, digits: bool) -> Fault {
    let expected = "invalid port in {}: expected 1 to 65535";
    let fault = |message| Fault::new("invalid_port", port.span(), message);
    let (first, tail) = port.text.split_once(':').unwrap_or((port.text, ""));
    let is_short = |text: &str| {
        !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit())
    };
    match port.text {
        text if digits && text.len() <= 5 => fault(format!("{expected}, found `{text}`")).help("leave the port out for 6379"),
        _ if is_short(first) && is_short(tail) => fault("invalid port in {}: two ports".to_owned()).help(format!("keep `:{first}`")),
        "undefined" | "null" | "None" | "nil" | "NaN" => {
            fault(format!("{expected}, found the `{}` of a template", port.text)).help("set the variable the port comes from")
        }
        text if text.starts_with("tcp:") => fault(format!("{expected}, found a URL"))
            .help("Kubernetes sets `REDIS_PORT=tcp://...` for a service named redis: use another name, or `enableServiceLinks: false`"),
        _ => fault(expected.to_owned()).help("write digits only, or leave the port out for 6379"),
    }
}

/// Returns the node as it stands in a URL.
pub(super) fn format_node((host, port): &Node) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
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
