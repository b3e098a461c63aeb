//! The handles that an application holds, and the one client for each variable.

mod async_client;
mod blocking;
mod connection_info;
mod dedicated;
mod deployment;
mod described;
mod environment;
mod login_files;
mod macros;
#[cfg(feature = "testing")]
mod overrides;
mod registry;
mod session_start;
mod variable;

pub use self::async_client::Client;
pub use self::blocking::BlockingClient;
pub use self::dedicated::{BlockingDedicatedConnection, DedicatedConnection};
#[doc(hidden)]
pub use self::macros::__private;
#[cfg(feature = "testing")]
pub use self::overrides::{Entered, Overrides, Scope};
