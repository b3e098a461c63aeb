//! Whether the I/O thread looks at the queue, and who writes to the socket.

use std::task::Waker;

/// The supervisor of the link, as callers see it.
#[derive(Debug)]
pub(super) enum Attention {
    /// There is none: the next caller starts it.
    Nobody,
    /// It will look at the queue before it sleeps.
    Awake(Option<Waker>),
    /// Whoever leaves something to do wakes it.
    Asleep(Waker),
}

impl Attention {
    /// It runs, and `waker` wakes it from now on.
    pub(super) fn arrive(&mut self, waker: &Waker) {
        match self {
            Attention::Awake(Some(current)) => current.clone_from(waker),
            _ => *self = Attention::Awake(Some(waker.clone())),
        }
    }

    pub(super) fn sleep(&mut self) {
        if let Attention::Awake(waker) = self
            && let Some(waker) = waker.take()
        {
            *self = Attention::Asleep(waker);
        }
    }

    /// Returns what to wake, if it sleeps; it counts as awake from now on.
    pub(super) fn wake(&mut self) -> Option<Waker> {
        let Attention::Asleep(waker) = self else {
            return None;
        };
        let waker = waker.clone();
        *self = Attention::Awake(Some(waker.clone()));
        Some(waker)
    }

    pub(super) fn is_asleep(&self) -> bool {
        matches!(self, Attention::Asleep(_))
    }
}

/// A caller that writes to the socket itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    Nobody,
    Writing,
    /// The driver can do nothing before it is done.
    Awaited,
}
