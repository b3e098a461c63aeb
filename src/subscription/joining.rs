//! [`Joining`]: a call that waits until its topics are subscribed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::hub::Hub;
use super::ids::{CallId, ReaderId};
use super::link::Scope;
use super::supervisor::start_missing;
use super::topic::Topic;
use crate::error::Error;

/// A call that waits until its topics are subscribed. If it is dropped before, or fails, the subscription
/// does not read any of those that it did not read before.
pub(super) struct Joining<'a> {
    hub: &'a Arc<Hub>,
    call: Option<CallId>,
}

impl<'a> Joining<'a> {
    pub(super) fn begin(
        hub: &'a Arc<Hub>,
        reader: ReaderId,
        topics: Vec<(Topic, Scope)>,
    ) -> Result<Joining<'a>, Error> {
        let call = hub.change(|switchboard, wakers| switchboard.join(reader, topics, wakers))?;
        let call = Some(call);
        Ok(Joining { hub, call })
    }

    /// Returns why the topics are not subscribed, as far as that is known.
    pub(super) fn failure(&self) -> Option<Error> {
        let switchboard = self.hub.lock();
        let call = switchboard.calls.get(&self.call?)?;
        switchboard.failure(&call.topics)
    }
}

impl Future for Joining<'_> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = &mut *self;
        let Some(call) = this.call else {
            return Poll::Ready(Ok(()));
        };
        // Neither cloned nor dropped with the lock: it is foreign code.
        let waker = cx.waker().clone();
        let (outcome, unused, lacks_tasks) = {
            let mut switchboard = this.hub.lock();
            let (outcome, unused) = switchboard.poll_call(call, waker);
            (outcome, unused, switchboard.lacks_tasks)
        };
        drop(unused);
        if outcome.is_pending() && lacks_tasks {
            start_missing(this.hub)?;
        }
        let outcome = std::task::ready!(outcome);
        if outcome.is_ok() {
            this.call = None;
            this.hub
                .change(|switchboard, wakers| switchboard.end_call(call, wakers));
        }
        Poll::Ready(outcome)
    }
}

impl Drop for Joining<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            self.hub
                .change(|switchboard, wakers| switchboard.cancel_call(call, wakers));
        }
    }
}
