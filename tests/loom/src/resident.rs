//! [`Resident`]: the task on the runtime of callers, as in `connection/resident.rs`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::sync::Arc;

use crate::handover::Work;
use crate::sightings::saw;
use crate::world::{Transport, Turn, World};

pub(crate) struct Resident {
    world: Arc<World>,
    id: u64,
    has_entered: bool,
    /// It leaves after so many turns.
    turns_left: u32,
    is_candidate: bool,
    has_worked: bool,
}

impl Resident {
    pub(crate) fn new(world: &Arc<World>, id: u64, turns: u32) -> Resident {
        Resident {
            world: Arc::clone(world),
            id,
            has_entered: false,
            turns_left: turns,
            is_candidate: false,
            has_worked: false,
        }
    }

    /// The runtime polls it until it ends.
    pub(crate) fn run(self) {
        block_on(self);
    }

    /// The runtime polls it so often and is dropped.
    pub(crate) fn run_for(mut self, polls: u32) {
        for _ in 0..polls {
            let mut cx = Context::from_waker(Waker::noop());
            if Pin::new(&mut self).poll(&mut cx).is_ready() {
                return;
            }
        }
        if self.has_worked {
            saw("a resident is dropped that has had the connection");
        } else if polls > 0 {
            saw("a candidate is dropped");
        }
    }

    /// Takes a turn. Returns whether it goes on.
    fn drive(&mut self, transport: &mut Transport, waker: &Waker) -> bool {
        self.has_worked = true;
        if !transport.is_attached() {
            self.world.attach(transport);
        }
        self.world.lock().driver_runs(waker);
        let turn = self.world.take_turn(transport, false, waker);
        self.turns_left = self.turns_left.saturating_sub(1);
        let goes_on = turn == Turn::Asleep && self.turns_left > 0;
        if !goes_on {
            self.world.detach(transport);
        }
        goes_on
    }
}

impl Future for Resident {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let world = Arc::clone(&this.world);
        if !std::mem::replace(&mut this.has_entered, true) {
            world.handover.enter(this.id, cx.waker());
        }
        match world.handover.work(this.id) {
            Work::Value(mut transport) => {
                let goes_on = this.drive(&mut transport, cx.waker());
                let rests = world.handover.rest(transport, !goes_on);
                if rests {
                    return Poll::Pending;
                }
                if goes_on {
                    saw("the connection is wanted in the middle of a poll");
                }
                Poll::Ready(())
            }
            Work::Later => {
                this.is_candidate = true;
                Poll::Pending
            }
            Work::Over => {
                if this.is_candidate && !this.has_worked {
                    saw("a candidate gets nothing");
                }
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.world.handover.leave(self.id);
    }
}
