//! [`Relay`]: a waker that the I/O thread may call, in the place of one that it may not.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use super::foreign_wakers;

/// Stands for a foreign waker where the I/O thread calls or drops wakers, as by tokio's channels.
struct Relay(Mutex<Option<Waker>>);

impl Relay {
    fn take(&self) -> Option<Waker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(waker) = self.take() {
            foreign_wakers::wake([waker]);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(waker) = self.take() {
            foreign_wakers::discard(waker);
        }
    }
}

/// Returns a waker that wakes `foreign` on another thread. Not generic and not copied, so that all have the
/// same table.
#[inline(never)]
pub(super) fn waker(foreign: Waker) -> Waker {
    Waker::from(Arc::new(Relay(Mutex::new(Some(foreign)))))
}
