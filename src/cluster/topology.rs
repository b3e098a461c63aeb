//! Who serves what: the answer to `CLUSTER SLOTS`.

use std::fmt;

use redis::Value;

/// So many slots has a cluster.
pub(super) const SLOTS: usize = 16_384;

/// Where a node listens, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Address {
    /// Reads `host:port` of a redirection that the node at `answering` has sent; without a host it is
    /// the same one.
    pub(super) fn of_redirection(text: &str, answering: &Address) -> Option<Address> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = if host.is_empty() || host == "?" {
            &answering.host
        } else {
            is_host(host).then_some(host)?
        };
        Some(Address {
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }
}

/// A range of slots, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) primary: Address,
    pub(super) replicas: Vec<Address>,
}

/// Reads the answer of the node at `answering` to `CLUSTER SLOTS`; `None` where it is none.
pub(super) fn ranges(answer: &Value, answering: &Address) -> Option<Vec<Range>> {
    let Value::Array(ranges) = answer else {
        return None;
    };
    ranges.iter().map(|entry| range(entry, answering)).collect()
}

fn range(entry: &Value, answering: &Address) -> Option<Range> {
    let Value::Array(entry) = entry else {
        return None;
    };
    let [first, last, primary, replicas @ ..] = entry.as_slice() else {
        return None;
    };
    let (first, last) = (slot(first)?, slot(last)?);
    let address = |node| address(node, answering);
    (first <= last).then_some(())?;
    Some(Range {
        first,
        last,
        primary: address(primary)?,
        // One that is not known yet is left out.
        replicas: replicas.iter().filter_map(address).collect(),
    })
}

fn slot(value: &Value) -> Option<u16> {
    match value {
        Value::Int(slot) => u16::try_from(*slot)
            .ok()
            .filter(|slot| usize::from(*slot) < SLOTS),
        _ => None,
    }
}

/// A node that does not know its own host gives none, or an empty one: then it is the one asked.
fn address(node: &Value, answering: &Address) -> Option<Address> {
    let Value::Array(node) = node else {
        return None;
    };
    let host = match node.first()? {
        Value::Nil => answering.host.clone(),
        Value::BulkString(host) => match std::str::from_utf8(host).ok()? {
            "" => answering.host.clone(),
            "?" => return None,
            host => is_host(host).then(|| host.to_owned())?,
        },
        _ => return None,
    };
    match node.get(1)? {
        Value::Int(port) => Some(Address {
            host,
            port: u16::try_from(*port).ok().filter(|port| *port > 0)?,
        }),
        _ => None,
    }
}

/// Whether it may stand in a message: what a server says can be anything.
fn is_host(host: &str) -> bool {
    host.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Address {
        Address {
            host: "seed".to_owned(),
            port: 7000,
        }
    }

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![
            host,
            Value::Int(port),
            Value::BulkString(b"id".into()),
        ])
    }

    fn check(host: &Value, expected: Option<&str>) {
        let answer = Value::Array(vec![Value::Array(vec![
            Value::Int(0),
            Value::Int(16_383),
            node(host.clone(), 7001),
        ])]);
        let primary = ranges(&answer, &asked()).map(|ranges| ranges[0].primary.to_string());
        assert_eq!(primary.as_deref(), expected, "{host:?}");
    }

    #[test]
    fn a_host_that_is_not_known_is_that_of_the_node_asked() {
        check(
            &Value::BulkString(b"10.0.0.1".into()),
            Some("10.0.0.1:7001"),
        );
        check(&Value::BulkString(b"::1".into()), Some("[::1]:7001"));
        check(&Value::BulkString(b"".into()), Some("seed:7001"));
        check(&Value::Nil, Some("seed:7001"));
        check(&Value::BulkString(b"?".into()), None);
        check(&Value::Int(1), None);
    }

    #[test]
    fn a_replica_that_is_not_known_is_left_out() {
        let answer = Value::Array(vec![Value::Array(vec![
            Value::Int(5),
            Value::Int(5),
            node(Value::BulkString(b"a".into()), 1),
            node(Value::BulkString(b"?".into()), 2),
            node(Value::BulkString(b"c".into()), 3),
        ])]);
        let ranges = ranges(&answer, &asked()).expect("it is one");
        let replicas: Vec<_> = ranges[0].replicas.iter().map(ToString::to_string).collect();
        assert_eq!(replicas, ["c:3"]);
    }

    #[test]
    fn what_is_no_answer_is_not_taken_for_one() {
        for answer in [
            Value::Nil,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(1)])]),
            Value::Array(vec![Value::Array(vec![
                Value::Int(2),
                Value::Int(1),
                node(Value::Nil, 1),
            ])]),
            Value::Array(vec![Value::Array(vec![
                Value::Int(0),
                Value::Int(16_384),
                node(Value::Nil, 1),
            ])]),
        ] {
            assert_eq!(ranges(&answer, &asked()), None, "{answer:?}");
        }
    }

    #[test]
    fn a_redirection_names_a_host_or_means_the_same_one() {
        let check = |text: &str, expected: Option<&str>| {
            let address = Address::of_redirection(text, &asked()).map(|it| it.to_string());
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
}
