//! [`Sentinels`]: a primary, its replicas and the Sentinels that watch them.

use std::collections::{HashMap, HashSet};
use std::io;

use redis::{Connection, cmd};

use super::ask::{execute, is_synchronized, online_replicas, query, wait_until};
use super::builder::ServerBuilder;
use super::sentinels_builder::SentinelsBuilder;
use super::sentinels_view::{count_well, is_well};
use super::server::Server;
use crate::client::Client;
use crate::config::encoded_component;

/// How often Sentinels say hello to each other and look at the servers, in ms: as they have it, and
/// while they are waited for.
const PERIODS: [(&str, &str, &str); 2] = [
    ("publish-period", "2000", "200"),
    ("info-period", "10000", "200"),
];
/// How long a server may be silent until the Sentinels call it down, in ms: where a test has killed one,
/// or they are waited for, and otherwise. Without it a busy machine would cause failovers that no test
/// asks for. Two seconds, because a Sentinel asks once a second, and the one that promotes a server ends
/// the connections of the others to it.
const DOWN_AFTER: &str = "2000";
const NEVER_DOWN: &str = "60000";

/// Runs a primary, its replicas and the Sentinels that watch them, and stops them all when dropped.
///
/// The servers have numbers, in the order of their start: 0 is the primary at first. So have the
/// Sentinels. A failover happens when the test asks for it or kills the primary, and otherwise not, unless
/// a server is silent for a minute.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use redis_ready::redis::Commands;
/// use redis_ready::testing::Sentinels;
///
/// let mut sentinels = Sentinels::start()?; // a primary, a replica, 3 Sentinels: some seconds
/// let mut client = sentinels.client().blocking();
/// let () = client.set("key", 1)?;
///
/// let killed = sentinels.kill_primary()?; // returns when there is another
/// assert_eq!(client.get("key"), Ok(1));
/// sentinels.restart(killed)?; // as a replica
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sentinels {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
}

impl Sentinels {
    /// The name that the Sentinels know the primary by.
    pub const SERVICE: &str = "mymaster";

    /// Starts a primary with a replica, watched by 3 Sentinels, and returns when all know all.
    ///
    /// # Errors
    ///
    /// Those of [`Server::start`], and `TimedOut` if they do not come to know each other.
    pub fn start() -> io::Result<Sentinels> {
        Sentinels::builder().start()
    }

    /// Returns the settings of [`Sentinels::start`], to change them before the processes are started.
    pub fn builder() -> SentinelsBuilder {
        SentinelsBuilder::default()
    }

    /// Returns the URL with every Sentinel: a `REDIS_URL` with everything that a client needs.
    #[must_use]
    pub fn url(&self) -> String {
        let servers = self.servers[0].settings();
        let scheme = if servers.transport.is_tls() {
            "rediss-sentinel"
        } else {
            "redis-sentinel"
        };
        let addresses = self
            .sentinels
            .iter()
            .map(|it| format!("127.0.0.1:{}", port(it)));
        let addresses: Vec<String> = addresses.collect();
        let password = self.sentinels[0].settings().password.as_deref();
        let password = password.map(encoded_component);
        let password = password.map(|it| format!("sentinel_password={it}"));
        let mut parameters = vec![servers.tls_parameter(self.servers[0].directory())];
        parameters.extend(password);
        parameters.retain(|it| !it.is_empty());
        format!(
            "{scheme}://{}{}/{}{}{}",
            servers.userinfo(),
            addresses.join(","),
            Sentinels::SERVICE,
            if parameters.is_empty() { "" } else { "?" },
            parameters.join("&")
        )
    }

    /// Opens a client for the primary, without connecting.
    ///
    /// # Panics
    ///
    /// For TLS in a build without the feature `tls`.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::open(&self.url()).expect("our own URL is valid")
    }

    /// Returns the servers: the first primary, and then its replicas.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// Returns a server, to stop, pause or ask it. [`Sentinels::kill`] has the Sentinels notice sooner.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    pub fn server_mut(&mut self, number: usize) -> &mut Server {
        &mut self.servers[number]
    }

    /// Returns the Sentinels.
    #[must_use]
    pub fn sentinels(&self) -> &[Server] {
        &self.sentinels
    }

    /// Returns a Sentinel, to stop, pause or ask it.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    pub fn sentinel_mut(&mut self, number: usize) -> &mut Server {
        &mut self.sentinels[number]
    }

    /// Returns the number of the primary, as soon as all running Sentinels name the same.
    ///
    /// # Errors
    ///
    /// `TimedOut` if they never do.
    pub fn primary(&self) -> io::Result<usize> {
        self.agreed_primary(|_| true)
    }

    /// Has the Sentinels fail over to a replica, although the primary is well, and returns its number when
    /// all is settled again.
    ///
    /// # Errors
    ///
    /// If there is no replica, and `TimedOut` if the failover does not happen.
    pub fn failover(&mut self) -> io::Result<usize> {
        let old = self.primary()?;
        execute(
            &mut self.running_sentinel()?,
            &["SENTINEL", "FAILOVER", Sentinels::SERVICE],
        )?;
        let new = self.agreed_primary(|primary| primary != old)?;
        self.wait_until_ready()?;
        Ok(new)
    }

    /// Kills the primary as a crash does, and returns its number when the Sentinels have made a replica the
    /// new one, after some seconds.
    ///
    /// # Errors
    ///
    /// `TimedOut` if no replica can take over.
    pub fn kill_primary(&mut self) -> io::Result<usize> {
        let old = self.primary()?;
        self.kill(old)?;
        self.agreed_primary(|primary| primary != old)?;
        Ok(old)
    }

    /// Kills a server as a crash does, without waiting. The Sentinels call it down two seconds later.
    ///
    /// # Errors
    ///
    /// If a Sentinel does not answer, or the process cannot be killed.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    pub fn kill(&mut self, server: usize) -> io::Result<()> {
        self.set_down_after(DOWN_AFTER)?;
        self.servers[server].kill()
    }

    /// Starts a killed server again where it was, as a replica without data.
    ///
    /// # Errors
    ///
    /// Those of [`Server::restart`], and `TimedOut` if there is no primary.
    ///
    /// # Panics
    ///
    /// If there is no such number.
    pub fn restart(&mut self, server: usize) -> io::Result<()> {
        self.set_down_after(NEVER_DOWN)?;
        self.servers[server].restart()?;
        self.replicate(server, self.primary()?)
    }

    /// Makes a replica of each running server that is not the primary, as the Sentinels do some seconds
    /// after a failover, and waits until all have its data and the running Sentinels know all of them.
    ///
    /// # Errors
    ///
    /// `TimedOut` if that does not happen.
    pub fn wait_until_ready(&self) -> io::Result<()> {
        let primary = self.primary()?;
        for (replica, server) in Sentinels::running(&self.servers).filter(|it| it.0 != primary) {
            let info: String = query(&mut connect(server)?, &["INFO", "replication"])?;
            let of = format!("master_port:{}\r", port(&self.servers[primary]));
            if !info.contains(&of) {
                self.replicate(replica, primary)?;
            }
        }
        self.wait_until_replicated(primary)?;
        self.wait_until_known()
    }

    fn agreed_primary(&self, is_right: impl Fn(usize) -> bool) -> io::Result<usize> {
        let mut primary = None;
        wait_until("all Sentinels name the same primary", || {
            let named = Sentinels::running(&self.sentinels);
            let named: io::Result<HashSet<usize>> = named
                .map(|(_, sentinel)| self.primary_by(sentinel))
                .collect();
            let named = named?;
            primary = named.iter().next().copied();
            Ok(named.len() == 1 && primary.is_some_and(&is_right))
        })?;
        primary.ok_or_else(|| io::Error::other("no Sentinel runs"))
    }

    fn primary_by(&self, sentinel: &Server) -> io::Result<usize> {
        let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Sentinels::SERVICE];
        let (_, named): (String, u16) = query(&mut connect(sentinel)?, &words)?;
        let found = self.servers.iter().position(|it| port(it) == named);
        found.ok_or_else(|| io::Error::other(format!("a Sentinel names a foreign port, {named}")))
    }

    /// Has the Sentinels watch the primary.
    fn watch(&self) -> io::Result<()> {
        let quorum = self.sentinels.len().min(2).to_string();
        let port = port(&self.servers[0]).to_string();
        let service = Sentinels::SERVICE;
        for sentinel in &self.sentinels {
            let mut connection = connect(sentinel)?;
            let words = ["SENTINEL", "MONITOR", service, "127.0.0.1", &port, &quorum];
            execute(&mut connection, &words)?;
            let mut words = vec!["SENTINEL", "SET", service, "failover-timeout", "3000"];
            words.extend(["parallel-syncs", "1"]);
            if let Some(password) = &self.servers[0].settings().password {
                words.extend(["auth-pass", password]);
            }
            execute(&mut connection, &words)?;
        }
        Ok(())
    }

    /// Waits until every running Sentinel sees all running servers as they are, and the other running
    /// Sentinels.
    fn wait_until_known(&self) -> io::Result<()> {
        self.hurry(true)?;
        wait_until("the Sentinels know each other and all servers", || {
            for (_, sentinel) in Sentinels::running(&self.sentinels) {
                if !self.is_known_by(sentinel)? {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        self.hurry(false)
    }

    fn is_known_by(&self, sentinel: &Server) -> io::Result<bool> {
        let (mut connection, service) = (connect(sentinel)?, Sentinels::SERVICE);
        let primary: HashMap<String, String> =
            query(&mut connection, &["SENTINEL", "MASTER", service])?;
        let servers = Sentinels::running(&self.servers).count();
        let sentinels = Sentinels::running(&self.sentinels).count();
        Ok(is_well(&primary, "master")
            && count_well(&mut connection, service, "REPLICAS", "slave")? + 1 == servers
            && count_well(&mut connection, service, "SENTINELS", "sentinel")? + 1 == sentinels)
    }

    /// Has the running Sentinels look at all the others more often. Servers older than 7.0 cannot be told
    /// to.
    fn hurry(&self, hurry: bool) -> io::Result<()> {
        self.set_down_after(if hurry { DOWN_AFTER } else { NEVER_DOWN })?;
        for (_, sentinel) in Sentinels::running(&self.sentinels) {
            let mut connection = connect(sentinel)?;
            for (name, usual, short) in PERIODS {
                let mut debug = cmd("SENTINEL");
                debug.arg("DEBUG").arg(name);
                let _ = debug
                    .arg(if hurry { short } else { usual })
                    .exec(&mut connection);
            }
        }
        Ok(())
    }

    fn set_down_after(&self, milliseconds: &str) -> io::Result<()> {
        let name = "down-after-milliseconds";
        for (_, sentinel) in Sentinels::running(&self.sentinels) {
            let words = ["SENTINEL", "SET", Sentinels::SERVICE, name, milliseconds];
            execute(&mut connect(sentinel)?, &words)?;
        }
        Ok(())
    }

    fn replicate(&self, replica: usize, primary: usize) -> io::Result<()> {
        let port = port(&self.servers[primary]).to_string();
        let mut replica = connect(&self.servers[replica])?;
        execute(&mut replica, &["REPLICAOF", "127.0.0.1", &port])
    }

    fn wait_until_replicated(&self, primary: usize) -> io::Result<()> {
        let replicas = || Sentinels::running(&self.servers).filter(|it| it.0 != primary);
        for (_, replica) in replicas() {
            wait_until("a replica has the data", || {
                is_synchronized(&mut connect(replica)?)
            })?;
        }
        let mut primary = connect(&self.servers[primary])?;
        wait_until("the replicas receive what is written", || {
            let info: String = query(&mut primary, &["INFO", "replication"])?;
            Ok(online_replicas(&info) >= replicas().count())
        })
    }

    fn running(all: &[Server]) -> impl Iterator<Item = (usize, &Server)> {
        all.iter().enumerate().filter(|(_, it)| it.is_running())
    }

    fn running_sentinel(&self) -> io::Result<Connection> {
        let mut running = Sentinels::running(&self.sentinels);
        let running = running.next().map(|(_, sentinel)| connect(sentinel));
        running.unwrap_or_else(|| Err(io::Error::other("no Sentinel runs")))
    }
}

impl SentinelsBuilder {
    /// Starts all processes, and returns when they know each other.
    ///
    /// # Errors
    ///
    /// Those of [`Server::start`], and `TimedOut` if they do not come to know each other.
    pub fn start(self) -> io::Result<Sentinels> {
        let start = |builder: ServerBuilder, count| -> io::Result<Vec<Server>> {
            (0..count).map(|_| builder.clone().start()).collect()
        };
        let all = Sentinels {
            servers: start(self.server(), 1 + self.replicas)?,
            sentinels: start(self.sentinel(), self.sentinels)?,
        };
        for replica in 1..all.servers.len() {
            all.replicate(replica, 0)?;
        }
        all.wait_until_replicated(0)?;
        all.watch()?;
        all.wait_until_known()?;
        Ok(all)
    }
}

fn port(server: &Server) -> u16 {
    server.port().expect("all of them listen on ports")
}

fn connect(server: &Server) -> io::Result<Connection> {
    server.connect().map_err(io::Error::other)
}
