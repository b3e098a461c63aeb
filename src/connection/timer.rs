//! [`Timer`]: one timer per connection, for the command whose deadline comes first.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::task::{JoinHandle, yield_now};
use tokio::time::Sleep;

use super::late::Pause;
use super::state::State;
use crate::runtime::{MAX_SCHEDULING_DELAY, Wakers};

/// One timer per connection: replies come in order, so only the oldest command can be late. It is set
/// for the time of the oldest one and, when that has passed, for the one that is oldest then.
///
/// The process may have been stopped for longer than that, and the reply may have come meanwhile. So when
/// the time has passed, the reactor has a turn and the connection is read before callers are told.
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    is_set: bool,
    due: Option<Instant>,
    /// The time has passed, and the reactor looks at the sockets.
    turn: Option<JoinHandle<()>>,
    /// What had come until then has been read.
    last_look: Instant,
}

impl Timer {
    pub(super) fn new() -> Timer {
        Timer {
            sleep: None,
            is_set: false,
            due: None,
            turn: None,
            last_look: Instant::now(),
        }
    }

    /// Sets the timer if it is not, or is set for a time that `is_late`, as the queue has said under the
    /// last lock. Fails only callers whose time was up when the connection was read the last time.
    pub(super) fn set(&mut self, state: &State, is_late: bool, wakers: &mut Wakers) {
        if self.is_set && !is_late {
            return;
        }
        self.look(None, state, wakers);
    }

    fn look(&mut self, pause: Option<Pause>, state: &State, wakers: &mut Wakers) {
        let due = state.lock().expire(self.last_look, pause, wakers);
        self.is_set = due.is_some();
        self.due = due;
        if let Some(due) = due {
            let sleep = self
                .sleep
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due.into())));
            sleep.as_mut().reset(due.into());
        }
    }

    /// Ready once the time has passed and the reactor has had a turn: now is the time to read what is
    /// there and then to call [`expire`](Timer::expire).
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.turn.is_none() {
            match &mut self.sleep {
                Some(sleep) if self.is_set => ready!(sleep.as_mut().poll(cx)),
                _ => return Poll::Pending,
            }
        }
        let turn = self.turn.get_or_insert_with(reactor_turn);
        // It does not panic.
        let _ = ready!(Pin::new(turn).poll(cx));
        self.turn = None;
        Poll::Ready(())
    }

    /// Returns whether the time of a command is up, for a party that does not read. If not, the timer is
    /// set for the command that is the next one.
    pub(super) fn poll_due(
        &mut self,
        state: &State,
        wakers: &mut Wakers,
        cx: &mut Context<'_>,
    ) -> bool {
        loop {
            match &mut self.sleep {
                Some(sleep) if self.is_set => {
                    if sleep.as_mut().poll(cx).is_pending() {
                        return false;
                    }
                }
                _ => return false,
            }
            self.set(state, true, wakers);
            if self.due.is_some_and(|due| due <= Instant::now()) {
                return true;
            }
        }
    }

    /// Returns whether the time has passed and the reactor has its turn.
    pub(super) fn is_ringing(&self) -> bool {
        self.turn.is_some()
    }

    /// Fails the callers whose time was up at `now`, after which the connection has been read; sets the
    /// timer for the next one. `pause` is what has not run meanwhile, if the clock of this thread alone does
    /// not tell.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        pause: Option<Pause>,
        state: &State,
        wakers: &mut Wakers,
    ) {
        let delay = self.due.map(|due| now.saturating_duration_since(due));
        let delay = delay.filter(|delay| *delay >= MAX_SCHEDULING_DELAY);
        self.last_look = now;
        self.look(pause.or(delay.map(Pause::Process)), state, wakers);
    }
}

/// Ends once the reactor has looked at all sockets.
///
/// A task of its own, because it is polled again only after that, whatever else wakes the caller.
pub(super) fn reactor_turn() -> JoinHandle<()> {
    tokio::spawn(yield_now())
}
