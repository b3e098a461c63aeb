//! [`Wakers`]: the callers to wake once a lock is released.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use super::{foreign_wakers, known_wakers};

/// Callers whose outcome is known, to be woken outside of every lock.
///
/// A caller that is not woken waits for ever, so a set that still holds callers must not be dropped.
#[derive(Debug, Default)]
#[must_use = "callers that are not woken wait for ever"]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(crate) fn push(&mut self, waker: Waker) {
        self.0.push(waker);
    }

    /// Wakes all of them: here where that is known to take no time, else on another thread. A panic of
    /// one waker does not keep the others from being woken.
    pub(crate) fn wake_all(&mut self) {
        let mut foreign = Vec::new();
        for waker in self.0.drain(..) {
            if known_wakers::is_known(&waker) {
                // The panic hook has reported the panic already.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            } else {
                foreign.push(waker);
            }
        }
        if !foreign.is_empty() {
            foreign_wakers::wake(foreign);
        }
    }
}

impl Extend<Waker> for Wakers {
    fn extend<T: IntoIterator<Item = Waker>>(&mut self, wakers: T) {
        self.0.extend(wakers);
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        debug_assert!(
            self.0.is_empty() || std::thread::panicking(),
            "callers were left without being woken"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            assert!(
                self.0.fetch_add(1, Ordering::Relaxed) > 0,
                "the first wake fails"
            );
        }
    }

    #[test]
    fn a_waker_that_panics_does_not_keep_the_others_asleep() {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let mut wakers = Wakers::default();
        wakers.extend([Arc::clone(&count).into(), Arc::clone(&count).into()]);
        wakers.wake_all();
        while count.0.load(Ordering::Relaxed) < 2 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    #[test]
    #[should_panic(expected = "without being woken")]
    fn dropping_callers_that_still_wait_is_a_bug() {
        let mut wakers = Wakers::default();
        wakers.push(Waker::noop().clone());
        drop(wakers);
    }
}
