//! [`Admission`]: the callers that wait for room, because too many commands are in flight.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::waiters::WaiterId;

/// Commands that are taken without a connection; any more wait in line, or fail at once in an outage.
pub(super) const MAX_WAITING: usize = 1_000;

/// A caller in line.
#[derive(Debug, Clone, Copy)]
pub(super) struct InLine {
    pub(super) waiter: WaiterId,
    /// The time until which it waits, and how long that is.
    pub(super) until: Instant,
    pub(super) limit: Duration,
}

/// The callers that wait for room, in their order.
#[derive(Debug)]
pub(super) struct Admission {
    max_in_flight: usize,
    /// How many may be in flight now.
    room: usize,
    line: VecDeque<InLine>,
    /// How many in the line have gone away.
    gone: usize,
    /// How many have been let in and have not submitted their command yet.
    admitted: usize,
}

impl Admission {
    pub(super) fn new(max_in_flight: usize) -> Admission {
        Admission {
            max_in_flight,
            room: max_in_flight.min(MAX_WAITING),
            line: VecDeque::new(),
            gone: 0,
            admitted: 0,
        }
    }

    /// Returns how many callers wait, or have been let in without having submitted yet.
    pub(super) fn len(&self) -> usize {
        self.line.len() - self.gone + self.admitted
    }

    pub(super) fn has_line(&self) -> bool {
        self.line.len() > self.gone
    }

    /// Returns whether `in_flight` commands leave no room for one more.
    pub(super) fn is_full(&self, in_flight: usize) -> bool {
        in_flight + self.admitted >= self.room
    }

    /// There is a connection, or there is none: then fewer commands are taken before it comes.
    pub(super) fn set_connected(&mut self, is_connected: bool) {
        let most = if is_connected {
            usize::MAX
        } else {
            MAX_WAITING
        };
        self.room = self.max_in_flight.min(most);
    }

    pub(super) fn push_back(&mut self, caller: InLine) {
        self.line.push_back(caller);
    }

    /// Puts a caller first that had been let in too early.
    pub(super) fn push_front(&mut self, caller: InLine) {
        self.line.push_front(caller);
    }

    /// Takes the first caller out of the line, passes it to `complete`, which returns its waker if it still
    /// waits, and returns that; `None` once the line is empty.
    pub(super) fn pop(
        &mut self,
        mut complete: impl FnMut(WaiterId) -> Option<Waker>,
    ) -> Option<Waker> {
        while let Some(first) = self.line.pop_front() {
            if let Some(waker) = complete(first.waiter) {
                return Some(waker);
            }
            self.gone = self.gone.saturating_sub(1);
        }
        None
    }

    /// A caller has been let in.
    pub(super) fn let_in(&mut self) {
        self.admitted += 1;
    }

    /// A caller that had been let in has submitted its command, or has gone away.
    pub(super) fn arrived(&mut self) {
        self.admitted = self.admitted.saturating_sub(1);
    }

    /// A caller has gone away. `is_gone` frees those that have, which is done for many at once.
    pub(super) fn leave(&mut self, mut is_gone: impl FnMut(WaiterId) -> bool) {
        self.gone += 1;
        if self.gone * 2 >= self.line.len() {
            self.line.retain(|caller| !is_gone(caller.waiter));
            self.gone = 0;
        }
    }

    /// Removes the callers past their deadline, and passes them to `on_late`, which returns whether they still
    /// wait.
    pub(super) fn expire(&mut self, now: Instant, mut on_late: impl FnMut(InLine) -> bool) {
        let gone = &mut self.gone;
        self.line.retain(|caller| {
            let waits = caller.until > now;
            if !waits && !on_late(*caller) {
                *gone = gone.saturating_sub(1);
            }
            waits
        });
    }

    /// Returns when the time of the first caller is up.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.line.iter().map(|caller| caller.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn caller(waiter: WaiterId, until: Instant) -> InLine {
        InLine {
            waiter,
            until,
            limit: SECOND,
        }
    }

    /// Callers with the numbers from 0, of which number 1 waits until `early` and the others a second longer.
    fn line(count: WaiterId, early: Instant) -> Admission {
        let mut admission = Admission::new(10);
        for waiter in 0..count {
            let until = if waiter == 1 { early } else { early + SECOND };
            admission.push_back(caller(waiter, until));
        }
        admission
    }

    /// Takes the first one who waits, where number 0 has gone away.
    fn pop(admission: &mut Admission) -> Option<WaiterId> {
        let mut popped = None;
        let waker = admission.pop(|waiter| {
            popped = Some(waiter);
            (waiter != 0).then(|| Waker::noop().clone())
        });
        popped.filter(|_| waker.is_some())
    }

    #[test]
    fn those_who_have_gone_are_freed_once_they_are_half_of_the_line() {
        let mut admission = line(6, Instant::now());
        let mut freed = 0;
        for (waiter, expected) in [(0, 0), (1, 0), (2, 3)] {
            admission.leave(|gone| {
                let has_gone = gone <= waiter;
                freed += u32::from(has_gone);
                has_gone
            });
            assert_eq!(freed, expected);
            assert_eq!(admission.len(), 5 - waiter as usize);
        }
    }

    #[test]
    fn one_who_has_gone_is_left_out_and_does_not_count_any_more() {
        let mut admission = line(6, Instant::now());
        admission.leave(|_| false);
        assert_eq!(pop(&mut admission), Some(1));
        assert_eq!(admission.len(), 4);
        assert_eq!(pop(&mut admission), Some(2));
        assert_eq!(admission.len(), 3);
    }

    #[test]
    fn the_time_of_a_caller_is_up_whether_it_has_gone_or_not() {
        for (gone, others) in [(0, 4), (1, 5)] {
            let now = Instant::now();
            let mut admission = line(6, now);
            admission.leave(|_| false);
            let mut late = Vec::new();
            admission.expire(now, |caller| {
                late.push(caller.waiter);
                caller.waiter != gone
            });
            assert_eq!(late, [1]);
            assert_eq!(admission.len(), others, "number {gone} has gone");
        }
    }

    #[test]
    fn one_who_was_let_in_too_early_is_the_first_again() {
        let now = Instant::now();
        let mut admission = line(2, now);
        admission.push_front(caller(7, now));
        assert_eq!(pop(&mut admission), Some(7));
    }

    #[test]
    fn those_who_were_let_in_take_room() {
        let mut admission = Admission::new(10);
        assert!(!admission.is_full(9));
        admission.let_in();
        assert!(admission.is_full(9) && !admission.is_full(8));
        admission.arrived();
        assert!(!admission.is_full(9));
    }

    #[test]
    fn only_a_connection_has_room_for_more_than_wait_without_one() {
        let mut admission = Admission::new(5_000);
        for (is_connected, room) in [(true, 5_000), (false, MAX_WAITING)] {
            assert!(admission.is_full(MAX_WAITING));
            admission.set_connected(is_connected);
            assert!(admission.is_full(room) && !admission.is_full(room - 1));
            admission.set_connected(false);
        }
    }
}
