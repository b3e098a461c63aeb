//! A Redis client that is ready: one documented variable, validated at build and start-up, and one
//! multiplexed connection that heals by itself.
//!
//! # In applications
//!
//! The build script checks that `.env.example` documents `REDIS_URL` (see [`build`]), and
//! [`redis_client!`] gives the client, wherever it is called:
//!
//! ```no_run
//! use redis_ready::redis::AsyncCommands;
//! use redis_ready::redis_client;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = redis_client!()?;
//! client.ready(std::time::Duration::from_secs(10)).await?; // at start-up, if it shall wait
//! let visits: u64 = client.incr("visits", 1).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The commands are those of redis-rs, re-exported as [`redis`]: `AsyncCommands`,
//! `AsyncTypedCommands`, `cmd`, `pipe`, `Script`. Code that is not asynchronous has
//! [`Client::blocking`]; what needs a session of its own, such as `WATCH`, has
//! [`Client::dedicated_connection`].
//!
//! # In libraries
//!
//! Take `&mut impl redis::aio::ConnectionLike`, and name no variable: which server it is, is for the
//! application to say.
//!
//! # In tests
//!
//! [`testing::Server`] is a real server of one test, and [`testing::Server::client`] its client.
//!
//! # Delivery
//!
//! - Every command ends within its deadline, 3 s unless [configured](Config) otherwise, whatever
//!   happens to the server and the network.
//! - A command that was not written yet when the connection was lost moves to the next connection.
//! - A command that was written and has no reply when the connection is lost fails with
//!   [`ErrorKind::ConnectionLost`], and after the response timeout with [`ErrorKind::TimedOut`]: it may
//!   have run, and it is not sent again. At most once.
//! - While there is no connection at most 1,000 commands and 8 MiB wait for one; what comes on top
//!   fails at once with [`ErrorKind::QueueFull`].
//! - A reply never reaches another caller than the one that asked, also when futures are dropped:
//!   replies come in the order of the commands, and one that nobody waits for is read and discarded.
//! - Blocking commands (`BLPOP`, `XREAD BLOCK`, `WAIT` and the like) run on connections of their own,
//!   for as long as their argument says. Commands that would change the shared session (`SELECT`,
//!   `SUBSCRIBE`, `CLIENT REPLY` and the like) are refused with what to use instead.
//!
//! # Threads and runtimes
//!
//! One thread of the crate, `redis-ready`, owns every connection of the process. So a client works in
//! every tokio runtime, in other runtimes, in several of them at once and in none, it may stand in a
//! `static`, and time-outs are right while an application blocks its executor. In a child process
//! made by `fork` without `exec`, open clients must not be used.
//!
//! # Features
//!
//! | feature | default | what |
//! |---|---|---|
//! | `client` | yes | the client and [`redis_client!`] |
//! | `tls` | yes | `rediss://`, by rustls with ring |
//! | `build` | no | [`build`], for build scripts: neither redis nor tokio |
//! | `testing` | no | [`testing`] |
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
mod blocking;
#[cfg(feature = "build")]
pub mod build;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod connections;
#[cfg(feature = "client")]
mod dedicated;
#[cfg(feature = "client")]
mod env;
#[cfg(feature = "build")]
mod env_example;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod link;
#[cfg(feature = "client")]
mod macros;
#[cfg(feature = "client")]
mod registry;
mod report;
#[cfg(feature = "client")]
mod route;
#[cfg(feature = "testing")]
pub mod testing;
mod url;

#[cfg(feature = "client")]
pub use crate::blocking::BlockingClient;
#[cfg(feature = "client")]
pub use crate::client::Client;
#[cfg(feature = "client")]
pub use crate::config::Config;
#[cfg(feature = "client")]
pub use crate::dedicated::DedicatedConnection;
#[cfg(feature = "client")]
pub use crate::error::{Error, ErrorKind};
#[cfg(feature = "client")]
#[doc(hidden)]
pub use crate::macros::__private;
pub use crate::url::{Kind, Protocol, ReadFrom, RedisUrl, TlsVerify, UrlError, Warning};
#[cfg(feature = "client")]
pub use redis;
