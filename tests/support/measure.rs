//! Figures out of many measurements.

use std::fmt;
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

/// Repeats up to three times what a busy machine can spoil, until it is good. For upper bounds of
/// times only: what is right or wrong is asserted in `measure`.
#[track_caller]
pub(crate) fn best_of_three<T: fmt::Display>(
    mut measure: impl FnMut() -> T,
    is_good: impl Fn(&T) -> bool,
) {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let figures = measure();
        println!("{figures}");
        if is_good(&figures) {
            return;
        }
        seen.push(figures.to_string());
    }
    panic!("three times out of bounds: {seen:#?}");
}
