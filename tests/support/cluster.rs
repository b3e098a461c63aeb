//! A cluster of real servers: formed, migrated, crashed and frozen from here.
//!
//! Its nodes are asked over their Unix sockets, by redis-rs without any routing: what a test does to a
//! cluster never depends on the client that is tested.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::LazyLock;

use redis::{Connection, RedisResult, cmd, pipe};
use redis_ready::Client;
use redis_ready::testing::{Server, ServerBuilder};

use super::certificates::{Authority, Identity};
use super::ports::bus_port;
use super::process::{Process, query, wait_until};

pub(crate) const SLOTS: u16 = 16_384;

/// A dead node is noticed, and its replica elected, within some seconds.
const FAILING_OVER: &str = "1000";
/// A busy machine does not look like a dead node.
const STEADY: &str = "60000";
/// Few enough that a slot with several keys is seen by clients while it is half migrated.
const KEYS_AT_ONCE: usize = 2;

/// A cluster whose processes end when it is dropped. Nodes have numbers: first the primaries, then
/// their replicas, in the order of the start.
pub(crate) struct Cluster {
    nodes: Vec<Node>,
    /// What goes before the seed nodes in a URL, and each one's host.
    scheme: &'static str,
    host: &'static str,
    /// Parameters that every URL needs.
    parameters: String,
}

struct Node {
    process: Process,
    /// As the cluster calls it.
    id: String,
    bus_port: u16,
}

impl Cluster {
    /// Starts a cluster that fails over within some seconds, and returns when all of it serves.
    pub(crate) fn start(primaries: usize, replicas_per_primary: usize) -> Cluster {
        Cluster::form(
            primaries,
            replicas_per_primary,
            FAILING_OVER,
            Server::builder().tcp(),
        )
    }

    /// Starts a cluster that does not fail over while a test lasts.
    pub(crate) fn steady(primaries: usize, replicas_per_primary: usize) -> Cluster {
        Cluster::form(
            primaries,
            replicas_per_primary,
            STEADY,
            Server::builder().tcp(),
        )
    }

    /// Starts a steady cluster with several databases; `None` if the server has only one in a cluster.
    pub(crate) fn with_databases(primaries: usize) -> Option<Cluster> {
        let builder = Server::builder().tcp().arg("--cluster-databases").arg("16");
        builder.clone().start().ok()?;
        Some(Cluster::form(primaries, 0, STEADY, builder))
    }

    /// Starts a steady cluster that speaks nothing but TLS. Its nodes are known to one another, and told
    /// to clients, by their addresses; the URL calls them `localhost`.
    pub(crate) fn tls(primaries: usize, authority: &Authority, identity: &Identity) -> Cluster {
        // A node shows a certificate to other nodes, too, and that one has to be a client's.
        let client = authority.client();
        let (certificate, key) = (client.certificate, client.key);
        let builder = authority
            .serve(identity)
            .arg("--tls-cluster")
            .arg("yes")
            .arg("--tls-replication")
            .arg("yes")
            .arg("--tls-client-cert-file")
            .arg(certificate.display().to_string())
            .arg("--tls-client-key-file")
            .arg(key.display().to_string());
        let mut cluster = Cluster::form(primaries, 0, STEADY, builder);
        cluster.scheme = "rediss-cluster";
        cluster.host = "localhost";
        cluster.parameters = format!("tls_ca={}", authority.certificate().display());
        cluster
    }

    fn form(
        primaries: usize,
        replicas_per_primary: usize,
        node_timeout: &str,
        builder: ServerBuilder,
    ) -> Cluster {
        let builder = builder
            .arg("--cluster-enabled")
            .arg("yes")
            .arg("--cluster-config-file")
            .arg("nodes.conf")
            .arg("--cluster-node-timeout")
            .arg(node_timeout)
            // However long its primary was silent, a replica stands for election.
            .arg("--cluster-replica-validity-factor")
            .arg("0")
            // By default all shards answer CLUSTERDOWN from when one is lost until it is replaced.
            .arg("--cluster-require-full-coverage")
            .arg("no")
            .arg("--repl-diskless-sync-delay")
            .arg("0");
        let count = primaries * (1 + replicas_per_primary);
        let cluster = Cluster {
            nodes: (0..count).map(|_| Node::start(&builder)).collect(),
            scheme: "redis-cluster",
            host: "127.0.0.1",
            parameters: String::new(),
        };
        cluster.share_slots(primaries);
        cluster.introduce();
        for replica in primaries..count {
            let primary = &cluster.nodes[replica % primaries];
            let mut connection = cluster.connect(replica);
            let mut replicate = cmd("CLUSTER");
            replicate.arg("REPLICATE").arg(&primary.id);
            // It may not have heard yet which of them are primaries.
            wait_until("replicas follow", || {
                replicate.exec(&mut connection).is_ok()
            });
        }
        cluster.wait_until_it_serves();
        cluster
    }

    fn share_slots(&self, primaries: usize) {
        let first = |primary: usize| usize::from(SLOTS) * primary / primaries;
        for node in 0..self.nodes.len() {
            let mut connection = self.connect(node);
            // Else the nodes would have to agree on different ones first.
            exec(
                &mut connection,
                &["CLUSTER", "SET-CONFIG-EPOCH", &(node + 1).to_string()],
            );
            if node < primaries {
                let (first, last) = (first(node), first(node + 1) - 1);
                let range = [first.to_string(), last.to_string()];
                exec(
                    &mut connection,
                    &["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]],
                );
            }
        }
    }

    /// Has all nodes meet each other: to wait until they gossip takes seconds.
    fn introduce(&self) {
        for node in 0..self.nodes.len() {
            let mut connection = self.connect(node);
            for other in &self.nodes[..node] {
                let (port, bus_port) =
                    (other.process.port().to_string(), other.bus_port.to_string());
                exec(
                    &mut connection,
                    &["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port],
                );
            }
        }
        wait_until("nodes know each other", || {
            (0..self.nodes.len()).all(|node| {
                let view = self.view(node);
                view.len() == self.nodes.len() && view.iter().all(Line::is_linked)
            })
        });
    }

    /// Waits until every running node says that all slots are served, by a node that runs, and which nodes
    /// are replicas, and until every replica among them has its primary's data.
    pub(crate) fn wait_until_it_serves(&self) {
        wait_until("all nodes serve", || {
            let replicas: HashSet<String> = self
                .running()
                .flat_map(|node| self.view(node))
                .filter(|line| line.has("myself") && line.has("slave"))
                .map(|line| line.id)
                .collect();
            self.running().all(|node| {
                let mut connection = self.connect(node);
                let info: String = query(&mut connection, &["CLUSTER", "INFO"]);
                let replication: String = query(&mut connection, &["INFO", "replication"]);
                let replica = replication.contains("role:slave");
                let view = self.view(node);
                let served: u16 = view.iter().map(Line::served).sum();
                info.contains("cluster_state:ok")
                    && served == SLOTS
                    && view.iter().all(|line| self.is_served(line))
                    && view
                        .iter()
                        .filter(|line| self.runs(line))
                        .all(|line| line.has("slave") == replicas.contains(&line.id))
                    && (!replica || replication.contains("master_link_status:up"))
            })
        });
    }

    fn is_served(&self, line: &Line) -> bool {
        line.slots.is_empty() || self.runs(line) && line.is_linked()
    }

    fn runs(&self, line: &Line) -> bool {
        let number = self.number(&line.id);
        number.is_some_and(|number| self.nodes[number].process.runs())
    }

    /// The URL with every node as a seed.
    pub(crate) fn url(&self) -> String {
        self.url_of(0..self.nodes.len(), "")
    }

    /// The URL of these seeds, with more parameters.
    pub(crate) fn url_of(
        &self,
        seeds: impl IntoIterator<Item = usize>,
        parameters: &str,
    ) -> String {
        let seeds: Vec<_> = seeds
            .into_iter()
            .map(|node| format!("{}:{}", self.host, self.port(node)))
            .collect();
        let parameters = [&self.parameters, parameters];
        let parameters: Vec<&str> = parameters.into_iter().filter(|it| !it.is_empty()).collect();
        let query = if parameters.is_empty() { "" } else { "?" };
        let (seeds, parameters) = (seeds.join(","), parameters.join("&"));
        format!("{}://{seeds}{query}{parameters}", self.scheme)
    }

    /// A client of all nodes, with these parameters of its URL.
    pub(crate) fn client(&self, parameters: &str) -> Client {
        let url = self.url_of(0..self.nodes.len(), parameters);
        Client::open(&url).unwrap_or_else(|error| panic!("{error:?}"))
    }

    pub(crate) fn port(&self, node: usize) -> u16 {
        self.nodes[node].process.port()
    }

    /// The nodes that serve slots, or would, as the cluster sees it now.
    pub(crate) fn primaries(&self) -> Vec<usize> {
        self.with_flag("master")
    }

    fn with_flag(&self, flag: &str) -> Vec<usize> {
        let view = self.view(self.any());
        let view = view.into_iter().filter(|line| line.has(flag));
        let mut nodes: Vec<usize> = view
            .filter_map(|line| self.number(&line.id))
            .filter(|node| self.nodes[*node].process.runs())
            .collect();
        nodes.sort_unstable();
        nodes
    }

    /// The node that serves `slot`, as some running node sees it.
    pub(crate) fn owner(&self, slot: u16) -> usize {
        self.owner_by(self.any(), slot)
            .expect("every slot has an owner")
    }

    fn owner_by(&self, asked: usize, slot: u16) -> Option<usize> {
        let view = self.view(asked);
        let owner = view
            .iter()
            .find(|line| line.slots.iter().any(|(a, b)| (*a..=*b).contains(&slot)));
        owner.and_then(|line| self.number(&line.id))
    }

    /// Waits until all running nodes know a new owner of `slot`, and says which it is.
    pub(crate) fn wait_for_owner_other_than(&self, old: usize, slot: u16) -> usize {
        wait_until("a replica takes over", || {
            let mut running = self.running();
            running.all(|node| self.owner_by(node, slot).is_some_and(|owner| owner != old))
        });
        self.owner(slot)
    }

    /// Kills a node at once, as a crash does.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].process.kill();
    }

    /// Starts a node again where it was; it joins the cluster by itself, and its data is gone.
    pub(crate) fn restart(&mut self, node: usize) {
        self.nodes[node].process.restart();
    }

    /// Freezes a node: connections stay open, and nothing answers.
    pub(crate) fn stop(&mut self, node: usize) {
        self.nodes[node].process.stop();
    }

    /// Lets a frozen node go on.
    pub(crate) fn cont(&mut self, node: usize) {
        self.nodes[node].process.cont();
    }

    /// Moves slots with all of their keys, some at a time, as `redis-cli --cluster reshard` does.
    pub(crate) fn migrate(&self, slots: impl IntoIterator<Item = u16>, from: usize, to: usize) {
        let mut primaries = self.primaries();
        primaries.retain(|node| ![from, to].contains(node));
        // The new owner first: were it the old one, the slot would have no owner for a while.
        let mut told: Vec<_> = [to, from]
            .into_iter()
            .chain(primaries)
            .map(|node| self.connect(node))
            .collect();
        for slot in slots {
            self.open_slot(&mut told, slot, from, to);
            let slot = slot.to_string();
            let count = KEYS_AT_ONCE.to_string();
            loop {
                let in_slot = ["CLUSTER", "GETKEYSINSLOT", &slot, &count];
                let keys: Vec<String> = query(&mut told[1], &in_slot);
                if keys.is_empty() {
                    break;
                }
                self.move_keys(&mut told[1], &keys, to);
            }
            for connection in &mut told {
                let node = ["CLUSTER", "SETSLOT", &slot, "NODE", &self.nodes[to].id];
                exec(connection, &node);
            }
        }
    }

    /// Moves slots with all of their keys at once, as servers do since Valkey 9 and Redis 8.4; returns
    /// `false`, and moves nothing, if these servers do not.
    pub(crate) fn migrate_at_once(&self, slots: (u16, u16), from: usize, to: usize) -> bool {
        let (first, last) = (slots.0.to_string(), slots.1.to_string());
        let mut export = cmd("CLUSTER");
        export.arg("MIGRATESLOTS").arg("SLOTSRANGE");
        export.arg(&first).arg(&last).arg("NODE");
        let export = export.arg(&self.nodes[to].id).exec(&mut self.connect(from));
        let mut import = cmd("CLUSTER");
        import.arg("MIGRATION").arg("IMPORT").arg(&first).arg(&last);
        if export.is_err() && import.exec(&mut self.connect(to)).is_err() {
            return false;
        }
        wait_until("all nodes know the new owner", || {
            let mut running = self.running();
            running.all(|node| self.owner_by(node, slots.1) == Some(to))
        });
        true
    }

    /// Begins to move `slot`, moves `keys` of it and no others, and leaves it at that. Then clients of
    /// the old owner are answered ASK for these, and TRYAGAIN for these and others at once.
    /// [`Cluster::migrate`] ends it.
    pub(crate) fn half_migrate(&self, slot: u16, keys: &[String], from: usize, to: usize) {
        let mut both = [self.connect(to), self.connect(from)];
        self.open_slot(&mut both, slot, from, to);
        self.move_keys(&mut both[1], keys, to);
    }

    /// Takes connections to the new and to the old owner, in this order.
    fn open_slot(&self, both: &mut [Connection], slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        let (from, to) = (&self.nodes[from].id, &self.nodes[to].id);
        exec(
            &mut both[0],
            &["CLUSTER", "SETSLOT", &slot, "IMPORTING", from],
        );
        exec(
            &mut both[1],
            &["CLUSTER", "SETSLOT", &slot, "MIGRATING", to],
        );
    }

    fn move_keys(&self, from: &mut Connection, keys: &[String], to: usize) {
        let mut migrate = cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(self.port(to));
        migrate.arg("").arg(0).arg(10_000).arg("KEYS").arg(keys);
        migrate.exec(from).expect("keys can be moved");
    }

    /// A connection to one node, which follows no redirection.
    pub(crate) fn connect(&self, node: usize) -> Connection {
        self.nodes[node].process.connect()
    }

    /// How many errors of this code, such as `MOVED`, the running nodes have answered since they
    /// started.
    pub(crate) fn errors(&self, code: &str) -> u64 {
        let name = format!("errorstat_{code}:count=");
        self.running()
            .map(|node| {
                let info: String = query(&mut self.connect(node), &["INFO", "errorstats"]);
                let count = info.lines().find_map(|line| line.strip_prefix(&name));
                count.map_or(0, |count| count.trim().parse().expect("a count"))
            })
            .sum()
    }

    /// All integers that the primaries hold, by key.
    pub(crate) fn counters(&self) -> HashMap<String, u64> {
        let mut counters = HashMap::new();
        for primary in self.primaries() {
            let mut connection = self.connect(primary);
            let keys: Vec<String> = query(&mut connection, &["KEYS", "*"]);
            if keys.is_empty() {
                continue;
            }
            let mut get = pipe();
            for key in &keys {
                get.get(key);
            }
            // What has come of a slot that is on its way is not served yet.
            let values: Vec<RedisResult<String>> = get
                .ignore_errors()
                .query(&mut connection)
                .expect("it answers");
            let counts = keys.into_iter().zip(values);
            counters
                .extend(counts.filter_map(|(key, value)| Some((key, value.ok()?.parse().ok()?))));
        }
        counters
    }

    fn running(&self) -> impl Iterator<Item = usize> {
        let numbers = 0..self.nodes.len();
        numbers.filter(|node| self.nodes[*node].process.runs())
    }

    fn any(&self) -> usize {
        self.running().next().expect("some node runs")
    }

    fn view(&self, node: usize) -> Vec<Line> {
        let nodes: String = query(&mut self.connect(node), &["CLUSTER", "NODES"]);
        nodes.lines().map(Line::parse).collect()
    }

    /// None for a node that is being met: it has a name for the time being.
    fn number(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url())
    }
}

impl Node {
    fn start(builder: &ServerBuilder) -> Node {
        let mut attempts = 0..10;
        loop {
            let bus_port = bus_port();
            let builder = builder.clone().arg("--cluster-port");
            match builder.arg(bus_port.to_string()).start() {
                Ok(server) => {
                    let process = Process::of(server, None);
                    let id = query(&mut process.connect(), &["CLUSTER", "MYID"]);
                    return Node {
                        process,
                        id,
                        bus_port,
                    };
                }
                Err(error) => assert!(
                    error.kind() == std::io::ErrorKind::AddrInUse && attempts.next().is_some(),
                    "{error}"
                ),
            }
        }
    }
}

/// What one node knows of another, or of itself: a line of `CLUSTER NODES`.
struct Line {
    id: String,
    flags: Vec<String>,
    connected: bool,
    slots: Vec<(u16, u16)>,
}

impl Line {
    fn parse(line: &str) -> Line {
        let words: Vec<&str> = line.split(' ').collect();
        Line {
            id: words[0].to_owned(),
            flags: words[2].split(',').map(str::to_owned).collect(),
            connected: words[7] == "connected",
            // Slots on their way are in brackets, besides.
            slots: words[8..]
                .iter()
                .filter(|range| !range.starts_with('['))
                .map(|range| {
                    let (first, last) = range.split_once('-').unwrap_or((range, range));
                    let slot = |text: &str| text.parse().expect("a slot");
                    (slot(first), slot(last))
                })
                .collect(),
        }
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|it| it == flag)
    }

    /// How many slots it serves.
    fn served(&self) -> u16 {
        let ranges = self.slots.iter();
        ranges.map(|(first, last)| last - first + 1).sum()
    }

    fn is_linked(&self) -> bool {
        self.connected && !["handshake", "fail", "fail?"].iter().any(|it| self.has(it))
    }
}

/// A hash tag of each slot: `{tag}` anywhere in a key puts it there.
pub(crate) fn tag(slot: u16) -> &'static str {
    static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut tags = vec![String::new(); SLOTS.into()];
        let mut missing: HashSet<u16> = (0..SLOTS).collect();
        for number in 0_u32.. {
            let tag = number.to_string();
            let slot = slot_of(&tag);
            if missing.remove(&slot) {
                tags[usize::from(slot)] = tag;
            }
            if missing.is_empty() {
                break;
            }
        }
        tags
    });
    &TAGS[usize::from(slot)]
}

/// The slot of a key without a hash tag: CRC16 as XMODEM has it.
fn slot_of(key: &str) -> u16 {
    let crc = key.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    });
    crc % SLOTS
}

fn exec(connection: &mut Connection, words: &[&str]) {
    let _: redis::Value = query(connection, words);
}
