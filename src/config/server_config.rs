//! [`ServerConfig`] and [`Target`]: what a connection to one server needs of the client's
//! configuration.

use std::fmt;
use std::sync::Arc;

use redis::{Cmd, cmd};

use super::announced::Announced;
use super::client_config::Config;
use super::dialect::Dialects;
use super::failed_addresses::FailedAddresses;
use super::servers::{Endpoint, Sentinels, Servers};
use super::tls_config::TlsConfig;
use crate::address::Address;
use crate::login::{Credentials, CredentialsSource, Issued};

/// The role in which a server is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerRole {
    /// The one server of the URL, or the one that Sentinels name.
    Standalone,
    /// A Sentinel, which is asked where the server is.
    Sentinel,
    /// A node of a cluster.
    Node,
    /// A node of a cluster that serves reads as a replica.
    ReplicaNode,
}

/// The configuration of the connections to one server.
#[derive(Clone)]
pub(crate) struct ServerConfig {
    config: Arc<Config>,
    endpoint: Endpoint,
    role: ServerRole,
    source: CredentialsSource,
    /// What the next connection logs in with.
    issued: Arc<Issued>,
    dialects: Arc<Dialects>,
    /// Where the address comes from; `None` if the URL names it.
    announced: Option<Announced>,
    /// What all connections to the server have learned of its addresses.
    failed: Arc<FailedAddresses>,
}

impl ServerConfig {
    /// Returns the configuration of a server that the client logs in to with its own credentials.
    pub(crate) fn new(config: Arc<Config>, endpoint: Endpoint, role: ServerRole) -> ServerConfig {
        let source = config.credentials().clone();
        ServerConfig {
            config,
            endpoint,
            role,
            issued: source.last().unwrap_or_default(),
            source,
            dialects: Arc::default(),
            announced: None,
            failed: Arc::default(),
        }
    }

    /// Returns the configuration of a server whose address was announced. It is where the address map
    /// leads.
    pub(crate) fn announced(
        config: Arc<Config>,
        announced: Announced,
        role: ServerRole,
    ) -> ServerConfig {
        let address = config.address_map().mapped(announced.address.clone());
        let endpoint = Endpoint::Tcp(address);
        let is_in_url = config.servers().contains(&endpoint);
        ServerConfig {
            announced: Some(announced).filter(|_| !is_in_url),
            ..ServerConfig::new(config, endpoint, role)
        }
    }

    /// Returns the configuration of one of the Sentinels.
    pub(crate) fn of_sentinel(
        config: Arc<Config>,
        address: Address,
        sentinels: &Sentinels,
    ) -> ServerConfig {
        let source = CredentialsSource::from(sentinels.credentials.clone());
        ServerConfig {
            config,
            endpoint: Endpoint::Tcp(address),
            role: ServerRole::Sentinel,
            issued: source.last().unwrap_or_default(),
            source,
            dialects: Arc::default(),
            announced: None,
            failed: Arc::default(),
        }
    }

    /// Returns the configuration of the client.
    pub(crate) fn client(&self) -> &Config {
        &self.config
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn role(&self) -> ServerRole {
        self.role
    }

    /// Returns whether it is a node of a cluster.
    pub(crate) fn is_cluster_node(&self) -> bool {
        matches!(self.role, ServerRole::Node | ServerRole::ReplicaNode)
    }

    /// Returns what the next connection logs in with.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.issued.credentials
    }

    /// Returns the same, with the number of these credentials.
    pub(crate) fn issued(&self) -> &Arc<Issued> {
        &self.issued
    }

    /// Returns where the credentials come from.
    pub(crate) fn source(&self) -> &CredentialsSource {
        &self.source
    }

    /// Lets the next connection log in with these credentials.
    pub(crate) fn log_in_with(&mut self, issued: &Arc<Issued>) {
        self.issued = Arc::clone(issued);
    }

    /// Returns what the server has taken so far; clones share it.
    pub(crate) fn dialects(&self) -> &Dialects {
        &self.dialects
    }

    /// Returns where the address comes from; `None` if the URL names it.
    pub(crate) fn origin(&self) -> Option<&Announced> {
        self.announced.as_ref()
    }

    /// Returns what all connections to the server have learned of its addresses.
    pub(crate) fn failed(&self) -> &FailedAddresses {
        &self.failed
    }

    /// Returns the database to select; a Sentinel has none but 0.
    pub(crate) fn database(&self) -> u32 {
        match self.role {
            ServerRole::Sentinel => 0,
            _ => self.config.database(),
        }
    }

    pub(crate) fn tls(&self) -> Option<&TlsConfig> {
        self.config.tls()
    }

    /// Returns the names for one of which the certificate has to be valid. The first is sent to the
    /// server.
    ///
    /// Nodes of managed clusters announce IP addresses for which their certificates are not valid. They
    /// are valid for the host name of the URL, so for a node that announces an address that name is
    /// verified. A host that the address map leads to counts as the one that is announced.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "only TLS verifies names")
    )]
    pub(crate) fn tls_names(&self) -> Vec<&str> {
        let given = self.tls().and_then(|tls| tls.server_name.as_deref());
        let address = match (given, &self.endpoint) {
            (Some(name), _) => return vec![name],
            (None, Endpoint::Unix(_)) => return Vec::new(),
            (None, Endpoint::Tcp(address)) => address,
        };
        let mut names = Vec::new();
        if address.is_ip()
            && let Servers::Cluster(seeds) = self.config.servers()
        {
            let seeds = seeds.iter().filter(|seed| !seed.is_ip());
            names.extend(seeds.map(|seed| seed.host.as_str()));
        }
        names.push(address.host.as_str());
        names
    }
}

/// Writes where the server listens.
impl fmt::Display for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

/// Returns a command that every proxy knows, and that does not change anything.
pub(crate) fn oldest_probe() -> Cmd {
    cmd("GET").arg(env!("CARGO_PKG_NAME")).to_owned()
}

/// The server that a connection leads to.
#[derive(Clone)]
pub(crate) enum Target {
    /// A server whose address is known.
    Server(ServerConfig),
    /// The server that Sentinels name, another one after a failover.
    Sentinel(Arc<Config>, Sentinels),
}

impl Target {
    /// Returns the configuration of the client.
    pub(crate) fn client(&self) -> &Config {
        match self {
            Target::Server(server) => server.client(),
            Target::Sentinel(config, _) => config,
        }
    }

    /// Returns the same target for a connection that does not select the database of the URL.
    pub(crate) fn without_database(&self) -> Target {
        match self {
            Target::Server(server) => Target::Server(ServerConfig {
                config: Arc::new(server.config.without_database()),
                ..server.clone()
            }),
            Target::Sentinel(config, sentinels) => {
                Target::Sentinel(Arc::new(config.without_database()), sentinels.clone())
            }
        }
    }

    /// Returns the command that asks whether the server answers: `PING`, unless the server is known to
    /// end a connection on it.
    pub(crate) fn probe_command(&self) -> Cmd {
        if self.is_oldest() {
            oldest_probe()
        } else {
            cmd("PING")
        }
    }

    /// Returns whether the server is known to take nothing but the oldest dialect.
    pub(crate) fn is_oldest(&self) -> bool {
        matches!(self, Target::Server(server) if server.dialects().is_oldest())
    }

    /// Returns whether it is a node of a cluster, which may redirect its callers to another node.
    pub(crate) fn is_cluster_node(&self) -> bool {
        match self {
            Target::Server(server) => server.is_cluster_node(),
            Target::Sentinel(..) => false,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Server(server) => server.fmt(f),
            Target::Sentinel(_, sentinels) => sentinels.fmt(f),
        }
    }
}
