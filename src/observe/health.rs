//! [`Health`]: how the connections of a client are at one moment.

use std::fmt;
use std::time::{Duration, Instant};

#[cfg(feature = "serde")]
use super::serialized::{cause, seconds_ago, seconds_since};
use crate::error::Error;

/// Tells how a client is at one moment; made by [`Client::health`](crate::Client::health), without I/O.
///
/// It holds no secret: the address is without credentials, and errors do not show them.
///
/// # For a load balancer and an orchestrator
///
/// A liveness probe must not depend on Redis: to restart the application does not bring the server back,
/// and all of its other work would end. It may show the health, and answers 200. A readiness probe may
/// answer 503 while Redis is out of reach, if the application can do nothing useful meanwhile. At start-up
/// [`Client::ready`](crate::Client::ready) waits for the server.
///
/// ```
/// use redis_ready::Client;
///
/// /// `GET /health`: the status, and what to show. Always 200, because a restart would not help.
/// fn health(client: &Client) -> (u16, String) {
///     (200, format!("redis: {}", client.health()))
/// }
///
/// /// `GET /ready`: 503 takes this instance out of the load balancer until the server serves again.
/// fn ready(client: &Client) -> (u16, String) {
///     let health = client.health();
///     (if health.serves() { 200 } else { 503 }, format!("redis: {health}"))
/// }
/// # let client = Client::open("redis://localhost:6379").unwrap();
/// # assert_eq!(health(&client).0, 200);
/// # assert!(ready(&client).1.starts_with("redis: idle for"));
/// ```
///
/// `{}` is one line: the state, for how long, and, while the client does not serve, the last error.
///
/// With the feature `serde` it is serialised as a map with the same names; `since` and `last_error_at` become
/// `for_seconds` and `last_error_seconds_ago`, numbers of seconds, and an error is a map of `kind` and
/// `message`.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Health {
    /// The state of the shared connection; of a cluster the gravest of its nodes.
    pub state: ConnectionState,
    /// Since when it is in this state.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "for_seconds", serialize_with = "seconds_since")
    )]
    pub since: Instant,
    /// Why the connection was lost or could not be made the last time, also if there is one again.
    #[cfg_attr(feature = "serde", serde(serialize_with = "cause"))]
    pub last_error: Option<Error>,
    /// When that was.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "last_error_seconds_ago", serialize_with = "seconds_ago")
    )]
    pub last_error_at: Option<Instant>,
    /// The address of the server, without credentials: of Sentinels the server that they have named last, or
    /// the Sentinels themselves before that; of a cluster the nodes of the URL.
    pub address: String,
    /// The version that the server has told in the handshake, such as `8.2.1`. `None` without RESP3, before
    /// the first connection, and if the nodes of a cluster have several.
    pub server_version: Option<String>,
    /// The role that the server had when the connection was made; `None` where the version is.
    pub role: Option<Role>,
    /// The nodes of a cluster in the order of their addresses; empty without a cluster.
    pub nodes: Vec<NodeHealth>,
}

impl Health {
    /// Returns whether commands can be expected to succeed: the connection is
    /// [`Connected`](ConnectionState::Connected), or [`Idle`](ConnectionState::Idle), with nothing known
    /// against the server.
    #[must_use]
    pub fn serves(&self) -> bool {
        matches!(
            self.state,
            ConnectionState::Connected | ConnectionState::Idle
        )
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.since.elapsed().as_secs_f64();
        write!(f, "{} for {seconds:.1}s", self.state.as_str())?;
        match &self.last_error {
            Some(error) if !self.serves() => write!(f, ": {error}"),
            _ => Ok(()),
        }
    }
}

/// Tells how the shared connection to one node of a cluster is; part of [`Health`].
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NodeHealth {
    /// The address of the node.
    pub address: String,
    /// The state of the shared connection to it.
    pub state: ConnectionState,
    /// Since when it is in this state.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "for_seconds", serialize_with = "seconds_since")
    )]
    pub since: Instant,
    /// Why the connection was lost or could not be made the last time, also if there is one again.
    #[cfg_attr(feature = "serde", serde(serialize_with = "cause"))]
    pub last_error: Option<Error>,
    /// When that was.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "last_error_seconds_ago", serialize_with = "seconds_ago")
    )]
    pub last_error_at: Option<Instant>,
    /// The version that the node has told in the handshake.
    pub server_version: Option<String>,
    /// The role that the node had when the connection was made.
    pub role: Option<Role>,
}

/// Tells in which state a connection is; part of [`Health`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ConnectionState {
    /// There is none and none is needed: it has not been used yet, or ended while it was idle. The next
    /// command connects.
    Idle,
    /// The first connection is being made. It stays so, with a last error, until an attempt succeeds.
    Connecting,
    /// There is a connection.
    Connected,
    /// The connection was lost, and the next one is being made.
    Reconnecting,
    /// There is a connection, and the server refuses commands for a while, as with `LOADING`.
    NotReady,
    /// The client is closed, or is being closed.
    Closed,
}

impl ConnectionState {
    /// Returns the state in lower case, with `_` between words, as in `not_ready`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectionState::Idle => "idle",
            ConnectionState::Connecting => "connecting",
            ConnectionState::Connected => "connected",
            ConnectionState::Reconnecting => "reconnecting",
            ConnectionState::NotReady => "not_ready",
            ConnectionState::Closed => "closed",
        }
    }

    /// How grave it is among the nodes of a cluster.
    fn gravity(self) -> u8 {
        match self {
            ConnectionState::Idle => 0,
            ConnectionState::Connected => 1,
            ConnectionState::Connecting => 2,
            ConnectionState::NotReady => 3,
            ConnectionState::Reconnecting => 4,
            ConnectionState::Closed => 5,
        }
    }
}

/// Tells which role a server has; part of [`Health`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It follows a primary.
    Replica,
}

impl Role {
    /// Returns `primary` or `replica`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Primary => "primary",
            Role::Replica => "replica",
        }
    }
}

impl From<NodeHealth> for Health {
    fn from(node: NodeHealth) -> Health {
        let NodeHealth {
            address,
            state,
            since,
            last_error,
            last_error_at,
            server_version,
            role,
        } = node;
        Health {
            state,
            since,
            last_error,
            last_error_at,
            address,
            server_version,
            role,
            nodes: Vec::new(),
        }
    }
}

/// Returns the health of a cluster with these `nodes`, which the URL names as `address`. Without nodes it is
/// that of a client that was made at `made`.
pub(crate) fn aggregate(address: String, nodes: Vec<NodeHealth>, made: Instant) -> Health {
    let gravest = nodes.iter().max_by_key(|node| {
        let age: Duration = node.since.elapsed();
        (node.state.gravity(), age)
    });
    let latest = nodes.iter().max_by_key(|node| node.last_error_at);
    let version = nodes.iter().find_map(|node| node.server_version.clone());
    let is_same =
        |node: &NodeHealth| node.server_version.is_none() || node.server_version == version;
    Health {
        state: gravest.map_or(ConnectionState::Idle, |node| node.state),
        since: gravest.map_or(made, |node| node.since),
        last_error: latest.and_then(|node| node.last_error.clone()),
        last_error_at: latest.and_then(|node| node.last_error_at),
        address,
        role: None,
        server_version: version.clone().filter(|_| nodes.iter().all(is_same)),
        nodes,
    }
}
