//! [`Dialect`]: how a connection introduces itself, and [`Dialects`]: what a server has taken so far.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::url::Protocol;

/// Time after which a server that was asked for less is asked for everything again, at the next
/// connection: what ended the connections may be gone, such as a proxy.
const DIALECT_LIFETIME: Duration = Duration::from_secs(600);
/// Shortest time between two attempts in which a server that ends connections is asked for less, so that
/// one in trouble does not get several connections in each attempt.
const DESCEND_INTERVAL: Duration = Duration::from_secs(5);

/// How a connection introduces itself: with less and less, for proxies that end a connection on any
/// command that they do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `HELLO 3` and the names of the client; RESP2 where the server does not agree.
    Resp3,
    /// RESP2 and the names of the client.
    Resp2,
    /// RESP2, and only `AUTH`, `PING` and `SELECT`.
    Bare,
    /// As [`Bare`](Dialect::Bare), with `AUTH` without a username, and `GET` instead of `PING`.
    Oldest,
}

impl Dialect {
    /// Returns the dialect that the URL asks for.
    pub(crate) fn of(protocol: Protocol) -> Dialect {
        match protocol {
            Protocol::Resp3 => Dialect::Resp3,
            Protocol::Resp2 => Dialect::Resp2,
        }
    }

    /// Returns the dialect to try if the server ends connections in this one.
    pub(crate) fn simpler(self) -> Option<Dialect> {
        match self {
            Dialect::Resp3 | Dialect::Resp2 => Some(Dialect::Bare),
            Dialect::Bare => Some(Dialect::Oldest),
            Dialect::Oldest => None,
        }
    }
}

/// What one server has taken so far. All connections of a client to it share this.
#[derive(Debug, Default)]
pub(crate) struct Dialects(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The dialect that has worked where the one of the URL has not, and since when.
    needed: Option<(Dialect, Instant)>,
    /// When the server was asked for less the last time.
    last_descent: Option<Instant>,
}

impl Dialects {
    /// Returns the dialect in which an attempt begins.
    pub(crate) fn first(&self, protocol: Protocol, now: Instant) -> Dialect {
        let mut known = self.lock();
        known.needed = known
            .needed
            .filter(|(_, since)| now.saturating_duration_since(*since) < DIALECT_LIFETIME);
        known
            .needed
            .map_or(Dialect::of(protocol), |(dialect, _)| dialect)
    }

    /// Returns whether the server takes nothing but the oldest dialect.
    pub(crate) fn is_oldest(&self) -> bool {
        matches!(self.lock().needed, Some((Dialect::Oldest, _)))
    }

    /// The server has ended a connection in the dialect in which the attempt began. Returns whether this
    /// attempt may try the others. What the server needs stays known until one of them has worked: the
    /// connection may have ended for another reason.
    pub(crate) fn may_descend(&self, now: Instant) -> bool {
        let mut known = self.lock();
        let is_due = known
            .last_descent
            .is_none_or(|last| now.saturating_duration_since(last) >= DESCEND_INTERVAL);
        if is_due {
            known.last_descent = Some(now);
        }
        is_due
    }

    /// The server has taken `dialect` after it had ended connections in others.
    pub(crate) fn remember(&self, dialect: Dialect, now: Instant) {
        let mut known = self.lock();
        known.needed = Some((dialect, now));
        // The next time that it ends a connection is another outage.
        known.last_descent = None;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_needs_is_remembered_for_a_while() {
        let (dialects, now) = (Dialects::default(), Instant::now());
        assert_eq!(dialects.first(Protocol::Resp3, now), Dialect::Resp3);
        assert_eq!(dialects.first(Protocol::Resp2, now), Dialect::Resp2);
        dialects.remember(Dialect::Bare, now);
        assert_eq!(dialects.first(Protocol::Resp3, now), Dialect::Bare);
        let later = now + DIALECT_LIFETIME;
        assert_eq!(dialects.first(Protocol::Resp3, later), Dialect::Resp3);
        assert_eq!(dialects.first(Protocol::Resp3, now), Dialect::Resp3);
    }

    #[test]
    fn a_server_that_ends_connections_is_asked_for_less_now_and_then() {
        let (dialects, now) = (Dialects::default(), Instant::now());
        dialects.remember(Dialect::Oldest, now);
        assert!(dialects.may_descend(now));
        assert!(!dialects.may_descend(now));
        assert!(dialects.may_descend(now + DESCEND_INTERVAL));
    }

    #[test]
    fn what_a_server_needs_stays_known_until_it_has_taken_something_else() {
        let (dialects, now) = (Dialects::default(), Instant::now());
        dialects.remember(Dialect::Bare, now);
        assert!(dialects.may_descend(now));
        assert_eq!(dialects.first(Protocol::Resp3, now), Dialect::Bare);
        for found in [Dialect::Oldest, Dialect::Resp3] {
            dialects.remember(found, now);
            assert_eq!(dialects.first(Protocol::Resp3, now), found);
        }
    }
}
