//! What a connection that comes or goes does to the queue.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::super::stream::Socket;
use super::attention::{Attention, Writer};
use super::pending::{Caller, Collected};
use super::{Next, Outcome, Queue, State};
use crate::error::Error;

impl Queue {
    /// There is a connection. What nobody waits for any more is forgotten instead of sent.
    pub(in super::super) fn connected(&mut self, now: Instant, inline: Option<Arc<Socket>>) {
        if self.is_closed() {
            return;
        }
        self.retain_from(self.taken, &[]);
        self.blocked = false;
        self.heard = now;
        self.state = State::Up { since: now, inline };
        self.gate_moves(now);
    }

    /// An attempt to connect has failed. With `refuse`, everybody is told at once.
    pub(in super::super) fn unreachable(&mut self, error: &Error, refuse: bool) -> Vec<Waker> {
        if !self.is_closed() {
            let refusing = refuse.then(|| error.clone());
            self.state = State::Down {
                refusing,
                last: Some(error.clone()),
            };
        }
        if refuse {
            self.fail_all(error)
        } else {
            Vec::new()
        }
    }

    /// The connection is gone. `sent` is the stream offset up to which bytes were written, `rest` is
    /// what a write had taken and not written. What the server cannot have seen stays in line.
    pub(in super::super) fn lost(&mut self, sent: u64, rest: &[u8], error: &Error) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let written = error.clone().after_writing();
        while self
            .pending
            .front()
            .is_some_and(|front| front.bytes.start < sent)
        {
            let Some(front) = self.pending.pop_front() else {
                break;
            };
            self.settle(&front, || Outcome::Failed(written.clone()), &mut wakers);
        }
        self.collected = Collected::default();
        self.retain_from(sent, rest);
        if !self.is_closed() {
            self.state = State::Down {
                refusing: None,
                last: Some(error.clone()),
            };
        }
        self.admit(&mut wakers);
        wakers
    }

    /// Nothing will ever be sent again.
    pub(in super::super) fn close(&mut self, error: &Error) -> Vec<Waker> {
        self.state = State::Closed(error.clone());
        let mut wakers = self.fail_all(error);
        wakers.extend(self.attention.wake());
        wakers
    }

    /// Refuses new commands; those in line go on.
    pub(in super::super) fn start_closing(&mut self) {
        self.closing = true;
    }

    /// The supervisor has ended without being asked to: the next submission starts another.
    pub(in super::super) fn abandoned_by_supervisor(&mut self, error: &Error) -> Vec<Waker> {
        self.attention = Attention::Nobody;
        self.writer = Writer::Nobody;
        if !self.is_closed() {
            self.state = State::Down {
                refusing: None,
                last: Some(error.clone()),
            };
        }
        self.fail_all(error)
    }

    /// This process is a child of the one that made the connection. What that has in flight is not the
    /// child's; what the child has submitted waits for a connection of its own.
    pub(in super::super) fn disown(&mut self) -> Next {
        let down = State::Down {
            refusing: None,
            last: None,
        };
        let theirs = match std::mem::replace(&mut self.state, down) {
            // To close the socket would take it from the parent's I/O thread too.
            State::Up { inline, .. } => {
                std::mem::forget(inline);
                self.pending.partition_point(|p| p.bytes.start < self.taken)
            }
            State::Down { .. } => self.pending.len() - 1,
            closed @ State::Closed(_) => {
                self.state = closed;
                return Next::Nothing;
            }
        };
        for pending in self.pending.iter_mut().take(theirs) {
            pending.caller = Caller::Gone;
        }
        self.collected = Collected::default();
        self.blocked = false;
        self.retain_from(self.taken, &[]);
        self.attention = Attention::Nobody;
        self.after_submit(false)
    }

    /// Keeps the commands from the stream offset `from` on that somebody still wants. `head` is what
    /// lies between `from` and `unsent`.
    pub(super) fn retain_from(&mut self, from: u64, head: &[u8]) {
        let mut bytes = Vec::with_capacity(head.len() + self.unsent.len());
        bytes.extend_from_slice(head);
        bytes.append(&mut self.unsent);
        self.taken = from;
        let place = |offset: u64| usize::try_from(offset - from).unwrap_or(usize::MAX);
        let mut kept = Vec::with_capacity(bytes.len());
        let slots = &mut self.slots;
        self.pending.retain_mut(|pending| {
            match pending.caller {
                // A question is asked again on the next connection.
                Caller::Gone | Caller::Gate => return false,
                Caller::Waiting(slot) if slots.is_abandoned(slot) => {
                    slots.free(slot);
                    return false;
                }
                Caller::Waiting(_) | Caller::Unanswered => {}
            }
            let start = from + kept.len() as u64;
            kept.extend_from_slice(&bytes[place(pending.bytes.start)..place(pending.bytes.end)]);
            pending.bytes = start..from + kept.len() as u64;
            true
        });
        self.unsent = kept;
        self.unwatched = 0;
    }

    fn fail_all(&mut self, error: &Error) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let written = error.clone().after_writing();
        while let Some(front) = self.pending.pop_front() {
            let error = if front.bytes.start < self.taken {
                &written
            } else {
                error
            };
            self.settle(&front, || Outcome::Failed(error.clone()), &mut wakers);
        }
        while let Some((slot, _)) = self.admission.pop_front() {
            wakers.extend(self.slots.settle(slot, || Outcome::Failed(error.clone())));
        }
        self.open_gate(&mut wakers);
        self.taken = self.end();
        self.unsent.clear();
        self.collected = Collected::default();
        wakers
    }
}
