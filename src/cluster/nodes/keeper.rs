//! Who keeps the table of the nodes: asks for it when somebody wants it, after a redirection, and while
//! a node is in trouble.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{NOBODY, Node, Nodes, Shard};
use crate::cluster::topology::{Address, Range, SLOTS, ranges};
use crate::error::{Error, ErrorKind};
use crate::link::{self, Limits, Reply, Request, Resend};
use crate::report::printable;
use crate::url::ReadFrom;

/// No table is asked for sooner after the last one.
const PAUSE: Duration = Duration::from_millis(50);
/// While a node is in trouble the table is asked for so often: at first, and after [`LONG`].
const TROUBLED: Duration = Duration::from_millis(250);
const LONG: Duration = Duration::from_secs(10);
const TROUBLED_LONG: Duration = Duration::from_secs(2);
/// Where reads go to replicas the table is asked for so often: nobody is sent on to a new replica.
const REPLICAS: Duration = Duration::from_secs(30);
/// After so long without an answer another node is asked as well.
const NEXT_NODE: Duration = Duration::from_millis(300);
/// Keeps the table up to date; if it ends by a panic, the next who wants one starts another.
pub(super) struct Keeper(pub(super) Arc<Nodes>);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.process.store(0, Ordering::Relaxed);
    }
}

impl Keeper {
    pub(super) async fn keep(&self) {
        let Keeper(nodes) = self;
        let mut troubled_since = None;
        loop {
            self.wait(&mut troubled_since).await;
            if nodes.is_closed() {
                return;
            }
            let failure = match nodes.ask().await {
                Ok(ranges) => {
                    nodes.apply(&ranges);
                    None
                }
                Err(error) => Some(error),
            };
            let again = failure.is_some() && nodes.news.receiver_count() > 0;
            nodes.news.send_replace(failure);
            if again {
                nodes.wanted.notify_one();
                tokio::time::sleep(TROUBLED).await;
            } else {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Waits until the table is wanted, or until it is time to look how a node in trouble fares.
    async fn wait(&self, troubled_since: &mut Option<Instant>) {
        let Keeper(nodes) = self;
        let pause = if nodes.is_troubled() {
            let since = troubled_since.get_or_insert_with(Instant::now);
            if since.elapsed() < LONG {
                TROUBLED
            } else {
                TROUBLED_LONG
            }
        } else {
            *troubled_since = None;
            if nodes.config.read_from() == ReadFrom::Primary {
                return nodes.wanted.notified().await;
            }
            REPLICAS
        };
        // Either of the two is a reason.
        let _ = tokio::time::timeout(pause, nodes.wanted.notified()).await;
    }
}

impl Nodes {
    /// Whom to ask for the table, the best informed first.
    fn candidates(&self) -> Vec<Arc<Node>> {
        let primaries = self.primaries();
        let turn = self.turn();
        let (mut well, troubled): (Vec<_>, Vec<_>) =
            primaries.into_iter().partition(|node| node.serves());
        if !well.is_empty() {
            let middle = turn % well.len();
            well.rotate_left(middle);
        }
        let mut state = self.lock();
        let mut candidates: Vec<Arc<Node>> = state.informed.take().into_iter().collect();
        candidates.extend(well);
        for (host, port) in self.config.seeds() {
            let (host, port) = (host.clone(), *port);
            candidates.push(self.node(&mut state, &(Address { host, port }, false)));
        }
        candidates.extend(troubled);
        let mut seen = Vec::new();
        candidates.retain(|node| {
            let is_new = !seen.contains(&node.address);
            seen.push(node.address.clone());
            is_new
        });
        candidates
    }

    /// Asks the candidates, the next one as well when one keeps silent; the first answer counts.
    async fn ask(&self) -> Result<Vec<Range>, Error> {
        let mut candidates = self.candidates().into_iter();
        let mut asked = JoinSet::new();
        let mut failures = Vec::new();
        let limits = Limits::from(&self.config);
        loop {
            match candidates.next() {
                Some(node) => {
                    asked.spawn(ask(node, limits));
                }
                None if asked.is_empty() => return Err(self.nobody(&failures)),
                None => {}
            }
            let wait = if candidates.len() == 0 {
                Duration::MAX
            } else {
                NEXT_NODE
            };
            match tokio::time::timeout(wait, asked.join_next()).await {
                Ok(Some(Ok(Ok(ranges)))) => return Ok(ranges),
                Ok(Some(Ok(Err(failure)))) => failures.push(failure),
                Ok(Some(Err(_)) | None) | Err(_) => {}
            }
        }
    }

    /// Takes over the table; closes the nodes that serve nothing any more.
    fn apply(&self, ranges: &[Range]) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let reads_replicas = self.config.read_from() != ReadFrom::Primary;
        let mut shards: Vec<Shard> = Vec::new();
        let mut owners = vec![NOBODY; SLOTS].into_boxed_slice();
        for range in ranges {
            let primary = self.node(&mut state, &(range.primary.clone(), false));
            let known = shards
                .iter()
                .position(|shard| Arc::ptr_eq(&shard.primary, &primary));
            let shard = known.unwrap_or_else(|| {
                let replicas = range.replicas.iter().filter(|_| reads_replicas);
                let replicas = replicas
                    .map(|replica| self.node(&mut state, &(replica.clone(), true)))
                    .collect();
                shards.push(Shard { primary, replicas });
                shards.len() - 1
            });
            let shard = u16::try_from(shard).unwrap_or(NOBODY);
            owners[usize::from(range.first)..=usize::from(range.last)].fill(shard);
        }
        state.owners = owners;
        state.shards.clone_from(&shards);
        let serves = |node: &Arc<Node>| {
            shards.iter().any(|shard| {
                Arc::ptr_eq(&shard.primary, node)
                    || shard
                        .replicas
                        .iter()
                        .any(|replica| Arc::ptr_eq(replica, node))
            })
        };
        let retired: Vec<Arc<Node>> = state
            .known
            .extract_if(|_, node| !serves(node))
            .map(|(_, node)| node)
            .collect();
        drop(state);
        for node in retired {
            retire(node, self.config.response_timeout());
        }
        // Nobody asks one that has failed, so nobody would find out that it is back.
        let replicas = shards.iter().flat_map(|shard| &shard.replicas);
        replicas
            .filter(|replica| replica.has_failed())
            .for_each(Node::knock);
    }

    fn is_troubled(&self) -> bool {
        self.all()
            .iter()
            .any(|node| node.connections.shared().is_troubled())
    }
}

/// Asks one node for the table.
async fn ask(node: Arc<Node>, limits: Limits) -> Result<Vec<Range>, (Address, Error)> {
    let address = node.address.clone();
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    let request = Request::command(&command, limits).with_resend(Resend::Idempotent);
    match node.connections.shared().call(request).await {
        Ok(Reply::One(Value::ServerError(error))) => {
            let text = error.details().unwrap_or_default();
            let error = if text.contains("cluster support disabled") {
                Error::new(
                    ErrorKind::InvalidUrl,
                    format!("`{address}` is no node of a cluster"),
                )
                .with_help(format!("write `redis://{address}`"))
            } else {
                let text = printable(&error.to_string());
                let message = format!("`{address}` does not tell its cluster: {text}");
                Error::new(ErrorKind::NotReady, message)
            };
            Err((address, error))
        }
        Ok(Reply::One(answer)) => match ranges(&answer, &address) {
            Some(ranges) if !ranges.is_empty() => Ok(ranges),
            Some(_) => {
                let message = format!("`{address}` knows of nobody who serves any slot");
                Err((address, Error::new(ErrorKind::NotReady, message)))
            }
            None => {
                let message = format!("`{address}` sent what is no answer to CLUSTER SLOTS");
                Err((address, Error::new(ErrorKind::Protocol, message)))
            }
        },
        Ok(_) => unreachable_reply(address),
        Err(error) => Err((address, error)),
    }
}

fn unreachable_reply(address: Address) -> Result<Vec<Range>, (Address, Error)> {
    let message = "one command has more than one reply";
    Err((address, Error::new(ErrorKind::Protocol, message)))
}

/// Closes the connections to a node that serves nothing any more. What it is answering it may finish.
fn retire(node: Arc<Node>, grace: Duration) {
    if node.connections.shared().is_troubled() {
        // Nothing is answered there, and what waits may go elsewhere at once.
        node.connections.shut_down();
        return;
    }
    // Fails only without an I/O thread, and with that all connections have ended.
    let _ = link::spawn(async move { node.connections.close(grace).await });
}
