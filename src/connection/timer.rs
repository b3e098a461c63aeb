//! [`Timer`]: one timer per connection, for the commands whose time is up first.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Instant;

use tokio::time::Sleep;

use super::state::State;
use crate::runtime::Wakers;

/// One timer per connection: replies come in order, so only the oldest command can be late. It is set
/// for the time of the oldest one and, when that has passed, for the one that is oldest then.
#[derive(Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    is_set: bool,
}

impl Timer {
    /// Fails the callers whose time is up; returns whether the time to look for any had come.
    /// `is_late` is what the queue has said of its alarm under the last lock.
    pub(super) fn poll(
        &mut self,
        state: &State,
        mut is_late: bool,
        cx: &mut Context<'_>,
        wakers: &mut Wakers,
    ) -> bool {
        let mut rang = false;
        loop {
            if self.is_set {
                let sleeping = self
                    .sleep
                    .as_mut()
                    .is_some_and(|sleep| sleep.as_mut().poll(cx).is_pending());
                rang |= !sleeping;
                if sleeping && !is_late {
                    return rang;
                }
                self.is_set = false;
            }
            is_late = false;
            let Some(due) = state.lock().expire(Instant::now(), wakers) else {
                return rang;
            };
            let sleep = self
                .sleep
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due.into())));
            sleep.as_mut().reset(due.into());
            self.is_set = true;
        }
    }
}
