//! [`Locator`]: connects to a server whose address is known, or to the one that Sentinels name.
//!
//! As Redis' guidelines for Sentinel clients ask: the Sentinels are asked before every attempt to
//! connect, and the role of the server that they name is verified.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::{Value, cmd};

use super::discover::{Discovery, Role, Server};
use crate::config::{Announced, Announcer, Config, ServerConfig, ServerRole, Target};
use crate::connect::{Connected, Connector, LoggedIn, first_success};
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

    /// Returns what the last connection has logged in with, where others may follow.
    pub(crate) fn logged_in(&self) -> Option<LoggedIn> {
        match &self.route {
            Route::Direct(connector) => connector.logged_in(),
            Route::BySentinels(route) => {
                let is_last = |named: &&Named| Some(&named.server) == self.server();
                let named = route.named.iter().find(is_last)?;
                named.connector.logged_in()
            }
        }
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
    async fn connect(&mut self) -> Result<(Connected, Server), Error> {
        let servers = self.discovery.discover().await?;
        self.connect_to(servers).await
    }

    /// Connects to the first of `servers` that has the role that the Sentinels say. All of them have the
    /// connect timeout together.
    ///
    /// A replica that is silent does not keep the next server waiting for all of that time. A primary
    /// does: it may be the right one, and only slow, and the next one the primary of before a failover. For
    /// the same reason a primary that only a minority names is tried only once the one that the others agree
    /// on has said itself that it is not a primary.
    async fn connect_to(&mut self, servers: Vec<Server>) -> Result<(Connected, Server), Error> {
        self.take_over(servers);
        let count = u32::try_from(self.named.len()).unwrap_or(u32::MAX).max(1);
        let limit = self.config.connect_timeout();
        let share = limit / count;
        let roles: Vec<Role> = self.named.iter().map(|named| named.server.role).collect();
        let start = Instant::now();
        let is_refuted = &AtomicBool::new(false);
        let attempts = self.named.iter_mut().map(|named| async move {
            let left = limit.saturating_sub(start.elapsed());
            let is_too_early = named.server.is_outvoted && !is_refuted.load(Ordering::Relaxed);
            if left.is_zero() || is_too_early {
                // Those before it have taken all of the time, or may be the right ones.
                return Err(None);
            }
            named.connect(left, is_refuted).await.map_err(Some)
        });
        let first = first_success(attempts, |number, elapsed| match roles[number] {
            Role::Primary => Duration::MAX,
            Role::Replica => share.saturating_sub(elapsed),
        });
        first.await.map_err(|failures| {
            let none = || {
                let message = "the Sentinels did not name a server";
                Error::new(ErrorKind::Unreachable, message)
            };
            failures.into_iter().flatten().next().unwrap_or_else(none)
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
    /// Connects within `limit`, and verifies that the server at the other end has the role that it is
    /// wanted for; `is_refuted` is set if it says itself that it is not a primary.
    async fn connect(
        &mut self,
        limit: Duration,
        is_refuted: &AtomicBool,
    ) -> Result<(Connected, Server), Error> {
        let questions = [cmd("ROLE")];
        let asked = self.connector.connect_and_ask_within(limit, &questions);
        let (connected, answers) = asked.await?;
        if let Err(error) = check_role(&self.server, &answers[0]) {
            self.connector.mark_failed();
            is_refuted.fetch_or(self.server.role == Role::Primary, Ordering::Relaxed);
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
    use std::net::TcpListener;

    use super::*;
    use crate::address::Address;
    use crate::config::Servers;

    fn check(role: Role, reply: &[u8], expected: Option<&str>) {
        let server = Server {
            address: Address::new("::1", 6379),
            role,
            named_by: Address::new("s", 26379),
            is_outvoted: false,
        };
        let reply = redis::parse_redis_value(reply).expect("RESP");
        let error = check_role(&server, &reply).err();
        let error = error.map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected, "{reply:?}");
    }

    /// Attempts at servers of which none answers: the kernel alone accepts the connections.
    async fn fails_to_connect(servers: &[(&TcpListener, Role)], connect_timeout: &str) -> Error {
        let url = format!("redis-sentinel://h:1/main?connect_timeout={connect_timeout}");
        let config: Config = url.parse().expect("valid");
        let config = Arc::new(config);
        let Servers::Sentinel(sentinels) = config.servers().clone() else {
            panic!("the URL is one of Sentinels");
        };
        let server = |(listener, role): &(&TcpListener, Role)| Server {
            address: Address::new("127.0.0.1", port(listener)),
            role: *role,
            named_by: Address::new("h", 1),
            is_outvoted: false,
        };
        let mut route = BySentinels {
            discovery: Discovery::new(&config, &sentinels),
            config,
            named: Vec::new(),
        };
        let outcome = route.connect_to(servers.iter().map(server).collect()).await;
        outcome.err().expect("no server answers")
    }

    fn silent() -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("it is a socket");
        listener
    }

    fn port(listener: &TcpListener) -> u16 {
        listener.local_addr().expect("it is bound").port()
    }

    #[tokio::test]
    async fn a_primary_that_is_silent_is_not_overtaken_by_another_one() {
        let (new, old) = (silent(), silent());
        let servers = [(&new, Role::Primary), (&old, Role::Primary)];
        let error = fails_to_connect(&servers, "300ms").await;
        assert!(
            error.to_string().contains(&port(&new).to_string()),
            "{error:?}"
        );
        assert!(new.accept().is_ok(), "the first one is tried");
        assert!(old.accept().is_err(), "the other one is not");
    }

    #[tokio::test]
    async fn the_servers_that_are_named_share_the_connect_timeout() {
        let [one, other, primary] = [(); 3].map(|()| silent());
        let servers = [
            (&one, Role::Replica),
            (&other, Role::Replica),
            (&primary, Role::Primary),
        ];
        let start = Instant::now();
        let error = fails_to_connect(&servers, "3s").await;
        // With all of the time for each, the last one would go on until the fifth second.
        assert!(start.elapsed() < Duration::from_millis(4_500), "{error:?}");
        assert!(
            error.to_string().contains(&port(&one).to_string()),
            "{error:?}"
        );
        for server in [one, other, primary] {
            assert!(server.accept().is_ok(), "each is tried");
        }
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
