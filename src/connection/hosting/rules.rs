//! [`Hosting`]: the I/O thread's rules about who drives a connection.
//!
//! A resident on the runtime of the callers saves two switches between threads for each batch of commands, and
//! a reply is mostly freed on the thread that has allocated it. The I/O thread reads and decodes on a core of
//! its own, which gains nothing in return, however many commands are in flight. So a resident drives every
//! connection that is busy.
//!
//! Half `GET` and half `SET` over TCP, on two cores, throughput of the resident in units of the I/O thread,
//! medians of interleaved runs of a third of a second (4 to 8), and processor time of the client for one command
//! in µs, with the I/O thread and with the resident:
//!
//! | tasks | 1 | 16 | 32 | 64 | 128 | 256 | 1,000 |
//! |---|---|---|---|---|---|---|---|
//! | 100 bytes, several threads, throughput | 1.1 | 1.2 | 1.3 | 1.0 | 1.1 | 1.1 | 1.0 |
//! | time | 42, 24 | 5.5, 3.7 | 3.3, 2.4 | 1.9, 1.7 | 1.5, 1.3 | 1.0, 1.1 | 0.9, 0.8 |
//! | and 20 µs of work in each task, throughput | | 1.3 | | 1.1 | | 1.3 | |
//! | time | | 29, 23 | | 24, 22 | | 26, 21 | |
//! | 1 KiB, throughput | | 1.2 | | 1.0 | | 1.4 | |
//! | 4 KiB, throughput | | 1.1 | | 1.5 | | 1.7 | |
//! | 16 KiB, throughput | | 1.2 | | 1.8 | | 1.8 | |
//! | time | | 8.5, 6.9 | | 9.3, 4.8 | | 9.6, 4.9 | |
//! | 100 bytes, one thread, throughput | 1.3 | 2.4 | | 1.3 | | 1.7 | 1.3 |
//!
//! A bound of 48 commands in flight, above which the I/O thread drove, was in the way of handlers that work:
//! all of them call between two polls of the resident, so the bound was passed, and the connection changed
//! hands all the time. While other processes kept both cores busy, the I/O thread was faster with 128 and 256
//! tasks (the resident made 0.6 to 0.7), at the same processor time.

use std::time::{Duration, Instant};

use super::load::Load;
use super::mode::DriverMode;

/// How often the I/O thread considers whether a resident would be better.
const WINDOW: Duration = Duration::from_millis(10);
/// Time for one reply, on average in that time, up to which a resident is worth its watch. The watch wakes
/// the I/O thread 160 times a second, and a resident saves one wake-up of it for each command.
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
    pub(in super::super) fn consider(&mut self, load: &Load) -> Option<bool> {
        match self.mode {
            DriverMode::IoThread => return None,
            DriverMode::Resident | DriverMode::Flapping => return Some(true),
            DriverMode::Automatic => {}
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
        Some(is_busy && load.heard() >= self.not_before)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A load with `rate` replies a second.
    fn busy(load: &mut Load, start: Instant, rate: u32) -> Instant {
        let step = Duration::from_secs(1) / rate;
        let end = start + WINDOW.max(step);
        let mut now = start;
        while now < end {
            now += step;
            load.replied(1, now);
        }
        now
    }

    fn hosting(now: Instant) -> Hosting {
        Hosting::new(DriverMode::Automatic, now)
    }

    #[test]
    fn a_resident_is_wanted_for_a_busy_connection_only() {
        for (rate, wanted) in [(50_000, true), (250, true), (150, false)] {
            let (start, mut load) = (Instant::now(), Load::new());
            let mut hosting = hosting(start);
            hosting.came_back(&load, true, start);
            busy(&mut load, start, rate);
            assert_eq!(hosting.consider(&load), Some(wanted), "at {rate}");
        }
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
        let now = busy(&mut load, start, 10_000);
        assert_eq!(hosting.consider(&load), Some(false));
        let now = busy(&mut load, now + FIRST_PAUSE, 10_000);
        let _ = hosting.consider(&load);
        busy(&mut load, now, 10_000);
        assert_eq!(hosting.consider(&load), Some(true));
    }
}
