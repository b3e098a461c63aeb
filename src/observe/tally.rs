//! [`Tally`]: what all connections of a client count together.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::figures::{Figures, Source};
use super::retries::count_retry;
use super::statistics::{Statistics, TimeoutCounts};
use crate::error::{Error, ErrorKind};
use crate::timeout_cause::TimeoutCause;

/// Something that happens seldom enough to be counted for all connections together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A caller got an error of this crate.
    Failed,
    /// A caller got it because there was no room.
    TurnedAway,
    /// A command was written again after a loss.
    Resent,
    /// The server has refused a command, which waits until it serves.
    Parked,
    /// An attempt to connect has begun.
    Attempt,
    /// It has failed.
    FailedAttempt,
    /// A connection was made.
    Connection,
    /// A shared connection was made in the place of one before.
    Reconnect,
    /// A connection was closed by this client, ...
    ClosedByClient,
    /// ... ended by the server, ...
    ClosedByServer,
    /// ... ended after an error, ...
    ClosedByError,
    /// ... or given up because the server was silent.
    ClosedAsSilent,
}

const EVENTS: usize = Event::ClosedAsSilent as usize + 1;

/// What all connections of a client count together. What happens for each command is counted by the
/// connection itself, under the lock that it holds anyway.
pub(crate) struct Tally {
    events: [AtomicU64; EVENTS],
    /// Commands whose time was up, by cause.
    timeouts: [AtomicU64; TimeoutCause::ALL.len()],
    /// Of connections that are gone.
    submitted: AtomicU64,
    replies: AtomicU64,
    sources: Mutex<Vec<Weak<dyn Source>>>,
    connecting: Mutex<Connecting>,
    made: Instant,
}

/// What there is to tell of attempts to connect.
#[derive(Default)]
struct Connecting {
    failed: HashMap<ErrorKind, u64>,
    /// How long those took that have succeeded, until it is told.
    times: Vec<Duration>,
}

/// Times of connections that are kept until they are told.
const MAX_TIMES: usize = 256;

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            events: [const { AtomicU64::new(0) }; EVENTS],
            timeouts: [const { AtomicU64::new(0) }; TimeoutCause::ALL.len()],
            submitted: AtomicU64::new(0),
            replies: AtomicU64::new(0),
            sources: Mutex::default(),
            connecting: Mutex::default(),
            made: Instant::now(),
        }
    }
}

impl Tally {
    pub(crate) fn count(&self, event: Event) {
        self.events[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what the operation that is polled on this thread is sent again for.
    pub(crate) fn count_again(&self, event: Event) {
        self.count(event);
        count_retry();
    }

    /// A caller gets `error`.
    pub(crate) fn failed(&self, error: &Error) {
        self.count(Event::Failed);
        if error.kind() == ErrorKind::QueueFull {
            self.count(Event::TurnedAway);
        }
        if let Some(cause) = error.timeout_cause() {
            self.timeouts[cause as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An attempt to connect, which took `time`, has ended.
    pub(crate) fn attempted(&self, time: Duration, error: Option<ErrorKind>) {
        self.count(Event::Attempt);
        self.count(match error {
            Some(_) => Event::FailedAttempt,
            None => Event::Connection,
        });
        if !cfg!(feature = "metrics") {
            return;
        }
        let mut connecting = self.lock_connecting();
        match error {
            Some(kind) => *connecting.failed.entry(kind).or_default() += 1,
            None if connecting.times.len() < MAX_TIMES => connecting.times.push(time),
            None => {}
        }
    }

    /// Returns how often attempts to connect have failed, by kind.
    #[cfg(feature = "metrics")]
    pub(super) fn failed_attempts(&self) -> Vec<(ErrorKind, u64)> {
        let connecting = self.lock_connecting();
        connecting
            .failed
            .iter()
            .map(|(kind, count)| (*kind, *count))
            .collect()
    }

    /// Returns how long each connection took to make since the last call.
    #[cfg(feature = "metrics")]
    pub(super) fn take_connect_times(&self) -> Vec<Duration> {
        std::mem::take(&mut self.lock_connecting().times)
    }

    /// Returns when the client was made.
    pub(crate) fn made(&self) -> Instant {
        self.made
    }

    /// Asks `source` from now on, until it is gone.
    pub(crate) fn add_source(&self, source: Weak<dyn Source>) {
        let mut sources = self.lock();
        sources.retain(|source| source.strong_count() > 0);
        sources.push(source);
    }

    /// Keeps what a connection has counted that goes away.
    pub(crate) fn keep(&self, figures: &Figures) {
        self.submitted
            .fetch_add(figures.submitted, Ordering::Relaxed);
        self.replies.fetch_add(figures.replies, Ordering::Relaxed);
    }

    pub(crate) fn figures(&self) -> Vec<Figures> {
        // A source that is the last of its kind must not be dropped under the lock.
        let sources: Vec<Arc<dyn Source>> = self.lock().iter().filter_map(Weak::upgrade).collect();
        sources.iter().map(|source| source.figures()).collect()
    }

    pub(crate) fn get(&self, event: Event) -> u64 {
        self.events[event as usize].load(Ordering::Relaxed)
    }

    /// Returns how often the time of a command was up because of this.
    pub(crate) fn timeouts(&self, cause: TimeoutCause) -> u64 {
        self.timeouts[cause as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let get = |event| self.get(event);
        let late = |cause| self.timeouts(cause);
        let mut statistics = Statistics {
            commands: self.submitted.load(Ordering::Relaxed),
            replies: self.replies.load(Ordering::Relaxed),
            failed: get(Event::Failed),
            turned_away: get(Event::TurnedAway),
            resent: get(Event::Resent),
            parked: get(Event::Parked),
            timeouts: TimeoutCounts {
                not_connected: late(TimeoutCause::NotConnected),
                waiting_for_room: late(TimeoutCause::WaitingForRoom),
                not_ready: late(TimeoutCause::NotReady),
                no_reply: late(TimeoutCause::NoReply),
                slow_reply: late(TimeoutCause::SlowReply),
                not_scheduled: late(TimeoutCause::NotScheduled),
            },
            connect_attempts: get(Event::Attempt),
            failed_connect_attempts: get(Event::FailedAttempt),
            connections: get(Event::Connection),
            reconnects: get(Event::Reconnect),
            silent_connections: get(Event::ClosedAsSilent),
            ..Statistics::default()
        };
        for figures in self.figures() {
            statistics.add(&figures);
        }
        statistics
    }

    fn lock_connecting(&self) -> MutexGuard<'_, Connecting> {
        self.connecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<dyn Source>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
