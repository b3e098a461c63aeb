//! [`Heartbeat`]: whether the server at the other end is there, and still the one that it was.

use std::time::{Duration, Instant};

use super::notice::Replication;
use super::requests::Requests;
use crate::runtime::later;

/// Silence of a server after which it is asked whether it is there.
const INTERVAL: Duration = Duration::from_secs(2);
/// Time between two questions for the role of a server.
const ROLE_INTERVAL: Duration = Duration::from_secs(2);
/// Time for which a replica may have no connection to its primary before it is left: by its name another
/// server may be found.
const MAX_CUT_OFF: Duration = Duration::from_secs(5);
/// Time for a last look at the socket before a server counts as silent: this process may have been stopped.
const LAST_LOOK: Duration = Duration::from_millis(20);

/// Whether the server at the other end is there, and still the one that it was.
pub(super) struct Heartbeat {
    response_timeout: Duration,
    /// The server takes `PING`.
    is_on: bool,
    heard: Instant,
    last_look: Option<Instant>,
    /// When to ask for the role, where that can be asked on a connection with subscriptions.
    role_due: Option<Instant>,
    /// When what is published was last known to reach the server.
    was_right: Instant,
    cut_off_since: Option<Instant>,
    was_primary: bool,
}

/// The server has been silent for too long.
pub(super) struct Silence;

/// What follows from the role of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What is published reaches it.
    Right,
    /// It may not have reached it since then.
    CutOff(Instant),
    /// The same for so long that the server is to be left.
    CutOffForLong(Instant),
    /// It was a primary, and has not been one since then.
    Demoted(Instant),
}

impl Heartbeat {
    pub(super) fn new(response_timeout: Duration, is_on: bool, now: Instant) -> Heartbeat {
        Heartbeat {
            response_timeout,
            is_on,
            heard: now,
            last_look: None,
            role_due: None,
            was_right: now,
            cut_off_since: None,
            was_primary: false,
        }
    }

    /// Returns when the server was last heard.
    pub(super) fn heard(&self) -> Instant {
        self.heard
    }

    /// Something was read.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.last_look = None;
    }

    /// Asks for the role from now on.
    pub(super) fn ask_for_role(&mut self) {
        if self.is_on {
            self.role_due.get_or_insert(self.heard);
        }
    }

    /// Returns whether the role is asked for.
    pub(super) fn asks_for_role(&self) -> bool {
        self.role_due.is_some()
    }

    /// The server does not tell its role.
    pub(super) fn role_refused(&mut self) {
        self.role_due = Some(later(self.heard, Duration::MAX));
    }

    /// The server has told its role.
    pub(super) fn judge(&mut self, role: Replication, now: Instant) -> Verdict {
        let since = self.was_right;
        match role {
            Replication::Replica { .. } if self.was_primary => return Verdict::Demoted(since),
            Replication::Replica {
                is_connected: false,
            } => {
                let cut_off_since = *self.cut_off_since.get_or_insert(now);
                if now.saturating_duration_since(cut_off_since) >= MAX_CUT_OFF {
                    return Verdict::CutOffForLong(since);
                }
                return Verdict::CutOff(since);
            }
            Replication::Primary => self.was_primary = true,
            Replication::Replica { is_connected: true } => {}
        }
        self.was_right = now;
        self.cut_off_since = None;
        Verdict::Right
    }

    /// Asks a server that is silent whether it is there; fails if it does not answer.
    pub(super) fn beat(
        &mut self,
        now: Instant,
        requests: &mut Requests,
        output: &mut Vec<u8>,
    ) -> Result<(), Silence> {
        if let Some(oldest) = requests.oldest() {
            if now < later(oldest.max(self.heard), self.response_timeout) {
                self.last_look = None;
            } else if now >= *self.last_look.get_or_insert(now + LAST_LOOK) {
                return Err(Silence);
            }
            return Ok(());
        }
        if self.role_due.is_some_and(|due| due <= now) {
            self.role_due = Some(now + ROLE_INTERVAL);
            requests.role(output);
        }
        if self.is_on && now >= self.heard + INTERVAL {
            requests.ping(output);
        }
        Ok(())
    }

    /// Returns when there is something to do although nothing is read.
    pub(super) fn next_due(&self, oldest: Option<Instant>) -> Option<Instant> {
        match (oldest, self.last_look) {
            (Some(_), Some(last_look)) => Some(last_look),
            (Some(oldest), None) => Some(later(oldest.max(self.heard), self.response_timeout)),
            (None, _) => {
                let ping = self.is_on.then(|| self.heard + INTERVAL);
                [ping, self.role_due].into_iter().flatten().min()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIMARY: Replication = Replication::Primary;
    const REPLICA: Replication = Replication::Replica { is_connected: true };
    const CUT_OFF: Replication = Replication::Replica {
        is_connected: false,
    };

    /// Tells these roles, one each second; returns the last verdict, and the second since when.
    fn last(roles: &[Replication]) -> (&'static str, u64) {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(Duration::from_secs(1), true, start);
        let verdicts = (1..).zip(roles).map(|(second, role)| {
            let now = start + Duration::from_secs(second);
            let after = |since: Instant| since.duration_since(start).as_secs();
            match heartbeat.judge(*role, now) {
                Verdict::Right => ("right", 0),
                Verdict::CutOff(since) => ("cut off", after(since)),
                Verdict::CutOffForLong(since) => ("for long", after(since)),
                Verdict::Demoted(since) => ("demoted", after(since)),
            }
        });
        verdicts.last().expect("there are roles")
    }

    #[test]
    fn a_demoted_primary_and_a_replica_without_a_primary_do_not_count() {
        assert_eq!(last(&[PRIMARY; 10]), ("right", 0));
        assert_eq!(last(&[REPLICA; 10]), ("right", 0));
        assert_eq!(last(&[REPLICA, PRIMARY, PRIMARY]), ("right", 0));
        assert_eq!(last(&[PRIMARY, PRIMARY, REPLICA]), ("demoted", 2));
        assert_eq!(last(&[REPLICA, CUT_OFF, CUT_OFF]), ("cut off", 1));
        assert_eq!(last(&[REPLICA, CUT_OFF, CUT_OFF, REPLICA]), ("right", 0));
        assert_eq!(last(&[CUT_OFF; 5]), ("cut off", 0));
        assert_eq!(last(&[CUT_OFF; 6]), ("for long", 0));
    }
}
