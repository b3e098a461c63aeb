//! What is measured, by name.

use crate::Failure;
use crate::clients;
use crate::server::Server;

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) transport: Transport,
    pub(crate) pipeline: usize,
    pub(crate) value: usize,
    /// Microseconds of CPU work that a task does between its commands.
    pub(crate) work: u32,
    pub(crate) current_thread: bool,
    pub(crate) tasks: &'static [usize],
    /// The first one is ours: the others are compared with it.
    pub(crate) clients: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    /// TCP through a relay that delays what it passes on.
    Delayed,
    Unix,
    Tls,
    /// A cluster of so many primaries.
    Cluster(usize),
}

/// Those that the side scenarios compare.
const MULTIPLEXED: &[&str] = &[
    "redis-ready",
    "redis-rs",
    "fred",
    "rustis",
    "ioredis",
    "node-redis",
    "raw",
];

/// The main table; the others differ from it in what they say.
const TCP: Scenario = Scenario {
    name: "tcp",
    what: "GET and SET, values of 100 bytes, over TCP",
    transport: Transport::Tcp,
    pipeline: 1,
    value: 100,
    work: 0,
    current_thread: false,
    tasks: &[1, 2, 4, 8, 16, 32, 64, 256, 1_000],
    clients: &clients::NAMES,
};

const SIDE: Scenario = Scenario {
    tasks: &[64, 1_000],
    clients: MULTIPLEXED,
    ..TCP
};

const CLUSTER: Scenario = Scenario {
    name: "cluster",
    what: "a cluster of 3 nodes",
    transport: Transport::Cluster(3),
    clients: &["redis-ready", "redis-rs", "fred"],
    ..SIDE
};

pub(crate) const ALL: [Scenario; 13] = [
    TCP,
    Scenario {
        name: "pipeline-10",
        what: "pipelines of 10 commands",
        pipeline: 10,
        tasks: &[64],
        ..SIDE
    },
    Scenario {
        name: "pipeline-100",
        what: "pipelines of 100 commands",
        pipeline: 100,
        tasks: &[64],
        ..SIDE
    },
    Scenario {
        name: "1KiB",
        what: "values of 1 KiB",
        value: 1024,
        ..SIDE
    },
    Scenario {
        name: "16KiB",
        what: "values of 16 KiB",
        value: 16 * 1024,
        tasks: &[64],
        ..SIDE
    },
    Scenario {
        name: "unix",
        what: "over a Unix socket",
        transport: Transport::Unix,
        // rustis was not measured.
        clients: &[
            "redis-ready",
            "redis-rs",
            "fred",
            "ioredis",
            "node-redis",
            "raw",
        ],
        ..SIDE
    },
    Scenario {
        name: "tls",
        what: "over TLS, the certificate verified",
        transport: Transport::Tls,
        // rustis brings another crypto provider, aws-lc-rs, and was not measured.
        clients: &["redis-ready", "redis-rs", "fred", "ioredis", "node-redis"],
        ..SIDE
    },
    Scenario {
        name: "current-thread",
        what: "all tasks on a runtime of one thread",
        current_thread: true,
        clients: &["redis-ready", "redis-rs", "fred", "rustis", "raw"],
        ..SIDE
    },
    Scenario {
        name: "work",
        what: "20 µs of CPU work between the commands of a task",
        work: 20,
        tasks: &[16, 64, 256],
        // `raw` has no tasks that could do it.
        clients: &[
            "redis-ready",
            "redis-rs",
            "fred",
            "rustis",
            "ioredis",
            "node-redis",
        ],
        ..SIDE
    },
    Scenario {
        name: "delay",
        what: "0.25 ms of delay in each direction",
        transport: Transport::Delayed,
        tasks: &[1, 16, 64, 256],
        clients: &[
            "redis-ready",
            "redis-rs",
            "redis-rs-nodelay",
            "fred",
            "rustis",
            "ioredis",
            "node-redis",
            "raw",
        ],
        ..SIDE
    },
    CLUSTER,
    Scenario {
        name: "cluster-6",
        what: "a cluster of 6 nodes",
        transport: Transport::Cluster(6),
        tasks: &[64],
        ..CLUSTER
    },
    Scenario {
        name: "cluster-12",
        what: "a cluster of 12 nodes",
        transport: Transport::Cluster(12),
        tasks: &[64],
        ..CLUSTER
    },
];

impl Scenario {
    pub(crate) fn server(&self) -> Result<Server, Failure> {
        match self.transport {
            Transport::Tcp => Server::tcp(),
            Transport::Delayed => Server::delayed(),
            Transport::Unix => Server::unix(),
            Transport::Tls => Server::tls(),
            Transport::Cluster(nodes) => Server::cluster(nodes),
        }
    }
}
