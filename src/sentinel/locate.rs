//! [`Locator`]: connects to a server whose address is known, or to the one that Sentinels name.
//!
//! As Redis' guidelines for Sentinel clients ask: the Sentinels are asked before every attempt to
//! connect, and the role of the server that they name is verified.

use std::sync::Arc;

use redis::{Value, cmd};

use super::discover::{Discovery, Role, Server};
use crate::config::{Announced, Announcer, Config, ServerConfig, ServerRole, Target};
use crate::connect::{Connected, Connector, first_success};
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
    discovery: Discovery,
    /// The servers that the Sentinels have named last.
    named: Vec<Named>,
}

/// A server that the Sentinels have named.
struct Named {
    server: Server,
    connector: Connector,
}

impl Locator {
    pub(crate) fn new(target: &Target) -> Locator {
        let route = match target {
            Target::Server(server) => Route::Direct(Box::new(Connector::new(server.clone()))),
            Target::Sentinel(config, sentinels) => Route::BySentinels(BySentinels {
                config: Arc::clone(config),
                discovery: Discovery::new(config, sentinels),
                named: Vec::new(),
            }),
        };
        Locator {
            route,
            server: None,
        }
    }

    /// Attempts once. The connect timeout is the limit for asking the Sentinels, and then for the server
    /// that they name.
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

    /// Records that the last connection was of no use: if the name of the server has several addresses,
    /// the next attempt begins with another one.
    pub(crate) fn mark_failed(&self) {
        match &self.route {
            Route::Direct(connector) => connector.mark_failed(),
            Route::BySentinels(route) => {
                let is_last = |named: &&Named| Some(&named.server) == self.server();
                if let Some(named) = route.named.iter().find(is_last) {
                    named.connector.mark_failed();
                }
            }
        }
    }
}

impl BySentinels {
    /// Connects to the first server that the Sentinels name and that has the role they say. A server
    /// that is silent does not keep the next one waiting for all of the connect timeout.
    async fn connect(&mut self) -> Result<(Connected, Server), Error> {
        let servers = self.discovery.discover().await?;
        self.take_over(servers);
        let count = u32::try_from(self.named.len()).unwrap_or(u32::MAX).max(1);
        let share = self.config.connect_timeout() / count;
        let attempts = self.named.iter_mut().map(Named::connect);
        let first = first_success(attempts, |_, elapsed| share.saturating_sub(elapsed));
        first.await.map_err(|failures| {
            let none = || {
                let message = "the Sentinels did not name a server";
                Error::new(ErrorKind::Unreachable, message)
            };
            failures.into_iter().next().unwrap_or_else(none)
        })
    }

    /// Keeps the connectors to servers that are named again.
    fn take_over(&mut self, servers: Vec<Server>) {
        let mut known = std::mem::take(&mut self.named);
        let name = |server: Server| {
            let same = |named: &Named| named.server.address == server.address;
            let connector = match known.iter().position(same) {
                Some(at) => known.swap_remove(at).connector,
                None => Connector::new(self.config_of(&server)),
            };
            Named { server, connector }
        };
        self.named = servers.into_iter().map(name).collect();
    }

    fn config_of(&self, server: &Server) -> ServerConfig {
        let announced = Announced {
            address: server.address.clone(),
            by: Announcer::Sentinel(server.named_by.clone()),
        };
        ServerConfig::announced(Arc::clone(&self.config), announced, ServerRole::Standalone)
    }
}

impl Named {
    /// Connects, and verifies that the server at the other end has the role that it is wanted for.
    async fn connect(&mut self) -> Result<(Connected, Server), Error> {
        let (connected, answers) = self.connector.connect_and_ask(&[cmd("ROLE")]).await?;
        if let Err(error) = check_role(&self.server, &answers[0]) {
            self.connector.mark_failed();
            return Err(error);
        }
        Ok((connected, self.server.clone()))
    }
}

/// Checks the reply to `ROLE`. A server that refuses to tell its role is taken to have the right one.
fn check_role(server: &Server, reply: &Value) -> Result<(), Error> {
    let Value::Array(reply) = reply else {
        return Ok(());
    };
    let Server { address, role, .. } = server;
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
    use crate::address::Address;

    fn check(role: Role, reply: &[u8], expected: Option<&str>) {
        let server = Server {
            address: Address::new("::1", 6379),
            role,
            named_by: Address::new("s", 26379),
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
