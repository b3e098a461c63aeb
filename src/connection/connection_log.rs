//! [`ConnectionLog`]: what the log is told of a connection that comes and goes.

use std::fmt::Display;
use std::time::{Duration, Instant};

use log::Level;

use super::reply::Reply;
use crate::error::Error;
use crate::observe::Answer;
use crate::runtime::log;

/// What the log is told of a connection that comes and goes.
///
/// A logger may write its lines to Redis on this very connection. So that its lines do not cause more of
/// them for ever, the log does not hear of a connection that the server has closed while it was idle, or
/// before it had answered a command, and so not of the one that replaces it.
#[derive(Debug, Default)]
pub(crate) struct ConnectionLog {
    /// The log says that there is a connection.
    is_up: bool,
    /// The log says why an attempt has failed.
    has_failed: bool,
    pace: Pace,
    /// What the connection is for, as lines end that are not about that of the commands.
    purpose: &'static str,
}

impl ConnectionLog {
    pub(crate) fn of_subscriptions() -> ConnectionLog {
        ConnectionLog {
            purpose: " (for subscriptions)",
            ..ConnectionLog::default()
        }
    }

    /// The connection was lost after it had been of use.
    pub(crate) fn lost(&mut self, error: &Error) {
        if let Some(missing) = self.pace.admit(Instant::now()) {
            self.is_up = false;
            log(Level::Warn, || {
                format!("{error:#}; reconnecting{}{missing}", self.purpose)
            });
        }
    }

    /// An attempt to connect has failed; the first one of an outage is told.
    pub(crate) fn failed(&mut self, error: &Error) {
        if self.has_failed {
            return;
        }
        if let Some(missing) = self.pace.admit(Instant::now()) {
            (self.has_failed, self.is_up) = (true, false);
            log(Level::Warn, || {
                let purpose = self.purpose;
                format!("{error:#}; trying again until it works{purpose}{missing}")
            });
        }
    }

    /// There is a connection to `peer`, where `server` is the one that Sentinels name. It is told if the
    /// log says that there is none.
    pub(crate) fn connected(&mut self, peer: &str, server: Option<&impl Display>) {
        self.has_failed = false;
        if !std::mem::replace(&mut self.is_up, true) {
            log(Level::Info, || {
                let server = server.map_or(String::new(), |server| format!("{server} of "));
                format!("connected to {server}`{peer}`{}", self.purpose)
            });
        }
    }
}

/// The server refuses commands for a while, the first one with `reply`.
pub(super) fn refused_for_a_while(peer: &str, reply: &Reply) {
    let code = reply.error_code().unwrap_or("an error");
    log(Level::Info, || {
        format!("`{peer}` answers `{code}`; commands wait until it serves")
    });
}

/// How many lines say that there is no connection: two at once, and one more every three seconds. With those that
/// say that there is one again, a server that comes and goes all the time causes less than one line a second.
#[derive(Debug)]
struct Pace {
    left: u32,
    /// Since when the time counts for the next one.
    since: Option<Instant>,
    missing: u32,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            left: Pace::AT_ONCE,
            since: None,
            missing: 0,
        }
    }
}

impl Pace {
    const AT_ONCE: u32 = 2;
    const INTERVAL: Duration = Duration::from_secs(3);

    /// Returns what the line says of those that are missing before it; `None` if it is to be left out.
    fn admit(&mut self, now: Instant) -> Option<String> {
        while self.left < Pace::AT_ONCE
            && let Some(since) = self.since
            && now.saturating_duration_since(since) >= Pace::INTERVAL
        {
            self.left += 1;
            self.since = Some(since + Pace::INTERVAL);
        }
        if self.left == 0 {
            self.missing += 1;
            return None;
        }
        if self.left == Pace::AT_ONCE {
            self.since = Some(now);
        }
        self.left -= 1;
        Some(match std::mem::take(&mut self.missing) {
            0 => String::new(),
            missing => format!(" (lines left out before this one: {missing})"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the lines of `seconds` in which one of them is due every 100 ms.
    fn lines_in(pace: &mut Pace, start: Instant, seconds: u64) -> usize {
        let times = (0..seconds * 10).map(|tenth| start + Duration::from_millis(tenth * 100));
        times.filter(|now| pace.admit(*now).is_some()).count()
    }

    #[test]
    fn an_outage_causes_two_lines_at_once_and_then_few() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(lines_in(&mut pace, start, 1), 2);
        // Each may be followed by one that there is a connection again: ten lines in ten seconds.
        let start = start + Duration::from_secs(3_600);
        assert_eq!(lines_in(&mut pace, start, 10), 5);
        let start = start + Duration::from_secs(3_600);
        let line = pace.admit(start).expect("it has been quiet for an hour");
        assert_eq!(line, " (lines left out before this one: 9)");
        assert_eq!(pace.admit(start).as_deref(), Some(""));
        assert_eq!(pace.admit(start), None);
    }
}
