//! [`Condition`]: how a connection is at one moment, as health and statistics tell it.

use std::time::{Duration, Instant};

use super::command_queue::{CommandQueue, Connection};
use super::history::History;
use crate::connect::Greeting;
use crate::error::Error;
use crate::observe::ConnectionState;

/// Shortest time between two lines that the server does not serve.
const TOLD_INTERVAL: Duration = Duration::from_secs(10);

/// How a connection is at one moment.
#[derive(Debug, Clone)]
pub(in super::super) struct Condition {
    pub(in super::super) state: ConnectionState,
    pub(in super::super) since: Instant,
    pub(in super::super) failure: Option<(Error, Instant)>,
    pub(in super::super) greeting: Greeting,
    pub(in super::super) server: Option<String>,
}

impl CommandQueue {
    /// Takes what the server says of itself, and its address where that is not the target.
    pub(in super::super) fn greeted(&mut self, greeting: Greeting, server: Option<String>) {
        self.history.greeting = greeting;
        self.history.server = server;
    }

    /// The next connection is made when a caller needs it, or it is needed now.
    pub(in super::super) fn set_dormant(&mut self, is_dormant: bool) {
        self.history.changed();
        self.history.is_dormant = is_dormant;
    }

    /// Returns whether to tell the log that the server does not serve: not again for a while.
    pub(in super::super) fn is_told_not_ready(&mut self) -> bool {
        let (last, now) = (self.history.told_not_ready, Instant::now());
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= TOLD_INTERVAL);
        if is_due {
            self.history.told_not_ready = Some(now);
        }
        is_due
    }

    /// Returns how the connection is.
    pub(in super::super) fn condition(&self) -> Condition {
        let History {
            since,
            is_dormant,
            failure,
            greeting,
            server,
            ..
        } = &self.history;
        let parked = self.not_ready.parked_since();
        let state = match &self.connection {
            Connection::Closed(_) => ConnectionState::Closed,
            _ if self.is_closing => ConnectionState::Closed,
            Connection::Up { .. } if parked.is_some() => ConnectionState::NotReady,
            Connection::Up { .. } => ConnectionState::Connected,
            Connection::Down { .. } if *is_dormant || !self.driver.is_started() => {
                ConnectionState::Idle
            }
            Connection::Down { .. } if self.number == 0 => ConnectionState::Connecting,
            Connection::Down { .. } => ConnectionState::Reconnecting,
        };
        let since = match (state, parked) {
            (ConnectionState::NotReady, Some(parked)) => parked,
            _ => *since,
        };
        Condition {
            state,
            since,
            failure: failure.clone(),
            greeting: greeting.clone(),
            server: server.clone(),
        }
    }

    /// Returns how many submissions were taken and how many replies have come.
    pub(in super::super) fn counts(&self) -> (u64, u64) {
        (self.history.submitted, self.history.replies)
    }

    /// Returns how many submissions wait to be written or for their replies, how many callers are in line,
    /// and how many bytes wait to be written.
    pub(in super::super) fn backlog(&self) -> (usize, usize, usize) {
        let unsent = self.out.unsent() - self.in_flight.gone_bytes();
        (self.in_flight.waiting(), self.admission.len(), unsent)
    }
}
