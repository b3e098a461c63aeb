//! The addresses that nodes announce, in redirections and in their slot tables.

use redis::Value;

use crate::address::Address;

/// Parses the `host:port` of a redirection that the node at `answering` has sent. Without a host it is
/// the host of that node.
pub(super) fn redirect_address(text: &str, answering: &Address) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = if host.is_empty() || host == "?" {
        &answering.host
    } else {
        host
    };
    Address::announced(host, port.parse().ok()?)
}

/// Reads a node's entry in the `CLUSTER SLOTS` of the node at `answering`. A node that does not know its
/// own host announces none, or an empty one: then it is the one that answers.
pub(super) fn node_address(entry: &Value, answering: &Address) -> Option<Address> {
    let Value::Array(entry) = entry else {
        return None;
    };
    let host = match entry.first()? {
        Value::Nil => answering.host.as_str(),
        Value::BulkString(host) => match std::str::from_utf8(host).ok()? {
            "" => answering.host.as_str(),
            "?" => return None,
            host => host,
        },
        _ => return None,
    };
    match entry.get(1)? {
        Value::Int(port) => {
            let port = u16::try_from(*port).ok().filter(|port| *port > 0)?;
            Address::announced(host, port)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering() -> Address {
        Address::new("seed", 7000)
    }

    #[test]
    fn a_redirection_names_a_host_or_means_the_one_that_answers() {
        let check = |text: &str, expected: Option<&str>| {
            let address = redirect_address(text, &answering()).map(|it| it.to_string());
            assert_eq!(address.as_deref(), expected, "{text}");
        };
        check("10.0.0.1:7001", Some("10.0.0.1:7001"));
        check(":7001", Some("seed:7001"));
        check("?:7001", Some("seed:7001"));
        check("fe80::1:7001", Some("[fe80::1]:7001"));
        check("[fe80::1]:7001", Some("[fe80::1]:7001"));
        check("10.0.0.1", None);
        check("a:70000", None);
        check("a\u{1b}[31m:7001", None);
    }

    #[test]
    fn a_host_that_is_not_known_is_that_of_the_node_that_answers() {
        let check = |host: Value, port: i64, expected: Option<&str>| {
            let entry = Value::Array(vec![host, Value::Int(port)]);
            let address = node_address(&entry, &answering()).map(|it| it.to_string());
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
}
