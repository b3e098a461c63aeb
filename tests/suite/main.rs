//! The tests that share one process: everything but what has to be alone in its own.
//!
//! One binary links the crate and its dependencies once. What depends on an environment variable, on
//! the logger or on a panic hook runs in a child process of this binary (`support::child`).
//!
//! Binaries of their own are `reliability` (figures that are measured: no other tests beside them),
//! `fork` (a child inherits the locks that other threads hold), `io_thread` (its logger panics) and `apps`
//! (cargo runs in it, and locks a target directory).

#[cfg(feature = "client")]
#[path = "../support/mod.rs"]
mod support;

mod architecture;
#[cfg(feature = "testing")]
mod beside_redis_rs;
#[cfg(all(feature = "testing", unix))]
mod cluster;
#[cfg(feature = "testing")]
mod compatibility;
#[cfg(all(feature = "testing", feature = "tls", unix))]
mod connecting;
mod corpus;
#[cfg(all(feature = "testing", unix))]
mod credentials;
#[cfg(feature = "testing")]
mod deadlines;
#[cfg(feature = "build")]
mod env_cases;
#[cfg(feature = "build")]
mod env_example;
#[cfg(all(feature = "testing", unix))]
mod foreign_code;
#[cfg(all(feature = "build", feature = "testing", feature = "tls"))]
mod guide;
#[cfg(all(feature = "testing", unix))]
mod handles;
#[cfg(all(feature = "testing", unix))]
mod last_words;
#[cfg(all(feature = "testing", unix))]
mod limits;
mod links;
#[cfg(feature = "client")]
mod macros;
#[cfg(all(feature = "testing", target_os = "linux"))]
mod no_descriptors;
#[cfg(all(feature = "testing", unix))]
mod observe;
#[cfg(all(feature = "testing", unix))]
mod permissions;
#[cfg(feature = "testing")]
mod redis_kinds;
#[cfg(feature = "build")]
mod report_picture;
#[cfg(feature = "client")]
mod runtime_value;
#[cfg(feature = "testing")]
mod runtimes;
#[cfg(feature = "client")]
mod secrets;
#[cfg(all(feature = "testing", unix))]
mod sentinel;
#[cfg(feature = "testing")]
mod sessions;
#[cfg(all(feature = "testing", feature = "tls", target_os = "linux"))]
mod stopped_process;
#[cfg(all(feature = "testing", unix))]
mod subscriptions;
#[cfg(feature = "testing")]
mod testing;
mod thread_time;
#[cfg(all(feature = "testing", unix))]
mod timeout_causes;
#[cfg(all(feature = "testing", feature = "tls", unix))]
mod topologies;
#[cfg(feature = "testing")]
mod transactions;
#[cfg(feature = "client")]
mod unknown_commands;
mod url_properties;
