//! How a cluster is formed.

use std::io;

use redis::cmd;

use super::ask::{execute, wait_until};
use super::cluster::Cluster;
use super::cluster_builder::ClusterBuilder;
use super::cluster_node::Node;
use super::cluster_view::{Line, SLOTS};

impl ClusterBuilder {
    /// Starts all nodes, and returns when the cluster serves.
    ///
    /// # Errors
    ///
    /// Those of [`Server::start`](super::Server::start), and `TimedOut` if the cluster does not form.
    pub fn start(self) -> io::Result<Cluster> {
        let builder = self.node();
        let count = self.primaries * (1 + self.replicas);
        let nodes: io::Result<Vec<Node>> = (0..count).map(|_| Node::start(&builder)).collect();
        let cluster = Cluster {
            nodes: nodes?,
            node_timeout: self.node_timeout.as_millis().to_string(),
        };
        cluster.share_slots(self.primaries)?;
        cluster.introduce()?;
        for replica in self.primaries..count {
            cluster.replicate(replica, replica % self.primaries)?;
        }
        cluster.wait_until_ready()?;
        Ok(cluster)
    }
}

impl Cluster {
    fn share_slots(&self, primaries: usize) -> io::Result<()> {
        let first = |primary: usize| usize::from(SLOTS) * primary / primaries;
        for node in 0..self.nodes.len() {
            let mut connection = self.connect(node)?;
            // Else the nodes would have to agree on different ones first.
            let epoch = (node + 1).to_string();
            execute(&mut connection, &["CLUSTER", "SET-CONFIG-EPOCH", &epoch])?;
            if node < primaries {
                let (first, last) = (first(node), first(node + 1) - 1);
                let range = [first.to_string(), last.to_string()];
                let words = ["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]];
                execute(&mut connection, &words)?;
            }
        }
        Ok(())
    }

    /// Has all nodes meet each other: to wait until they gossip takes seconds.
    fn introduce(&self) -> io::Result<()> {
        for node in 0..self.nodes.len() {
            let mut connection = self.connect(node)?;
            for other in &self.nodes[..node] {
                let (port, bus_port) = (other.port().to_string(), other.bus_port.to_string());
                let words = ["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port];
                execute(&mut connection, &words)?;
            }
        }
        wait_until("all nodes know each other", || {
            for node in 0..self.nodes.len() {
                let view = self.view(node)?;
                if view.len() != self.nodes.len() || !view.iter().all(Line::is_linked) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    fn replicate(&self, replica: usize, primary: usize) -> io::Result<()> {
        let mut connection = self.connect(replica)?;
        let mut replicate = cmd("CLUSTER");
        replicate.arg("REPLICATE").arg(&self.nodes[primary].id);
        // It may not have heard yet which of them are primaries.
        wait_until("a replica follows", || {
            Ok(replicate.exec(&mut connection).is_ok())
        })
    }
}
