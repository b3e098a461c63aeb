//! Random numbers for jitter.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns a random number. The keys of a `RandomState` are the one source of randomness in the standard
/// library, and are good enough for jitter.
pub(crate) fn random() -> u32 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    u32::try_from(bits).unwrap_or(0)
}

/// Returns a random number from 0 up to, and without, 1.
pub(crate) fn random_fraction() -> f64 {
    f64::from(random()) / (f64::from(u32::MAX) + 1.0)
}
