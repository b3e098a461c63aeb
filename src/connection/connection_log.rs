//! [`ConnectionLog`]: what the log is told of a connection that comes and goes.

use std::fmt::Display;

use log::Level;

use crate::error::Error;
use crate::runtime::log;

/// What the log is told of a connection that comes and goes.
///
/// A logger may write its lines to Redis on this very connection. So that its lines do not cause more of
/// them for ever, the log does not hear of a connection that the server has closed while it was idle, or
/// before it had answered a command, and so not of the one that replaces it.
#[derive(Debug, Default)]
pub(super) struct ConnectionLog {
    /// The log says that there is a connection.
    is_up: bool,
    /// The log says why an attempt has failed.
    has_failed: bool,
}

impl ConnectionLog {
    /// The connection was lost after it had been of use.
    pub(super) fn lost(&mut self, error: &Error) {
        self.is_up = false;
        log(Level::Warn, || format!("{error:#}; reconnecting"));
    }

    /// An attempt to connect has failed; the first one of an outage is told.
    pub(super) fn failed(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.has_failed, true) {
            self.is_up = false;
            log(Level::Warn, || {
                format!("{error:#}; trying again until it works")
            });
        }
    }

    /// There is a connection to `peer`, where `server` is the one that Sentinels name.
    pub(super) fn connected(&mut self, peer: &str, server: Option<&impl Display>) {
        self.has_failed = false;
        if !std::mem::replace(&mut self.is_up, true) {
            log(Level::Info, || match server {
                Some(server) => format!("connected to {server} of `{peer}`"),
                None => format!("connected to `{peer}`"),
            });
        }
    }
}
