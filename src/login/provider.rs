//! [`CredentialsProvider`]: the code of an application that returns credentials.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use super::credentials::Credentials;
use crate::error::{Error, ErrorKind};

/// Why a provider has no credentials.
type Cause = Box<dyn StdError + Send + Sync>;

/// Returns the credentials with which connections log in: what
/// [`Config::with_credentials`](crate::Config::with_credentials) takes, where it is told when and on which
/// thread.
///
/// Every closure that returns a future of a `Result` is one. A type of its own implements the trait with an
/// `async fn`:
///
/// ```
/// use redis_ready::{Credentials, CredentialsProvider};
///
/// struct Vault {
///     user: String,
/// }
///
/// impl CredentialsProvider for Vault {
///     async fn credentials(&self) -> Result<Credentials, Box<dyn std::error::Error + Send + Sync>> {
///         let lease = std::fs::read_to_string("/vault/secrets/redis")?;
///         Ok(Credentials::new(&self.user, lease.trim_end()))
///     }
/// }
/// ```
pub trait CredentialsProvider: Send + Sync + 'static {
    /// Returns credentials that are valid now, or why there are none.
    ///
    /// The future need not be `Send`: it is polled on the thread that calls this. Neither an error nor a
    /// panic ends the client; both are tried again.
    fn credentials(&self) -> impl Future<Output = Result<Credentials, Cause>>;
}

impl<F, R, E> CredentialsProvider for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<Credentials, E>>,
    E: Into<Cause>,
{
    async fn credentials(&self) -> Result<Credentials, Cause> {
        self().await.map_err(Into::into)
    }
}

/// What returns the credentials of a client: a provider, or files.
pub(crate) trait Supplier: Send + Sync + 'static {
    /// Asks for the credentials, on a thread where it may take its time.
    fn ask(&self) -> Pin<Box<dyn Future<Output = Result<Credentials, Error>> + '_>>;

    /// Returns what it is, in the middle of a sentence.
    fn name(&self) -> String;

    /// Returns whether it is cheap to ask, so that every attempt to connect does.
    fn is_cheap(&self) -> bool;
}

/// The name of a provider in errors.
const PROVIDER: &str = "the credentials provider";

/// A provider of the application.
pub(super) struct Provided<P>(pub(super) P);

impl<P: CredentialsProvider> Supplier for Provided<P> {
    fn ask(&self) -> Pin<Box<dyn Future<Output = Result<Credentials, Error>> + '_>> {
        Box::pin(async {
            match self.0.credentials().await {
                Ok(credentials) => Ok(credentials.from(PROVIDER)),
                Err(cause) => {
                    let message = format!("{PROVIDER} has failed");
                    Err(Error::new(ErrorKind::Authentication, message).caused_by(Foreign(cause)))
                }
            }
        })
    }

    fn name(&self) -> String {
        PROVIDER.to_owned()
    }

    fn is_cheap(&self) -> bool {
        false
    }
}

/// The error of a provider, as the cause of another one.
struct Foreign(Cause);

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Foreign {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
