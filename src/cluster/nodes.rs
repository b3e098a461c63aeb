//! The nodes of the cluster, and which of them serves which slot.
//!
//! A [`Keeper`] on the I/O thread keeps the table. A node that serves nothing any more is closed: what had
//! not been written there goes to whoever serves its slot now.

mod keeper;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use self::keeper::Keeper;
use super::topology::{Address, SLOTS};
use crate::config::Config;
use crate::connections::Connections;
use crate::error::{Error, ErrorKind};
use crate::link::{self, Limits, Request};
use crate::url::ReadFrom;

/// Between two looks whether a replica has been reached.
const KNOCK: Duration = Duration::from_millis(5);
/// A slot that nobody serves.
const NOBODY: u16 = u16::MAX;

/// A node, and our connections to it.
pub(super) struct Node {
    pub(super) address: Address,
    pub(super) is_replica: bool,
    pub(super) connections: Connections,
}

impl Node {
    pub(super) fn serves(&self) -> bool {
        self.connections.shared().serves()
    }

    fn has_failed(&self) -> bool {
        self.connections.shared().failure().is_some()
    }

    /// Connects, if there is no connection; nobody waits for it.
    fn knock(self: &Arc<Node>) {
        let node = Arc::clone(self);
        // Fails only without an I/O thread.
        let _ = link::spawn(async move {
            let limits = Limits::from(node.connections.config());
            let ping = redis::cmd("PING");
            // What comes of it shows in the state of the link.
            let _ = node
                .connections
                .shared()
                .call(Request::command(&ping, limits))
                .await;
        });
    }

    /// Waits at most `limit` for a connection; returns whether there is one. A reader has other nodes to
    /// go to, and need not wait for this one as long as a writer.
    pub(super) async fn is_reached_within(self: &Arc<Node>, limit: Duration) -> bool {
        self.knock();
        let start = Instant::now();
        while !self.serves() {
            if self.has_failed() || start.elapsed() >= limit {
                return false;
            }
            link::sleep(KNOCK).await;
        }
        true
    }
}

pub(super) struct Nodes {
    config: Config,
    state: Mutex<State>,
    /// What came of the last time that somebody asked for the table.
    news: watch::Sender<Option<Error>>,
    wanted: Arc<Notify>,
    /// The process whose I/O thread runs the keeper.
    process: AtomicU32,
    turn: AtomicUsize,
}

struct State {
    /// The shard of each slot.
    owners: Box<[u16]>,
    shards: Vec<Shard>,
    /// Every node that we have connections to.
    known: HashMap<Role, Arc<Node>>,
    /// Who has redirected somebody last, and so knows best.
    informed: Option<Arc<Node>>,
    closed: bool,
}

/// A node that serves reads as a replica has connections of another kind than one that serves writes.
type Role = (Address, bool);

#[derive(Clone)]
struct Shard {
    primary: Arc<Node>,
    replicas: Vec<Arc<Node>>,
}

impl Nodes {
    pub(super) fn new(config: Config) -> Arc<Nodes> {
        Arc::new(Nodes {
            config,
            state: Mutex::new(State {
                owners: vec![NOBODY; SLOTS].into_boxed_slice(),
                shards: Vec::new(),
                known: HashMap::new(),
                informed: None,
                closed: false,
            }),
            news: watch::Sender::new(None),
            wanted: Arc::default(),
            process: AtomicU32::new(0),
            turn: AtomicUsize::new(0),
        })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Returns who serves `slot`; for one that only `reads`, that may be a replica.
    pub(super) fn owner(&self, slot: u16, reads: bool) -> Option<Arc<Node>> {
        let state = self.lock();
        let shard = state
            .shards
            .get(usize::from(state.owners[usize::from(slot)]))?;
        match self.config.read_from() {
            ReadFrom::Primary => Some(Arc::clone(&shard.primary)),
            read_from if reads => self.replica(shard, read_from),
            _ => Some(Arc::clone(&shard.primary)),
        }
    }

    fn replica(&self, shard: &Shard, read_from: ReadFrom) -> Option<Arc<Node>> {
        let Shard { primary, replicas } = shard;
        let turn = self.turn();
        let mut in_turn = (0..replicas.len()).map(|at| &replicas[(at + turn) % replicas.len()]);
        let well = in_turn.find(|replica| !replica.has_failed());
        match (well, read_from) {
            (Some(replica), _) => Some(Arc::clone(replica)),
            (None, ReadFrom::Replica) => replicas.first().cloned(),
            (None, _) => Some(Arc::clone(primary)),
        }
    }

    /// Returns a primary, another one each time, and one without a connection only if all are.
    pub(super) fn any(&self) -> Option<Arc<Node>> {
        let primaries = self.primaries();
        let turn = self.turn();
        let mut in_turn = (0..primaries.len()).map(|at| &primaries[(at + turn) % primaries.len()]);
        in_turn
            .find(|node| node.serves())
            .or(primaries.get(turn % primaries.len().max(1)))
            .cloned()
    }

    pub(super) fn primaries(&self) -> Vec<Arc<Node>> {
        let state = self.lock();
        state
            .shards
            .iter()
            .map(|shard| Arc::clone(&shard.primary))
            .collect()
    }

    /// Returns the primaries and, where reads go to them, the replicas.
    pub(super) fn all(&self) -> Vec<Arc<Node>> {
        let state = self.lock();
        let nodes = |shard: &Shard| {
            let mut nodes = shard.replicas.clone();
            nodes.insert(0, Arc::clone(&shard.primary));
            nodes
        };
        state.shards.iter().flat_map(nodes).collect()
    }

    /// Returns the node at `address`, where somebody has been sent.
    pub(super) fn at(self: &Arc<Nodes>, address: Address) -> Arc<Node> {
        self.node(&mut self.lock(), &(address, false))
    }

    /// Learns that `slot` is served at `address`, and asks there for the rest.
    pub(super) fn moved(self: &Arc<Nodes>, slot: u16, address: Address) {
        let mut state = self.lock();
        let node = self.node(&mut state, &(address, false));
        let shard = state
            .shards
            .iter()
            .position(|shard| Arc::ptr_eq(&shard.primary, &node));
        let shard = shard.unwrap_or_else(|| {
            state.shards.push(Shard {
                primary: Arc::clone(&node),
                replicas: Vec::new(),
            });
            state.shards.len() - 1
        });
        let shard = u16::try_from(shard).unwrap_or(NOBODY);
        if state.owners[usize::from(slot)] == shard {
            return;
        }
        state.owners[usize::from(slot)] = shard;
        state.informed = Some(node);
        drop(state);
        self.want();
    }

    /// Asks for the table, without waiting for it.
    pub(super) fn want(self: &Arc<Nodes>) {
        let process = std::process::id();
        if self.process.swap(process, Ordering::Relaxed) != process {
            let keeper = Keeper(Arc::clone(self));
            if let Err(error) = link::spawn(async move { keeper.keep().await }) {
                self.news.send_replace(Some(error));
            }
        }
        self.wanted.notify_one();
    }

    /// Waits at most `limit` for the next table.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn news(self: &Arc<Nodes>, limit: Duration) -> Result<(), Error> {
        let mut news = self.news.subscribe();
        self.want();
        let changed = link::within(limit, news.changed()).await;
        let failure = self.news.borrow().clone();
        match (changed, failure) {
            (Some(_), None) => Ok(()),
            (_, Some(failure)) => Err(failure),
            (None, None) => Err(self.nobody(&self.failures())),
        }
    }

    /// Why there is no connection to nodes to which there is none.
    fn failures(&self) -> Vec<(Address, Error)> {
        let state = self.lock();
        let failure = |node: &Arc<Node>| {
            let failure = node.connections.shared().failure()?;
            Some((node.address.clone(), failure))
        };
        let mut failures: Vec<_> = state.known.values().filter_map(failure).collect();
        failures.sort_by_key(|(address, _)| address.to_string());
        failures
    }

    /// The report about nodes none of which has answered.
    fn nobody(&self, failures: &[(Address, Error)]) -> Error {
        let lasting = |(_, error): &&(Address, Error)| link::is_lasting(error.kind());
        let first = failures.iter().find(lasting).or(failures.first());
        let Some((_, first)) = first else {
            let message = format!("no node of the cluster at `{}` answers", self.config.peer());
            return Error::new(ErrorKind::Unreachable, message);
        };
        if let [_] = failures {
            return first.clone();
        }
        // One that may come back decides: the others may have left the cluster.
        let kind = failures
            .iter()
            .map(|(_, error)| error.kind())
            .find(|kind| !link::is_lasting(*kind))
            .unwrap_or(first.kind());
        let each: Vec<_> = failures
            .iter()
            .map(|(address, error)| format!("`{address}`: {error:#}"))
            .collect();
        let message = format!("no node of the cluster answers: {}", each.join("; "));
        let error = Error::new(kind, message);
        match first.help() {
            Some(help) => error.with_help(help),
            None => error,
        }
    }

    /// Closes the connections to all nodes.
    pub(super) async fn close(&self, grace: Duration) {
        let nodes = self.shut();
        let closing = nodes.iter().map(|node| node.connections.close(grace));
        super::join_all(closing).await;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Makes no connection any more; returns those there are.
    pub(super) fn shut(&self) -> Vec<Arc<Node>> {
        let mut state = self.lock();
        state.closed = true;
        state.shards.clear();
        state.owners.fill(NOBODY);
        state.informed = None;
        let nodes = state.known.drain().map(|(_, node)| node).collect();
        drop(state);
        self.news.send_replace(Some(link::closed()));
        self.wanted.notify_one();
        nodes
    }

    fn turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    fn node(&self, state: &mut State, role: &Role) -> Arc<Node> {
        let make = || {
            let (address, is_replica) = role;
            let config = self
                .config
                .at_node(&address.host, address.port, *is_replica);
            Arc::new(Node {
                address: address.clone(),
                is_replica: *is_replica,
                connections: Connections::of_node(config, Arc::clone(&self.wanted)),
            })
        };
        if state.closed {
            // Its caller finds out that the client is closed.
            return make();
        }
        Arc::clone(state.known.entry(role.clone()).or_insert_with(make))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
