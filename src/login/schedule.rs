//! When credentials that expire are renewed.
//!
//! After four fifths of their lifetime, as redis-rs does with tokens, or up to a twentieth of it earlier: the
//! processes of an application that were started together do not all ask together. Of the hour or more of a
//! token of Microsoft Entra that leaves more than the three minutes that Microsoft asks for, and of the 15
//! minutes of an IAM token of AWS it leaves three.

use std::time::{Duration, Instant, SystemTime};

use super::issued::Lifetime;
use crate::runtime::{later, random_fraction};

/// The part of the lifetime after which credentials are renewed at the latest.
const RENEWAL: f64 = 0.8;
/// The part of the lifetime by which the renewal may be earlier.
const JITTER: f64 = 0.05;
/// The shortest time from one renewal to the next.
const MIN_INTERVAL: Duration = Duration::from_millis(500);
/// The longest delay before a failed renewal is tried again.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);
/// The delay before a provider that has failed, or whose credentials were refused, is asked again for an
/// attempt to connect; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest such delay.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Returns how long credentials are used that are valid until `expires`; `None` if that is over. `random` is
/// from 0 to 1.
pub(super) fn lifetime(expires: SystemTime, now: Instant, random: f64) -> Option<Lifetime> {
    let left = expires.duration_since(SystemTime::now()).ok()?;
    let renewal = left.mul_f64(RENEWAL - JITTER * random);
    (!left.is_zero()).then(|| Lifetime {
        renewal: later(now, renewal.max(MIN_INTERVAL.min(left))),
        end: later(now, left),
    })
}

/// Returns how long to wait after another failed renewal, of which there were so many before.
pub(crate) fn retry_delay(failures: u32) -> Duration {
    retry_window(failures).mul_f64(0.5 + 0.5 * random_fraction())
}

fn retry_window(failures: u32) -> Duration {
    let window = MIN_INTERVAL.saturating_mul(1 << failures.min(8));
    window.min(MAX_RETRY_DELAY)
}

/// Returns how long a provider is left alone that was of no use this many times in a row.
pub(super) fn pause(times: u32) -> Duration {
    match times {
        0 => Duration::ZERO,
        times => FIRST_PAUSE
            .saturating_mul(1 << (times - 1).min(8))
            .min(MAX_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_renewed_after_three_quarters_to_four_fifths_of_their_lifetime() {
        let now = Instant::now();
        let hour = Duration::from_secs(3600);
        let renewal = |random| {
            let lifetime = lifetime(SystemTime::now() + hour, now, random);
            let Lifetime { renewal, end } = lifetime.expect("it is in the future");
            assert!(end - now > hour / 2);
            (renewal - now).as_secs_f64() / 3600.0
        };
        assert!((0.79..=0.8).contains(&renewal(0.0)));
        assert!((0.74..=0.75).contains(&renewal(1.0)));
        assert!(lifetime(SystemTime::now(), now, 0.0).is_none());
    }

    #[test]
    fn a_failed_renewal_is_tried_again_later_and_later() {
        for (failures, seconds) in [(0, 0.5), (1, 1.0), (3, 4.0), (6, 30.0), (100, 30.0)] {
            let window = Duration::from_secs_f64(seconds);
            assert_eq!(retry_window(failures), window);
            assert!((window / 2..window).contains(&retry_delay(failures)));
        }
    }

    #[test]
    fn a_provider_that_is_of_no_use_is_asked_every_five_seconds_in_the_end() {
        for (times, milliseconds) in [
            (0, 0),
            (1, 500),
            (2, 1000),
            (4, 4000),
            (5, 5000),
            (99, 5000),
        ] {
            assert_eq!(pause(times), Duration::from_millis(milliseconds));
        }
    }
}
