//! The slot table of a cluster: the answer to `CLUSTER SLOTS`.

use std::fmt;

use redis::Value;

use super::announced::{Answering, node_address, node_name};
use super::slot::Slot;
use crate::config::Announced;

/// Consecutive slots, and the nodes that serve them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotRange {
    pub(super) first: Slot,
    pub(super) last: Slot,
    pub(super) primary: Announced,
    pub(super) replicas: Vec<Announced>,
}

/// Consecutive slots whose primary announces no address that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unannounced {
    pub(super) first: Slot,
    pub(super) last: Slot,
    /// Which node it is, fit to print.
    pub(super) node: String,
}

impl fmt::Display for Unannounced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unannounced { first, last, node } = self;
        let (first, last) = (first.number(), last.number());
        if first == last {
            write!(f, "slot {first} is served by {node}")?;
        } else {
            write!(f, "slots {first} to {last} are served by {node}")?;
        }
        f.write_str(", which announces no host")
    }
}

/// The slot table as far as it can be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SlotTable {
    pub(super) ranges: Vec<SlotRange>,
    pub(super) unannounced: Vec<Unannounced>,
}

impl SlotTable {
    /// Reads the answer of the `answering` node to `CLUSTER SLOTS`; `None` if it is not a slot table.
    ///
    /// An entry that cannot be read is left out: it costs the slots that it is about, and no others.
    pub(super) fn read(answer: &Value, answering: Answering<'_>) -> Option<SlotTable> {
        let Value::Array(entries) = answer else {
            return None;
        };
        let mut table = SlotTable::default();
        // No table has more entries than slots, and what is hostile could.
        for entry in entries.iter().take(Slot::COUNT.into()) {
            match slot_range(entry, answering) {
                Some(Ok(range)) => table.ranges.push(range),
                Some(Err(unannounced)) => table.unannounced.push(unannounced),
                None => {}
            }
        }
        let is_read = !table.ranges.is_empty() || !table.unannounced.is_empty();
        (is_read || entries.is_empty()).then_some(table)
    }
}

/// Reads one entry; `None` if it is not about slots and the nodes that serve them.
fn slot_range(entry: &Value, answering: Answering<'_>) -> Option<Result<SlotRange, Unannounced>> {
    let Value::Array(entry) = entry else {
        return None;
    };
    let [first, last, primary, replicas @ ..] = entry.as_slice() else {
        return None;
    };
    let (first, last) = (slot(first)?, slot(last)?);
    let address = |node| node_address(node, answering);
    (first <= last).then_some(())?;
    Some(match address(primary) {
        Some(primary) => Ok(SlotRange {
            first,
            last,
            primary,
            // A replica whose address is not known yet is left out.
            replicas: replicas.iter().filter_map(address).collect(),
        }),
        None => Err(Unannounced {
            first,
            last,
            node: node_name(primary),
        }),
    })
}

fn slot(value: &Value) -> Option<Slot> {
    match value {
        Value::Int(number) => Slot::new(u16::try_from(*number).ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::address::Address;
    use crate::config::Announcer;

    static SEED: LazyLock<Address> = LazyLock::new(|| Address::new("seed", 7000));

    fn answering() -> Answering<'static> {
        Answering {
            address: &SEED,
            announced: &SEED,
        }
    }

    fn announced(host: &str, port: u16) -> Announced {
        Announced {
            address: Address::new(host, port),
            by: Announcer::Node(SEED.clone()),
        }
    }

    fn node(host: &str, port: i64) -> Value {
        let host = Value::BulkString(host.into());
        Value::Array(vec![host, Value::Int(port), Value::BulkString("id".into())])
    }

    fn range(first: i64, last: i64, nodes: &[Value]) -> Value {
        let slots = [Value::Int(first), Value::Int(last)];
        Value::Array(slots.iter().chain(nodes).cloned().collect())
    }

    #[test]
    fn a_replica_that_is_not_known_is_left_out() {
        let nodes = [node("a", 1), node("?", 2), node("c", 3)];
        let answer = Value::Array(vec![range(5, 5, &nodes)]);
        let slot = Slot::new(5).expect("below 16,384");
        let expected = SlotRange {
            first: slot,
            last: slot,
            primary: announced("a", 1),
            replicas: vec![announced("c", 3)],
        };
        let table = SlotTable::read(&answer, answering()).expect("a slot table");
        assert_eq!(table.ranges, [expected]);
    }

    #[test]
    fn an_entry_that_cannot_be_used_costs_its_own_slots_alone() {
        let known = range(0, 5, &[node("a", 1)]);
        let check = |odd: Value, expected: &[&str]| {
            let answer = Value::Array(vec![odd.clone(), known.clone(), odd.clone()]);
            let table = SlotTable::read(&answer, answering()).expect("a slot table");
            assert_eq!(table.ranges.len(), 1, "{odd:?}");
            let unannounced: Vec<_> = table.unannounced.iter().map(|it| &it.node).collect();
            assert_eq!(unannounced, [expected, expected].concat(), "{odd:?}");
        };
        check(range(6, 9, &[node("?", 7)]), &["node `id` with port 7"]);
        check(range(6, 9, &[node("a", 0)]), &["node `id` with port 0"]);
        check(
            range(6, 9, &[node("a\u{1b}", 7)]),
            &["node `id` with port 7"],
        );
        check(range(6, 9, &[Value::Nil]), &["a node without a name"]);
        check(range(6, 9, &[]), &[]);
        check(range(9, 6, &[node("a", 7)]), &[]);
        check(range(6, 16_384, &[node("a", 7)]), &[]);
        check(range(-1, 6, &[node("a", 7)]), &[]);
        check(range(i64::MIN, i64::MAX, &[node("a", 7)]), &[]);
        check(Value::Okay, &[]);
        check(Value::Nil, &[]);
    }

    #[test]
    fn other_values_are_not_taken_for_a_slot_table() {
        let known = [node("a", 1)];
        for answer in [
            Value::Nil,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![range(0, 1, &[])]),
            Value::Array(vec![range(2, 1, &known)]),
            Value::Array(vec![range(0, 16_384, &known)]),
        ] {
            assert_eq!(SlotTable::read(&answer, answering()), None, "{answer:?}");
        }
        let none = SlotTable::read(&Value::Array(Vec::new()), answering());
        assert_eq!(none, Some(SlotTable::default()));
    }
}
