//! A Redis client that is ready.
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
pub use crate::url::{Kind, Protocol, ReadFrom, RedisUrl, TlsVerify, UrlError, Warning};
#[cfg(feature = "client")]
<<<<<<< HEAD
#[doc(hidden)]
pub use crate::macros::__private;
pub use crate::url::{Kind, Protocol, ReadFrom, RedisUrl, TlsVerify, UrlError, Warning};
#[cfg(feature = "client")]
=======
>>>>>>> refs/heads/url
pub use redis;
