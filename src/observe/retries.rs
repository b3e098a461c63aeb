//! How often the operation at hand has been sent again.
//!
//! All that sends again runs in the poll of the caller, far below the future that observes it. So the number
//! waits in the thread until that future takes it, at the end of the same poll.

use std::cell::Cell;

thread_local! {
    static RETRIES: Cell<u32> = const { Cell::new(0) };
}

/// The operation that is polled on this thread is sent again.
pub(crate) fn count_retry() {
    if cfg!(any(feature = "tracing", feature = "metrics")) {
        RETRIES.set(RETRIES.get().saturating_add(1));
    }
}

/// Runs `poll`; returns besides how often something was sent again in it.
#[cfg(any(feature = "tracing", feature = "metrics"))]
pub(super) fn counted<T>(poll: impl FnOnce() -> T) -> (T, u32) {
    let before = RETRIES.replace(0);
    let polled = poll();
    (polled, RETRIES.replace(before))
}
