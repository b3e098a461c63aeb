//! [`FailedAddresses`]: the addresses of a name that have not served lately.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a failure counts. After that the addresses are tried in the order of the system again, so
/// that one that is preferred there and well again is used.
const FAILURE_LIFETIME: Duration = Duration::from_secs(60);

/// When the addresses of a name have failed, for all connections to it.
#[derive(Debug, Default)]
pub(crate) struct FailedAddresses(Mutex<HashMap<SocketAddr, Instant>>);

impl FailedAddresses {
    /// Records that a connection to `address` was not made, or had to be left.
    pub(crate) fn add(&self, address: SocketAddr, now: Instant) {
        let mut failed = self.lock();
        failed.retain(|_, since| now.saturating_duration_since(*since) < FAILURE_LIFETIME);
        failed.insert(address, now);
    }

    /// Records that a connection to `address` was made.
    pub(crate) fn remove(&self, address: SocketAddr) {
        self.lock().remove(&address);
    }

    /// Sorts addresses in the order in which to try them: those that have not failed as they are, then
    /// those that have, the one whose failure is the oldest first.
    pub(crate) fn sort(&self, addresses: &mut [SocketAddr], now: Instant) {
        let failed = self.lock();
        addresses.sort_by_key(|address| {
            let since = failed.get(address).copied();
            since.filter(|since| now.saturating_duration_since(*since) < FAILURE_LIFETIME)
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_has_failed_last_is_tried_last_for_a_while() {
        let failed = FailedAddresses::default();
        let start = Instant::now();
        let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let order = |now| {
            let mut addresses = [1, 2, 3].map(address);
            failed.sort(&mut addresses, now);
            addresses.map(|address| address.port())
        };
        assert_eq!(order(start), [1, 2, 3]);
        failed.add(address(1), start);
        assert_eq!(order(start), [2, 3, 1]);
        let later = start + Duration::from_secs(1);
        failed.add(address(2), later);
        assert_eq!(order(later), [3, 1, 2]);
        failed.remove(address(1));
        assert_eq!(order(later), [1, 3, 2]);
        assert_eq!(order(later + FAILURE_LIFETIME), [1, 2, 3]);
    }
}
