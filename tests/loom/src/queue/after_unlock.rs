//! [`AfterUnlock`], without what starts a connection.

use std::task::Waker;

/// What a caller has to do once it has released the lock.
#[must_use = "without it the driver does not learn of the command"]
pub(crate) enum AfterUnlock {
    Nothing,
    Wake(Waker),
    WakeAfter(Box<AfterUnlock>, Waker),
    Introduce(Box<AfterUnlock>),
}

impl AfterUnlock {
    pub(crate) fn run(self) {
        match self {
            AfterUnlock::Nothing => {}
            AfterUnlock::Wake(waker) => waker.wake(),
            AfterUnlock::WakeAfter(first, waker) => {
                first.run();
                waker.wake();
            }
            AfterUnlock::Introduce(first) => first.run(),
        }
    }
}
