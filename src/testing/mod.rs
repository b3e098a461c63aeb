//! For the tests of applications: real servers that a test starts and throws away, and other values of the
//! variables that the code under test names.
//!
//! ```toml
//! [dev-dependencies]
//! redis-ready = { version = "0.1", features = ["testing"] }
//! ```
//!
//! The program is `redis-server` or `valkey-server` in `PATH`, or the one that the variable
//! `REDIS_READY_SERVER` names, of version 7.0 or later. Servers listen on Unix sockets or free ports of
//! 127.0.0.1, so tests can run at the same time. They end with their handle, and on Unix also when the test
//! process dies. To start, stop or restart one blocks the calling thread until that is done.
//!
//! | for | use |
//! |---|---|
//! | a server of its own, with a password, a user, TLS or a replica | [`Server`] |
//! | a share of one server | [`Database`] |
//! | code that calls `redis_client!()` | [`Overrides`] |
//! | failovers | [`Sentinels`], [`Cluster`] |
//!
//! # One server per test
//!
//! Nothing of another test is in it, and the test may do with it what it likes.
//!
//! ```
//! use redis_ready::redis::AsyncCommands;
//! use redis_ready::testing::Server;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder().user("app", "s3cret", "~app:* +@all").start()?;
//! let mut client = server.client();
//! let () = client.set("app:greeting", "hello").await?;
//! // The drop of `server` ends the process and removes its directory.
//! # Ok(())
//! # }
//! ```
//!
//! # One server per process
//!
//! The first test starts it, and each test has an empty [database](Database) of it. Tests of what belongs to
//! the whole server are not isolated from each other: `FLUSHALL`, channels, scripts, `CONFIG`.
//!
//! ```
//! use redis_ready::redis::Commands;
//! use redis_ready::testing::Database;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let database = Database::lend()?;
//! let visits: u64 = database.client().blocking().incr("visits", 1)?;
//! assert_eq!(visits, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Code that calls `redis_client!()`
//!
//! [`Overrides`] lead it to the server of one test. The process environment stays as it is, and other tests
//! do not notice.
//!
//! ```
//! # use redis_ready::{ErrorKind, redis_client};
//! use redis_ready::redis::Commands;
//! use redis_ready::testing::{Database, Overrides};
//!
//! fn count_visit() -> Result<u64, Box<dyn std::error::Error>> {
//!     Ok(redis_client!()?.blocking().incr("visits", 1)?)
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let database = Database::lend()?;
//! let overrides = Overrides::new().set("REDIS_URL", database.url());
//! {
//!     let _entered = overrides.enter(); // an asynchronous test: `overrides.scope(future).await`
//!     assert_eq!(count_visit()?, 1);
//! }
//!
//! // How does it behave where the variable is missing?
//! let _entered = Overrides::new().unset("REDIS_URL").enter();
//! let error = redis_client!().map(|_| ()).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::MissingVariable);
//! # Ok(())
//! # }
//! ```
//!
//! # Faults
//!
//! A server that is paused accepts connections and does not answer. One that was killed refuses them, until
//! it is started again: at the same address, without data.
//!
//! ```
//! use redis_ready::redis::Commands;
//! use redis_ready::testing::Server;
//! use redis_ready::{Client, Error, ErrorKind};
//!
//! # #[cfg(unix)]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut server = Server::builder().tcp().start()?;
//! let mut client = Client::open(&format!("{}?deadline=300ms", server.url()))?.blocking();
//! let () = client.set("key", 1)?;
//!
//! server.pause()?;
//! let late = client.get::<_, u64>("key").unwrap_err();
//! assert_eq!(Error::from_redis(&late).map(Error::kind), Some(ErrorKind::TimedOut));
//! server.resume()?;
//!
//! server.kill()?;
//! assert!(client.get::<_, u64>("key").is_err());
//!
//! server.restart()?;
//! let mut client = server.client().blocking(); // waits for 3 s
//! let key: Option<u64> = client.get("key")?;
//! assert_eq!(key, None);
//! # Ok(())
//! # }
//! # #[cfg(not(unix))]
//! # fn main() {}
//! ```
//!
//! # Failovers
//!
//! [`Sentinels`] and [`Cluster`] start in some seconds. They fail over when the test says so: `failover()`
//! asks for it, and `kill_primary()` lets it happen.
//!
//! ```no_run
//! use redis_ready::redis::Commands;
//! use redis_ready::testing::{Overrides, Sentinels, Server};
//! # use redis_ready::redis_client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let servers = Server::builder().password("s3cret");
//! let mut sentinels = Sentinels::builder().servers(servers).start()?;
//! let _entered = Overrides::new().set("REDIS_URL", sentinels.url()).enter();
//! let mut client = redis_client!()?.blocking();
//! sentinels.kill_primary()?;
//! let () = client.set("key", 1)?; // on the new primary
//! # Ok(())
//! # }
//! ```
//!
//! # A mock
//!
//! `redis-test` 1.0.4 has a mock for redis-rs 1.x. It takes the place of a client where the code under test
//! takes any connection, as a [library](crate#in-libraries) does. It knows replies, and nothing of time
//! limits, reconnecting and deployments.
//!
//! ```toml
//! [dev-dependencies]
//! redis-test = { version = "1.0.4", features = ["aio"] }
//! ```
//!
//! ```
//! use redis_ready::redis::aio::ConnectionLike;
//! use redis_ready::redis::{AsyncCommands, RedisResult, cmd};
//! use redis_test::{MockCmd, MockRedisConnection};
//!
//! async fn count_visit<C>(connection: &mut C) -> RedisResult<u64>
//! where
//!     C: ConnectionLike + Send + Sync,
//! {
//!     connection.incr("visits", 1).await
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let incr = MockCmd::new(cmd("INCRBY").arg("visits").arg(1), Ok(42));
//! let mut mock = MockRedisConnection::new([incr]).assert_all_commands_consumed();
//! assert_eq!(count_visit(&mut mock).await?, 42);
//! # Ok(())
//! # }
//! ```

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
