//! [`DriverWakeup`]: whether the driver will look at the queue by itself, or has to be woken.

use std::task::Waker;

/// Whether the driver will look at the queue by itself, or has to be woken.
#[derive(Debug)]
pub(super) enum DriverWakeup {
    /// The supervisor does not run: the next caller starts it.
    NotStarted,
    /// It will look at the queue before it sleeps.
    Awake(Option<Waker>),
    /// A caller that leaves something to do has to wake it.
    Asleep(Waker),
}

impl DriverWakeup {
    /// The driver runs, and `waker` wakes it from now on.
    pub(super) fn running(&mut self, waker: &Waker) {
        match self {
            DriverWakeup::Awake(Some(current)) => current.clone_from(waker),
            _ => *self = DriverWakeup::Awake(Some(waker.clone())),
        }
    }

    /// The driver goes to sleep.
    pub(super) fn sleep(&mut self) {
        if let DriverWakeup::Awake(waker) = self
            && let Some(waker) = waker.take()
        {
            *self = DriverWakeup::Asleep(waker);
        }
    }

    /// Returns the waker if the driver sleeps; it counts as awake from now on.
    pub(super) fn wake(&mut self) -> Option<Waker> {
        let DriverWakeup::Asleep(waker) = self else {
            return None;
        };
        let waker = waker.clone();
        *self = DriverWakeup::Awake(Some(waker.clone()));
        Some(waker)
    }

    pub(super) fn is_asleep(&self) -> bool {
        matches!(self, DriverWakeup::Asleep(_))
    }

    pub(super) fn is_started(&self) -> bool {
        !matches!(self, DriverWakeup::NotStarted)
    }
}
