//! [`Shards`]: which shard serves which slot.

use std::sync::Arc;

use super::node::Node;
use super::slot::Slot;
use super::topology::{SlotRange, Unannounced};

/// The number of the shard of a slot that no node serves.
const UNASSIGNED: u16 = u16::MAX;

/// A primary, and the replicas that reads may go to.
#[derive(Clone)]
pub(super) struct Shard {
    pub(super) primary: Arc<Node>,
    pub(super) replicas: Vec<Arc<Node>>,
}

impl Shard {
    fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        std::iter::once(&self.primary).chain(&self.replicas)
    }
}

/// Which shard serves which slot.
#[derive(Clone)]
pub(super) struct Shards {
    list: Vec<Shard>,
    /// The place in the list of the shard of each slot.
    of_slot: Box<[u16]>,
}

impl Default for Shards {
    /// No slot is served.
    fn default() -> Shards {
        Shards {
            list: Vec::new(),
            of_slot: vec![UNASSIGNED; usize::from(Slot::COUNT)].into_boxed_slice(),
        }
    }
}

impl Shards {
    pub(super) fn serving(&self, slot: Slot) -> Option<&Shard> {
        let place = self.of_slot[usize::from(slot.number())];
        self.list.get(usize::from(place))
    }

    pub(super) fn primaries(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.list.iter().map(|shard| &shard.primary)
    }

    pub(super) fn replicas(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.list.iter().flat_map(|shard| &shard.replicas)
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.list.iter().flat_map(Shard::nodes)
    }

    /// Assigns `slot` to a primary; returns whether that is new.
    pub(super) fn assign(&mut self, slot: Slot, primary: Arc<Node>) -> bool {
        let place = self.place_of(primary, Vec::new);
        let of_slot = &mut self.of_slot[usize::from(slot.number())];
        std::mem::replace(of_slot, place) != place
    }

    /// Assigns the slots of `range` to a primary and, if the primary is new, its replicas.
    pub(super) fn assign_range(
        &mut self,
        range: &SlotRange,
        primary: Arc<Node>,
        replicas: impl FnOnce() -> Vec<Arc<Node>>,
    ) {
        let place = self.place_of(primary, replicas);
        let slots = usize::from(range.first.number())..=usize::from(range.last.number());
        self.of_slot[slots].fill(place);
    }

    /// Leaves `unannounced` slots with the shard that served them `before`: all that is known of the new
    /// one is that there is one.
    pub(super) fn keep(&mut self, before: &Shards, unannounced: &[Unannounced]) {
        let mut is_unannounced = vec![false; self.of_slot.len()];
        for range in unannounced {
            let slots = usize::from(range.first.number())..=usize::from(range.last.number());
            is_unannounced[slots].fill(true);
        }
        for (slot, _) in (0..).zip(is_unannounced).filter(|(_, is)| *is) {
            let known = Slot::new(slot).and_then(|slot| before.serving(slot));
            if let Some(Shard { primary, replicas }) = known {
                let place = self.place_of(Arc::clone(primary), || replicas.clone());
                self.of_slot[usize::from(slot)] = place;
            }
        }
    }

    fn place_of(&mut self, primary: Arc<Node>, replicas: impl FnOnce() -> Vec<Arc<Node>>) -> u16 {
        let is_primary = |shard: &Shard| Arc::ptr_eq(&shard.primary, &primary);
        let place = self.list.iter().position(is_primary).unwrap_or_else(|| {
            let replicas = replicas();
            self.list.push(Shard { primary, replicas });
            self.list.len() - 1
        });
        u16::try_from(place).unwrap_or(UNASSIGNED)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::super::node::NodeKey;
    use super::*;
    use crate::address::Address;
    use crate::config::{Announced, Announcer, Config};

    fn node(port: u16) -> Arc<Node> {
        let config: Config = "redis-cluster://h".parse().expect("valid");
        let key = NodeKey::primary(Address::new("h", port));
        Arc::new(Node::new(
            Arc::new(config),
            key,
            None,
            Arc::default(),
            Arc::default(),
        ))
    }

    fn slot(number: u16) -> Slot {
        Slot::new(number).expect("below 16,384")
    }

    fn range(slots: RangeInclusive<u16>, primary: &Node) -> SlotRange {
        SlotRange {
            first: slot(*slots.start()),
            last: slot(*slots.end()),
            primary: Announced {
                address: primary.address().clone(),
                by: Announcer::Node(Address::new("h", 1)),
            },
            replicas: Vec::new(),
        }
    }

    #[test]
    fn slots_whose_node_announces_nothing_stay_where_they_were() {
        let (old, new) = (node(1), node(2));
        let mut before = Shards::default();
        before.assign_range(&range(0..=5, &old), Arc::clone(&old), Vec::new);
        let mut shards = Shards::default();
        shards.assign_range(&range(6..=9, &new), Arc::clone(&new), Vec::new);
        let unannounced = Unannounced {
            first: slot(4),
            last: slot(10),
            node: "x".to_owned(),
        };
        shards.keep(&before, &[unannounced]);
        let port = |number| {
            let shard = shards.serving(slot(number))?;
            Some(shard.primary.address().port)
        };
        let expected = [
            (3, None),
            (4, Some(1)),
            (5, Some(1)),
            (6, Some(2)),
            (10, None),
        ];
        for (number, expected) in expected {
            assert_eq!(port(number), expected, "slot {number}");
        }
    }

    #[test]
    fn a_slot_is_assigned_once() {
        let mut shards = Shards::default();
        let primary = node(1);
        assert!(shards.assign(slot(7), Arc::clone(&primary)));
        assert!(!shards.assign(slot(7), Arc::clone(&primary)));
        assert!(shards.assign(slot(8), primary));
        assert_eq!(shards.primaries().count(), 1);
        assert!(
            shards.assign(slot(7), node(1)),
            "another node at the same address"
        );
    }
}
