//! The numbers by which the [`Switchboard`](super::switchboard::Switchboard) knows what it connects. None is
//! used twice.

/// The number of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ReaderId(pub(super) u64);

/// The number of a call that waits until its topics are subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CallId(pub(super) u64);

/// The number of a connection and of those that replace it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LinkId(pub(super) u64);

/// The number of commands that are written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchId(pub(super) u64);
