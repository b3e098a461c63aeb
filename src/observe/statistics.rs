//! [`Statistics`]: what a client has done since it was made.

use super::figures::{Figures, Use};

/// Counts what a client has done since it was made; made by
/// [`Client::statistics`](crate::Client::statistics), without I/O.
///
/// All clones of a client count together, and so do all nodes of a cluster. What this crate asks for itself
/// counts as well, such as the `PING` of [`Client::ready`](crate::Client::ready) and the slot table. Each number
/// is read at a moment of its own, so sums of them may be off by what happens meanwhile.
///
/// With the feature `serde` it is serialised as a map with the names of the fields; all are numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Statistics {
    /// Submissions that were taken: commands, and pipelines as one each. One that is submitted again,
    /// after a loss or a refusal, counts again.
    pub commands: u64,
    /// Replies that have come; a pipeline has one for each command, `MULTI` and `EXEC` included.
    pub replies: u64,
    /// Submissions that ended with an error of this crate. An error that the server answers is a reply.
    pub failed: u64,
    /// Those of `failed` for which there was no room ([`QueueFull`](crate::ErrorKind::QueueFull)).
    pub turned_away: u64,
    /// Submissions that were written again, because the connection was lost and they may run twice.
    pub resent: u64,
    /// Submissions that the server refused for a while, as with `LOADING`, and that waited for it.
    pub parked: u64,
    /// Submissions whose time was up, by cause.
    pub timeouts: TimeoutCounts,
    /// Attempts to connect.
    pub connect_attempts: u64,
    /// Attempts to connect that have failed.
    pub failed_connect_attempts: u64,
    /// Connections that were made, those of blocking commands and dedicated ones included.
    pub connections: u64,
    /// Shared connections that were made in the place of one that was lost.
    pub reconnects: u64,
    /// Connections that were replaced because the server was silent.
    pub silent_connections: u64,
    /// Submissions in flight now: they wait to be written, or for their reply.
    pub in_flight: u64,
    /// Callers in line now: `max_in_flight` submissions are in flight.
    pub in_line: u64,
    /// Bytes that wait to be written now.
    pub unsent_bytes: u64,
    /// Shared connections that are open now: one, or one for each node of a cluster.
    pub shared_connections: u64,
    /// Connections of blocking commands that run one now.
    pub blocking_connections: u64,
    /// Connections that wait for the next blocking command now.
    pub idle_blocking_connections: u64,
    /// Dedicated connections that are open now.
    pub dedicated_connections: u64,
    /// What subscriptions have done.
    pub subscriptions: SubscriptionCounts,
}

/// Counts what the subscriptions of a client have done; part of [`Statistics`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SubscriptionCounts {
    /// Subscriptions that there are now.
    pub open: u64,
    /// Connections for them that are open now.
    pub connections: u64,
    /// Messages that have come, each once, however many subscriptions it is for.
    pub received: u64,
    /// Messages that found no room, counted for each subscription.
    pub dropped: u64,
    /// Connections that were made in the place of one that was lost.
    pub reconnects: u64,
}

/// Counts submissions whose time was up, by [`TimeoutCause`](crate::TimeoutCause); part of [`Statistics`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TimeoutCounts {
    /// There was no connection until the deadline.
    pub not_connected: u64,
    /// `max_in_flight` others were in flight until the deadline.
    pub waiting_for_room: u64,
    /// The server refused commands until the deadline, as with `LOADING`.
    pub not_ready: u64,
    /// Nothing of the reply came within the response timeout or the deadline.
    pub no_reply: u64,
    /// A part of the reply had come, or the server was answering commands before it.
    pub slow_reply: u64,
    /// This process, or the runtime that drives the connection, did not run meanwhile.
    pub not_scheduled: u64,
}

impl Statistics {
    /// Adds those of one connection.
    pub(super) fn add(&mut self, figures: &Figures) {
        let Figures {
            purpose,
            is_up,
            submitted,
            replies,
            in_flight,
            in_line,
            unsent_bytes,
        } = *figures;
        self.commands += submitted;
        self.replies += replies;
        self.in_flight += in_flight as u64;
        self.in_line += in_line as u64;
        self.unsent_bytes += unsent_bytes as u64;
        let open = match purpose {
            Use::Shared => &mut self.shared_connections,
            Use::Session => &mut self.dedicated_connections,
            Use::Blocking if in_flight > 0 => &mut self.blocking_connections,
            Use::Blocking => &mut self.idle_blocking_connections,
        };
        *open += u64::from(is_up);
    }
}
