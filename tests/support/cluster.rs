//! A cluster of real servers: migrated, crashed and frozen from here.
//!
//! Its nodes are asked over their Unix sockets, by redis-rs without any routing: what a test does to a
//! cluster never depends on the client that is tested.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use redis::{Connection, RedisResult, cmd, pipe};
use redis_ready::Client;
use redis_ready::testing::{self, ClusterBuilder, Server};

use super::certificates::{Authority, Identity};
use super::open;
use super::process::{connect, query, wait_until};

pub(crate) const SLOTS: u16 = 16_384;

/// A dead node is noticed, and its replica elected, within some seconds.
const FAILING_OVER: Duration = Duration::from_secs(1);
/// Few enough that a slot with several keys is seen by clients while it is half migrated.
const KEYS_AT_ONCE: usize = 2;

/// A cluster whose processes end when it is dropped. Nodes have numbers: first the primaries, then
/// their replicas, in the order of the start.
#[derive(Debug)]
pub(crate) struct Cluster(testing::Cluster);

impl Cluster {
    /// Starts a cluster that fails over within some seconds, and returns when all of it serves.
    pub(crate) fn start(primaries: usize, replicas_per_primary: usize) -> Cluster {
        let builder = testing::Cluster::builder().node_timeout(FAILING_OVER);
        Cluster::form(primaries, replicas_per_primary, builder)
    }

    /// Starts a cluster that does not fail over while a test lasts.
    pub(crate) fn steady(primaries: usize, replicas_per_primary: usize) -> Cluster {
        Cluster::form(primaries, replicas_per_primary, testing::Cluster::builder())
    }

    /// Starts a steady cluster with several databases; `None` if the server has only one in a cluster.
    pub(crate) fn with_databases(primaries: usize) -> Option<Cluster> {
        let node = Server::builder().arg("--cluster-databases").arg("16");
        node.clone().start().ok()?;
        let builder = testing::Cluster::builder().nodes(node);
        Some(Cluster::form(primaries, 0, builder))
    }

    /// Starts a steady cluster that speaks nothing but TLS. Its nodes are known to one another, and told
    /// to clients, by their addresses; the URL calls them `localhost`.
    pub(crate) fn tls(primaries: usize, authority: &Authority, identity: &Identity) -> Cluster {
        // A node shows a certificate to other nodes, too, and that one has to be a client's.
        let client = authority.client();
        let (certificate, key) = (client.certificate, client.key);
        let node = authority
            .serve(identity)
            .arg("--tls-client-cert-file")
            .arg(certificate.display().to_string())
            .arg("--tls-client-key-file")
            .arg(key.display().to_string());
        Cluster::form(primaries, 0, testing::Cluster::builder().nodes(node))
    }

    fn form(primaries: usize, replicas: usize, builder: ClusterBuilder) -> Cluster {
        let builder = builder.primaries(primaries).replicas_per_primary(replicas);
        Cluster(builder.start().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Waits until every running node says that all slots are served, by a node that runs, and which nodes
    /// are replicas, and until every replica among them has its primary's data.
    pub(crate) fn wait_until_it_serves(&self) {
        expect(self.0.wait_until_ready());
    }

    /// The URL with every node as a seed.
    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    /// The URL of these seeds, with more parameters.
    pub(crate) fn url_of(
        &self,
        seeds: impl IntoIterator<Item = usize>,
        parameters: &str,
    ) -> String {
        let url = self.url();
        let (scheme, rest) = url.split_once("://").expect("it has a scheme");
        let (all, own) = rest.split_once('?').unwrap_or((rest, ""));
        let all: Vec<&str> = all.split(',').collect();
        let seeds: Vec<&str> = seeds.into_iter().map(|node| all[node]).collect();
        let parameters = [own, parameters];
        let parameters: Vec<&str> = parameters.into_iter().filter(|it| !it.is_empty()).collect();
        let query = if parameters.is_empty() { "" } else { "?" };
        let (seeds, parameters) = (seeds.join(","), parameters.join("&"));
        format!("{scheme}://{seeds}{query}{parameters}")
    }

    /// A client of all nodes, with these parameters of its URL.
    pub(crate) fn client(&self, parameters: &str) -> Client {
        open(&self.url(), parameters)
    }

    pub(crate) fn port(&self, node: usize) -> u16 {
        self.0.node(node).port().expect("it listens on a port")
    }

    /// The nodes that serve slots, or would, as the cluster sees it now.
    pub(crate) fn primaries(&self) -> Vec<usize> {
        expect(self.0.primaries())
    }

    /// The node that serves `slot`, as some running node sees it.
    pub(crate) fn owner(&self, slot: u16) -> usize {
        let any = self.running().next().expect("some node runs");
        self.owner_by(any, slot).expect("every slot has an owner")
    }

    fn owner_by(&self, asked: usize, slot: u16) -> Option<usize> {
        expect(self.0.owner_seen_by(asked, slot))
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
        expect(self.0.node_mut(node).kill());
    }

    /// Starts a node again where it was; it joins the cluster by itself, and its data is gone.
    pub(crate) fn restart(&mut self, node: usize) {
        expect(self.0.node_mut(node).restart());
    }

    /// Freezes a node: connections stay open, and nothing answers.
    pub(crate) fn stop(&mut self, node: usize) {
        expect(self.0.node(node).pause());
    }

    /// Lets a frozen node go on.
    pub(crate) fn cont(&mut self, node: usize) {
        expect(self.0.node(node).resume());
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
        let owner = self.id(to);
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
                let node = ["CLUSTER", "SETSLOT", &slot, "NODE", &owner];
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
        let export = export.arg(self.id(to)).exec(&mut self.connect(from));
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
        let (from, to) = (self.id(from), self.id(to));
        exec(
            &mut both[0],
            &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from],
        );
        exec(
            &mut both[1],
            &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to],
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
        connect(self.0.node(node))
    }

    /// As the cluster calls a node.
    fn id(&self, node: usize) -> String {
        query(&mut self.connect(node), &["CLUSTER", "MYID"])
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
        let numbers = 0..self.0.node_count();
        numbers.filter(|node| self.0.node(*node).is_running())
    }
}

fn expect<T>(result: io::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
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
