//! [`Locator`]: connects to a server whose address is known, or to the one that Sentinels name.
//!
//! As Redis' guidelines for Sentinel clients ask: the Sentinels are asked before every attempt to
//! connect, and the role of the server that they name is verified.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use redis::{Value, cmd};

use super::discover::{Role, Server, discover};
use crate::address::Address;
use crate::config::{Config, Endpoint, Sentinels, ServerConfig, ServerRole, Target};
use crate::connect::{Connected, Connector, ask};
use crate::error::{Error, ErrorKind};

/// Makes the connections to what a target leads to, one after the other.
pub(crate) struct Locator {
    route: Route,
    server: Option<Server>,
}

enum Route {
    Direct(Box<Connector>),
    BySentinels(BySentinels),
}

struct BySentinels {
    config: Arc<Config>,
    sentinels: Sentinels,
    /// The connectors to the servers that the Sentinels have named last.
    connectors: HashMap<Address, Connector>,
}

impl Locator {
    pub(crate) fn new(target: &Target) -> Locator {
        let route = match target {
            Target::Server(server) => Route::Direct(Box::new(Connector::new(server.clone()))),
            Target::Sentinel(config, sentinels) => Route::BySentinels(BySentinels {
                config: Arc::clone(config),
                sentinels: sentinels.clone(),
                connectors: HashMap::new(),
            }),
        };
        Locator {
            route,
            server: None,
        }
    }

    /// Attempts once, within the connect timeout.
    pub(crate) async fn connect(&mut self) -> Result<Connected, Error> {
        match &mut self.route {
            Route::Direct(connector) => connector.connect().await,
            Route::BySentinels(route) => {
                let (connected, server) = route.connect().await?;
                self.server = Some(server);
                Ok(connected)
            }
        }
    }

    /// Returns the server that the Sentinels have named for the last connection.
    pub(crate) fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }
}

impl BySentinels {
    async fn connect(&mut self) -> Result<(Connected, Server), Error> {
        let limit = self.config.connect_timeout();
        let mut failure = None;
        let attempt = self.connect_to_first(&mut failure);
        let outcome = tokio::time::timeout(limit, attempt).await;
        outcome.unwrap_or_else(|_| Err(failure.unwrap_or_else(|| self.too_late())))
    }

    /// Connects to the first server that the Sentinels name and that has the role they say. Keeps in
    /// `failure` why the first one was not taken.
    async fn connect_to_first(
        &mut self,
        failure: &mut Option<Error>,
    ) -> Result<(Connected, Server), Error> {
        let servers = discover(&self.config, &self.sentinels).await?;
        self.connectors
            .retain(|address, _| servers.iter().any(|server| server.address == *address));
        for server in servers {
            match self.connect_to(&server).await {
                Ok(connected) => return Ok((connected, server)),
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        let none = || {
            Error::new(
                ErrorKind::Unreachable,
                "the Sentinels did not name a server",
            )
        };
        Err(failure.clone().unwrap_or_else(none))
    }

    async fn connect_to(&mut self, server: &Server) -> Result<Connected, Error> {
        let connector = self.connectors.entry(server.address.clone());
        let connector = connector.or_insert_with(|| {
            let endpoint = Endpoint::Tcp(server.address.clone());
            let config = Arc::clone(&self.config);
            Connector::new(ServerConfig::new(config, endpoint, ServerRole::Standalone))
        });
        let mut connected = connector.connect().await?;
        verify(&mut connected, server).await?;
        Ok(connected)
    }

    fn too_late(&self) -> Error {
        let (sentinels, limit) = (&self.sentinels, self.config.connect_timeout());
        let message = format!("no connection to `{sentinels}` was made within {limit:?}");
        Error::new(ErrorKind::Unreachable, message)
            .with_io_kind(io::ErrorKind::TimedOut)
            .with_help("check host and port, or allow more time with `?connect_timeout=5s`")
    }
}

/// Verifies that the server at the other end has the role that it is wanted for.
async fn verify(connected: &mut Connected, server: &Server) -> Result<(), Error> {
    let replies = ask(connected, &[cmd("ROLE")]).await.map_err(|error| {
        let message = format!("`{}` did not answer `ROLE`", server.address);
        Error::new(ErrorKind::Unreachable, message).caused_by(error)
    })?;
    check_role(server, &replies[0])
}

/// Checks the reply to `ROLE`. A server that refuses to tell its role is taken to have the right one.
fn check_role(server: &Server, reply: &Value) -> Result<(), Error> {
    let Value::Array(reply) = reply else {
        return Ok(());
    };
    let Server { address, role } = server;
    let expected = match role {
        Role::Primary => "master",
        Role::Replica => "slave",
    };
    match reply.first() {
        Some(Value::BulkString(found)) if found == expected.as_bytes() => Ok(()),
        _ => {
            let message = format!("`{address}` is not a {role}, although the Sentinels say so");
            Err(Error::new(ErrorKind::NotReady, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(role: Role, reply: &[u8], expected: Option<&str>) {
        let server = Server {
            address: Address::new("::1", 6379),
            role,
        };
        let reply = redis::parse_redis_value(reply).expect("RESP");
        let error = check_role(&server, &reply).err();
        let error = error.map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected, "{reply:?}");
    }

    #[test]
    fn a_server_with_another_role_is_named_and_left() {
        let no_primary = "`[::1]:6379` is not a primary, although the Sentinels say so";
        let no_replica = "`[::1]:6379` is not a replica, although the Sentinels say so";
        check(Role::Primary, b"*1\r\n$6\r\nmaster\r\n", None);
        check(Role::Primary, b"*1\r\n$5\r\nslave\r\n", Some(no_primary));
        check(Role::Primary, b"*1\r\n$8\r\nsentinel\r\n", Some(no_primary));
        check(Role::Replica, b"*1\r\n$5\r\nslave\r\n", None);
        check(Role::Replica, b"*1\r\n$6\r\nmaster\r\n", Some(no_replica));
        check(Role::Replica, b"*0\r\n", Some(no_replica));
        check(Role::Primary, b"-NOPERM no\r\n", None);
    }
}
