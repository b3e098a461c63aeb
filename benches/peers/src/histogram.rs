//! Latencies in a fixed amount of memory, so that measuring does not grow the process.

use std::time::Duration;

/// Buckets per power of two: each is within 3 % of its neighbours.
const FINE: u32 = 32;
const FINE_BITS: u32 = FINE.ilog2();
/// Powers of two of nanoseconds: up to an hour.
const COARSE: u32 = 42;

#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u32>,
}

impl Histogram {
    pub(crate) fn new() -> Histogram {
        Histogram {
            buckets: vec![0; (FINE * COARSE) as usize],
        }
    }

    pub(crate) fn add(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let last = self.buckets.len() - 1;
        self.buckets[bucket(nanos).min(last)] += 1;
    }

    pub(crate) fn merge(&mut self, other: &Histogram) {
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += more;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().copied().map(u64::from).sum()
    }

    /// The latency, in nanoseconds, that this share of all stay below.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let place = self.count() as f64 * share;
        let mut passed = 0.0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            passed += f64::from(*count);
            if *count > 0 && passed >= place {
                return start(bucket + 1) as f64;
            }
        }
        f64::NAN
    }
}

/// The place of `nanos`: its power of two, and the bits below the highest one.
fn bucket(nanos: u64) -> usize {
    let power = nanos.max(1).ilog2();
    if power < FINE_BITS {
        return nanos as usize;
    }
    let fine = (nanos >> (power - FINE_BITS)) - u64::from(FINE);
    ((power - FINE_BITS + 1) * FINE) as usize + fine as usize
}

/// The least that goes into `bucket`.
fn start(bucket: usize) -> u64 {
    let (coarse, fine) = (bucket as u32 / FINE, bucket as u64 % u64::from(FINE));
    match coarse {
        0 => fine,
        _ => (u64::from(FINE) + fine) << (coarse - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_lies_in_its_bucket() {
        for nanos in [0, 1, 31, 32, 33, 63, 64, 1_000, 123_456, 9_999_999_999] {
            let bucket = bucket(nanos);
            assert!(
                start(bucket) <= nanos && nanos < start(bucket + 1),
                "{nanos}"
            );
        }
    }

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut histogram = Histogram::new();
        for micros in 1..=1_000 {
            histogram.add(Duration::from_micros(micros));
        }
        for (share, expected) in [(0.5, 500e3), (0.99, 990e3)] {
            let found = histogram.quantile(share) / expected;
            assert!((0.97..1.05).contains(&found), "{share}: {found}");
        }
    }
}
