//! [`Wakers`], as `parties.rs` uses them.

use std::task::Waker;

/// Those to wake once the lock is released.
#[derive(Default)]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(crate) fn wake_all(self) {
        for waker in self.0 {
            waker.wake();
        }
    }
}

impl Extend<Waker> for Wakers {
    fn extend<T: IntoIterator<Item = Waker>>(&mut self, wakers: T) {
        self.0.extend(wakers);
    }
}
