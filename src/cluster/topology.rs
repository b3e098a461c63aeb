//! The slot table of a cluster: the answer to `CLUSTER SLOTS`.

use redis::Value;

use super::announced::node_address;
use super::slot::Slot;
use crate::address::Address;

/// Consecutive slots, and the nodes that serve them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotRange {
    pub(super) first: Slot,
    pub(super) last: Slot,
    pub(super) primary: Address,
    pub(super) replicas: Vec<Address>,
}

/// Reads the answer of the node at `answering` to `CLUSTER SLOTS`; `None` if it is not a slot table.
pub(super) fn slot_ranges(answer: &Value, answering: &Address) -> Option<Vec<SlotRange>> {
    let Value::Array(entries) = answer else {
        return None;
    };
    let range = |entry| slot_range(entry, answering);
    entries.iter().map(range).collect()
}

fn slot_range(entry: &Value, answering: &Address) -> Option<SlotRange> {
    let Value::Array(entry) = entry else {
        return None;
    };
    let [first, last, primary, replicas @ ..] = entry.as_slice() else {
        return None;
    };
    let (first, last) = (slot(first)?, slot(last)?);
    let address = |node| node_address(node, answering);
    (first <= last).then_some(())?;
    Some(SlotRange {
        first,
        last,
        primary: address(primary)?,
        // A replica whose address is not known yet is left out.
        replicas: replicas.iter().filter_map(address).collect(),
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
    use super::*;

    fn answering() -> Address {
        Address::new("seed", 7000)
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
            primary: Address::new("a", 1),
            replicas: vec![Address::new("c", 3)],
        };
        assert_eq!(slot_ranges(&answer, &answering()), Some(vec![expected]));
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
            Value::Array(vec![range(0, 1, &[node("?", 1)])]),
        ] {
            assert_eq!(slot_ranges(&answer, &answering()), None, "{answer:?}");
        }
    }
}
