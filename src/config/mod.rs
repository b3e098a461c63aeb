//! The settings of a client, and the part of them that a connection to one server needs.

mod address_map;
mod announced;
mod client_config;
mod dialect;
mod exposed_url;
mod failed_addresses;
mod server_config;
mod servers;
mod standalone;
mod tls_config;
mod with_credentials;

pub(crate) use self::announced::{Announced, Announcer};
pub use self::client_config::Config;
pub(crate) use self::dialect::Dialect;
#[cfg(feature = "testing")]
pub(crate) use self::exposed_url::{encoded_component, encoded_path};
pub(crate) use self::server_config::{ServerConfig, ServerRole, Target, oldest_probe};
pub(crate) use self::servers::{Endpoint, Sentinels, Servers};
pub(crate) use self::standalone::{Standalone, Transport};
#[cfg(feature = "tls")]
pub(crate) use self::tls_config::TlsConfig;
