//! [`Figures`]: what one connection has counted, and how much waits for it.

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Shared,
    Session,
    Blocking,
}

/// What one connection has counted, and how much waits for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) purpose: Use,
    pub(crate) is_up: bool,
    pub(crate) submitted: u64,
    pub(crate) replies: u64,
    pub(crate) in_flight: usize,
    pub(crate) in_line: usize,
    pub(crate) unsent_bytes: usize,
}

/// A connection that counts.
pub(crate) trait Source: Send + Sync {
    fn figures(&self) -> Figures;
}
