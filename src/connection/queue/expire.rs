//! Commands past their deadline, and a server that has been silent for too long.

use std::time::Instant;

use super::super::late::{Late, Limit, Pause, WaitedFor};
use super::super::reply::ExpectedReplies;
use super::command_queue::{CommandQueue, Connection, Outcome};
use super::in_flight::{Caller, Entry};
use super::not_ready::Probe;
use crate::error::Error;
use crate::runtime::{Wakers, later};

/// Response timeouts without one byte from the server after which the connection is given up.
pub(in super::super) const MAX_SILENT_TIMEOUTS: u32 = 3;

impl CommandQueue {
    /// Fails the callers past their deadline, and returns when to look again. `pause` is what has not run
    /// while their time was up.
    pub(in super::super) fn expire(
        &mut self,
        now: Instant,
        pause: Option<Pause>,
        wakers: &mut Wakers,
    ) -> Option<Instant> {
        self.expire_line(now, pause, wakers);
        let parked = self.poll_not_ready(now, wakers);
        let in_flight = match &self.connection {
            Connection::Up { .. } => {
                let late = |limit, progress| {
                    Outcome::Late(Late {
                        limit,
                        waited_for: WaitedFor::Reply(progress),
                        pause,
                    })
                };
                self.in_flight
                    .expire_written(now, self.last_heard, late, &mut self.waiters, wakers)
            }
            Connection::Down { last, .. } => {
                let last = last.clone();
                self.expire_unsent(now, last.as_ref(), pause, wakers)
            }
            Connection::Closed(_) => None,
        };
        self.admit(wakers);
        let in_line = self.admission.next_deadline();
        let silence = self.silent_at().filter(|due| *due > now);
        let next = [in_flight, in_line, parked, silence];
        let next = next.into_iter().flatten().min();
        self.alarm.set(now, next);
        next
    }

    fn expire_line(&mut self, now: Instant, pause: Option<Pause>, wakers: &mut Wakers) {
        let CommandQueue {
            admission,
            waiters,
            connection,
            ..
        } = self;
        admission.expire(now, |caller| {
            let late = || {
                Outcome::Late(Late {
                    limit: Limit::Deadline(caller.limit),
                    waited_for: match connection {
                        Connection::Down { last, .. } => WaitedFor::Connection(last.clone()),
                        _ => WaitedFor::Room,
                    },
                    pause,
                })
            };
            let waker = waiters.complete(caller.waiter, late);
            let waits = waker.is_some();
            wakers.extend(waker);
            waits
        });
    }

    /// Without a connection late commands are dropped: they must not run once their callers have been
    /// told that they have not. `last` is why there is none.
    fn expire_unsent(
        &mut self,
        now: Instant,
        last: Option<&Error>,
        pause: Option<Pause>,
        wakers: &mut Wakers,
    ) -> Option<Instant> {
        let late = |limit| {
            Outcome::Late(Late {
                limit,
                waited_for: WaitedFor::Connection(last.cloned()),
                pause,
            })
        };
        let (next, is_late) = self
            .in_flight
            .expire_unsent(now, late, &mut self.waiters, wakers);
        if is_late {
            self.retain_from(self.out.taken(), &[]);
        }
        next
    }

    /// Releases the parked callers past their deadline, and probes the server when a probe is due.
    fn poll_not_ready(&mut self, now: Instant, wakers: &mut Wakers) -> Option<Instant> {
        let is_up = self.is_up();
        let retry = || Outcome::Retry;
        let (next, probe) = self
            .not_ready
            .poll(now, is_up, retry, &mut self.waiters, wakers);
        if let Some(Probe { command, timeouts }) = probe {
            let bytes = self.out.append(|out| out.extend_from_slice(command));
            self.in_flight.push(Entry {
                caller: Caller::Probe,
                bytes,
                expected: ExpectedReplies::One,
                submitted: now,
                timeouts,
                fail_fast: false,
            });
        }
        next
    }

    /// Returns when the connection counts as dead, if nothing is heard until then. Whether a caller
    /// still waits for the reply makes no difference, nor whether its command is about to be written.
    fn silent_at(&self) -> Option<Instant> {
        let front = self.in_flight.front().filter(|_| self.is_up())?;
        let limit = front.timeouts.response_timeout.max(self.response_timeout);
        let silence = limit.saturating_mul(MAX_SILENT_TIMEOUTS);
        Some(later(front.submitted.max(self.last_heard), silence))
    }

    /// Returns whether the server has been silent for too long.
    pub(in super::super) fn is_silent(&self, now: Instant) -> bool {
        self.silent_at().is_some_and(|due| due <= now)
    }
}
