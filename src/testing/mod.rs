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
mod builder;
mod process;
mod server;

pub use self::builder::ServerBuilder;
pub use self::server::Server;
pub use crate::client::{Entered, Overrides, Scope};
