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
//! Every command ends within its deadline, 3 s unless [configured](Config) otherwise, whatever happens
//! to the server and the network; and a reply never reaches another caller than the one that asked.
//! What happens to a command in between:
//!
//! | the command | what happens |
//! |---|---|
//! | was not written yet when the connection was lost | It moves to the next connection. |
//! | was refused by the server without running: `LOADING`, `BUSY`, `TRYAGAIN`, `CLUSTERDOWN`, `MASTERDOWN`, `READONLY` | It waits until the server serves, and is sent again. Whatever the number of callers, one small question every 200 ms asks for that. A replica is left, and the name looked up again, at most once a second. |
//! | was written, and the connection lost before its reply | It is sent again if it only reads, or if the caller has said that it is [idempotent](Client::idempotent). Else it fails with [`ErrorKind::ConnectionLost`], for [it may have run](Error::may_have_run). |
//! | was written, and has no reply within the response timeout, 1 s | It fails with [`ErrorKind::TimedOut`], and may have run. A connection that stays silent for three response timeouts is replaced. |
//! | cannot be written, for there is no connection | It waits for one. With 1,000 commands or 8 MiB waiting, it fails at once with [`ErrorKind::QueueFull`]. |
//! | is one more than `max_in_flight` | It waits for its turn within its deadline. |
//!
//! No command is written more than three times, and what is sent again after a loss is bounded for all
//! callers together: 1,000 commands, and one more for every 10 replies. An outage is not multiplied.
//!
//! What counts as refused is what the answer proves: for a script (`EVAL`, `FCALL`) it proves nothing,
//! since it can write and then return any error; a pipeline is sent again only if each of its commands
//! was refused, and a transaction only if it was not queued. What only reads is a table of commands
//! from the servers' own flags; a pipeline is read-only if all of its commands are.
//!
//! After a time-out nothing is sent again on the same connection: behind the first a second command can
//! only add load.
//!
//! Blocking commands (`BLPOP`, `XREAD BLOCK`, `WAIT` and the like) run on connections of their own, for
//! as long as their argument says, and so does a pipeline that holds one. Commands that would change
//! the shared session (`SELECT`, `SUBSCRIBE`, `CLIENT REPLY` and the like) are refused with what to use
//! instead. A pipeline without commands, or with an empty one, is an error and never written.
//!
//! The page [Reliability](reliability) has the figures that these promises are measured by.
//!
//! # Sentinel and Cluster
//!
//! Another URL, and no line of code: `redis-sentinel://h1:26379,h2:26379/name` and
//! `redis-cluster://h1:6379,h2:6379`, or with `rediss-` over TLS. All of the above holds.
//!
//! - The Sentinels are asked for every attempt to connect, and the role of the server is verified; word
//!   of a switch (`+switch-master`) moves all connections at once.
//! - In a cluster redirections are followed, 16 of them at most: `MOVED`, `ASK` and `TRYAGAIN` say that
//!   nothing has run. `MGET`, `MSET`, `DEL`, `EXISTS`, `TOUCH`, `UNLINK` and pipelines are split by node:
//!   not atomic, and if one part fails the whole fails, and may have run. Transactions, scripts and other
//!   commands with several keys need these in one slot. What asks all nodes (`DBSIZE`, `KEYS`, `FLUSHALL`,
//!   `SCRIPT LOAD`, …) combines their replies as redis-rs does. `SCAN` and `WAIT` are refused with what
//!   to do instead.
//! - A dedicated connection is to the node that serves the first key it names.
//! - `?read_from=replica` and `prefer_replica`: with Sentinel everything goes to a replica, in a cluster
//!   single commands that only read.
//! - Replication is asynchronous: Redis itself can lose what it has acknowledged when a replica takes
//!   over. No client can promise that away.
//!
//! # Threads and runtimes
//!
//! One thread of the crate, `redis-ready`, owns every connection of the process. So a client works in
//! every tokio runtime, in other runtimes, in several of them at once and in none, it may stand in a
//! `static`, and time-outs are right while an application blocks its executor. The child of a `fork`
//! without `exec` gets a thread and connections of its own, if no other thread of the parent was using
//! a client at that moment: a lock that it held is held for ever in the child.
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
mod cluster;
#[cfg(feature = "client")]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the callers are switched over next")
)]
mod command;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod connections;
#[cfg(feature = "client")]
mod dedicated;
#[cfg(any(feature = "client", feature = "build"))]
#[cfg_attr(
    not(any(test, all(feature = "client", feature = "build"))),
    expect(dead_code, reason = "each of the two features uses a part of it")
)]
mod dotenv;
#[cfg(feature = "client")]
mod env;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod link;
#[cfg(feature = "client")]
mod macros;
#[cfg(feature = "client")]
mod registry;
#[cfg(doc)]
#[doc = include_str!("reliability.md")]
pub mod reliability {}
#[cfg_attr(
    not(any(test, feature = "build")),
    expect(dead_code, reason = "the build reads placeholders in documents, too")
)]
mod placeholder;
#[cfg(any(feature = "client", feature = "build"))]
mod report;
#[cfg(feature = "client")]
mod route;
#[cfg(feature = "client")]
mod servers;
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
pub use crate::url::{Protocol, ReadFrom, RedisUrl, TlsVerify, UrlError, UrlKind, UrlWarning};
#[cfg(feature = "client")]
pub use redis;
