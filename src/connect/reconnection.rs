//! [`Reconnection`]: when a connection that was lost is made again, and whether its server is to blame.

use std::time::{Duration, Instant};

use super::backoff::Backoff;
use crate::config::Config;
use crate::error::{Error, ErrorKind};

/// Lifetime of a connection that ends an outage, even if the connection was not used.
const MIN_UPTIME_TO_END_OUTAGE: Duration = Duration::from_secs(10);

/// The longest delay before another attempt where the server has refused credentials that may change, or they
/// could not be read: a client is back within a second after they are right.
const LOGIN_WINDOW: Duration = Duration::from_millis(800);

/// What is known of a connection that has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// When it was made.
    pub(crate) since: Instant,
    /// When it has ended.
    pub(crate) at: Instant,
    /// It was of use.
    pub(crate) has_served: bool,
    /// It was left on purpose: by its name another server may be found.
    pub(crate) is_left: bool,
    /// The server did not answer in the end.
    pub(crate) was_silent: bool,
}

impl Ended {
    fn is_old(&self) -> bool {
        self.at.saturating_duration_since(self.since) >= MIN_UPTIME_TO_END_OUTAGE
    }

    /// Returns whether it has led to a server that is not the right one, or that has not answered.
    pub(crate) fn was_of_no_use(&self) -> bool {
        self.is_left || self.was_silent || !self.has_served && !self.is_old()
    }

    /// Returns whether it has ended an outage. A server that accepts connections and closes them without an
    /// answer is still in its outage.
    pub(crate) fn has_ended_outage(&self) -> bool {
        self.has_served || self.is_old()
    }
}

/// The delays before attempts to connect, of one outage after the other.
#[derive(Debug)]
pub(crate) struct Reconnection {
    backoff: Backoff,
    is_prompt: bool,
}

impl Reconnection {
    /// For a connection that is to take little of the server in a long outage.
    pub(crate) fn new(now: Instant) -> Reconnection {
        Reconnection {
            backoff: Backoff::new(now),
            is_prompt: false,
        }
    }

    /// For a connection that is to be there within a second of when that is possible, however long the outage
    /// lasts.
    pub(crate) fn prompt(now: Instant) -> Reconnection {
        Reconnection {
            backoff: Backoff::short(now),
            is_prompt: true,
        }
    }

    /// Returns how long to wait before the first attempt after a connection has ended.
    pub(crate) fn after_loss(&mut self, ended: &Ended) -> Duration {
        let is_new_outage = ended.has_ended_outage();
        if is_new_outage {
            self.backoff = self.backoff_from(ended.at);
        }
        if ended.is_left {
            // Rarely: by its name another server may be found at once.
            Duration::ZERO
        } else if is_new_outage {
            // The first attempt of an outage does not widen the window of those that follow.
            self.backoff_from(ended.at).next(ended.at)
        } else {
            self.backoff.next(ended.at)
        }
    }

    /// Returns how long to wait after an attempt has failed.
    pub(crate) fn after_failure(
        &mut self,
        error: &Error,
        client: &Config,
        now: Instant,
    ) -> Duration {
        if error.is_lasting() {
            // What has to be changed by hand is not back within a second.
            self.backoff.next_patient(longest_delay(error, client), now)
        } else {
            self.backoff.next(now)
        }
    }

    fn backoff_from(&self, now: Instant) -> Backoff {
        if self.is_prompt {
            Backoff::short(now)
        } else {
            Backoff::new(now)
        }
    }
}

/// Returns the longest delay before the next attempt of a client, after one that has failed with `error`.
fn longest_delay(error: &Error, client: &Config) -> Duration {
    let is_about_login = matches!(
        error.kind(),
        ErrorKind::Authentication | ErrorKind::InvalidFile
    );
    if is_about_login && client.credentials().as_changing().is_some() {
        LOGIN_WINDOW
    } else {
        Duration::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Credentials;

    fn client() -> Config {
        "redis://localhost".parse().expect("valid")
    }

    fn ended(since: Instant, uptime: Duration) -> Ended {
        Ended {
            since,
            at: since + uptime,
            has_served: false,
            is_left: false,
            was_silent: false,
        }
    }

    /// The longest of many delays.
    fn longest(delay: impl Fn() -> Duration) -> Duration {
        (0..500).map(|_| delay()).max().expect("there are some")
    }

    #[test]
    fn a_server_is_to_blame_if_it_has_not_served_was_silent_or_was_left() {
        let (now, short) = (Instant::now(), Duration::from_secs(1));
        let served = Ended {
            has_served: true,
            ..ended(now, short)
        };
        assert!(ended(now, short).was_of_no_use());
        assert!(!ended(now, MIN_UPTIME_TO_END_OUTAGE).was_of_no_use());
        assert!(!served.was_of_no_use());
        let is_left = Ended {
            is_left: true,
            ..served
        };
        let was_silent = Ended {
            was_silent: true,
            ..served
        };
        assert!(is_left.was_of_no_use() && was_silent.was_of_no_use());
    }

    #[test]
    fn only_a_connection_that_was_of_use_makes_the_next_delays_short_again() {
        let now = Instant::now();
        let (failure, client) = (Error::new(ErrorKind::Unreachable, "x"), client());
        let after = |has_served| {
            let mut reconnection = Reconnection::new(now);
            for _ in 0..5 {
                reconnection.after_failure(&failure, &client, now);
            }
            let loss = Ended {
                has_served,
                ..ended(now, Duration::from_secs(1))
            };
            reconnection.after_loss(&loss)
        };
        assert!(longest(|| after(true)) < Duration::from_millis(400));
        assert!(longest(|| after(false)) > Duration::from_millis(800));
    }

    #[test]
    fn a_prompt_one_waits_long_only_for_what_lasts() {
        let (now, long) = (Instant::now(), Duration::from_secs(20));
        let delay = |kind, client: &Config| {
            let mut reconnection = Reconnection::prompt(now);
            let error = Error::new(kind, "x");
            reconnection.after_failure(&error, client, now);
            reconnection.after_failure(&error, client, now + long)
        };
        let fixed = client();
        assert!(longest(|| delay(ErrorKind::Unreachable, &fixed)) < Duration::from_secs(1));
        assert!(longest(|| delay(ErrorKind::Authentication, &fixed)) > Duration::from_secs(4));
        let changing = client().with_credentials(|| async {
            Ok::<_, std::io::Error>(Credentials::password("changes"))
        });
        assert!(longest(|| delay(ErrorKind::Authentication, &changing)) <= LOGIN_WINDOW);
    }
}
