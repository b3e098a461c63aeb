//! [`Hosting`]: the I/O thread's rules about who drives a connection.
//!
//! A resident on the runtime of the callers saves two switches between threads for each batch of commands;
//! the I/O thread reads and decodes on a core of its own. So on a runtime of several threads a resident drives
//! while few commands are in flight, and the I/O thread while many are. On a runtime of one thread a resident
//! drives however many there are.
//!
//! `GET` and `SET` of 100 bytes over TCP, on two cores that were busy with other work, throughput of the
//! resident in units of the I/O thread, medians of interleaved runs of a quarter of a second (5 and 8), and
//! processor time of the client for one command in µs, with the I/O thread and with the resident:
//!
//! | tasks | 1 | 4 | 8 | 16 | 32 | 64 | 128 | 256 | 1,000 |
//! |---|---|---|---|---|---|---|---|---|---|
//! | several threads, throughput | 1.9 | 1.4 | 1.4 | 0.7–1.3 | 0.8–1.9 | 0.9–1.9 | 0.6 | 0.7 | 1.4 |
//! | several threads, time | 39, 11 | 12, 7 | 4.9, 4.3 | 4.6, 4.0 | 1.8, 2.1 | 1.3, 1.4 | 1.2, 1.4 | 0.9, 0.9 | 0.7, 0.8 |
//! | one thread, throughput | 1.3 | | | 2.4 | | 1.3 | | 1.7 | 1.3 |
//! | one thread, time | 47, 25 | | | 4.8, 1.3 | | 1.2, 0.6 | | 0.9, 0.4 | 0.9, 0.4 |

use std::time::{Duration, Instant};

use tokio::runtime::RuntimeFlavor;

use super::load::Load;
use super::mode::DriverMode;

/// Commands in flight, on average, from which on the I/O thread drives instead of a task on a runtime of
/// several threads. Below three quarters of it, a resident may drive again.
const MANY_IN_FLIGHT: usize = 48;

/// Bytes read in one turn, on average, from which on the I/O thread drives, so that large replies are decoded
/// on a core of its own. Below three quarters of it, a resident may drive again.
const MANY_BYTES: usize = 64 * 1024;

/// How often the I/O thread considers whether a resident would be better.
const WINDOW: Duration = Duration::from_millis(10);
/// Time for one reply, on average in that time, up to which a resident is worth its watch. The watch wakes
/// the I/O thread 100 times a second, and a resident saves one wake-up of it for each command.
const MAX_TIME_PER_REPLY: Duration = Duration::from_millis(5);

/// How long the I/O thread drives after a resident had to give the connection back before long; doubles each
/// time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// A resident that has stayed for so long was worth it.
const GOOD_STAY: Duration = Duration::from_secs(1);

/// The I/O thread's rules about who drives a connection.
#[derive(Debug)]
pub(in super::super) struct Hosting {
    mode: DriverMode,
    window_start: Instant,
    replies_before: u64,
    pause: Duration,
    not_before: Instant,
    given: Instant,
}

impl Hosting {
    pub(in super::super) fn new(mode: DriverMode, now: Instant) -> Hosting {
        Hosting {
            mode,
            window_start: now,
            replies_before: 0,
            pause: Duration::ZERO,
            not_before: now,
            given: now,
        }
    }

    /// Returns whether a resident would be better, once it is time to consider that.
    /// `most` returns how many commands may be in flight with one, on the runtime of the callers.
    pub(in super::super) fn consider(
        &mut self,
        load: &Load,
        most: impl FnOnce() -> usize,
    ) -> Option<bool> {
        match self.mode {
            DriverMode::IoThread => return None,
            DriverMode::Resident | DriverMode::Flapping => return Some(true),
            DriverMode::Measured => {}
        }
        let time = load.heard().saturating_duration_since(self.window_start);
        if time < WINDOW {
            return None;
        }
        let replies = load.replies() - self.replies_before;
        self.window_start = load.heard();
        self.replies_before = load.replies();
        let replies = u32::try_from(replies).unwrap_or(u32::MAX);
        let is_busy = time <= MAX_TIME_PER_REPLY.saturating_mul(replies);
        let is_light = load.in_flight() < most() / 4 * 3 && load.bytes() < MANY_BYTES / 4 * 3;
        Some(is_busy && is_light && load.heard() >= self.not_before)
    }

    /// Returns whether the resident that asks may have the connection.
    pub(in super::super) fn accepts(&self, load: &Load, most: usize) -> bool {
        self.mode != DriverMode::Measured || is_light(load, most)
    }

    pub(in super::super) fn given(&mut self, now: Instant) {
        self.given = now;
    }

    /// The connection has come back from a resident, because it `was_idle` or for another reason.
    pub(in super::super) fn came_back(&mut self, load: &Load, was_idle: bool, now: Instant) {
        let was_good = was_idle || now.saturating_duration_since(self.given) >= GOOD_STAY;
        self.pause = if was_good {
            Duration::ZERO
        } else {
            (self.pause * 2).clamp(FIRST_PAUSE, MAX_PAUSE)
        };
        self.not_before = now + self.pause;
        self.window_start = now;
        self.replies_before = load.replies();
    }
}

/// Returns how many commands may be in flight, on average, while a task on such a runtime drives.
pub(in super::super) fn most_in_flight(flavor: &RuntimeFlavor) -> usize {
    match flavor {
        RuntimeFlavor::CurrentThread => usize::MAX,
        _ => MANY_IN_FLIGHT,
    }
}

/// Returns whether a resident goes on after a turn with this load, with at most so many commands in flight.
pub(in super::super) fn stays(mode: DriverMode, load: &Load, most: usize) -> bool {
    match mode {
        DriverMode::Measured => is_light(load, most),
        DriverMode::Resident => true,
        DriverMode::IoThread | DriverMode::Flapping => false,
    }
}

fn is_light(load: &Load, most: usize) -> bool {
    load.in_flight() < most && load.bytes() < MANY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 48;

    /// A load with `rate` replies a second up to `now`, each with so many commands in flight.
    fn busy(load: &mut Load, start: Instant, in_flight: usize, rate: u32) -> Instant {
        let step = Duration::from_secs(1) / rate;
        let end = start + WINDOW.max(step);
        let mut now = start;
        while now < end {
            now += step;
            load.replied(in_flight, 1, now);
        }
        now
    }

    fn hosting(now: Instant) -> Hosting {
        Hosting::new(DriverMode::Measured, now)
    }

    #[test]
    fn a_resident_is_wanted_for_a_busy_connection_only() {
        for (in_flight, rate, wanted) in [
            (1, 10_000, true),
            (1, 250, true),
            (1, 150, false),
            (35, 50_000, true),
            (37, 50_000, false),
            (1_000, 50_000, false),
        ] {
            let (start, mut load) = (Instant::now(), Load::new());
            for _ in 0..200 {
                load.replied(in_flight, 1, start);
            }
            let mut hosting = hosting(start);
            hosting.came_back(&load, true, start);
            busy(&mut load, start, in_flight, rate);
            let considered = hosting.consider(&load, || MOST);
            assert_eq!(considered, Some(wanted), "{in_flight} at {rate}");
        }
    }

    #[test]
    fn large_replies_are_for_the_io_thread() {
        let mut load = Load::new();
        for _ in 0..200 {
            load.start_turn();
            load.read(MANY_BYTES + 16);
        }
        assert!(!stays(DriverMode::Measured, &load, usize::MAX));
        assert!(!hosting(Instant::now()).accepts(&load, usize::MAX));
    }

    #[test]
    fn short_stays_are_followed_by_longer_and_longer_pauses() {
        let mut now = Instant::now();
        let (mut hosting, load) = (hosting(now), Load::new());
        let mut pauses = Vec::new();
        for _ in 0..8 {
            hosting.given(now);
            now += GOOD_STAY / 2;
            hosting.came_back(&load, false, now);
            pauses.push(hosting.not_before - now);
        }
        let expected = [50, 100, 200, 400, 800, 1_600, 2_000, 2_000];
        assert_eq!(pauses, expected.map(Duration::from_millis));
        hosting.given(now);
        hosting.came_back(&load, false, now + GOOD_STAY);
        assert_eq!(hosting.not_before, now + GOOD_STAY);
    }

    #[test]
    fn a_resident_without_work_may_return_at_once() {
        let now = Instant::now();
        let (mut hosting, load) = (hosting(now), Load::new());
        hosting.given(now);
        hosting.came_back(&load, true, now);
        assert_eq!(hosting.not_before, now);
    }

    #[test]
    fn no_resident_comes_before_the_pause_is_over() {
        let start = Instant::now();
        let (mut hosting, mut load) = (hosting(start), Load::new());
        hosting.given(start);
        hosting.came_back(&load, false, start);
        let now = busy(&mut load, start, 1, 10_000);
        assert_eq!(hosting.consider(&load, || MOST), Some(false));
        let now = busy(&mut load, now + FIRST_PAUSE, 1, 10_000);
        let _ = hosting.consider(&load, || MOST);
        busy(&mut load, now, 1, 10_000);
        assert_eq!(hosting.consider(&load, || MOST), Some(true));
    }
}
