//! [`UnservedSlots`]: the slots that callers have waited for in vain.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::slot::Slot;

/// Time for which the next callers of a slot do not wait for a node that serves it.
const REPORT_LIFETIME: Duration = Duration::from_secs(1);

/// The slots that callers have waited for in vain, and when the last of them was told so.
#[derive(Debug, Default)]
pub(super) struct UnservedSlots(Mutex<HashMap<Slot, Instant>>);

impl UnservedSlots {
    /// Records that a caller was told that no node serves `slot`.
    pub(super) fn report(&self, slot: Slot) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reports.retain(|_, reported| reported.elapsed() < REPORT_LIFETIME);
        reports.insert(slot, Instant::now());
    }

    /// Returns whether a caller was told so a short time ago.
    pub(super) fn was_reported(&self, slot: Slot) -> bool {
        let reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reported = reports.get(&slot);
        reported.is_some_and(|reported| reported.elapsed() < REPORT_LIFETIME)
    }
}
