//! [`Resident`]: the task on the runtime of the callers that drives a connection while it has it.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::{Handle, Id};

use super::super::hosting::{Residence, ResidentId, Transport, Work};
use super::super::state::State;
use super::turn::{Turn, take_turn};
use crate::error::Error;
use crate::runtime::{host, with_reactor};

/// A caller tells where it runs, and brings a resident if one is wanted there.
#[cold]
pub(in super::super) fn introduce(state: &Arc<State>) {
    let Some(residence) = state.residence() else {
        return;
    };
    if residence.is_forked() {
        return;
    }
    let runtime = host();
    let id = residence.meet(runtime.as_ref());
    if let (Some(id), Some(runtime)) = (id, runtime) {
        runtime.spawn(Resident::new(Arc::clone(state), residence, id, &runtime));
    }
}

/// The task on the runtime of the callers that drives a connection while it has it.
struct Resident {
    state: Arc<State>,
    residence: Arc<Residence>,
    id: ResidentId,
    runtime: Id,
    has_entered: bool,
}

impl Resident {
    fn new(
        state: Arc<State>,
        residence: Arc<Residence>,
        id: ResidentId,
        runtime: &Handle,
    ) -> Resident {
        Resident {
            state,
            residence,
            id,
            runtime: runtime.id(),
            has_entered: false,
        }
    }

    /// Asks for the connection in the first poll, which shows that the runtime runs.
    fn enter(&mut self, cx: &Context<'_>) {
        if !std::mem::replace(&mut self.has_entered, true) {
            self.residence.has_come(self.runtime);
            self.residence.handover.enter(self.id, cx.waker());
        }
    }

    /// Takes a turn. Returns whether it goes on.
    fn drive(&self, transport: &mut Transport, cx: &mut Context<'_>) -> bool {
        // A panic ends the connection, and not the runtime's task without the connection.
        let turn = AssertUnwindSafe(|| drive(&self.state, transport, cx));
        let can_go_on = catch_unwind(turn).unwrap_or_else(|_| {
            let cause = io::Error::other("its driver has panicked");
            transport.failure = Some(transport.lost(&self.state.peer, &cause));
            false
        });
        let goes_on = can_go_on && self.residence.mode.residents_stay();
        if !goes_on {
            transport.stream.detach();
        }
        goes_on
    }
}

/// Takes a turn. Returns whether a resident can go on.
fn drive(state: &State, transport: &mut Transport, cx: &mut Context<'_>) -> bool {
    if !transport.stream.is_attached() && with_reactor(|| transport.stream.attach()).is_err() {
        return false;
    }
    let turn = match take_turn_of_resident(state, transport, cx) {
        Ok(turn) => turn,
        Err(error) => {
            transport.failure = Some(error);
            Turn::IoThread
        }
    };
    turn != Turn::IoThread && transport.stream.is_attached()
}

fn take_turn_of_resident(
    state: &State,
    transport: &mut Transport,
    cx: &mut Context<'_>,
) -> Result<Turn, Error> {
    state.lock_for(transport.number)?.driver_runs(cx.waker());
    take_turn(state, transport, false, cx)
}

impl Future for Resident {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.residence.is_forked() {
            return Poll::Ready(());
        }
        self.enter(cx);
        let handover = &self.residence.handover;
        match handover.work(self.id) {
            Work::Value(mut transport) => {
                let goes_on = self.drive(&mut transport, cx);
                if handover.rest(transport, !goes_on) {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            }
            Work::Later => Poll::Pending,
            Work::Over => Poll::Ready(()),
        }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        // What a forked child has of it is its parent's.
        if self.residence.is_forked() {
            return;
        }
        if !self.has_entered {
            self.residence.has_come(self.runtime);
        }
        self.residence.handover.leave(self.id);
    }
}
