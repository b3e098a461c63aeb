//! [`Config::with_credentials`]: credentials that a provider of the application returns.

use super::client_config::Config;
use crate::login::{CredentialsProvider, CredentialsSource};

impl Config {
    /// Lets `provider` return the credentials of the servers, such as tokens of IAM or of Microsoft Entra. They
    /// replace those of the URL, and of the variables beside it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redis_ready::{Client, Config, Credentials, Error};
    ///
    /// # struct Token { text: String, lifetime: Duration }
    /// # async fn fetch_token() -> std::io::Result<Token> { unreachable!() }
    /// # fn main() -> Result<(), Error> {
    /// let config: Config = "rediss://cache.example:6380".parse()?;
    /// let config = config.with_credentials(|| async {
    ///     let token = fetch_token().await?;
    ///     let credentials = Credentials::new("object-id-of-the-user", token.text);
    ///     Ok::<_, std::io::Error>(credentials.expires_in(token.lifetime))
    /// });
    /// let client = Client::with_config(config);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # When it is asked
    ///
    /// When a connection needs credentials, once for all connections that wait for them. What it has returned is
    /// used for further connections until a server refuses it or it is about to expire. Clones of this `Config`,
    /// and all clients that are made of them, share it.
    ///
    /// Credentials that [expire](crate::Credentials::expires_at) are renewed after 75 to 80 % of their lifetime,
    /// at random, as long as there is a connection. With the new ones every connection that has logged in with
    /// older ones sends `AUTH`, in the order of its commands: shared, dedicated and those for blocking commands,
    /// behind a command that is waiting there. A dedicated connection does so between two transactions, and not
    /// at all once its caller has sent an `AUTH` of its own.
    ///
    /// # When it fails
    ///
    /// An error, a panic and a provider that does not answer within the
    /// [connect timeout](Config::with_connect_timeout) are reported with
    /// [`ErrorKind::Authentication`](crate::ErrorKind::Authentication), unless older credentials are still valid.
    /// An answer that comes later, within 30 s, is used for the next attempt to connect. A provider that fails, or
    /// whose credentials are refused, is asked again after half a second, and every 5 s in the end; a renewal that
    /// has failed at first after half a second and every 30 s in the end, with a line in the log at most once a
    /// minute. A server that refuses renewed credentials keeps the session that there is.
    ///
    /// # Where it runs
    ///
    /// On a thread of its own, `redis-ready-auth`, with a runtime of tokio that has I/O and time and lives as long
    /// as the client. It may block. It must not wait for a command of this client, which would wait for it.
    ///
    /// The Sentinels of a `redis-sentinel` URL have credentials of their own, in the URL.
    #[must_use]
    pub fn with_credentials(self, provider: impl CredentialsProvider) -> Config {
        self.with_credentials_of(CredentialsSource::provided(provider))
    }
}
