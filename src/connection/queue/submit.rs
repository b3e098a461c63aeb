//! What callers do with the queue.

use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::super::errors::{closed, queue_full};
use super::super::late::Hindrance;
use super::super::reply::ExpectedReplies;
use super::super::timeouts::Timeouts;
use super::admission::{InLine, MAX_WAITING};
use super::after_unlock::AfterUnlock;
use super::command_queue::{CommandQueue, Connection, Outcome};
use super::driver_wakeup::DriverWakeup;
use super::in_flight::{Caller, Entry};
use super::waiters::{OldWaker, WaiterId};
use crate::error::Error;
use crate::resp::Refusal;
use crate::runtime::{Wakers, later};

/// What has become of a submission.
pub(in super::super) enum Submitted {
    /// It is in flight since then.
    Waiting(WaiterId, Instant, AfterUnlock),
    /// It is in flight, and its caller wants no reply.
    Unanswered(AfterUnlock),
    /// It waits for room since then; the outcome will be [`Outcome::Admitted`].
    InLine(WaiterId, Instant, AfterUnlock),
    Refused(Error),
    /// It must not wait, and would have to.
    Hindered(Hindrance),
}

impl CommandQueue {
    /// Takes one submission. `waker` is `None` where no reply is wanted; `admitted` where the caller
    /// has been let in before; one that is to `fail_fast` waits for nothing but a first attempt to connect.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call takes a hundredth of a command"
    )]
    pub(in super::super) fn submit(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>),
        expected: ExpectedReplies,
        timeouts: Timeouts,
        fail_fast: bool,
        waker: Option<&Waker>,
        admitted: bool,
    ) -> Submitted {
        if admitted {
            self.admission.arrived();
        }
        if let Some(refused) = self.refusal(admitted, fail_fast) {
            return refused;
        }
        let now = Instant::now();
        self.last_submitted = Some(now);
        // Of those let in together, the first may have used up the room for bytes.
        let is_early = admitted && self.is_full_of_bytes();
        if is_early || !admitted && (self.is_full() || self.admission.has_line()) {
            return self.line_up(timeouts.deadline, fail_fast, waker, is_early, now);
        }
        self.history.submitted += 1;
        let was_idle = self.in_flight.is_empty();
        let bytes = self.out.append(encode);
        let waiter = waker.map(|waker| self.waiters.wait(waker.clone()));
        let wait = timeouts.response_timeout.min(timeouts.deadline);
        let is_earlier = !self.alarm.covers(wait) && self.alarm.is_earlier(later(now, wait));
        self.in_flight.push(Entry {
            caller: waiter.map_or(Caller::Unanswered, Caller::Waiting),
            bytes,
            expected,
            submitted: now,
            timeouts,
            fail_fast,
        });
        let mut next = self.after_submit(was_idle);
        if is_earlier {
            next = self.tell_watcher(next);
        }
        let next = self.question(next);
        match waiter {
            Some(waiter) => Submitted::Waiting(waiter, now, next),
            None => Submitted::Unanswered(next),
        }
    }

    /// Lets a caller wait for room at most for `limit`, before all others if it had been let in too early.
    #[cold]
    fn line_up(
        &mut self,
        limit: Duration,
        fail_fast: bool,
        waker: Option<&Waker>,
        is_early: bool,
        now: Instant,
    ) -> Submitted {
        if fail_fast {
            return Submitted::Hindered(Hindrance::NoRoom);
        }
        let Some(waker) = waker else {
            return Submitted::Refused(queue_full("in flight"));
        };
        let waiter = self.waiters.wait(waker.clone());
        let until = later(now, limit);
        let caller = InLine {
            waiter,
            until,
            limit,
        };
        if is_early {
            self.admission.push_front(caller);
        } else {
            self.admission.push_back(caller);
        }
        Submitted::InLine(waiter, now, self.ring_at(until))
    }

    /// Fails once the client has been closed, or is about to be.
    pub(in super::super) fn check_open(&self) -> Result<(), Error> {
        match &self.connection {
            Connection::Closed(error) => Err(error.clone()),
            _ if self.is_closing => Err(closed()),
            _ => Ok(()),
        }
    }

    fn refusal(&self, admitted: bool, fail_fast: bool) -> Option<Submitted> {
        match &self.connection {
            Connection::Closed(error) => Some(Submitted::Refused(error.clone())),
            _ if self.is_closing && !admitted => Some(Submitted::Refused(closed())),
            Connection::Down {
                refusing: Some(error),
                ..
            } => Some(Submitted::Refused(error.clone())),
            Connection::Down {
                fails_fast: true, ..
            } if fail_fast => self.hindrance().map(Submitted::Hindered),
            Connection::Down {
                is_outage: true, ..
            } if !admitted => {
                let waiting = self.in_flight.waiting() + self.admission.len();
                let is_full = waiting >= MAX_WAITING || self.is_full_of_bytes();
                is_full.then(|| Submitted::Refused(queue_full("waiting for a connection")))
            }
            // Without an outage those beyond the limit wait in line, and keep their bytes.
            Connection::Up { .. } | Connection::Down { .. } => None,
        }
    }

    /// The time of a command is up at `due`: tells the I/O thread if it looks later than that.
    pub(super) fn ring_at(&mut self, due: Instant) -> AfterUnlock {
        if self.alarm.ring_at(due) {
            self.wake_io_thread()
        } else {
            AfterUnlock::Nothing
        }
    }

    #[inline]
    pub(super) fn after_submit(&mut self, was_idle: bool) -> AfterUnlock {
        if !self.driver.is_started() {
            self.driver = DriverWakeup::Awake(None);
            self.history.changed();
            return AfterUnlock::StartSupervisor;
        }
        if self.out.is_writing() {
            return AfterUnlock::Nothing;
        }
        if let Connection::Up {
            inline: Some(socket),
            ..
        } = &self.connection
            && was_idle
            && self.out.is_free()
            && self.driver.is_asleep()
            && !self.is_leaving()
        {
            let socket = Arc::clone(socket);
            return AfterUnlock::Write(self.out.take_to_write(), socket);
        }
        match self.wake_driver() {
            // The I/O thread is awake without anything in flight, which never lasts.
            AfterUnlock::Nothing if was_idle => AfterUnlock::CheckProcess,
            next => next,
        }
    }

    /// A caller has written the first `written` bytes of `buffer` itself.
    pub(in super::super) fn written(&mut self, buffer: Vec<u8>, written: usize) -> AfterUnlock {
        match self.out.written(buffer, written) {
            None => AfterUnlock::Nothing,
            Some(false) if !self.has_unsent() && !self.driver_has_to_set_timer() => {
                AfterUnlock::Nothing
            }
            Some(_) => self.wake_driver(),
        }
    }

    /// Takes the outcome of a caller; leaves `waker` behind while there is none, and returns the one that
    /// it replaces.
    #[inline]
    pub(in super::super) fn take(
        &mut self,
        waiter: WaiterId,
        waker: &Waker,
    ) -> Result<Outcome, OldWaker> {
        self.waiters.take(waiter, waker)
    }

    /// The caller that waits for a reply goes away.
    pub(in super::super) fn abandon(&mut self, waiter: WaiterId, wakers: &mut Wakers) -> OldWaker {
        let old = self.waiters.abandon(waiter);
        if old.is_some() {
            if self.in_flight.abandon_unsent(waiter, self.out.taken()) {
                self.drop_abandoned();
            }
            self.admit(wakers);
        }
        old
    }

    /// Removes the commands that have not been written and are not waited for any more.
    pub(super) fn drop_abandoned(&mut self) {
        let taken = self.out.taken();
        let bytes = self.out.rewind(taken, &[]);
        let waiters = &mut self.waiters;
        let kept = self.in_flight.retain(taken, &bytes, |entry| {
            entry.bytes.start < taken
                || !matches!(entry.caller, Caller::Waiting(waiter) if waiters.free_abandoned(waiter))
        });
        self.out.refill(kept);
    }

    /// The caller that waits for room goes away.
    pub(in super::super) fn leave_line(
        &mut self,
        waiter: WaiterId,
        wakers: &mut Wakers,
    ) -> OldWaker {
        if self.waiters.is_waiting(waiter) {
            let old = self.waiters.abandon(waiter);
            let waiters = &mut self.waiters;
            self.admission
                .leave(|waiter| waiters.free_abandoned(waiter));
            return old;
        }
        match self.waiters.take(waiter, Waker::noop()) {
            Ok(Outcome::Admitted) => {
                // It had been let in without knowing yet.
                self.admission.arrived();
                self.admit(wakers);
                None
            }
            Ok(_) => None,
            Err(old) => old,
        }
    }

    /// Lets a caller whose command was refused wait until the server serves, at most for `wait`; the
    /// outcome will be [`Outcome::Retry`].
    pub(in super::super) fn park(
        &mut self,
        refusal: Refusal,
        wait: Duration,
        timeouts: Timeouts,
        waker: &Waker,
    ) -> Result<(WaiterId, AfterUnlock), Error> {
        self.check_open()?;
        let now = Instant::now();
        let until = later(now, wait);
        let waiter = self.waiters.wait(waker.clone());
        let due = self.not_ready.park(waiter, until, refusal, timeouts, now);
        Ok((waiter, self.ring_at(due)))
    }

    /// Asks the server for its role, and leaves the connection if it is a replica.
    pub(in super::super) fn ask_role(&mut self, timeouts: Timeouts) -> AfterUnlock {
        let now = Instant::now();
        if self.is_up() && self.not_ready.ask_role(timeouts, now) {
            self.ring_at(now)
        } else {
            AfterUnlock::Nothing
        }
    }

    /// Ends the connection once what is in flight has been answered, or after `limit`.
    pub(in super::super) fn end(&mut self, limit: Duration) -> AfterUnlock {
        self.leave(limit);
        self.wake_io_thread()
    }

    /// The caller that is parked goes away.
    pub(in super::super) fn unpark(&mut self, waiter: WaiterId) -> OldWaker {
        self.not_ready.leave(waiter);
        self.waiters.free(waiter)
    }
}
