//! What callers do with the queue.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::super::slots::SlotId;
use super::attention::{Attention, Writer};
use super::pending::{Caller, Pending, after};
use super::{
    Limits, MAX_WAITING, MAX_WAITING_BYTES, Next, Outcome, Queue, Shape, State, Submitted,
};
use crate::error::{Error, ErrorKind};

impl Queue {
    /// Takes one submission. `waker` is `None` where no reply is wanted; `admitted` where the caller
    /// has been let in before.
    #[inline]
    pub(in super::super) fn submit(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>),
        shape: Shape,
        limits: Limits,
        waker: Option<&Waker>,
        admitted: bool,
    ) -> Submitted {
        self.admitted -= usize::from(admitted);
        if let Some(error) = self.refusal(admitted) {
            return Submitted::Refused(error);
        }
        let now = Instant::now();
        self.last_submitted = Some(now);
        // Of those let in together, the first may have used up the room for bytes.
        let is_early = admitted && self.unsent.len() >= MAX_WAITING_BYTES;
        if is_early || !admitted && (self.is_full() || !self.admission.is_empty()) {
            let Some(waker) = waker else {
                return Submitted::Refused(full_queue("in flight"));
            };
            let slot = self.slots.wait(waker.clone());
            let until = after(now, limits.deadline);
            if is_early {
                self.admission.push_front((slot, until));
            } else {
                self.admission.push_back((slot, until));
            }
            return Submitted::InLine(slot, now, self.ring_at(until));
        }
        let was_idle = self.pending.is_empty();
        let start = self.end();
        encode(&mut self.unsent);
        let slot = waker.map(|waker| self.slots.wait(waker.clone()));
        let bytes = start..self.end();
        // Nearly always the one before has the same limits, and so is due before this one is.
        match self.pending.back() {
            Some(before) if before.limits == limits => {}
            before => {
                let latest = before.map_or(now, Pending::until).max(self.latest);
                let until = after(now, limits.deadline);
                if until < latest {
                    self.unordered = bytes.end;
                }
                self.latest = latest.max(until);
            }
        }
        let wait = limits.response_timeout.min(limits.deadline);
        if wait < self.alarm_covers {
            self.must_ring_at(after(now, wait));
        }
        let caller = slot.map_or(Caller::Unanswered, Caller::Waiting);
        self.pending.push_back(Pending {
            caller,
            bytes,
            shape,
            submitted: now,
            limits,
        });
        let next = self.after_submit(was_idle);
        match slot {
            Some(slot) => Submitted::Waiting(slot, now, next),
            None => Submitted::Unanswered(next),
        }
    }

    /// Fails once the link has been closed, or is about to be.
    pub(in super::super) fn check_open(&self) -> Result<(), Error> {
        match &self.state {
            State::Closed(error) => Err(error.clone()),
            _ if self.closing => Err(super::super::closed()),
            _ => Ok(()),
        }
    }

    fn refusal(&self, admitted: bool) -> Option<Error> {
        match &self.state {
            State::Closed(error) => Some(error.clone()),
            _ if self.closing && !admitted => Some(super::super::closed()),
            State::Down {
                refusing: Some(error),
                ..
            } => Some(error.clone()),
            State::Down { .. }
                if self.pending.len() >= MAX_WAITING || self.unsent.len() >= MAX_WAITING_BYTES =>
            {
                Some(full_queue("waiting for a connection"))
            }
            State::Down { .. } | State::Up { .. } => None,
        }
    }

    /// Notes that somebody's time is up at `due`; returns whether the I/O thread has to be told.
    fn must_ring_at(&mut self, due: Instant) -> bool {
        if self.alarm.is_none_or(|alarm| due < alarm) {
            self.alarm_is_late = true;
        }
        self.alarm_is_late
    }

    /// As [`must_ring_at`](Queue::must_ring_at), and returns how to tell it.
    pub(super) fn ring_at(&mut self, due: Instant) -> Next {
        if self.must_ring_at(due) {
            self.wake()
        } else {
            Next::Nothing
        }
    }

    #[inline]
    pub(super) fn after_submit(&mut self, was_idle: bool) -> Next {
        if let Attention::Nobody = self.attention {
            self.attention = Attention::Awake(None);
            return Next::Start;
        }
        if self.writer != Writer::Nobody {
            return Next::Nothing;
        }
        if let State::Up {
            inline: Some(socket),
            ..
        } = &self.state
            && was_idle
            && !self.blocked
            && self.attention.is_asleep()
            && !self.is_leaving()
        {
            let socket = Arc::clone(socket);
            self.writer = Writer::Writing;
            self.taken += self.unsent.len() as u64;
            let buffer = std::mem::replace(&mut self.unsent, std::mem::take(&mut self.spare));
            return Next::Write(buffer, socket);
        }
        match self.wake() {
            // The I/O thread is awake without anything in flight, which never lasts.
            Next::Nothing if was_idle => Next::Check,
            next => next,
        }
    }

    /// A caller has written the first `written` bytes of `buffer` itself.
    pub(in super::super) fn written(&mut self, mut buffer: Vec<u8>, written: usize) -> Next {
        let writer = std::mem::replace(&mut self.writer, Writer::Nobody);
        if writer == Writer::Nobody {
            // The supervisor has ended meanwhile, and with it what these bytes were part of.
            return Next::Nothing;
        }
        if written < buffer.len() {
            self.taken -= (buffer.len() - written) as u64;
            buffer.drain(..written);
            buffer.append(&mut self.unsent);
            std::mem::swap(&mut buffer, &mut self.unsent);
        }
        self.keep(buffer);
        if self.unsent.is_empty() && writer != Writer::Awaited && !self.alarm_is_late {
            return Next::Nothing;
        }
        self.wake()
    }

    pub(in super::super) fn take(&mut self, slot: SlotId, waker: &Waker) -> Option<Outcome> {
        self.slots.take(slot, waker)
    }

    /// The caller that waits in `slot` for a reply goes away.
    pub(in super::super) fn abandon(&mut self, slot: SlotId) {
        self.slots.abandon(slot);
    }

    /// The caller that waits in `slot` for admission goes away.
    pub(in super::super) fn leave_line(&mut self, slot: SlotId) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let before = self.admission.len();
        self.admission.retain(|(waiting, _)| *waiting != slot);
        if before > self.admission.len() {
            self.slots.free(slot);
        } else if let Some(Outcome::Admitted) = self.slots.take(slot, Waker::noop()) {
            // It had been let in without knowing yet.
            self.admitted -= 1;
            self.admit(&mut wakers);
        }
        wakers
    }
}

fn full_queue(doing: &str) -> Error {
    Error::new(
        ErrorKind::QueueFull,
        format!("too many commands are {doing} already"),
    )
}
