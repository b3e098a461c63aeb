//! [`Labels`]: what all spans and metrics of a client have in common.

use crate::config::{Config, Endpoint, Servers};

/// What all spans and metrics of a client have in common. Nothing in it is a secret.
#[derive(Debug)]
pub(super) struct Labels {
    /// The host of the one server, or its socket; `None` with Sentinels and in a cluster, where a command can
    /// go to any.
    pub(super) address: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) database: String,
}

impl Labels {
    pub(super) fn new(config: &Config) -> Labels {
        let (address, port) = match config.servers() {
            Servers::Standalone(Endpoint::Tcp(address)) => {
                (Some(address.host.clone()), Some(address.port))
            }
            Servers::Standalone(Endpoint::Unix(path)) => (Some(path.display().to_string()), None),
            Servers::Sentinel(_) | Servers::Cluster(_) => (None, None),
        };
        Labels {
            address,
            port,
            database: config.database().to_string(),
        }
    }
}
