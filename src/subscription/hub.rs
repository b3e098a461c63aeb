//! [`Hub`]: what the subscriptions of a client share with the I/O thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::errors::task_ended;
use super::ids::LinkId;
use super::link::Scope;
use super::switchboard::Switchboard;
use super::topic::{Kind, Topic};
use crate::cluster::{Cluster, Slot};
use crate::config::{Config, Target};
use crate::connection::Attempts;
use crate::error::Error;
use crate::runtime::Wakers;
use crate::sentinel::SentinelWatch;

/// Where the servers of the subscriptions are.
pub(crate) enum Source {
    /// One server, or the one that Sentinels name; what the client has heard of the latter; and what becomes
    /// of its connection for commands.
    Server(Target, Arc<SentinelWatch>, Attempts),
    Cluster(Arc<Cluster>),
}

/// What the subscriptions of a client share with the I/O thread.
pub(super) struct Hub {
    pub(super) config: Arc<Config>,
    pub(super) source: Source,
    switchboard: Mutex<Switchboard>,
}

impl Hub {
    pub(super) fn new(config: Arc<Config>, source: Source) -> Hub {
        Hub {
            config,
            source,
            switchboard: Mutex::default(),
        }
    }

    /// Locks the switchboard. In the child of a fork the connections are the parent's, and lost.
    pub(super) fn lock(&self) -> MutexGuard<'_, Switchboard> {
        let switchboard = self.switchboard.lock();
        let mut switchboard = switchboard.unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if switchboard.process != process {
            switchboard.adopt(process, task_ended);
        }
        switchboard
    }

    /// Changes the switchboard, and wakes whom the change concerns once the lock is released.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Switchboard, &mut Wakers) -> T) -> T {
        let mut wakers = Wakers::default();
        let output = change(&mut self.lock(), &mut wakers);
        wakers.wake_all();
        output
    }

    pub(super) fn cluster(&self) -> Option<&Arc<Cluster>> {
        match &self.source {
            Source::Server(..) => None,
            Source::Cluster(cluster) => Some(cluster),
        }
    }

    /// Returns the servers as messages name them.
    pub(super) fn peer(&self) -> String {
        match &self.source {
            Source::Server(target, ..) => target.to_string(),
            Source::Cluster(_) => "the cluster".to_owned(),
        }
    }

    /// The task of a link has ended. If the link is still there, the next call, or the next look for an
    /// event, starts another one.
    pub(super) fn task_ended(&self, link: LinkId) {
        let cause = task_ended();
        self.change(|switchboard, wakers| switchboard.task_ended(link, &cause, wakers));
    }

    /// Returns the topics, each with the scope in which it is to be subscribed. In a cluster it may have to
    /// wait, at most `limit`, for the slot table.
    pub(super) async fn place(
        &self,
        topics: Vec<Topic>,
        limit: Duration,
    ) -> Result<Vec<(Topic, Scope)>, Error> {
        let start = Instant::now();
        let mut placed = Vec::with_capacity(topics.len());
        for topic in topics {
            let scope = match (self.cluster(), topic.kind) {
                (Some(cluster), Kind::Sharded) => {
                    let left = limit.saturating_sub(start.elapsed());
                    let slot = Slot::of_key(&topic.name);
                    Scope::Node(cluster.place_of(slot, left).await?)
                }
                _ => Scope::Whole,
            };
            placed.push((topic, scope));
        }
        Ok(placed)
    }
}
