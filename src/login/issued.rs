//! [`Issued`]: credentials as connections use them.

use std::time::Instant;

use super::credentials::Credentials;

/// Credentials as connections use them.
#[derive(Debug, Default)]
pub(crate) struct Issued {
    pub(crate) credentials: Credentials,
    /// Which of the credentials of its source these are, by their order.
    pub(crate) number: u64,
    /// From when on others are asked for, and when these are not valid any more.
    pub(crate) lifetime: Option<Lifetime>,
}

/// How long credentials are used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    pub(crate) renewal: Instant,
    pub(crate) end: Instant,
}
