//! A real server that a test starts and throws away: [`Server`].
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use redis_ready::testing::Server;
//!
//! let server = Server::start()?;
//! println!("REDIS_URL={}", server.url());
//! // The drop ends the process and removes its directory.
//! # Ok(())
//! # }
//! ```
//!
//! The program is `redis-server` or `valkey-server` in `PATH`, or the one that the variable
//! `REDIS_READY_SERVER` names. Each server is a process of its own with an empty database in a private
//! directory, so tests can run at the same time.

mod arguments;
mod ask;
mod builder;
mod certificate;
mod cluster;
mod cluster_builder;
mod cluster_node;
mod cluster_start;
mod cluster_view;
mod database;
mod process;
mod sentinels;
mod sentinels_builder;
mod sentinels_view;
mod server;

pub use self::builder::ServerBuilder;
pub use self::cluster::Cluster;
pub use self::cluster_builder::ClusterBuilder;
pub use self::database::Database;
pub use self::sentinels::Sentinels;
pub use self::sentinels_builder::SentinelsBuilder;
pub use self::server::Server;
pub use crate::client::{Entered, Overrides, Scope};
