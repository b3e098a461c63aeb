//! [`Node`]: a node of the cluster, and the connections to it.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::Notify;

use crate::address::Address;
use crate::config::{Announced, Config, Endpoint, ServerConfig, ServerRole, Target};
use crate::connection::{CallOptions, NodeConnections, own_request};
use crate::observe::Tally;
use crate::runtime::{spawn, within};

/// What tells two nodes apart. A node that serves reads as a replica has connections of another kind
/// than one that serves writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct NodeKey {
    pub(super) address: Address,
    pub(super) is_replica: bool,
}

impl NodeKey {
    pub(super) fn primary(address: Address) -> NodeKey {
        NodeKey {
            address,
            is_replica: false,
        }
    }

    pub(super) fn replica(address: Address) -> NodeKey {
        NodeKey {
            address,
            is_replica: true,
        }
    }
}

/// A node of the cluster, and the connections to it.
pub(super) struct Node {
    key: NodeKey,
    /// Its address before the address map: the last that was announced, also of a node that the URL names.
    announced: Mutex<Address>,
    pub(super) connections: NodeConnections,
    /// The process whose I/O thread runs the task that connects, 0 if none does. A forked child has a
    /// copy of this, but not the task.
    connecting: AtomicU32,
    /// Notified when that task ends.
    attempt_ended: Notify,
}

impl Node {
    /// `announced` says where the address of `key` comes from, if the URL does not name it. `trouble` is
    /// notified when the shared connection is lost, or cannot be made.
    pub(super) fn new(
        config: Arc<Config>,
        key: NodeKey,
        announced: Option<&Announced>,
        tally: Arc<Tally>,
        trouble: Arc<Notify>,
    ) -> Node {
        let role = if key.is_replica {
            ServerRole::ReplicaNode
        } else {
            ServerRole::Node
        };
        let server = match announced {
            Some(announced) => ServerConfig::announced(config, announced.clone(), role),
            None => ServerConfig::new(config, Endpoint::Tcp(key.address.clone()), role),
        };
        let address = announced.map_or(&key.address, |announced| &announced.address);
        let address = Mutex::new(address.clone());
        Node {
            key,
            announced: address,
            connections: NodeConnections::new(Target::Server(server), tally, Some(trouble)),
            connecting: AtomicU32::new(0),
            attempt_ended: Notify::new(),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.key.address
    }

    /// Returns its address before the address map.
    pub(super) fn announced(&self) -> Address {
        let announced = self.announced.lock();
        announced.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records its address before the address map.
    pub(super) fn announce(&self, address: &Address) {
        let announced = self.announced.lock();
        announced
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(address);
    }

    pub(super) fn is_replica(&self) -> bool {
        self.key.is_replica
    }

    /// Returns whether there is a connection to it, and it serves.
    pub(super) fn serves(&self) -> bool {
        self.connections.shared().serves()
    }

    /// Returns whether its connection was lost or could not be made.
    pub(super) fn has_failed(&self) -> bool {
        self.connections.shared().failure().is_some()
    }

    /// Returns whether callers wait for a connection to it, or until it serves.
    pub(super) fn is_troubled(&self) -> bool {
        self.connections.shared().is_troubled()
    }

    /// Starts a task that connects, unless one does so already.
    pub(super) fn connect_in_background(self: &Arc<Node>) {
        let process = std::process::id();
        if self.connecting.swap(process, Ordering::Relaxed) == process {
            return;
        }
        let attempt = Attempt(Arc::clone(self));
        // Fails only without an I/O thread, and then `attempt` has ended.
        let _ = spawn(async move {
            let Attempt(node) = &attempt;
            let connection = node.connections.shared();
            let options = CallOptions::from(connection.target().client()).idempotent();
            let ping = redis::cmd("PING");
            let request = own_request(&ping, options).in_cluster();
            // The state of the connection tells the result.
            let _ = connection.call(request).reply().await;
        });
    }

    /// Connects in the background, and waits at most `limit` for it; returns whether the node serves.
    /// A reader can go to other nodes, so it need not wait for this one as long as a writer.
    pub(super) async fn is_reached_within(self: &Arc<Node>, limit: Duration) -> bool {
        let mut attempt_ended = pin!(self.attempt_ended.notified());
        // From here on the end of an attempt is not missed.
        attempt_ended.as_mut().enable();
        self.connect_in_background();
        let settled = pin!(self.connections.shared().until_settled());
        // The state of the connection tells the result.
        let _ = within(limit, select(settled, attempt_ended)).await;
        self.serves()
    }

    /// Closes the connections to a node that does not serve any slot any more. It may finish what it
    /// is answering within `grace`.
    pub(super) fn retire(self: Arc<Node>, grace: Duration) {
        if self.is_troubled() {
            // It does not answer, and the commands that wait may go to another node at once.
            self.connections.shut_down();
            return;
        }
        // Fails only without an I/O thread, and with that all connections have ended.
        let _ = spawn(async move { self.connections.close(grace).await });
    }
}

/// Lives as long as the task that connects.
struct Attempt(Arc<Node>);

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.connecting.store(0, Ordering::Relaxed);
        self.0.attempt_ended.notify_waiters();
    }
}
