//! The addresses that nodes announce, in redirections and in their slot tables.

use redis::Value;

use crate::address::Address;
use crate::config::{Announced, Announcer};
use crate::report::printable;

/// Number of characters of a node's name: a server can send any text.
const MAX_ID_LENGTH: usize = 40;

/// The node that announces an address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answering<'a> {
    /// Where it was asked.
    pub(super) address: &'a Address,
    /// Its address before the address map, which maps what it announces without a host, too.
    pub(super) announced: &'a Address,
}

/// Parses the `host:port` of a redirection that the `answering` node has sent. Without a host it is
/// the host of that node; `?` stands for a host that no node has announced, and `known` returns the node
/// with this port, if there is one.
pub(super) fn redirect_address(
    text: &str,
    answering: Answering<'_>,
    known: impl FnOnce(u16) -> Option<Address>,
) -> Option<Announced> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let address = match host.trim_start_matches('[').trim_end_matches(']') {
        "" => Address::announced(&answering.announced.host, port),
        "?" => known(port),
        host => Address::announced(host, port),
    };
    Some(announced(address?, answering))
}

fn announced(address: Address, answering: Answering<'_>) -> Announced {
    Announced {
        address,
        by: Announcer::Node(answering.address.clone()),
    }
}

/// Reads a node's entry in the `CLUSTER SLOTS` of the `answering` node.
///
/// A node that does not know its own host announces none, or an empty one: then it is the one that
/// answers. One whose host cannot be used is reached at the IP address of the same entry.
pub(super) fn node_address(entry: &Value, answering: Answering<'_>) -> Option<Announced> {
    let Value::Array(entry) = entry else {
        return None;
    };
    let port = port(entry)?;
    let host = match entry.first()? {
        Value::Nil => answering.announced.host.as_str(),
        host => match text(host)? {
            "" => answering.announced.host.as_str(),
            host => host,
        },
    };
    let address = Address::announced(host, port);
    let address = address.or_else(|| Address::announced(ip(entry)?, port))?;
    Some(announced(address, answering))
}

fn text(value: &Value) -> Option<&str> {
    match value {
        // What is not text is not a host either.
        Value::BulkString(bytes) => Some(std::str::from_utf8(bytes).unwrap_or("?")),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

fn port(entry: &[Value]) -> Option<u16> {
    match entry.get(1)? {
        Value::Int(port) => u16::try_from(*port).ok(),
        _ => None,
    }
}

/// Returns the IP address among what else a node is known by, since Redis 7.
fn ip(entry: &[Value]) -> Option<&str> {
    let ip = match entry.get(3)? {
        Value::Map(pairs) => &pairs.iter().find(|(name, _)| text(name) == Some("ip"))?.1,
        Value::Array(words) => {
            let (pairs, _) = words.as_chunks();
            let [_, ip] = pairs.iter().find(|[name, _]| text(name) == Some("ip"))?;
            ip
        }
        _ => return None,
    };
    text(ip)
}

/// Returns how operators call the node of an entry, fit to print.
pub(super) fn node_name(entry: &Value) -> String {
    let Value::Array(entry) = entry else {
        return "a node without a name".to_owned();
    };
    let id = entry.get(2).and_then(text).unwrap_or("?");
    let id: String = id.chars().take(MAX_ID_LENGTH).collect();
    let port = match entry.get(1) {
        Some(Value::Int(port)) => port.to_string(),
        _ => "?".to_owned(),
    };
    format!("node `{}` with port {port}", printable(&id))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    fn answering() -> Answering<'static> {
        static ADDRESSES: LazyLock<[Address; 2]> =
            LazyLock::new(|| [Address::new("mapped", 7000), Address::new("seed", 7000)]);
        let [address, announced] = &*ADDRESSES;
        Answering { address, announced }
    }

    #[test]
    fn a_redirection_names_a_host_or_means_the_one_that_answers() {
        let check = |text: &str, expected: Option<&str>| {
            let known = |port| (port == 7001).then(|| Address::new("known", port));
            let address =
                redirect_address(text, answering(), known).map(|it| it.address.to_string());
            assert_eq!(address.as_deref(), expected, "{text}");
        };
        check("10.0.0.1:7001", Some("10.0.0.1:7001"));
        check(":7001", Some("seed:7001"));
        check("?:7001", Some("known:7001"));
        check("?:7002", None);
        check("fe80::1:7001", Some("[fe80::1]:7001"));
        check("[fe80::1]:7001", Some("[fe80::1]:7001"));
        check("10.0.0.1", None);
        check("a:70000", None);
        check("a:0", None);
        check("a\u{1b}[31m:7001", None);
        let announced = redirect_address(":7001", answering(), |_| None).expect("it has a port");
        assert_eq!(announced.by, Announcer::Node(Address::new("mapped", 7000)));
    }

    #[test]
    fn a_host_that_is_not_known_is_that_of_the_node_that_answers() {
        let check = |host: Value, port: i64, expected: Option<&str>| {
            let entry = Value::Array(vec![host, Value::Int(port)]);
            let address = node_address(&entry, answering()).map(|it| it.address.to_string());
            assert_eq!(address.as_deref(), expected, "{entry:?}");
        };
        let host = |host: &str| Value::BulkString(host.into());
        check(host("10.0.0.1"), 7001, Some("10.0.0.1:7001"));
        check(host("::1"), 7001, Some("[::1]:7001"));
        check(host(""), 7001, Some("seed:7001"));
        check(Value::Nil, 7001, Some("seed:7001"));
        check(host("?"), 7001, None);
        check(host("a\u{1b}[31m"), 7001, None);
        check(Value::Int(1), 7001, None);
        check(host("a"), 0, None);
        check(host("a"), 65_536, None);
    }

    #[test]
    fn a_host_that_cannot_be_used_is_replaced_by_the_ip_address_of_the_same_entry() {
        let bulk = |text: &str| Value::BulkString(text.into());
        let resp2 = |ip: &str| Value::Array(vec![bulk("hostname"), bulk(""), bulk("ip"), bulk(ip)]);
        let resp3 = |ip: &str| Value::Map(vec![(bulk("ip"), bulk(ip))]);
        let check = |host: Value, metadata: Value, expected: Option<&str>| {
            let entry = Value::Array(vec![host, Value::Int(7001), bulk("id"), metadata]);
            let address = node_address(&entry, answering()).map(|it| it.address.to_string());
            assert_eq!(address.as_deref(), expected, "{entry:?}");
        };
        check(bulk("?"), resp2("10.0.0.1"), Some("10.0.0.1:7001"));
        check(bulk("?"), resp3("10.0.0.1"), Some("10.0.0.1:7001"));
        check(bulk("?"), resp3("::1"), Some("[::1]:7001"));
        check(bulk("a\nb"), resp3("10.0.0.1"), Some("10.0.0.1:7001"));
        check(bulk("a"), resp3("10.0.0.1"), Some("a:7001"));
        check(
            Value::BulkString(vec![0xff]),
            resp3("10.0.0.1"),
            Some("10.0.0.1:7001"),
        );
        check(bulk("?"), resp3(""), None);
        check(bulk("?"), resp3("\u{1b}"), None);
        check(bulk("?"), resp3("?"), None);
        check(bulk("?"), Value::Array(vec![bulk("ip")]), None);
        check(bulk("?"), Value::Map(Vec::new()), None);
        check(bulk("?"), Value::Nil, None);
    }

    #[test]
    fn the_name_of_a_node_is_short_and_printable() {
        let name = |id: &str| {
            let id = Value::BulkString(id.into());
            node_name(&Value::Array(vec![Value::Nil, Value::Int(7), id]))
        };
        assert_eq!(name("4f\u{1b}"), "node `4f\\u{1b}` with port 7");
        assert_eq!(
            name(&"x".repeat(1_000)).len(),
            "node `` with port 7".len() + 40
        );
    }
}
