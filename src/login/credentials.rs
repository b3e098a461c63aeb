//! [`Credentials`]: what a connection logs in with.

use std::fmt;
use std::time::{Duration, SystemTime};

/// Holds the username and the password with which connections log in, and when these expire.
///
/// A [`CredentialsProvider`](crate::CredentialsProvider) returns them. `Debug` does not show the password.
///
/// ```
/// use std::time::Duration;
/// use redis_ready::Credentials;
///
/// let token = Credentials::new("app", "s3cret").expires_in(Duration::from_secs(900));
/// assert!(!format!("{token:?}").contains("s3cret"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    /// When they are not valid any more.
    pub(crate) expires: Option<SystemTime>,
    /// Where they come from, as errors name it; `None` for the URL.
    pub(crate) origin: Option<String>,
}

impl Credentials {
    /// Returns the credentials of a user.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Credentials {
        Credentials {
            username: Some(username.into()),
            ..Credentials::password(password)
        }
    }

    /// Returns a password without a username: that of the user `default`.
    pub fn password(password: impl Into<String>) -> Credentials {
        Credentials {
            password: Some(password.into()),
            ..Credentials::default()
        }
    }

    /// Says when they expire. Without it they are used until a server refuses them.
    #[must_use]
    pub fn expires_at(self, time: SystemTime) -> Credentials {
        Credentials {
            expires: Some(time),
            ..self
        }
    }

    /// Says after which time from now on they expire.
    #[must_use]
    pub fn expires_in(self, lifetime: Duration) -> Credentials {
        Credentials {
            expires: SystemTime::now().checked_add(lifetime),
            ..self
        }
    }

    /// Says where they come from, as errors name it.
    pub(crate) fn from(self, origin: impl Into<String>) -> Credentials {
        Credentials {
            origin: Some(origin.into()),
            ..self
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Credentials {
            username,
            password,
            expires,
            origin,
        } = self;
        f.debug_struct("Credentials")
            .field("username", username)
            .field("password", &password.as_ref().map(|_| "***"))
            .field("expires", expires)
            .field("origin", origin)
            .finish()
    }
}
