//! [`Refresher`]: keeps the slot table of the nodes up to date.
//!
//! A task on the I/O thread asks for the table when a command needs it, after a redirection, and while
//! commands wait for a node.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::Level;
use redis::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::announced::Answering;
use super::deadline::Deadline;
use super::errors::{
    no_address, no_node_answers, no_slot_assignments, no_topology, not_a_slot_table,
};
use super::node::Node;
use super::nodes::Nodes;
use super::slot::Slot;
use super::topology::SlotTable;
use super::unserved::UnservedSlots;
use crate::address::Address;
use crate::config::Config;
use crate::connection::{CallOptions, closed, own_request};
use crate::error::{Error, ErrorKind};
use crate::runtime::{log, spawn, within};
use crate::timeout_cause::TimeoutCause;
use crate::url::ReadFrom;

/// Shortest time between two refreshes.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// Shortest time between two refreshes because of replies that say that a primary has become a replica.
const MIN_DEMOTION_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two refreshes while a node is in trouble, for the first [`LONG_TROUBLE`].
const TROUBLE_INTERVAL: Duration = Duration::from_millis(250);
/// Trouble for longer than this is not refreshed as often.
const LONG_TROUBLE: Duration = Duration::from_secs(10);
/// Time between two refreshes during [`LONG_TROUBLE`].
const LONG_TROUBLE_INTERVAL: Duration = Duration::from_secs(2);
/// Time between two refreshes where reads go to replicas: no redirection leads to a new replica.
const REPLICA_INTERVAL: Duration = Duration::from_secs(30);
/// Time without an answer after which another node is asked as well.
const NEXT_NODE_DELAY: Duration = Duration::from_millis(300);

/// Time between two looks whether the attempts to connect to all nodes have failed, for a caller that waits for
/// nothing else.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// How long a caller waits for a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) deadline: Deadline,
    /// It waits for a first attempt alone.
    pub(super) fail_fast: bool,
}

impl Waiting {
    /// Waits as `options` say, from now on.
    pub(super) fn new(options: CallOptions) -> Waiting {
        Waiting::until(Deadline::new(options.timeouts.deadline), options)
    }

    /// Waits for `limit`.
    pub(super) fn within(limit: Duration) -> Waiting {
        Waiting {
            deadline: Deadline::new(limit),
            fail_fast: false,
        }
    }

    /// Waits as `options` say, until the `deadline`.
    pub(super) fn until(deadline: Deadline, options: CallOptions) -> Waiting {
        Waiting {
            deadline,
            fail_fast: options.fail_fast,
        }
    }
}

/// The nodes of a cluster, and what keeps their slot table up to date.
pub(super) struct Refresher {
    nodes: Nodes,
    /// Notified by callers who request a refresh, and by nodes in trouble.
    requested: Arc<Notify>,
    /// The error of the last refresh; `None` if it has succeeded.
    results: watch::Sender<Option<Error>>,
    /// When a refresh was requested the last time because of a demotion.
    last_demotion: Mutex<Option<std::time::Instant>>,
    /// The slots that callers have waited for in vain.
    unserved: UnservedSlots,
    /// The process whose I/O thread runs the task, 0 if none does.
    process: AtomicU32,
}

impl Refresher {
    pub(super) fn new(config: Arc<Config>, seeds: Vec<Address>) -> Arc<Refresher> {
        let requested = Arc::new(Notify::new());
        Arc::new(Refresher {
            nodes: Nodes::new(config, seeds, Arc::clone(&requested)),
            requested,
            results: watch::Sender::new(None),
            last_demotion: Mutex::new(None),
            unserved: UnservedSlots::default(),
            process: AtomicU32::new(0),
        })
    }

    pub(super) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Returns what `choose` finds among the nodes, a node that serves `slot` or, if it is `None`, any
    /// slot; waits for refreshes until it finds something.
    ///
    /// # Errors
    /// That the client is closed; the reason why there is no slot table; or, if there is one at the deadline, that no node serves the
    /// slot.
    /// A caller who asks for the same slot soon after is told at once.
    pub(super) async fn wait_for<T>(
        self: &Arc<Refresher>,
        waiting: Waiting,
        slot: Option<Slot>,
        choose: impl Fn(&Nodes) -> Option<T>,
    ) -> Result<T, Error> {
        let mut last = None;
        loop {
            if self.nodes.is_closed() {
                return Err(closed());
            }
            if let Some(found) = choose(&self.nodes) {
                return Ok(found);
            }
            if slot.is_some_and(|slot| self.unserved.was_reported(slot)) {
                self.request_refresh();
                return Err(self.not_served(slot));
            }
            match self.wait_for_refresh(waiting).await {
                Some(Err(error)) if error.is_lasting() || waiting.fail_fast => return Err(error),
                Some(result) => last = Some(result),
                None => {}
            }
            if waiting.deadline.is_over() || waiting.fail_fast && last.is_some() {
                break;
            }
        }
        let error = match (last, self.results.borrow().clone()) {
            (Some(Ok(())), _) => self.not_served(slot),
            (Some(Err(failure)), _) | (None, Some(failure)) => failure,
            (None, None) => no_node_answers(self.nodes.seeds(), &self.nodes.failures()),
        };
        let cause = match error.kind() {
            ErrorKind::NotReady => TimeoutCause::NotReady,
            _ => TimeoutCause::NotConnected,
        };
        Err(if waiting.fail_fast {
            error
        } else {
            error.timed_out(cause)
        })
    }

    fn not_served(&self, slot: Option<Slot>) -> Error {
        if let Some(slot) = slot {
            self.unserved.report(slot);
        }
        self.nodes.not_served(slot)
    }

    /// Requests a refresh, and returns its result if it comes in time; or that there is no connection to any
    /// node, to a caller that must not wait for one.
    pub(super) async fn wait_for_refresh(
        self: &Arc<Refresher>,
        waiting: Waiting,
    ) -> Option<Result<(), Error>> {
        let mut results = self.results.subscribe();
        if self.nodes.is_closed() {
            return Some(Err(closed()));
        }
        self.request_refresh();
        if waiting.fail_fast {
            loop {
                if let Some(error) = self.nodes.unreachable() {
                    return Some(Err(error));
                }
                let limit = waiting.deadline.left().min(LOOK_INTERVAL);
                match within(limit, results.changed()).await {
                    Some(changed) => break changed.ok()?,
                    None if waiting.deadline.is_over() => return None,
                    None => {}
                }
            }
        } else {
            within(waiting.deadline.left(), results.changed())
                .await?
                .ok()?;
        }
        let failure = self.results.borrow().clone();
        Some(failure.map_or(Ok(()), Err))
    }

    /// Requests a refresh, without waiting for it.
    pub(super) fn request_refresh(self: &Arc<Refresher>) {
        let process = std::process::id();
        if self.process.swap(process, Ordering::Relaxed) != process {
            let running = Running(Arc::clone(self));
            if let Err(error) = spawn(async move { running.0.run().await }) {
                self.results.send_replace(Some(error));
            }
        }
        self.requested.notify_one();
    }

    /// Requests a refresh because of a reply that says that a primary has become a replica, at most once a
    /// second: a script can return such a reply, too.
    pub(super) fn request_refresh_after_demotion(self: &Arc<Refresher>) {
        let now = std::time::Instant::now();
        let mut last = self
            .last_demotion
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| now.saturating_duration_since(last) >= MIN_DEMOTION_INTERVAL) {
            *last = Some(now);
            drop(last);
            self.request_refresh();
        }
    }

    /// Ends the task, and makes no new connections from now on; returns the nodes to close.
    pub(super) fn start_closing(&self) -> Vec<Arc<Node>> {
        let nodes = self.nodes.start_closing();
        self.results.send_replace(Some(closed()));
        self.requested.notify_one();
        nodes
    }

    /// Refreshes the slot table until the client is closed.
    async fn run(&self) {
        let mut troubled_since = None;
        loop {
            self.until_due(&mut troubled_since).await;
            if self.nodes.is_closed() {
                return;
            }
            let failure = match self.fetch().await {
                Ok(slots) => {
                    if let Some(unannounced) = self.nodes.apply(slots) {
                        let error = no_address(&unannounced);
                        log(Level::Warn, || error.to_string());
                    }
                    None
                }
                Err(error) => Some(error),
            };
            let try_again = failure.is_some() && self.results.receiver_count() > 0;
            self.results.send_replace(failure);
            if try_again {
                self.requested.notify_one();
                tokio::time::sleep(TROUBLE_INTERVAL).await;
            } else {
                tokio::time::sleep(MIN_INTERVAL).await;
            }
        }
    }

    /// Waits until a refresh is requested, or due because of a node in trouble.
    async fn until_due(&self, troubled_since: &mut Option<Instant>) {
        let interval = if self.nodes.is_troubled() {
            let since = troubled_since.get_or_insert_with(Instant::now);
            if since.elapsed() < LONG_TROUBLE {
                TROUBLE_INTERVAL
            } else {
                LONG_TROUBLE_INTERVAL
            }
        } else {
            *troubled_since = None;
            if self.nodes.config().read_from() == ReadFrom::Primary {
                return self.requested.notified().await;
            }
            REPLICA_INTERVAL
        };
        // Requested or due, what follows is the same.
        let _ = tokio::time::timeout(interval, self.requested.notified()).await;
    }

    /// Asks nodes for the slot table, the next one as well while one does not answer; the first answer
    /// counts.
    async fn fetch(&self) -> Result<SlotTable, Error> {
        let mut nodes = self.nodes.to_ask().into_iter();
        let mut asked = JoinSet::new();
        let mut failures = Vec::new();
        loop {
            match nodes.next() {
                Some(node) => {
                    asked.spawn(async move {
                        let answer = ask(&node).await;
                        answer.map_err(|error| (node.address().clone(), error))
                    });
                }
                None if asked.is_empty() => {
                    return Err(no_node_answers(self.nodes.seeds(), &failures));
                }
                None => {}
            }
            let wait = if nodes.len() == 0 {
                Duration::MAX
            } else {
                NEXT_NODE_DELAY
            };
            match tokio::time::timeout(wait, asked.join_next()).await {
                Ok(Some(Ok(Ok(slots)))) => return Ok(slots),
                Ok(Some(Ok(Err(failure)))) => failures.push(failure),
                // The task has panicked, all have ended, or it is time to ask the next node.
                Ok(Some(Err(_)) | None) | Err(_) => {}
            }
        }
    }
}

/// Lives as long as the task. If that ends by a panic, the next request starts another one.
struct Running(Arc<Refresher>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.process.store(0, Ordering::Relaxed);
    }
}

/// Asks one node for the slot table.
async fn ask(node: &Node) -> Result<SlotTable, Error> {
    let (address, connection) = (node.address(), node.connections.shared());
    let config = connection.target().client();
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    let request = own_request(&command, CallOptions::from(config).idempotent());
    let answer = connection.call(request).reply().await?.single();
    if let Value::ServerError(error) = &answer {
        return Err(no_topology(address, error, config));
    }
    let answering = Answering {
        address,
        announced: &node.announced(),
    };
    let slots = SlotTable::read(&answer, answering).ok_or_else(|| not_a_slot_table(address))?;
    match (slots.ranges.as_slice(), slots.unannounced.as_slice()) {
        ([], []) => Err(no_slot_assignments(address)),
        ([], unannounced) => Err(no_address(unannounced)),
        _ => Ok(slots),
    }
}
