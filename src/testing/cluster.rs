//! [`Cluster`]: nodes that share the slots.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use redis::Connection;

use super::ask::{execute, online_replicas, query, wait_until};
use super::cluster_builder::ClusterBuilder;
use super::cluster_node::Node;
use super::cluster_view::{Line, SLOTS, view};
use super::server::Server;
use crate::client::Client;

/// A dead node is noticed, and its replica elected, within some seconds; in ms.
const FAILING_OVER: &str = "2000";
/// A replica gives up a failover that it was asked for after 5 s.
const FAILOVER_LIMIT: Duration = Duration::from_secs(6);
/// Runs a cluster, and stops all of its nodes when dropped.
///
/// The nodes have numbers: first the primaries, then their replicas, in the order of their start.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use redis_ready::redis::Commands;
/// use redis_ready::testing::Cluster;
///
/// let mut cluster = Cluster::builder().replicas_per_primary(1).start()?; // 6 nodes: some seconds
/// let mut client = cluster.client().blocking();
/// let () = client.set("key", 1)?;
///
/// let primary = cluster.primary_of("key")?;
/// cluster.kill_primary(primary)?; // returns when its replica serves
/// assert_eq!(client.get("key"), Ok(1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Cluster {
    pub(super) nodes: Vec<Node>,
    /// In milliseconds, where no failover is waited for.
    pub(super) node_timeout: String,
}

impl Cluster {
    /// Starts a cluster of three primaries without replicas, and returns when it serves.
    ///
    /// # Errors
    ///
    /// Those of [`Server::start`], and `TimedOut` if the cluster does not form.
    pub fn start() -> io::Result<Cluster> {
        Cluster::builder().start()
    }

    /// Returns the settings of [`Cluster::start`], to change them before the nodes are started.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// Returns the URL with every node as a seed: a `REDIS_URL` with everything that a client needs,
    /// except a certificate of the client.
    #[must_use]
    pub fn url(&self) -> String {
        let first = &self.nodes[0].server;
        let settings = first.settings();
        let (scheme, host) = if settings.transport.is_tls() {
            ("rediss-cluster", "localhost")
        } else {
            ("redis-cluster", "127.0.0.1")
        };
        let seeds = self.nodes.iter().map(|it| format!("{host}:{}", it.port()));
        let seeds: Vec<String> = seeds.collect();
        let parameters = settings.tls_parameter(first.directory());
        let mark = if parameters.is_empty() { "" } else { "?" };
        let userinfo = settings.userinfo();
        format!("{scheme}://{userinfo}{}{mark}{parameters}", seeds.join(","))
    }

    /// Opens a client for the cluster, without connecting.
    ///
    /// # Panics
    ///
    /// For TLS in a build without the feature `tls`.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::open(&self.url()).expect("our own URL is valid")
    }

    /// Returns how many nodes were started.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Returns a node, to ask or pause it.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    #[must_use]
    pub fn node(&self, number: usize) -> &Server {
        &self.nodes[number].server
    }

    /// Returns a node, to stop it, or to start it again: it then joins the cluster by itself, without data.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    pub fn node_mut(&mut self, number: usize) -> &mut Server {
        &mut self.nodes[number].server
    }

    /// Returns the numbers of the running nodes that are primaries, as the cluster sees it now.
    ///
    /// # Errors
    ///
    /// If no node answers.
    pub fn primaries(&self) -> io::Result<Vec<usize>> {
        let view = self.view(self.any()?)?;
        let primaries = view
            .iter()
            .filter(|line| line.has("master") && self.runs(line));
        let mut nodes: Vec<usize> = primaries.filter_map(|it| self.number(&it.id)).collect();
        nodes.sort_unstable();
        Ok(nodes)
    }

    /// Returns the number of the node that serves `key`, as the cluster sees it now.
    ///
    /// # Errors
    ///
    /// If no node answers, or none serves the key.
    pub fn primary_of(&self, key: &str) -> io::Result<usize> {
        let asked = self.any()?;
        let slot: u16 = query(&mut self.connect(asked)?, &["CLUSTER", "KEYSLOT", key])?;
        let owner = self.owner_seen_by(asked, slot)?;
        owner.ok_or_else(|| io::Error::other(format!("no node serves the slot of `{key}`, {slot}")))
    }

    /// Returns the number of the node that serves `slot`, as the node `asked` sees it.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    pub fn owner_seen_by(&self, asked: usize, slot: u16) -> io::Result<Option<usize>> {
        let view = self.view(asked)?;
        let owner = view.iter().find(|line| line.holds(slot));
        Ok(owner.and_then(|line| self.number(&line.id)))
    }

    /// Has a replica take over from `primary`, which is well and becomes a replica, and returns the
    /// replica's number when all nodes know.
    ///
    /// # Errors
    ///
    /// If it has no running replica, and `TimedOut` if that does not take over.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    pub fn failover(&mut self, primary: usize) -> io::Result<usize> {
        let mut replicas = self.replicas_of(primary)?.into_iter();
        let replica = replicas.next().ok_or_else(|| no_replica(primary))?;
        let slot = self.slot_of(primary)?;
        let mut connection = self.connect(replica)?;
        // A node does not vote twice within two node timeouts about the same primary.
        self.set_node_timeout(FAILING_OVER)?;
        execute(&mut connection, &["CLUSTER", "FAILOVER"])?;
        let mut asked = Instant::now();
        wait_until("a replica takes over", || {
            if asked.elapsed() > FAILOVER_LIMIT {
                // It fails if the replica has taken over meanwhile.
                let _ = execute(&mut connection, &["CLUSTER", "FAILOVER"]);
                asked = Instant::now();
            }
            Ok(self.other_owner(primary, slot)?.is_some())
        })?;
        self.settle()?;
        Ok(replica)
    }

    /// Kills `primary` as a crash does, and returns the number of the replica that serves its slots when
    /// all nodes know, after some seconds.
    ///
    /// # Errors
    ///
    /// If it has no running replica, and `TimedOut` if none takes over.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    pub fn kill_primary(&mut self, primary: usize) -> io::Result<usize> {
        if self.replicas_of(primary)?.is_empty() {
            return Err(no_replica(primary));
        }
        let slot = self.slot_of(primary)?;
        self.set_node_timeout(FAILING_OVER)?;
        self.nodes[primary].server.kill()?;
        let mut new = None;
        wait_until("a replica takes over", || {
            new = self.other_owner(primary, slot)?;
            Ok(new.is_some())
        })?;
        self.settle()?;
        new.ok_or_else(|| no_replica(primary))
    }

    /// Ends a time of short node timeouts. A primary that was called down by mistake meanwhile would stay
    /// so for two of the long ones.
    fn settle(&self) -> io::Result<()> {
        self.wait_until_ready()?;
        self.set_node_timeout(&self.node_timeout)
    }

    /// Waits until every running node says that all slots are served, by a node that runs, and which nodes
    /// are replicas, and until every replica among them has its primary's data and receives what is written.
    ///
    /// # Errors
    ///
    /// `TimedOut` if that does not happen, as when a primary without replicas was killed.
    pub fn wait_until_ready(&self) -> io::Result<()> {
        wait_until("all nodes serve", || {
            let mut replicas = HashSet::new();
            for node in self.running() {
                let own = self.view(node)?.into_iter().find(|it| it.has("myself"));
                replicas.extend(own.filter(|it| it.has("slave")).map(|line| line.id));
            }
            for node in self.running() {
                if !self.serves(node, &replicas)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    fn serves(&self, node: usize, replicas: &HashSet<String>) -> io::Result<bool> {
        let mut connection = self.connect(node)?;
        let info: String = query(&mut connection, &["CLUSTER", "INFO"])?;
        let replication: String = query(&mut connection, &["INFO", "replication"])?;
        let replica = replication.contains("role:slave");
        let connected = format!("connected_slaves:{}\r", online_replicas(&replication));
        let view = self.view(node)?;
        let served: u16 = view.iter().map(Line::served).sum();
        let is_served = |line: &Line| line.slots.is_empty() || self.runs(line) && line.is_linked();
        let mut running = view.iter().filter(|line| self.runs(line));
        Ok(info.contains("cluster_state:ok")
            && replication.contains(&connected)
            && served == SLOTS
            && view.iter().all(is_served)
            && running.all(|line| line.has("slave") == replicas.contains(&line.id))
            && (!replica || replication.contains("master_link_status:up")))
    }

    fn replicas_of(&self, primary: usize) -> io::Result<Vec<usize>> {
        let id = &self.nodes[primary].id;
        let words = ["CLUSTER", "REPLICAS", id];
        let lines: Vec<String> = query(&mut self.connect(self.any()?)?, &words)?;
        let ids = lines.iter().filter_map(|line| line.split(' ').next());
        let numbers = ids.filter_map(|id| self.number(id));
        Ok(numbers.filter(|it| self.node(*it).is_running()).collect())
    }

    /// One of the slots that a node serves.
    fn slot_of(&self, primary: usize) -> io::Result<u16> {
        let view = self.view(primary)?;
        let own = view.iter().find(|line| line.has("myself"));
        let slot = own.and_then(|line| line.slots.first()).map(|it| it.0);
        slot.ok_or_else(|| io::Error::other(format!("node {primary} serves no slots")))
    }

    /// The owner of `slot`, if all running nodes know another one than `old`.
    fn other_owner(&self, old: usize, slot: u16) -> io::Result<Option<usize>> {
        let mut new = None;
        for node in self.running() {
            new = self
                .owner_seen_by(node, slot)?
                .filter(|owner| *owner != old);
            if new.is_none() {
                break;
            }
        }
        Ok(new)
    }

    fn set_node_timeout(&self, milliseconds: &str) -> io::Result<()> {
        for node in self.running() {
            let words = ["CONFIG", "SET", "cluster-node-timeout", milliseconds];
            execute(&mut self.connect(node)?, &words)?;
        }
        Ok(())
    }

    fn runs(&self, line: &Line) -> bool {
        let number = self.number(&line.id);
        number.is_some_and(|number| self.node(number).is_running())
    }

    fn running(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|it| self.node(*it).is_running())
    }

    fn any(&self) -> io::Result<usize> {
        let first = self.running().next();
        first.ok_or_else(|| io::Error::other("no node runs"))
    }

    pub(super) fn view(&self, node: usize) -> io::Result<Vec<Line>> {
        view(&mut self.connect(node)?)
    }

    pub(super) fn connect(&self, node: usize) -> io::Result<Connection> {
        self.node(node).connect().map_err(io::Error::other)
    }

    /// None for a node that is being met: it has a name for the time being.
    fn number(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }
}

fn no_replica(primary: usize) -> io::Error {
    io::Error::other(format!("node {primary} has no replica that runs"))
}
