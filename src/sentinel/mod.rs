//! Sentinels: which server is the primary, the connection to it, and the messages about a new one.

mod answers;
mod discover;
mod locate;
mod watch;

pub(crate) use self::discover::Server;
pub(crate) use self::locate::Locator;
pub(crate) use self::watch::{Announcements, SentinelWatch};
