//! What a connection that comes or goes does to the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::errors::cut_off;
use super::super::late::Hindrance;
use super::after_unlock::AfterUnlock;
use super::command_queue::{CommandQueue, Connection, Outcome};
use super::in_flight::Caller;
use super::login::Login;
use crate::connect::Socket;
use crate::error::Error;
use crate::runtime::{Wakers, later};

impl CommandQueue {
    /// There is a connection. Commands whose callers are gone are dropped instead of sent. Returns the
    /// number of the connection.
    pub(in super::super) fn connected(
        &mut self,
        now: Instant,
        inline: Option<Arc<Socket>>,
        wakers: &mut Wakers,
    ) -> u64 {
        self.number += 1;
        if self.is_closed() {
            return self.number;
        }
        self.retain_from(self.out.taken(), &[]);
        self.out.set_blocked(false);
        self.last_heard = now;
        self.has_served = false;
        self.login = Login::default();
        self.connection = Connection::Up { inline };
        self.history.changed();
        self.admission.set_connected(true);
        self.admit(wakers);
        if self.not_ready.reconnected(now) {
            self.alarm.ring_now();
        }
        self.number
    }

    /// An attempt to connect has failed. With `refuse`, all callers are told at once.
    pub(in super::super) fn unreachable(
        &mut self,
        error: &Error,
        refuse: bool,
        wakers: &mut Wakers,
    ) {
        if !self.is_closed() {
            self.connection = Connection::Down {
                refusing: refuse.then(|| error.clone()),
                last: Some(error.clone()),
                is_outage: true,
                fails_fast: true,
            };
            self.history.failed(error);
        }
        if refuse {
            self.fail_all(error, wakers);
        } else {
            self.fail_fast(wakers);
        }
    }

    /// The connection is lost. `sent` is the stream offset up to which bytes were written, `rest` is
    /// what a write had taken and not written. Commands that the server cannot have seen stay. If the reply
    /// of the command at the front is to blame, the others get `others`.
    pub(in super::super) fn lost(
        &mut self,
        sent: u64,
        rest: &[u8],
        error: &Error,
        others: Option<&Error>,
        wakers: &mut Wakers,
    ) {
        let front = self
            .in_flight
            .front()
            .filter(|front| front.bytes.start < sent);
        self.silent_since = front.map(|front| front.submitted.max(self.last_heard));
        let arrived = self.in_flight.arrived();
        if others.is_some() || !arrived.is_nothing() {
            let error = match others {
                Some(_) => error.clone().after_writing(),
                None => cut_off(error, arrived),
            };
            if let Some(front) = self.in_flight.pop_before(sent) {
                self.complete(front.caller, || Outcome::CutOff(error), wakers);
            }
        }
        let error = others.unwrap_or(error);
        let written = error.clone().after_writing();
        while let Some(front) = self.in_flight.pop_before(sent) {
            self.complete(front.caller, || Outcome::Failed(written.clone()), wakers);
        }
        self.in_flight.forget_replies();
        self.retain_from(sent, rest);
        if !self.is_closed() {
            let was_silent = self.had_been_silent_for(Instant::now(), self.response_timeout);
            self.connection = Connection::Down {
                refusing: None,
                last: Some(error.clone()),
                is_outage: false,
                fails_fast: was_silent || self.silent_since.is_some() && !self.has_served,
            };
            self.history.lost(error);
            self.admission.set_connected(false);
            self.fail_fast(wakers);
        }
        self.admit(wakers);
    }

    /// Fails the callers that must not wait, where the server does not answer.
    fn fail_fast(&mut self, wakers: &mut Wakers) {
        let Some(Hindrance::NotConnected(last)) = self.hindrance() else {
            return;
        };
        let hindered = || Outcome::Hindered(Hindrance::NotConnected(last.clone()));
        if self
            .in_flight
            .fail_fast(hindered, &mut self.waiters, wakers)
        {
            self.retain_from(self.out.taken(), &[]);
            self.admit(wakers);
        }
    }

    /// No attempt to connect is made until a caller needs one, for which also those wait that must not wait
    /// otherwise.
    pub(in super::super) fn await_demand(&mut self) {
        self.set_dormant(true);
        if let Connection::Down { fails_fast, .. } = &mut self.connection {
            *fails_fast = false;
        }
    }

    /// There is no connection, and new commands wait for the next one.
    fn set_down(&mut self, last: Option<Error>) {
        if let Some(error) = &last {
            self.history.lost(error);
        }
        self.connection = Connection::down(last);
        self.admission.set_connected(false);
    }

    /// Fails everything; nothing will ever be sent again.
    pub(in super::super) fn close(&mut self, error: &Error, wakers: &mut Wakers) {
        if !self.is_closed() && !self.is_closing {
            self.history.changed();
        }
        self.connection = Connection::Closed(error.clone());
        self.fail_all(error, wakers);
        self.wake_all_parties(wakers);
    }

    /// Refuses new commands; those that wait go on.
    pub(in super::super) fn start_closing(&mut self) {
        self.is_closing = true;
        self.history.changed();
    }

    /// The supervisor has ended without being asked to: the next submission starts another.
    pub(in super::super) fn supervisor_ended(&mut self, error: &Error, wakers: &mut Wakers) {
        self.number += 1;
        self.forget_parties();
        self.out.forget_writer();
        if !self.is_closed() {
            self.set_down(Some(error.clone()));
        }
        self.fail_all(error, wakers);
    }

    /// Writes nothing more on this connection, and ends it once what is in flight has been answered, or
    /// after `limit`.
    pub(in super::super) fn leave(&mut self, limit: Duration) {
        if self.is_up() {
            let until = later(Instant::now(), limit);
            self.not_ready.leave_connection(until);
            self.alarm.ring_now();
        }
    }

    /// Returns whether nothing more may be written on this connection.
    pub(in super::super) fn is_leaving(&self) -> bool {
        self.not_ready.leaving_until().is_some()
    }

    /// Returns whether the connection that is being left has answered everything, or has had its time.
    pub(in super::super) fn has_left(&self, now: Instant) -> bool {
        let answered = !self.in_flight.awaits_replies(self.out.taken());
        let until = self.not_ready.leaving_until();
        until.is_some_and(|until| answered || until <= now)
    }

    /// This process is a forked child of the one that made the connection. What that has in flight is
    /// not the child's; the command that the child has submitted waits for a connection of its own.
    pub(in super::super) fn disown(&mut self) -> AfterUnlock {
        match std::mem::replace(&mut self.connection, Connection::down(None)) {
            Connection::Up { inline, .. } => {
                // To close the socket would take it from the parent's I/O thread too.
                std::mem::forget(inline);
                self.in_flight.abandon_before(Some(self.out.taken()));
            }
            Connection::Down { .. } => self.in_flight.abandon_before(None),
            closed @ Connection::Closed(_) => {
                self.connection = closed;
                return AfterUnlock::Nothing;
            }
        }
        self.admission.set_connected(false);
        self.in_flight.forget_replies();
        self.out.set_blocked(false);
        self.retain_from(self.out.taken(), &[]);
        self.forget_parties();
        self.after_submit(false)
    }

    /// Keeps the commands from the stream offset `from` on whose callers still wait. `head` is what
    /// lies between `from` and the unsent bytes.
    pub(super) fn retain_from(&mut self, from: u64, head: &[u8]) {
        let bytes = self.out.rewind(from, head);
        let waiters = &mut self.waiters;
        let kept = self
            .in_flight
            .retain(from, &bytes, |entry| match entry.caller {
                // A probe is sent again on the next connection, which logs in by itself.
                Caller::Gone | Caller::Probe | Caller::Login => false,
                Caller::Waiting(waiter) => !waiters.free_abandoned(waiter),
                Caller::Unanswered => true,
            });
        self.out.refill(kept);
    }

    fn fail_all(&mut self, error: &Error, wakers: &mut Wakers) {
        let written = error.clone().after_writing();
        let taken = self.out.taken();
        while let Some(front) = self.in_flight.pop_before(u64::MAX) {
            let error = if front.bytes.start < taken {
                &written
            } else {
                error
            };
            self.complete(front.caller, || Outcome::Failed(error.clone()), wakers);
        }
        let waiters = &mut self.waiters;
        let mut fail = |waiter| waiters.complete(waiter, || Outcome::Failed(error.clone()));
        while let Some(waker) = self.admission.pop(&mut fail) {
            wakers.push(waker);
        }
        self.release_parked(wakers);
        self.out.discard();
        self.in_flight.forget_replies();
    }
}
