//! [`InFlight`]: the commands that wait to be written or for their replies, in the order of both.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use redis::Value;

use super::super::reply::{ExpectedReplies, PipelineReplies, Reply};
use super::super::timeouts::Timeouts;
use super::waiters::{WaiterId, Waiters};
use crate::runtime::{Wakers, later};

/// One submission: its caller, where its bytes are, and how long it may take.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) caller: Caller,
    pub(super) bytes: Range<u64>,
    pub(super) expected: ExpectedReplies,
    pub(super) submitted: Instant,
    pub(super) timeouts: Timeouts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    Waiting(WaiterId),
    /// It never wanted the reply, but wants the command to run.
    Unanswered,
    /// Its caller has got a timeout.
    Gone,
    /// The connection itself, which asks whether the server serves.
    Probe,
}

impl Entry {
    /// Returns when its time is up on a connection that was made at `since`.
    fn due(&self, since: Instant) -> Instant {
        let sent = self.submitted.max(since);
        later(sent, self.timeouts.response_timeout).min(self.deadline())
    }

    fn deadline(&self) -> Instant {
        later(self.submitted, self.timeouts.deadline)
    }
}

/// The commands that wait to be written or for their replies, in the order of both.
#[derive(Debug)]
pub(super) struct InFlight {
    entries: VecDeque<Entry>,
    /// How many at the front have no caller that waits any more.
    unwatched: usize,
    /// The latest deadline of any submission. What is submitted again has less time left.
    latest: Instant,
    /// Before this offset the time of an entry may be up before the time of those in front of it.
    unordered: u64,
    /// Replies of the pipeline at the front so far.
    replies: PipelineReplies,
}

impl InFlight {
    pub(super) fn new(now: Instant) -> InFlight {
        InFlight {
            entries: VecDeque::new(),
            unwatched: 0,
            latest: now,
            unordered: 0,
            replies: PipelineReplies::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn front(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// Returns whether replies are outstanding, when the bytes before `taken` were written.
    pub(super) fn awaits_replies(&self, taken: u64) -> bool {
        self.front().is_some_and(|front| front.bytes.start < taken)
    }

    #[inline]
    pub(super) fn push(&mut self, entry: Entry) {
        // Nearly always the one before has the same timeouts, and so is due before this one is.
        match self.entries.back() {
            Some(before) if before.timeouts == entry.timeouts => {}
            before => {
                let latest = before.map_or(entry.submitted, Entry::deadline);
                let latest = latest.max(self.latest);
                let deadline = entry.deadline();
                if deadline < latest {
                    self.unordered = entry.bytes.end;
                }
                self.latest = latest.max(deadline);
            }
        }
        self.entries.push_back(entry);
    }

    /// Takes one reply for the entry at the front. Returns its caller once the last one is there.
    ///
    /// # Errors
    /// No command that was written, which means before `taken`, waits for a reply.
    #[inline]
    pub(super) fn take_reply(
        &mut self,
        reply: Value,
        taken: u64,
    ) -> Result<Option<(Caller, Reply)>, ()> {
        let front = self.entries.front();
        let front = front.filter(|front| front.bytes.start < taken).ok_or(())?;
        let reply = match front.expected {
            ExpectedReplies::One => Reply::One(reply),
            ExpectedReplies::Many { skip, count } => match self.replies.add(reply, skip, count) {
                Some(reply) => reply,
                None => return Ok(None),
            },
        };
        Ok(self.pop_front().map(|front| (front.caller, reply)))
    }

    fn pop_front(&mut self) -> Option<Entry> {
        self.unwatched = self.unwatched.saturating_sub(1);
        self.entries.pop_front()
    }

    /// Removes the entry at the front if its bytes start before the offset `end`.
    pub(super) fn pop_before(&mut self, end: u64) -> Option<Entry> {
        self.entries
            .front()
            .filter(|front| front.bytes.start < end)?;
        self.pop_front()
    }

    /// The replies of the pipeline at the front will not be continued.
    pub(super) fn forget_replies(&mut self) {
        self.replies = PipelineReplies::default();
    }

    /// Completes the callers whose time is up on a connection that was made at `since`: `outcome` tells
    /// the limit that has passed. Returns when the time of the next one is up. The entries keep their
    /// place: their replies will still come.
    pub(super) fn expire_written<T>(
        &mut self,
        now: Instant,
        since: Instant,
        outcome: impl Fn(Duration) -> T,
        waiters: &mut Waiters<T>,
        wakers: &mut Wakers,
    ) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for entry in self.entries.range_mut(self.unwatched..) {
            if next.is_some() && entry.bytes.start >= self.unordered {
                break;
            }
            if let Caller::Waiting(waiter) = entry.caller
                && !waiters.is_abandoned(waiter)
            {
                let due = entry.due(since);
                if due > now {
                    next = Some(next.map_or(due, |next| next.min(due)));
                    continue;
                }
                entry.caller = Caller::Gone;
                let Timeouts {
                    response_timeout,
                    deadline,
                } = entry.timeouts;
                let limit = response_timeout.min(deadline);
                wakers.extend(waiters.complete(waiter, || outcome(limit)));
            }
            self.unwatched += usize::from(next.is_none());
        }
        next
    }

    /// As [`expire_written`](InFlight::expire_written), without a connection: only the deadline counts.
    /// Returns besides whether the time of any was up.
    pub(super) fn expire_unsent<T>(
        &mut self,
        now: Instant,
        outcome: impl Fn(Duration) -> T,
        waiters: &mut Waiters<T>,
        wakers: &mut Wakers,
    ) -> (Option<Instant>, bool) {
        let mut next: Option<Instant> = None;
        let mut is_late = false;
        for entry in &mut self.entries {
            if next.is_some() && entry.bytes.start >= self.unordered {
                break;
            }
            let due = entry.deadline();
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            is_late = true;
            if let Caller::Waiting(waiter) = std::mem::replace(&mut entry.caller, Caller::Gone) {
                let limit = entry.timeouts.deadline;
                wakers.extend(waiters.complete(waiter, || outcome(limit)));
            }
        }
        (next, is_late)
    }

    /// Keeps the entries whose caller `keeps` accepts. `bytes` are those of the stream from the offset
    /// `from` on; returns the bytes of the entries that were kept.
    pub(super) fn retain(
        &mut self,
        from: u64,
        bytes: &[u8],
        mut keeps: impl FnMut(Caller) -> bool,
    ) -> Vec<u8> {
        let place = |offset: u64| usize::try_from(offset - from).unwrap_or(usize::MAX);
        let mut kept = Vec::with_capacity(bytes.len());
        self.entries.retain_mut(|entry| {
            if !keeps(entry.caller) {
                return false;
            }
            let start = from + kept.len() as u64;
            kept.extend_from_slice(&bytes[place(entry.bytes.start)..place(entry.bytes.end)]);
            entry.bytes = start..from + kept.len() as u64;
            true
        });
        self.unwatched = 0;
        kept
    }

    /// The callers of the entries whose bytes start before `end`, or of all but the last, are gone.
    pub(super) fn abandon_before(&mut self, end: Option<u64>) {
        let count = match end {
            Some(end) => self
                .entries
                .partition_point(|entry| entry.bytes.start < end),
            None => self.entries.len().saturating_sub(1),
        };
        for entry in self.entries.iter_mut().take(count) {
            entry.caller = Caller::Gone;
        }
    }
}
