//! [`Issued`]: credentials as connections use them.

use std::time::Instant;

use redis::{Cmd, cmd};

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

impl Issued {
    /// Returns the command that logs in again with them, without the username for a server that does not take one.
    pub(crate) fn auth(&self, takes_username: bool) -> Cmd {
        let Credentials {
            username, password, ..
        } = &self.credentials;
        let mut auth = cmd("AUTH");
        let username = username.as_deref().filter(|name| !name.is_empty());
        if let Some(username) = username.filter(|_| takes_username) {
            auth.arg(username);
        }
        auth.arg(password.as_deref().unwrap_or_default());
        auth
    }
}

/// How long credentials are used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    pub(crate) renewal: Instant,
    pub(crate) end: Instant,
}
