//! [`InFlight`]: the commands that wait to be written or for their replies, in the order of both.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use super::super::errors::Arrived;
use super::super::late::{Limit, Progress};
use super::super::reply::{ExpectedReplies, PipelineReplies, Reply, ReplyOrLimit};
use super::super::timeouts::Timeouts;
use super::waiters::{WaiterId, Waiters};
use crate::resp::Decoded;
use crate::runtime::{Wakers, later};

/// One submission: its caller, where its bytes are, and how long it may take.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) caller: Caller,
    pub(super) bytes: Range<u64>,
    pub(super) expected: ExpectedReplies,
    pub(super) submitted: Instant,
    pub(super) timeouts: Timeouts,
    /// It is not to wait for the connection after an attempt has failed.
    pub(super) fail_fast: bool,
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
    /// The connection itself, which logs in again.
    Login,
}

impl Caller {
    /// Returns whether it is the connection itself.
    #[inline]
    pub(super) fn is_connection(self) -> bool {
        matches!(self, Caller::Probe | Caller::Login)
    }
}

impl Entry {
    /// Returns when its time is up, if the server has been silent since `heard`.
    fn due(&self, heard: Instant) -> Instant {
        let silent_since = self.submitted.max(heard);
        later(silent_since, self.timeouts.response_timeout).min(self.deadline())
    }

    /// Returns the limit that has passed at `now`.
    fn limit(&self, now: Instant) -> Limit {
        let Timeouts {
            response_timeout,
            deadline,
        } = self.timeouts;
        if self.deadline() <= now {
            Limit::Deadline(deadline)
        } else {
            Limit::Response(response_timeout)
        }
    }

    /// Returns what is known of its reply at `now`, when this limit has passed, of which so much has `arrived`.
    fn progress(&self, limit: Limit, arrived: Arrived, heard: Instant, now: Instant) -> Progress {
        let silence = now.saturating_duration_since(heard.max(self.submitted));
        let waited = now.saturating_duration_since(self.submitted);
        match limit {
            _ if !arrived.is_nothing() => Progress::Arrived(arrived),
            // For less than half of its time the server has said nothing.
            Limit::Deadline(_) if silence < waited / 2 => Progress::Others(silence),
            _ => Progress::Nothing,
        }
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
    /// From this offset on all have the same timeouts, so the time of each is up before that of those behind
    /// it. Handles have timeouts of their own, and what is submitted again has less time left.
    alike_from: u64,
    /// Replies of the pipeline at the front so far.
    replies: PipelineReplies,
    /// Bytes of the reply that is not complete.
    begun: u64,
    gone: Gone,
}

/// What has not been written and is not waited for any more.
#[derive(Debug, Clone, Copy, Default)]
struct Gone {
    commands: usize,
    bytes: usize,
}

impl InFlight {
    pub(super) fn new() -> InFlight {
        InFlight {
            entries: VecDeque::new(),
            unwatched: 0,
            alike_from: 0,
            replies: PipelineReplies::default(),
            begun: 0,
            gone: Gone::default(),
        }
    }

    /// Returns how many commands callers wait for, or have been written.
    pub(super) fn waiting(&self) -> usize {
        self.entries.len() - self.gone.commands
    }

    /// Returns how many of the unsent bytes are of commands that are not waited for any more.
    pub(super) fn gone_bytes(&self) -> usize {
        self.gone.bytes
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
        // Nearly always the one before has the same timeouts.
        match self.entries.back() {
            Some(before) if before.timeouts == entry.timeouts => {}
            _ => self.alike_from = entry.bytes.start,
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
        reply: Decoded,
        taken: u64,
    ) -> Result<Option<(Caller, ReplyOrLimit)>, ()> {
        let front = self.entries.front();
        let front = front.filter(|front| front.bytes.start < taken).ok_or(())?;
        let reply = match front.expected {
            ExpectedReplies::One => reply.map(Reply::One),
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

    /// Records how many bytes of an incomplete reply have come.
    pub(super) fn set_begun(&mut self, bytes: u64) {
        self.begun = bytes;
    }

    /// Returns what has come of the reply of the command at the front.
    pub(super) fn arrived(&self) -> Arrived {
        // That a transaction has been queued is no part of the reply that its caller waits for.
        let (skip, expected) = match self.front().map(|front| front.expected) {
            Some(ExpectedReplies::Many { skip, count }) => (skip, count),
            _ => (0, 1),
        };
        Arrived {
            replies: self.replies.seen().saturating_sub(skip),
            expected,
            bytes: self.begun,
        }
    }

    /// The replies at the front will not be continued: the connection has ended.
    pub(super) fn forget_replies(&mut self) {
        self.replies = PipelineReplies::default();
        self.begun = 0;
        self.gone = Gone::default();
    }

    /// The caller of an entry that is not written, which means behind `taken`, goes away. Returns whether
    /// it is worth it to remove such entries: a quarter of them, or of their bytes, is gone.
    pub(super) fn abandon_unsent(&mut self, waiter: WaiterId, taken: u64) -> bool {
        let unsent = self
            .entries
            .partition_point(|entry| entry.bytes.start < taken);
        let mut entries = self.entries.range(unsent..);
        let Some(entry) = entries.find(|entry| entry.caller == Caller::Waiting(waiter)) else {
            return false;
        };
        let length = |range: &Range<u64>| usize::try_from(range.end - range.start).unwrap_or(0);
        self.gone.commands += 1;
        self.gone.bytes += length(&entry.bytes);
        let end = self.entries.back().map_or(taken, |last| last.bytes.end);
        self.gone.commands * 4 >= self.entries.len() - unsent
            || self.gone.bytes * 4 >= length(&(taken..end))
    }

    /// Completes the callers past their deadline, if the server has been silent since `heard`: `outcome` tells
    /// the limit that has passed, and what has come. Returns when the time of the next one is up. The
    /// entries keep their place: their replies will still come.
    pub(super) fn expire_written<T>(
        &mut self,
        now: Instant,
        heard: Instant,
        outcome: impl Fn(Limit, Progress) -> T,
        waiters: &mut Waiters<T>,
        wakers: &mut Wakers,
    ) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut arrived = self.arrived();
        if self.unwatched > 0 {
            arrived = Arrived::default();
        }
        for entry in self.entries.range_mut(self.unwatched..) {
            // Only of the first one anything can have come.
            let arrived = std::mem::take(&mut arrived);
            if let Caller::Waiting(waiter) = entry.caller
                && !waiters.is_abandoned(waiter)
            {
                let due = entry.due(heard);
                if due > now {
                    next = Some(next.map_or(due, |next| next.min(due)));
                    if entry.bytes.start >= self.alike_from {
                        break;
                    }
                    continue;
                }
                entry.caller = Caller::Gone;
                let limit = entry.limit(now);
                let progress = entry.progress(limit, arrived, heard, now);
                wakers.extend(waiters.complete(waiter, || outcome(limit, progress)));
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
        outcome: impl Fn(Limit) -> T,
        waiters: &mut Waiters<T>,
        wakers: &mut Wakers,
    ) -> (Option<Instant>, bool) {
        let mut next: Option<Instant> = None;
        let mut is_late = false;
        for entry in &mut self.entries {
            let due = entry.deadline();
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                if entry.bytes.start >= self.alike_from {
                    break;
                }
                continue;
            }
            is_late = true;
            if let Caller::Waiting(waiter) = std::mem::replace(&mut entry.caller, Caller::Gone) {
                let limit = Limit::Deadline(entry.timeouts.deadline);
                wakers.extend(waiters.complete(waiter, || outcome(limit)));
            }
        }
        (next, is_late)
    }

    /// Completes the callers that do not wait for a connection. Returns whether there was any.
    pub(super) fn fail_fast<T>(
        &mut self,
        outcome: impl Fn() -> T,
        waiters: &mut Waiters<T>,
        wakers: &mut Wakers,
    ) -> bool {
        let mut is_any = false;
        for entry in self.entries.iter_mut().filter(|entry| entry.fail_fast) {
            is_any = true;
            if let Caller::Waiting(waiter) = std::mem::replace(&mut entry.caller, Caller::Gone) {
                wakers.extend(waiters.complete(waiter, &outcome));
            }
        }
        is_any
    }

    /// Keeps the entries that `keeps` accepts. `bytes` are those of the stream from the offset `from` on;
    /// returns the bytes of the entries that were kept.
    pub(super) fn retain(
        &mut self,
        from: u64,
        bytes: &[u8],
        mut keeps: impl FnMut(&Entry) -> bool,
    ) -> Vec<u8> {
        let place = |offset: u64| usize::try_from(offset - from).unwrap_or(usize::MAX);
        let mut kept = Vec::with_capacity(bytes.len());
        self.entries.retain_mut(|entry| {
            if !keeps(entry) {
                return false;
            }
            if entry.bytes.start < from {
                // It has been written up to here, and goes on.
                kept.extend_from_slice(&bytes[..place(entry.bytes.end.max(from))]);
                return true;
            }
            let start = from + kept.len() as u64;
            kept.extend_from_slice(&bytes[place(entry.bytes.start)..place(entry.bytes.end)]);
            entry.bytes = start..from + kept.len() as u64;
            true
        });
        self.unwatched = 0;
        self.gone = Gone::default();
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
