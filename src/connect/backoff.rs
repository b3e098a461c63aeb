//! [`Backoff`]: how long to wait before the next attempt to connect.
//!
//! Full jitter: each delay is uniform between zero and a window. The first window is 400 ms, so that
//! a hundred clients that lose their connections in the same instant do not come back in the same
//! 100 ms (with 50 ms all of them do); it doubles to 1 s, so that a server is found again within a
//! second, and after 10 s of outage it is 5 s, so that a large fleet does not overload a server.

use std::time::{Duration, Instant};

use crate::runtime::{random, random_fraction};

/// The longest delay after the first failed attempt.
const FIRST_WINDOW: Duration = Duration::from_millis(400);
/// The longest delay in the first part of an outage.
const MAX_WINDOW: Duration = Duration::from_secs(1);
/// The longest delay where a server is to be found within a second of when it can be reached.
const MAX_SHORT_DELAY: Duration = Duration::from_millis(900);
/// After this part of an outage the delays are longer.
const LONG_OUTAGE: Duration = Duration::from_secs(10);
/// The longest delay in a long outage.
const LONG_OUTAGE_WINDOW: Duration = Duration::from_secs(5);

/// The delays of one outage.
#[derive(Debug)]
pub(crate) struct Backoff {
    since: Instant,
    attempts: u32,
    /// Its delays stay short, however long the outage lasts.
    is_short: bool,
}

impl Backoff {
    /// Starts an outage.
    pub(crate) fn new(now: Instant) -> Backoff {
        Backoff {
            since: now,
            attempts: 0,
            is_short: false,
        }
    }

    /// Starts an outage of a connection that is to be made within a second of when that is possible, however
    /// long the outage lasts. After the first delay the others are from half of 900 ms to all of it, so that
    /// there are few of them nevertheless.
    pub(crate) fn short(now: Instant) -> Backoff {
        Backoff {
            is_short: true,
            ..Backoff::new(now)
        }
    }

    /// Returns how long to wait after another failed attempt.
    pub(crate) fn next(&mut self, now: Instant) -> Duration {
        if self.is_short && self.attempts > 0 {
            self.attempts = self.attempts.saturating_add(1);
            return MAX_SHORT_DELAY.mul_f64(0.5 + random_fraction() / 2.0);
        }
        self.next_patient(Duration::MAX, now)
    }

    /// Returns how long to wait after another failed attempt whose cause lasts, so that in a long outage the
    /// delay is longer, even of a connection whose delays stay short else. The window is `limit` at most.
    pub(crate) fn next_patient(&mut self, limit: Duration, now: Instant) -> Duration {
        let window = self.window(now.saturating_duration_since(self.since));
        self.attempts = self.attempts.saturating_add(1);
        window.min(limit).mul_f64(random_fraction())
    }

    fn window(&self, outage: Duration) -> Duration {
        if outage >= LONG_OUTAGE {
            return LONG_OUTAGE_WINDOW;
        }
        FIRST_WINDOW
            .saturating_mul(1 << self.attempts.min(8))
            .min(MAX_WINDOW)
    }
}

/// Returns a random number from 0 up to, and without, `limit`.
pub(crate) fn random_below(limit: usize) -> usize {
    usize::try_from(random()).unwrap_or(0) % limit.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_grow_to_a_second_and_to_five_after_ten() {
        let now = Instant::now();
        let mut backoff = Backoff::new(now);
        for window in [400, 800, 1000, 1000] {
            assert_eq!(
                backoff.window(Duration::ZERO),
                Duration::from_millis(window)
            );
            backoff.next(now);
        }
        assert_eq!(backoff.window(LONG_OUTAGE), LONG_OUTAGE_WINDOW);
    }

    #[test]
    fn short_delays_stay_below_a_second_and_are_few() {
        let now = Instant::now();
        for _ in 0..1_000 {
            let mut backoff = Backoff::short(now);
            assert!(backoff.next(now) < FIRST_WINDOW);
            for outage in [Duration::ZERO, LONG_OUTAGE] {
                let delay = backoff.next(now + outage);
                assert!(
                    delay >= MAX_SHORT_DELAY / 2 && delay < MAX_SHORT_DELAY,
                    "{delay:?}"
                );
            }
        }
    }

    #[test]
    fn delays_spread_over_the_whole_window() {
        let now = Instant::now();
        let delays: Vec<_> = (0..1000).map(|_| Backoff::new(now).next(now)).collect();
        assert!(delays.iter().all(|delay| *delay < FIRST_WINDOW));
        for quarter in 0..4 {
            let range = FIRST_WINDOW / 4 * quarter..FIRST_WINDOW / 4 * (quarter + 1);
            let share = delays.iter().filter(|delay| range.contains(*delay)).count();
            assert!(
                (150..350).contains(&share),
                "{share} of 1000 delays in {range:?}"
            );
        }
    }
}
