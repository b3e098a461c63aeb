//! Figures out of many measurements, and how late this machine itself is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Durations in order.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn min(&self) -> Duration {
        self.0[0]
    }

    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }

    /// The duration that so many of a hundred are not above.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent).div_ceil(100) - 1]
    }

    pub(crate) fn max(&self) -> Duration {
        self.0[self.0.len() - 1]
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Times {
        let mut times: Vec<Duration> = times.into_iter().collect();
        assert!(!times.is_empty(), "nothing was measured");
        times.sort_unstable();
        Times(times)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} times: min {:.1?}, median {:.1?}, p99 {:.1?}, max {:.1?}",
            self.len(),
            self.min(),
            self.median(),
            self.percentile(99),
            self.max()
        )
    }
}

/// Waits for `future` and says how long it took.
pub(crate) async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (future.await, start.elapsed())
}

/// Measures how late this machine runs threads whose time has come: a thread sleeps for a millisecond
/// again and again and wakes another one, which looks at the clock. On a quiet machine that is late by
/// less than a millisecond, beside eight busy loops by tens of them.
pub(crate) struct Lateness {
    /// In microseconds.
    worst: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

/// How long the watching thread sleeps at a time.
const NAP: Duration = Duration::from_millis(1);
/// A call goes through up to four threads: the caller's, the I/O thread, the server's and the I/O thread
/// again. The probe goes through two.
const PROBES_PER_CALL: u32 = 2;

impl Lateness {
    /// Measures until it is dropped.
    pub(crate) fn watch() -> Lateness {
        let lateness = Lateness {
            worst: Arc::default(),
            over: Arc::default(),
        };
        let (worst, over) = (Arc::clone(&lateness.worst), Arc::clone(&lateness.over));
        let (wake, woken) = mpsc::channel::<Instant>();
        thread::spawn(move || {
            for slept_from in woken {
                let late = slept_from.elapsed().saturating_sub(NAP);
                let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
                worst.fetch_max(late, Ordering::Relaxed);
            }
        });
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let begin = Instant::now();
                thread::sleep(NAP);
                let _ = wake.send(begin);
            }
        });
        lateness
    }

    /// The most that the probe was late so far.
    pub(crate) fn worst(&self) -> Duration {
        Duration::from_micros(self.worst.load(Ordering::Relaxed))
    }

    /// What the machine itself adds to the time of a call: a bound on such a time is met if this much
    /// less would have met it.
    pub(crate) fn allowance(&self) -> Duration {
        self.worst() * PROBES_PER_CALL
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the machine was late by up to {:.1?}", self.worst())
    }
}

/// How often a measurement is repeated, at most.
const REPETITIONS: usize = 5;

/// Repeats what a busy machine can spoil until it is good once. For upper bounds of times only: what is
/// right or wrong is asserted in `measure`. `is_good` is given what the machine itself has added.
#[track_caller]
pub(crate) fn best_of<T: fmt::Display>(
    mut measure: impl FnMut() -> T,
    is_good: impl Fn(&T, Duration) -> bool,
) {
    let mut seen = Vec::new();
    for _ in 0..REPETITIONS {
        let lateness = Lateness::watch();
        let figures = measure();
        let seen_now = format!("{figures}; {lateness}");
        println!("{seen_now}");
        if is_good(&figures, lateness.allowance()) {
            return;
        }
        seen.push(seen_now);
    }
    panic!("out of bounds {REPETITIONS} times: {seen:#?}");
}

/// Asserts that something took at most `bound`, and what the machine itself has added.
#[track_caller]
pub(crate) fn assert_within(what: &str, took: Duration, bound: Duration, lateness: &Lateness) {
    let allowed = bound + lateness.allowance();
    assert!(
        took <= allowed,
        "{what}: {took:?} instead of at most {bound:?}, and {lateness}"
    );
}
