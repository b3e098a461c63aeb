//! [`Figures`]: what subscriptions have done so far, for those who watch a client.

/// What the subscriptions of a client have done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// How many subscriptions there are.
    pub(crate) subscriptions: usize,
    /// How many connections there are for them.
    pub(crate) connected: usize,
    /// Messages that have come, each counted once.
    pub(crate) received: u64,
    /// Messages that found no room, counted for each subscription.
    pub(crate) dropped: u64,
    /// Connections that have replaced another one.
    pub(crate) reconnects: u64,
}
