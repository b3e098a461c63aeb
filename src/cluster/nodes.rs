//! [`Nodes`]: the nodes of the cluster, and which of them serves which slot.
//!
//! A node that does not serve any slot any more is closed. Commands that had not been written there go to
//! the node that serves their slot now.
//!
//! The table is behind a lock that every command takes, and a table that is read without one would be worth
//! little: the whole look-up is 55 of the 4,800 instructions of a command, two of them atomic for the lock
//! and one for the clone of the `Arc`, which stays in any case. With 1,000 tasks on three nodes it was 1.9 to
//! 2.6 % of the samples of a profile; all waits for any lock, those of the connections included, were 0.2 % on
//! two threads, and 1 % on eight threads of two cores.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::errors::{no_address, no_node_answers, slot_not_served};
use super::node::{Node, NodeKey};
use super::shards::{Shard, Shards};
use super::slot::Slot;
use super::topology::{SlotTable, Unannounced};
use crate::address::Address;
use crate::config::{Announced, Config};
use crate::error::Error;
use crate::observe::Tally;
use crate::url::ReadFrom;

/// The nodes of the cluster, and which of them serves which slot.
pub(super) struct Nodes {
    config: Arc<Config>,
    /// The nodes that the URL names.
    seeds: Vec<Address>,
    table: Mutex<Table>,
    /// Notified by each node whose connection is lost, or cannot be made.
    trouble: Arc<Notify>,
    round_robin: AtomicUsize,
    /// What all connections of the client count together.
    pub(super) tally: Arc<Tally>,
}

struct Table {
    shards: Shards,
    /// Every node that there are connections to.
    known: HashMap<NodeKey, Arc<Node>>,
    /// The node that the last `MOVED` has led to: its slot table has the change.
    redirect_target: Option<Arc<Node>>,
    /// The slots whose node announces no address.
    unannounced: Vec<Unannounced>,
    is_closed: bool,
}

impl Nodes {
    pub(super) fn new(config: Arc<Config>, seeds: Vec<Address>, trouble: Arc<Notify>) -> Nodes {
        Nodes {
            config,
            seeds,
            table: Mutex::new(Table {
                shards: Shards::default(),
                known: HashMap::new(),
                redirect_target: None,
                unannounced: Vec::new(),
                is_closed: false,
            }),
            trouble,
            round_robin: AtomicUsize::new(0),
            tally: Arc::default(),
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn seeds(&self) -> &[Address] {
        &self.seeds
    }

    /// Returns the node that serves `slot`. For a command that only `reads` that may be a replica.
    pub(super) fn node_for(&self, slot: Slot, reads: bool) -> Option<Arc<Node>> {
        let table = self.lock();
        let shard = table.shards.serving(slot)?;
        match self.config.read_from() {
            ReadFrom::Primary => Some(Arc::clone(&shard.primary)),
            read_from if reads => self.node_to_read_from(shard, read_from),
            _ => Some(Arc::clone(&shard.primary)),
        }
    }

    fn node_to_read_from(&self, shard: &Shard, read_from: ReadFrom) -> Option<Arc<Node>> {
        let Shard { primary, replicas } = shard;
        let healthy = self.in_turn(replicas).find(|replica| !replica.has_failed());
        match (healthy, read_from) {
            (Some(replica), _) => Some(Arc::clone(replica)),
            (None, ReadFrom::Replica) => replicas.first().cloned(),
            (None, _) => Some(Arc::clone(primary)),
        }
    }

    /// Returns a primary, another one each time; one that does not serve only if none does.
    pub(super) fn any_primary(&self) -> Option<Arc<Node>> {
        let primaries = self.primaries();
        let mut in_turn = self.in_turn(&primaries);
        let first = in_turn.next()?;
        let serving = std::iter::once(first)
            .chain(in_turn)
            .find(|node| node.serves());
        Some(Arc::clone(serving.unwrap_or(first)))
    }

    pub(super) fn primaries(&self) -> Vec<Arc<Node>> {
        self.lock().shards.primaries().cloned().collect()
    }

    /// Returns the primaries and, if reads go to them, the replicas.
    pub(super) fn all(&self) -> Vec<Arc<Node>> {
        self.lock().shards.nodes().cloned().collect()
    }

    /// Returns the node at `address`, which a redirection has named; `None` once the client is closed.
    pub(super) fn node_at(&self, address: &Announced) -> Option<Arc<Node>> {
        let mut table = self.lock();
        let is_open = !table.is_closed;
        is_open.then(|| self.announced_node(&mut table, address, NodeKey::primary))
    }

    /// Returns the announced address of the only primary with this port, beside the node that has
    /// redirected.
    pub(super) fn address_with_port(&self, port: u16, redirecting: &Node) -> Option<Address> {
        let table = self.lock();
        let others = table.shards.primaries();
        let others = others.filter(|node| node.address() != redirecting.address());
        let mut with_port = others
            .map(|node| node.announced())
            .filter(|address| address.port == port);
        let address = with_port.next()?;
        with_port.next().is_none().then_some(address)
    }

    /// Records that `slot` is served at `address`, unless the client is closed; returns whether that is
    /// new.
    pub(super) fn moved(&self, slot: Slot, address: &Announced) -> bool {
        let mut table = self.lock();
        if table.is_closed {
            return false;
        }
        let node = self.announced_node(&mut table, address, NodeKey::primary);
        if !table.shards.assign(slot, Arc::clone(&node)) {
            return false;
        }
        table.redirect_target = Some(node);
        true
    }

    /// Takes over a slot table, and closes the nodes that do not serve any slot any more. Returns the slots
    /// whose node announces no address, unless they are the same as before.
    pub(super) fn apply(&self, slots: SlotTable) -> Option<Vec<Unannounced>> {
        let mut table = self.lock();
        if table.is_closed {
            return None;
        }
        let shards = self.shards(&mut table, &slots);
        table.shards.clone_from(&shards);
        let is_news = table.unannounced != slots.unannounced && !slots.unannounced.is_empty();
        let news = is_news.then(|| slots.unannounced.clone());
        table.unannounced = slots.unannounced;
        let serves = |node: &Arc<Node>| shards.nodes().any(|serving| Arc::ptr_eq(serving, node));
        let retired: Vec<Arc<Node>> = table
            .known
            .extract_if(|_, node| !serves(node))
            .map(|(_, node)| node)
            .collect();
        drop(table);
        for node in retired {
            node.retire(self.config.response_timeout());
        }
        // No command is sent to a replica that has failed, so none would find out that it is back.
        shards
            .replicas()
            .filter(|replica| replica.has_failed())
            .for_each(Node::connect_in_background);
        news
    }

    fn shards(&self, table: &mut Table, slots: &SlotTable) -> Shards {
        let reads_from_replicas = self.config.read_from() != ReadFrom::Primary;
        let mut shards = Shards::default();
        for range in &slots.ranges {
            let primary = self.announced_node(table, &range.primary, NodeKey::primary);
            shards.assign_range(range, primary, || {
                let replicas = range.replicas.iter().filter(|_| reads_from_replicas);
                replicas
                    .map(|replica| self.announced_node(table, replica, NodeKey::replica))
                    .collect()
            });
        }
        shards.keep(&table.shards, &slots.unannounced);
        shards
    }

    /// Returns why no node is known that serves `slot`, or any slot if it is `None`.
    pub(super) fn not_served(&self, slot: Option<Slot>) -> Error {
        let table = self.lock();
        let mut unannounced = table.unannounced.iter();
        let node = slot.and_then(|slot| {
            let range = unannounced.find(|range| (range.first..=range.last).contains(&slot))?;
            Some(range.node.clone())
        });
        match (slot, node) {
            (Some(slot), Some(node)) => no_address(&[Unannounced {
                first: slot,
                last: slot,
                node,
            }]),
            (slot, _) => slot_not_served(slot),
        }
    }

    /// Returns the nodes to ask for the slot table, most likely up to date first.
    pub(super) fn to_ask(&self) -> Vec<Arc<Node>> {
        let primaries = self.primaries();
        let in_turn = self.in_turn(&primaries).cloned();
        let (serving, others): (Vec<_>, Vec<_>) = in_turn.partition(|node| node.serves());
        let mut table = self.lock();
        if table.is_closed {
            return Vec::new();
        }
        let mut nodes: Vec<Arc<Node>> = table.redirect_target.take().into_iter().collect();
        nodes.extend(serving);
        for seed in &self.seeds {
            nodes.push(self.node(&mut table, &NodeKey::primary(seed.clone()), None));
        }
        nodes.extend(others);
        let mut seen = Vec::new();
        nodes.retain(|node| {
            let is_new = !seen.contains(node.address());
            seen.push(node.address().clone());
            is_new
        });
        nodes
    }

    /// Returns every node that there are connections to.
    pub(super) fn known(&self) -> Vec<Arc<Node>> {
        self.lock().known.values().cloned().collect()
    }

    /// Returns the last error of each unreachable node.
    pub(super) fn failures(&self) -> Vec<(Address, Error)> {
        let table = self.lock();
        let failure = |node: &Arc<Node>| {
            let failure = node.connections.shared().failure()?;
            Some((node.address().clone(), failure))
        };
        let mut failures: Vec<_> = table.known.values().filter_map(failure).collect();
        failures.sort_by_key(|(address, _)| address.to_string());
        failures
    }

    /// Returns the error of a caller that must not wait, if there is no connection to any node and the first
    /// attempts to connect have failed.
    pub(super) fn unreachable(&self) -> Option<Error> {
        let table = self.lock();
        let mut failures = Vec::with_capacity(table.known.len());
        for node in table.known.values() {
            let hindrance = node.connections.shared().hindrance()?;
            failures.push((node.address().clone(), hindrance));
        }
        drop(table);
        failures.sort_by_key(|(address, _)| address.to_string());
        (!failures.is_empty()).then(|| no_node_answers(&self.seeds, &failures))
    }

    /// Returns whether callers wait for a node.
    pub(super) fn is_troubled(&self) -> bool {
        self.all().iter().any(|node| node.is_troubled())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Makes no new connections from now on; returns the nodes to close.
    pub(super) fn start_closing(&self) -> Vec<Arc<Node>> {
        let mut table = self.lock();
        table.is_closed = true;
        table.shards = Shards::default();
        table.redirect_target = None;
        table.known.drain().map(|(_, node)| node).collect()
    }

    /// Returns `nodes` from another one on each time.
    fn in_turn<'a>(&self, nodes: &'a [Arc<Node>]) -> impl Iterator<Item = &'a Arc<Node>> + use<'a> {
        let turn = self.round_robin.fetch_add(1, Ordering::Relaxed);
        let (front, back) = nodes.split_at(turn % nodes.len().max(1));
        back.iter().chain(front)
    }

    /// Returns the node at an address that another node has announced. Nodes are identified by their
    /// mapped address, because the URL can name the same one.
    fn announced_node(
        &self,
        table: &mut Table,
        announced: &Announced,
        key: impl FnOnce(Address) -> NodeKey,
    ) -> Arc<Node> {
        let address = self.config.address_map().mapped(announced.address.clone());
        let node = self.node(table, &key(address), Some(announced));
        node.announce(&announced.address);
        node
    }

    /// Returns the node with this key, of a client that is not closed.
    fn node(&self, table: &mut Table, key: &NodeKey, announced: Option<&Announced>) -> Arc<Node> {
        let make = || {
            let (config, trouble) = (Arc::clone(&self.config), Arc::clone(&self.trouble));
            let tally = Arc::clone(&self.tally);
            Arc::new(Node::new(config, key.clone(), announced, tally, trouble))
        };
        Arc::clone(table.known.entry(key.clone()).or_insert_with(make))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Announcer;

    fn nodes(url: &str, map: &[(&str, &str)]) -> Nodes {
        let config: Config = url.parse().expect("valid");
        let config = config.with_address_map(map.iter().copied());
        let seed = Address::new("seed", 7000);
        Nodes::new(Arc::new(config.expect("valid")), vec![seed], Arc::default())
    }

    fn announced(host: &str, port: u16) -> Announced {
        Announced {
            address: Address::new(host, port),
            by: Announcer::Node(Address::new("seed", 7000)),
        }
    }

    fn slot(number: u16) -> Slot {
        Slot::new(number).expect("below 16,384")
    }

    #[test]
    fn a_port_alone_leads_to_another_node_than_the_one_that_has_redirected() {
        let nodes = nodes("redis-cluster://seed:7000", &[]);
        assert!(nodes.moved(slot(1), &announced("a", 7)));
        assert!(nodes.moved(slot(2), &announced("b", 8)));
        let a = nodes.node_for(slot(1), false).expect("it was announced");
        let b = nodes.node_for(slot(2), false).expect("it was announced");
        assert_eq!(nodes.address_with_port(7, &a), None);
        assert_eq!(nodes.address_with_port(7, &b), Some(Address::new("a", 7)));
        assert!(nodes.moved(slot(3), &announced("c", 7)));
        assert_eq!(nodes.address_with_port(7, &a), Some(Address::new("c", 7)));
        assert_eq!(nodes.address_with_port(7, &b), None, "there are two");
    }

    #[test]
    fn a_node_that_the_url_names_keeps_its_announced_address() {
        let map = [("10.0.0.1:1", "seed:7000"), ("10.0.0.2", "localhost")];
        let nodes = nodes("redis-cluster://seed:7000", &map);
        let [seed] = nodes.to_ask().try_into().ok().expect("the one of the URL");
        assert_eq!(seed.announced(), Address::new("seed", 7000));
        assert!(nodes.moved(slot(1), &announced("10.0.0.1", 1)));
        assert!(nodes.moved(slot(2), &announced("10.0.0.2", 2)));
        let first = nodes.node_for(slot(1), false).expect("it was announced");
        assert!(Arc::ptr_eq(&first, &seed));
        assert_eq!(first.announced(), Address::new("10.0.0.1", 1));
        let second = nodes.node_for(slot(2), false).expect("it was announced");
        let found = nodes.address_with_port(1, &second);
        assert_eq!(found, Some(Address::new("10.0.0.1", 1)));
        assert_eq!(nodes.address_with_port(7000, &second), None);
    }

    #[test]
    fn a_closed_table_learns_no_node() {
        let nodes = nodes("redis-cluster://seed:7000", &[]);
        assert!(nodes.moved(slot(1), &announced("a", 1)));
        assert!(!nodes.start_closing().is_empty());
        assert!(!nodes.moved(slot(1), &announced("b", 1)));
        assert!(nodes.node_at(&announced("b", 1)).is_none());
        assert!(nodes.node_for(slot(1), false).is_none());
        assert!(nodes.to_ask().is_empty());
        assert!(nodes.start_closing().is_empty());
    }
}
