//! [`Announced`]: where a server is that the URL does not name.

use crate::address::Address;

/// The address of a server that stands in no URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announced {
    /// The address as it was announced, before it was mapped.
    pub(crate) address: Address,
    pub(crate) by: Announcer,
}

/// What announces an address, and where it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Announcer {
    Node(Address),
    Sentinel(Address),
}
