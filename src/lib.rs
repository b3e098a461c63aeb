//! A Redis client that is ready: one documented variable, validated at build time and at start-up, and
//! one multiplexed connection that reconnects by itself.
//!
//! Begin with [the first hour](guide::first_hour). [The guide](#the-guide) has a page for each task.
//!
//! # In applications
//!
//! Three steps lead to the first `SET` and `GET`.
//!
//! **1. Depend on it**, in `Cargo.toml`:
//!
//! ```toml
//! [dependencies]
//! redis-ready = "0.1"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//!
//! [build-dependencies]
//! redis-ready = { version = "0.1", default-features = false, features = ["build"] }
//! ```
//!
//! **2. Document the variable.** A build script checks that `.env.example` does (see [`build`]):
//!
//! ```
//! # mod redis_ready { pub mod build { pub fn check() {} } }
//! fn main() { redis_ready::build::check(); } // build.rs
//! ```
//! ```env
//! # Redis: sessions and rate limits
//! REDIS_URL=redis://localhost:6379
//! # Or for Redis with password:
//! # REDIS_URL=redis://:password@localhost:6379
//! # Or for Redis Cloud:
//! # REDIS_URL=rediss://:password@host:port
//! ```
//!
//! **3. Use it.** Set the variable (`cp .env.example .env` is enough on your own machine), and call
//! [`redis_client!`] wherever you need the client. Every call returns the same one:
//!
//! ```no_run
//! use redis_ready::redis::AsyncCommands;
//! use redis_ready::redis_client;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut client = redis_client!()?; // does not connect yet
//!     let () = client.set("greeting", "hello").await?;
//!     let greeting: String = client.get("greeting").await?;
//!     println!("{greeting}");
//!     Ok(())
//! }
//! ```
//!
//! The commands are those of redis-rs, re-exported as [`redis`]: `AsyncCommands`,
//! `AsyncTypedCommands`, `cmd`, `pipe`, `Script`. What else an application needs:
//!
//! | to | use |
//! |---|---|
//! | stop at start-up if the server does not answer | [`Client::ready`] |
//! | call Redis from code that is not asynchronous | [`Client::blocking`] |
//! | change the session, as `WATCH` and redis-rs's `transaction_async` do | [`Client::dedicated_connection`], [`BlockingClient::dedicated_connection`] |
//! | receive what is published to channels | [`Client::subscribe`]: a stream that heals, and says by a `Gap` where messages may be missing; see [`subscription`] |
//! | let a write be sent again after a lost connection | [`Client::idempotent`] |
//! | give single commands another time limit, or none of the wait for a server that is out of reach | [`Client::with_timeout`], [`Client::fail_fast`] |
//! | do without Redis where there is none | [a Redis that is optional](Client#a-redis-that-is-optional) |
//! | keep the password out of the URL | `REDIS_URL_PASSWORD` or `REDIS_URL_PASSWORD_FILE`, see [`Client::from_env`] |
//! | log in with tokens of IAM or Microsoft Entra | [`Config::with_credentials`] |
//! | know how the client is, for a probe or a dashboard | [`Client::health`], [`Client::statistics`], [`observability`] |
//! | end in an orderly way | [`Client::close`] |
//! | use another variable, or a URL | [`redis_client!(NAME)`](redis_client!), [`Client::from_env`], [`Client::open`] |
//! | change time limits | [parameters of the URL](Config#parameters-of-the-url), or the setters of [`Config`] |
//!
//! # In libraries
//!
//! Take `&mut impl redis::aio::ConnectionLike`, and depend on `redis` alone: the application chooses the
//! variable, the server and the client.
//!
//! ```
//! # use redis_ready::redis;
//! use redis::aio::ConnectionLike;
//! use redis::{AsyncCommands, RedisResult};
//!
//! pub async fn count_visit<C>(connection: &mut C) -> RedisResult<u64>
//! where
//!     C: ConnectionLike + Send + Sync,
//! {
//!     connection.incr("visits", 1).await
//! }
//! ```
//!
//! The library's redis-rs has to be the one of the application: 1.8.1 or a later 1.x. With another one, such
//! as 0.32, the compiler says ``the trait bound `Client: ConnectionLike` is not satisfied`` and notes ``there
//! are multiple different versions of crate `redis` in the dependency graph``; `cargo tree -i redis` shows
//! which dependency needs which. A library that opens connections of its own works beside this crate, without
//! its promises; where it takes an `impl IntoConnectionInfo`, pass `&client`, and where it takes a URL,
//! [`client.expose_url()?`](Client::expose_url).
//!
//! # In tests
//!
//! With the feature `testing`, [`testing::Server`] starts a real server for one test and stops it when it
//! is dropped. [`testing::Server::client`] is a client for it.
//!
//! ```
//! # #[cfg(feature = "testing")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use redis_ready::redis::Commands;
//! use redis_ready::testing::Server;
//!
//! let server = Server::start()?;
//! let mut client = server.client().blocking();
//! let visits: u64 = client.incr("visits", 1)?;
//! assert_eq!(visits, 1);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "testing"))]
//! # fn main() {}
//! ```
//!
//! Code that calls [`redis_client!`] itself meets that server through [`testing::Overrides`]. [`testing`] has
//! recipes: a server for each test, one for a process, faults, failovers, and a mock.
//!
//! # The guide
//!
//! One page for each task:
//!
//! | you | read |
//! |---|---|
//! | begin | [`first_hour`](guide::first_hour): from `cargo new` to a tested application, and what mistakes look like |
//! | come from redis-rs, deadpool-redis, bb8-redis or fred | [`migrating`](guide::migrating): what replaces which call, and what behaves in another way |
//! | write code that has to be right in an outage | [`delivery`](guide::delivery): time limits, and when a command is sent again; [`errors`](guide::errors): what each error means |
//! | receive what others publish | [`subscription`] |
//! | keep sessions, or use libraries for jobs, locks, caches or Socket.IO | [`integrations`](guide::integrations) |
//! | test | [`testing`] |
//! | deploy | [`deploy`](guide::deploy); [`servers`](guide::servers): permissions (ACL), TLS, old servers and proxies |
//! | are on call | [`operate`](guide::operate): what log, errors, health and metrics mean, what to do, and which alerts to set |
//! | watch it | [`observability`]: spans, events and metrics |
//! | move to Sentinel or to a cluster | [`growing`](guide::growing) |
//! | want to know what it promises | [`reliability`]: each promise with its figure and its test |
//! | want to know what runs beside your code | [`background_thread`](guide::background_thread): threads, tasks, and what they cost |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `client` | yes | the client and [`redis_client!`] |
//! | `tls` | yes | `rediss://`, by rustls with ring |
//! | `build` | no | [`build`], for build scripts, with neither redis nor tokio |
//! | `testing` | no | [`testing`]: servers, Sentinels and clusters for tests, and overrides of variables |
//! | `tower-sessions` | no | [`tower_sessions::RedisStore`]: sessions of axum and other frameworks on tower |
//! | `actix-session` | no | [`actix_session::RedisSessionStore`]: sessions of Actix Web |
//! | `tracing` | no | [a span for each command](observability), and the lines of the log as events |
//! | `metrics` | no | [metrics](observability) for the recorder of the `metrics` facade |
//! | `serde` | no | `Serialize` for [`Health`], [`Statistics`] and what they hold |
//! | `cli` | no | [the program `cargo redis-ready`](cli), with neither redis nor tokio |
//!
//! What redis-rs has as a feature, such as its commands for JSON, is switched on there. Cargo compiles one
//! redis-rs for both, so its items are in [`redis`] too, as `redis_ready::redis::JsonAsyncCommands` is:
//!
//! ```toml
//! [dependencies]
//! redis-ready = "0.1"
//! redis = { version = "1.8.1", features = ["json"] }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
// The documentation is for all readers, and links to the items of every feature.
#![cfg_attr(
    not(all(
        feature = "client",
        feature = "build",
        feature = "testing",
        feature = "tower-sessions",
        feature = "actix-session"
    )),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the item is of a feature that is off"
    )
)]

#[cfg(feature = "client")]
mod address;
#[cfg(feature = "build")]
pub mod build;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod cluster;
#[cfg(feature = "client")]
mod command;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod connect;
#[cfg(feature = "client")]
mod connection;
#[cfg(any(feature = "client", feature = "build"))]
#[cfg_attr(
    not(any(test, all(feature = "client", feature = "build"))),
    expect(dead_code, reason = "each of the two features uses a part of it")
)]
mod dotenv;
#[cfg(feature = "client")]
mod error;
// Its examples are of all features that a page may need.
#[cfg(all(
    doc,
    any(
        not(doctest),
        all(feature = "client", feature = "build", feature = "testing")
    )
))]
pub mod guide;
#[cfg(feature = "client")]
mod login;
#[cfg(doc)]
#[doc = include_str!("observability.md")]
pub mod observability {}
#[cfg(feature = "client")]
mod observe;
#[cfg_attr(
    not(any(test, feature = "build")),
    expect(dead_code, reason = "the build reads placeholders in documents, too")
)]
mod placeholder;
#[cfg(feature = "client")]
mod redis_error;
#[cfg(doc)]
#[doc = include_str!("reliability.md")]
pub mod reliability {}
#[cfg_attr(
    not(any(test, feature = "client", feature = "build")),
    expect(
        dead_code,
        reason = "without a feature only the parser of URLs uses it"
    )
)]
mod report;
#[cfg(feature = "client")]
mod resp;
#[cfg(feature = "client")]
mod runtime;
#[cfg(feature = "client")]
mod sentinel;
#[cfg(any(feature = "actix-session", feature = "tower-sessions"))]
mod sessions;
#[cfg(feature = "client")]
pub mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "client")]
mod timeout_cause;
mod url;

#[cfg(feature = "client")]
#[doc(hidden)]
pub use crate::client::__private;
#[cfg(feature = "client")]
pub use crate::client::{BlockingClient, BlockingDedicatedConnection, Client, DedicatedConnection};
#[cfg(feature = "client")]
pub use crate::config::Config;
#[cfg(feature = "client")]
pub use crate::error::{Error, ErrorKind};
#[cfg(feature = "client")]
pub use crate::login::{Credentials, CredentialsProvider};
#[cfg(feature = "client")]
pub use crate::observe::{
    ConnectionState, Health, NodeHealth, Role, Statistics, SubscriptionCounts, TimeoutCounts,
};
#[cfg(feature = "actix-session")]
pub use crate::sessions::actix_session;
#[cfg(feature = "tower-sessions")]
pub use crate::sessions::tower_sessions;
#[cfg(feature = "client")]
pub use crate::subscription::{BlockingSubscription, Subscription};
#[cfg(feature = "client")]
pub use crate::timeout_cause::TimeoutCause;
pub use crate::url::{Protocol, ReadFrom, RedisUrl, TlsVerify, UrlError, UrlKind, UrlWarning};
#[cfg(feature = "client")]
pub use redis;

/// The code blocks of README.md, as tests.
#[cfg(all(doctest, feature = "client", feature = "build", feature = "testing"))]
#[doc(hidden)]
#[doc = include_str!("../README.md")]
pub struct ReadmeDoctests;
