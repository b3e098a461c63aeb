//! What nodes of a cluster say of its slots leads to nodes that they have announced, and to no others: up to four
//! slot tables in [`notation`], and redirections as bulk strings between them.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/address.rs"]
#[expect(dead_code, reason = "the client uses the rest")]
mod address;
#[path = "../support/notation.rs"]
mod notation;
#[path = "../../../src/report.rs"]
#[expect(dead_code, reason = "the client uses the rest")]
mod report;

#[path = "../../../src/config"]
mod config {
    #[expect(dead_code, reason = "Sentinels announce, too")]
    mod announced;

    pub(crate) use self::announced::{Announced, Announcer};
}

#[path = "../../../src/cluster"]
mod cluster {
    mod announced;
    #[expect(dead_code, reason = "the client uses the rest")]
    mod shards;
    mod slot;
    mod topology;

    /// In the place of the node with its connections.
    mod node {
        use crate::address::Address;

        pub struct Node {
            pub address: Address,
            /// Its place in the list of all.
            pub number: usize,
        }
    }

    use std::ops::RangeInclusive;
    use std::sync::Arc;

    use announced::{Answering, redirect_address};
    use node::Node;
    use redis::Value;
    use shards::Shards;
    use slot::Slot;
    use topology::SlotTable;

    use crate::address::Address;
    use crate::config::{Announced, Announcer};
    use crate::notation::Words;

    const SLOTS: usize = Slot::COUNT as usize;

    /// The slots as the client sees them, and as they should be.
    pub struct Cluster {
        /// Where the node was asked, and where it announces itself.
        asked: Address,
        seed: Address,
        nodes: Vec<Arc<Node>>,
        shards: Shards,
        /// The node that serves each slot.
        expected: Vec<Option<usize>>,
    }

    impl Cluster {
        pub fn new() -> Cluster {
            Cluster {
                asked: Address::new("mapped", 7001),
                seed: Address::new("seed", 7000),
                nodes: Vec::new(),
                shards: Shards::default(),
                expected: vec![None; SLOTS],
            }
        }

        pub fn apply(&mut self, answer: &Value) {
            if let Value::BulkString(text) = answer {
                return self.redirect(&String::from_utf8_lossy(text));
            }
            let answering = Answering {
                address: &self.asked,
                announced: &self.seed,
            };
            let Some(table) = SlotTable::read(answer, answering) else {
                return;
            };
            let words = Words::of(answer);
            let mut shards = Shards::default();
            let mut expected = vec![None; SLOTS];
            for range in &table.ranges {
                for node in std::iter::once(&range.primary).chain(&range.replicas) {
                    self.is_usable(node);
                    let Address { host, port } = &node.address;
                    assert!(*host == self.seed.host || words.texts.contains(host));
                    assert!(words.numbers.contains(&i64::from(*port)));
                }
                let primary = self.node(&range.primary.address);
                expected[places(range.first, range.last)].fill(Some(primary.number));
                shards.assign_range(range, primary, || {
                    let replicas = range.replicas.iter();
                    replicas.map(|node| self.node(&node.address)).collect()
                });
            }
            for unannounced in &table.unannounced {
                let shown = unannounced.to_string();
                assert!(!shown.contains(char::is_control), "{shown:?}");
                assert!(shown.chars().count() < 600, "{shown:?}");
                let places = places(unannounced.first, unannounced.last);
                let before = &self.expected[places.clone()];
                for (slot, before) in expected[places].iter_mut().zip(before) {
                    *slot = before.or(*slot);
                }
            }
            shards.keep(&self.shards, &table.unannounced);
            self.shards = shards;
            self.expected = expected;
            self.is_as_expected();
        }

        fn redirect(&mut self, text: &str) {
            let answering = Answering {
                address: &self.asked,
                announced: &self.seed,
            };
            let nodes = self.nodes.iter().map(|node| &node.address);
            let known = |port| nodes.clone().find(|node| node.port == port).cloned();
            let Some(address) = redirect_address(text, answering, known) else {
                return;
            };
            let Address { host, port } = &address.address;
            self.is_usable(&address);
            assert!(
                text.contains(&**host) || known(*port).is_some() || *host == self.seed.host,
                "{host:?}"
            );
            assert!(text.ends_with(&port.to_string()), "{port}");
            let slot = Slot::of_key(text.as_bytes());
            let node = self.node(&address.address);
            let is_new = self.shards.assign(slot, Arc::clone(&node));
            let before = self.expected[usize::from(slot.number())].replace(node.number);
            assert_eq!(is_new, before != Some(node.number));
            self.is_as_expected();
        }

        /// The node at `address`, of which there is one.
        fn node(&mut self, address: &Address) -> Arc<Node> {
            let known = self.nodes.iter().find(|node| node.address == *address);
            if let Some(known) = known {
                return Arc::clone(known);
            }
            let address = address.clone();
            let number = self.nodes.len();
            self.nodes.push(Arc::new(Node { address, number }));
            Arc::clone(&self.nodes[number])
        }

        fn is_usable(&self, Announced { address, by }: &Announced) {
            assert_eq!(*by, Announcer::Node(self.asked.clone()));
            let Address { host, port } = address;
            let is_printable = host.bytes().all(|byte| byte.is_ascii_graphic());
            assert!(is_printable && *port > 0, "{address:?}");
            assert!(
                !host.is_empty() && host != "?",
                "it stands for another host"
            );
        }

        fn is_as_expected(&self) {
            for (number, expected) in (0..).zip(&self.expected) {
                let slot = Slot::new(number).expect("there are as many slots");
                let serving = self.shards.serving(slot);
                let serving = serving.map(|shard| shard.primary.number);
                assert_eq!(serving, *expected, "{number}");
            }
            let mut primaries: Vec<_> = self.shards.primaries().map(Arc::as_ptr).collect();
            primaries.sort_unstable();
            assert!(
                primaries.is_sorted_by(|one, next| one < next),
                "each primary has one shard"
            );
        }
    }

    fn places(first: Slot, last: Slot) -> RangeInclusive<usize> {
        assert!(first <= last);
        usize::from(first.number())..=usize::from(last.number())
    }
}

fuzz_target!(|input: &[u8]| {
    let mut cluster = cluster::Cluster::new();
    for answer in notation::values(input).iter().take(4) {
        cluster.apply(answer);
    }
});
