//! [`CommandQueue`]: how many commands callers have left, and what `parties.rs` needs.

use std::task::Waker;
use std::time::{Duration, Instant};

use super::after_unlock::AfterUnlock;
use super::alarm::Alarm;
use super::driver_wakeup::DriverWakeup;
use crate::runtime::Wakers;

/// The time that a command with a deadline has.
const TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct CommandQueue {
    pub(super) driver: DriverWakeup,
    pub(super) watcher: Option<Waker>,
    pub(super) alarm: Alarm,
    pub(super) asks_caller: bool,
    pub(super) out: OutBuffer,
    pub(super) last_heard: Instant,
    unsent: u32,
    is_closed: bool,
    /// The deadline of a command that is not answered.
    due: Option<Instant>,
}

pub(super) struct OutBuffer;

impl OutBuffer {
    pub(super) fn is_blocked(&self) -> bool {
        false
    }
}

impl CommandQueue {
    pub(crate) fn new() -> CommandQueue {
        CommandQueue {
            driver: DriverWakeup::Awake(None),
            watcher: None,
            alarm: Alarm::default(),
            asks_caller: false,
            out: OutBuffer,
            last_heard: Instant::now(),
            unsent: 0,
            is_closed: false,
            due: None,
        }
    }

    // What callers do.

    pub(crate) fn submit(&mut self, has_deadline: bool) -> AfterUnlock {
        self.unsent += 1;
        let is_earlier = has_deadline && {
            let due = self.last_heard + TIMEOUT;
            self.due = Some(due);
            !self.alarm.covers(TIMEOUT) && self.alarm.is_earlier(due)
        };
        let next = self.wake_driver();
        if is_earlier {
            self.tell_watcher(next)
        } else {
            next
        }
    }

    pub(crate) fn close(&mut self, wakers: &mut Wakers) {
        self.is_closed = true;
        self.wake_all_parties(wakers);
    }

    // What those who drive and watch do.

    pub(crate) fn take_unsent(&mut self) -> u32 {
        std::mem::take(&mut self.unsent)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    pub(crate) fn alarm_is_late(&self) -> bool {
        self.alarm.is_late()
    }

    /// The I/O thread looks for commands past their deadline; returns when the next one is.
    pub(crate) fn expire(&mut self) -> Option<Instant> {
        self.alarm.set(self.last_heard, self.due);
        self.due
    }

    pub(crate) fn has_unsent(&self) -> bool {
        self.unsent > 0
    }

    pub(super) fn is_writing(&self) -> bool {
        false
    }

    pub(super) fn serves(&self) -> bool {
        !self.is_closed
    }

    pub(super) fn is_leaving(&self) -> bool {
        false
    }
}
