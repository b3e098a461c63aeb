//! Who drives the connection and who watches, as callers have to wake them.

use std::task::Waker;
use std::time::Instant;

use super::after_unlock::AfterUnlock;
use super::command_queue::CommandQueue;
use super::driver_wakeup::DriverWakeup;
use crate::runtime::Wakers;

impl CommandQueue {
    /// The driver runs; `waker` wakes it from now on.
    pub(in super::super) fn driver_runs(&mut self, waker: &Waker) {
        self.driver.running(waker);
    }

    /// The driver goes to sleep; from now on callers wake it.
    pub(in super::super) fn driver_sleeps(&mut self) {
        self.driver.sleep();
    }

    pub(super) fn wake_driver(&mut self) -> AfterUnlock {
        match self.driver.wake() {
            Some(waker) => AfterUnlock::Wake(waker),
            None => AfterUnlock::Nothing,
        }
    }

    /// Sets what wakes the I/O thread while a resident drives; `None` once the I/O thread drives itself.
    pub(in super::super) fn set_watcher(&mut self, waker: Option<&Waker>) {
        match (&mut self.watcher, waker) {
            (Some(current), Some(waker)) => current.clone_from(waker),
            (watcher, waker) => *watcher = waker.cloned(),
        }
    }

    /// Neither driver nor watcher runs any more, or in this process: the next caller starts the supervisor.
    pub(in super::super) fn forget_parties(&mut self) {
        self.driver = DriverWakeup::NotStarted;
        self.watcher = None;
    }

    /// Wakes the I/O thread, whether it drives or watches.
    pub(super) fn wake_io_thread(&mut self) -> AfterUnlock {
        match &self.watcher {
            Some(waker) => AfterUnlock::Wake(waker.clone()),
            None => self.wake_driver(),
        }
    }

    /// The time of a command is up earlier than the timer of the I/O thread knows. Its watcher is told besides
    /// what is `next`; where it drives, it looks by itself.
    pub(super) fn tell_watcher(&mut self, next: AfterUnlock) -> AfterUnlock {
        match &self.watcher {
            Some(waker) => AfterUnlock::WakeAfter(Box::new(next), waker.clone()),
            None => next,
        }
    }

    /// Returns whether the driver is the I/O thread, and has to set its timer anew.
    pub(super) fn driver_has_to_set_timer(&self) -> bool {
        self.watcher.is_none() && self.alarm.is_late()
    }

    /// The wakers of all who drive or watch.
    pub(in super::super) fn wake_all_parties(&mut self, wakers: &mut Wakers) {
        wakers.extend(self.driver.wake());
        wakers.extend(self.watcher.clone());
    }

    /// Asks the next caller that submits on which runtime it is.
    pub(in super::super) fn ask_caller(&mut self) {
        self.asks_caller = true;
    }

    /// Adds the question to what a caller has to do, if it is to be asked.
    #[inline]
    pub(super) fn question(&mut self, next: AfterUnlock) -> AfterUnlock {
        if self.asks_caller {
            self.asks_caller = false;
            AfterUnlock::Introduce(Box::new(next))
        } else {
            next
        }
    }

    /// Returns whether a resident may drive: not while the I/O thread has to see to the end of the connection
    /// or to a server that does not serve.
    pub(in super::super) fn may_be_away(&self) -> bool {
        self.serves() && !self.is_leaving()
    }

    /// Returns whether the driver has something to write. It may have to wait for a server that does not
    /// read; then it is the I/O thread that should.
    pub(in super::super) fn waits_for_driver(&self) -> bool {
        (self.has_unsent() || self.out.is_blocked()) && !self.is_writing()
    }

    /// Returns when the server has sent anything the last time.
    pub(in super::super) fn last_heard(&self) -> Instant {
        self.last_heard
    }
}
