//! [`PendingCall`]: a call that waits until its topics are subscribed.

use std::task::Waker;

use super::ids::ReaderId;
use super::topic::Topic;
use crate::error::Error;
use crate::runtime::Wakers;

/// A call that waits until its topics are subscribed.
pub(super) struct PendingCall {
    pub(super) reader: ReaderId,
    pub(super) topics: Vec<Topic>,
    /// Those that the reader did not read before: it does not read them any more if the call fails.
    pub(super) joined: Vec<Topic>,
    left: usize,
    outcome: Option<Result<(), Error>>,
    waker: Option<Waker>,
}

impl PendingCall {
    pub(super) fn new(reader: ReaderId) -> PendingCall {
        PendingCall {
            reader,
            topics: Vec::new(),
            joined: Vec::new(),
            left: 0,
            outcome: None,
            waker: None,
        }
    }

    /// It waits for one more topic.
    pub(super) fn add(&mut self) {
        self.left += 1;
    }

    /// One of its topics is subscribed, or not wanted any more.
    pub(super) fn settle(&mut self, wakers: &mut Wakers) {
        self.left -= 1;
        if self.left == 0 {
            self.end(Ok(()), wakers);
        }
    }

    pub(super) fn end(&mut self, outcome: Result<(), Error>, wakers: &mut Wakers) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            self.wake(wakers);
        }
    }

    pub(super) fn outcome(&mut self) -> Option<Result<(), Error>> {
        self.outcome.take()
    }

    /// Has the outcome wake a task by `waker`. Returns the waker of before.
    pub(super) fn wake_by(&mut self, waker: Waker) -> Option<Waker> {
        self.waker.replace(waker)
    }

    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    pub(super) fn wake(&mut self, wakers: &mut Wakers) {
        wakers.extend(self.waker.take());
    }
}
