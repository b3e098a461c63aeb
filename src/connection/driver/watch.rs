//! [`Watch`]: the I/O thread while a resident drives.
//!
//! It keeps the time, and looks every 6 ms whether the runtime of the resident still runs: where there
//! is something to do and the resident has not come round, the I/O thread takes the connection back. After a
//! while with little to do it takes it back as well, so that nothing has to be watched on an idle connection.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::super::hosting::Residence;
use super::super::state::State;
use crate::connect::Socket;

/// Time between two looks. A runtime that blocks right after a look is found by the second one after that and
/// the one that [follows soon](SECOND_LOOK): within 18 ms, because timers are up to 1 ms late.
const TICK: Duration = Duration::from_millis(6);
/// Time until the second look at a resident that has something to do and has not come round.
const SECOND_LOOK: Duration = Duration::from_millis(3);
/// How many looks at a resident decide whether it has enough to do: about 200 ms.
const TICKS_PER_PERIOD: u32 = 32;
/// How often a resident has to come round in that time: half as often as makes it worth its watch at first.
const MIN_LAPS_PER_PERIOD: u64 = 20;

/// How many ticks a resident may be in the middle of one poll before callers past their deadline are told that
/// they are late although their replies may be there: about 100 ms. Ticks, because no time counts in which the
/// process was stopped.
const MAX_TICKS_IN_VAIN: u32 = 16;

/// Why the I/O thread should take the connection back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// There is little to do.
    Idle,
    /// Callers are elsewhere.
    Moved,
    /// The runtime of the resident does not come round.
    Blocked,
}

/// The I/O thread while a resident drives.
#[derive(Debug)]
pub(super) struct Watch {
    socket: Arc<Socket>,
    tick: Pin<Box<Sleep>>,
    finding: Option<Finding>,
    /// Ticks since the resident was asked for the connection in vain, in the middle of a poll.
    ticks_in_vain: Option<u32>,
    in_vain_since: Option<Instant>,
    /// How a look at the socket has failed; the system tells of an error once.
    socket_failure: Option<io::Error>,
    /// What has been seen at the last look.
    laps: u64,
    is_suspect: bool,
    /// The period in which the laps are counted.
    ticks: u32,
    laps_before: u64,
}

impl Watch {
    /// Watches from now on, on the I/O thread.
    pub(super) fn new(socket: Arc<Socket>, residence: &Residence) -> Watch {
        let laps = residence.handover.laps();
        Watch {
            socket,
            tick: Box::pin(tokio::time::sleep(TICK)),
            finding: None,
            ticks_in_vain: None,
            in_vain_since: None,
            socket_failure: None,
            laps,
            is_suspect: false,
            ticks: 0,
            laps_before: laps,
        }
    }

    /// Looks, once it is time to. Returns why the I/O thread should take the connection back, from the first
    /// time on that it should.
    pub(super) fn poll(
        &mut self,
        state: &State,
        residence: &Residence,
        cx: &mut Context<'_>,
    ) -> Option<Finding> {
        while self.tick.as_mut().poll(cx).is_ready() {
            let found = self.look(state, residence);
            self.finding = self.finding.or(found);
            if let Some(ticks) = &mut self.ticks_in_vain {
                *ticks += 1;
            }
            let next = if self.is_suspect { SECOND_LOOK } else { TICK };
            self.tick.as_mut().reset(tokio::time::Instant::now() + next);
        }
        self.finding
    }

    /// Returns whether the connection is taken back because there was little to do.
    pub(super) fn is_idle(&self) -> bool {
        self.finding == Some(Finding::Idle)
    }

    /// The resident was asked for the connection in vain. Returns whether that has lasted for too long.
    pub(super) fn waits_too_long(&mut self, now: Instant) -> bool {
        self.in_vain_since.get_or_insert(now);
        *self.ticks_in_vain.get_or_insert(0) >= MAX_TICKS_IN_VAIN
    }

    /// Returns for how long the resident has been asked for the connection in vain.
    pub(super) fn in_vain_for(&self, now: Instant) -> Option<Duration> {
        let since = self.in_vain_since?;
        Some(now.saturating_duration_since(since))
    }

    /// Takes how a look at the socket has failed.
    pub(super) fn take_socket_failure(&mut self) -> Option<io::Error> {
        self.socket_failure.take()
    }

    fn look(&mut self, state: &State, residence: &Residence) -> Option<Finding> {
        let laps = residence.handover.laps();
        let came_round = std::mem::replace(&mut self.laps, laps) != laps;
        let has_work = !came_round && (state.lock().waits_for_driver() || self.is_readable());
        let was_suspect = std::mem::replace(&mut self.is_suspect, has_work);
        if self.socket_failure.is_some() || has_work && was_suspect {
            return Some(Finding::Blocked);
        }
        if residence.callers_have_moved() {
            return Some(Finding::Moved);
        }
        if !self.has_enough_to_do(laps) && !has_work {
            return Some(Finding::Idle);
        }
        state.lock().ask_caller();
        None
    }

    fn has_enough_to_do(&mut self, laps: u64) -> bool {
        self.ticks += 1;
        if self.ticks < TICKS_PER_PERIOD {
            return true;
        }
        self.ticks = 0;
        laps - std::mem::replace(&mut self.laps_before, laps) >= MIN_LAPS_PER_PERIOD
    }

    /// Returns whether there is something to read: bytes, the end of the stream or an error.
    fn is_readable(&mut self) -> bool {
        match self.socket.has_input() {
            Ok(is_readable) => is_readable,
            Err(error) => {
                self.socket_failure = Some(error);
                true
            }
        }
    }
}
