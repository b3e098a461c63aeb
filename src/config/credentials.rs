//! [`Credentials`]: what a connection logs in with.

use std::fmt;

/// A username and a password; `Debug` does not show the password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Credentials { username, password } = self;
        f.debug_struct("Credentials")
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "***"))
            .finish()
    }
}
