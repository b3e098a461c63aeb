//! CPU work that a task does between its commands, as a handler of an application does.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// A first guess at 20 µs.
const PROBE: u32 = 10_000;
/// The shortest of so many probes had the core for itself.
const PROBES: usize = 1_000;

/// A number of rounds of arithmetic: the work is the same, however fast the core is at the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    rounds: u32,
}

impl Work {
    /// As many rounds as a core does in `micros` microseconds when nothing else runs on it.
    pub(crate) fn of(micros: u32) -> Work {
        if micros == 0 {
            return Work { rounds: 0 };
        }
        let probe = (0..PROBES).map(|_| time(PROBE)).min().unwrap_or_default();
        let rounds = f64::from(PROBE) * f64::from(micros) / 1e6 / probe.as_secs_f64();
        Work {
            rounds: rounds as u32,
        }
    }

    pub(crate) fn run(self) {
        spin(self.rounds);
    }
}

fn time(rounds: u32) -> Duration {
    let start = Instant::now();
    spin(rounds);
    start.elapsed()
}

/// Each round needs the number of the round before, so the core cannot do two at once.
fn spin(rounds: u32) {
    let mut number: u32 = black_box(1);
    for _ in 0..rounds {
        number ^= number << 13;
        number ^= number >> 17;
        number ^= number << 5;
    }
    black_box(number);
}
