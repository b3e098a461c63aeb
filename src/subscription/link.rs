//! [`Link`]: what the switchboard keeps of one connection, and of those that replace it.

use std::collections::HashMap;
use std::task::Waker;
use std::time::Instant;

use super::topic::Topic;
use crate::cluster::Place;
use crate::error::Error;
use crate::runtime::Wakers;

/// Whose topics a link is for.
#[derive(Clone)]
pub(super) enum Scope {
    /// Those of the server that the URL names, or those that any node of the cluster serves.
    Whole,
    /// The sharded channels of this node.
    Node(Place),
}

/// What is known of the task of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkTask {
    Missing,
    /// The last one has ended by a panic, and the next one is not to hurry.
    Panicked,
    Running,
}

/// What the switchboard keeps of one connection, and of those that replace it.
///
/// It is there exactly as long as there is something to do for its task: the task ends when it is removed, and
/// a task that ends before is replaced.
pub(super) struct Link {
    pub(super) scope: Scope,
    /// Wakes the task that runs the connection.
    pub(super) waker: Option<Waker>,
    pub(super) task: LinkTask,
    /// How many topics the connection is for.
    pub(super) topics: usize,
    /// Topics to subscribe, and to end the subscription of; those that are not of this link any more are
    /// passed over.
    pub(super) to_subscribe: Vec<Topic>,
    pub(super) to_unsubscribe: Vec<Topic>,
    /// Topics that the server has not taken, and when to try them again.
    pub(super) later: HashMap<Topic, Instant>,
    /// Why there is no connection.
    pub(super) failure: Option<Error>,
    /// The readers have been told why.
    pub(super) is_failure_told: bool,
    pub(super) is_connected: bool,
    /// The server is a replica that what is published may not reach: topics that are subscribed count as lost.
    pub(super) is_stale: bool,
    /// How many connections have been made.
    pub(super) connections: u64,
}

impl Link {
    pub(super) fn to(scope: Scope) -> Link {
        Link {
            scope,
            waker: None,
            task: LinkTask::Missing,
            topics: 0,
            to_subscribe: Vec::new(),
            to_unsubscribe: Vec::new(),
            later: HashMap::new(),
            failure: None,
            is_failure_told: false,
            is_connected: false,
            is_stale: false,
            connections: 0,
        }
    }

    /// Returns whether there is something to send.
    pub(super) fn has_changes(&self) -> bool {
        !self.to_subscribe.is_empty() || !self.to_unsubscribe.is_empty()
    }

    /// Has the task look at what has changed.
    pub(super) fn wake(&mut self, wakers: &mut Wakers) {
        wakers.extend(self.waker.take());
    }
}
