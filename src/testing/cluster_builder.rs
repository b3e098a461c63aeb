//! [`ClusterBuilder`]: the settings of a [`Cluster`](super::Cluster).

use std::time::Duration;

use super::builder::ServerBuilder;
use super::cluster_view::SLOTS;

/// A busy machine does not look like a dead node.
const STEADY: Duration = Duration::from_secs(60);

/// Holds the settings of a [`Cluster`](super::Cluster); made by
/// [`Cluster::builder`](super::Cluster::builder).
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct ClusterBuilder {
    pub(super) primaries: usize,
    pub(super) replicas: usize,
    pub(super) node_timeout: Duration,
    nodes: ServerBuilder,
}

impl Default for ClusterBuilder {
    fn default() -> ClusterBuilder {
        ClusterBuilder {
            primaries: 3,
            replicas: 0,
            node_timeout: STEADY,
            nodes: ServerBuilder::default(),
        }
    }
}

impl ClusterBuilder {
    /// Shares the slots among this many primaries, 3 unless set.
    ///
    /// # Panics
    ///
    /// If it is none, or more than there are slots.
    pub fn primaries(mut self, primaries: usize) -> ClusterBuilder {
        assert!(
            (1..=SLOTS.into()).contains(&primaries),
            "each primary has slots"
        );
        self.primaries = primaries;
        self
    }

    /// Starts this many replicas of each primary, none unless set.
    pub fn replicas_per_primary(mut self, replicas: usize) -> ClusterBuilder {
        self.replicas = replicas;
        self
    }

    /// Sets after which silence the others call a node down, and fail over to its replica: `cluster-node-timeout`.
    ///
    /// 60 s unless set, so that a busy machine does not cause a failover;
    /// [`Cluster::kill_primary`](super::Cluster::kill_primary) does not wait that long.
    pub fn node_timeout(mut self, timeout: Duration) -> ClusterBuilder {
        self.node_timeout = timeout;
        self
    }

    /// Starts each node with these settings, such as a password, a user or TLS. They listen on ports in
    /// any case.
    pub fn nodes(mut self, nodes: ServerBuilder) -> ClusterBuilder {
        self.nodes = nodes;
        self
    }

    pub(super) fn node(&self) -> ServerBuilder {
        let timeout = self.node_timeout.as_millis().to_string();
        let mut node = self.nodes.clone().on_a_port().in_a_set();
        if node.transport.is_tls() {
            node = node.arg("--tls-cluster").arg("yes");
        }
        if let Some(password) = node.password.clone() {
            node = node.arg("--masterauth").arg(password);
        }
        node.arg("--cluster-enabled")
            .arg("yes")
            .arg("--cluster-config-file")
            .arg("nodes.conf")
            .arg("--cluster-node-timeout")
            .arg(timeout)
            // However long its primary was silent, a replica stands for election.
            .arg("--cluster-replica-validity-factor")
            .arg("0")
            // By default all shards answer CLUSTERDOWN from when one is lost until it is replaced.
            .arg("--cluster-require-full-coverage")
            .arg("no")
    }
}
