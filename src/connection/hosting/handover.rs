//! [`Handover`]: who drives a connection, and how it passes from one to the other.
//!
//! A connection is driven by one party at a time: the I/O thread, or a *resident*, which is a task on the
//! runtime of the callers. What it takes to drive is one value, and the party that has it drives. There is no
//! I/O in here, so that `tests/loom` can try every order of events.
//!
//! ```text
//!                    give                        work
//!   With the I/O ───────────────▶ Resting ◀─────────────────▶ Working
//!      thread                     │     │        rest             │
//!        ▲   reclaim              │     │ leave                   │ rest, where it leaves
//!        ├────────────────────────┘     ▼                         │ or is wanted back
//!        └─────────────────────────── Returned ◀──────────────────┘
//!                     reclaim
//! ```
//!
//! - A resident that is polled for the first time asks for the value ([`enter`](Handover::enter)), which
//!   shows that its runtime runs. The I/O thread gives it, or dismisses the resident.
//! - Between two polls of the resident the value rests here, and the I/O thread may take it at any time. In
//!   the middle of a poll it can only ask for it: the resident hands it over at the end of that poll.
//! - A resident that is dropped, with its runtime or by it, hands the value back.
//!
//! The I/O thread is woken when there is something for it to take, and a resident when it has got the value
//! or has lost it. A resident that has lost it ends; the next one is another.

use std::task::Waker;

#[cfg(redis_ready_loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(redis_ready_loom))]
use std::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

/// Identifies a resident among all that one connection has had.
pub(in super::super) type ResidentId = u64;

/// The place where a connection passes from one party to the other.
#[derive(Debug)]
pub(in super::super) struct Handover<T>(Mutex<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    stage: Stage<T>,
    /// Wakes the I/O thread.
    io_thread: Option<Waker>,
    /// How often residents have been polled with the value.
    laps: u64,
}

#[derive(Debug)]
enum Stage<T> {
    /// The I/O thread has the value. The resident that would like to have it, if there is one.
    IoThread(Option<Resident>),
    /// It is the resident's, which is not polled at the moment.
    Resting(Resident, T),
    /// The resident works with it.
    Working { resident: Resident, is_wanted: bool },
    /// The I/O thread has to take it.
    Returned(T),
    /// The connection has ended.
    Ended,
}

#[derive(Debug)]
struct Resident {
    id: ResidentId,
    waker: Waker,
}

/// What a resident gets when it is polled.
#[derive(Debug)]
pub(in super::super) enum Work<T> {
    Value(T),
    /// It may get the value, and is woken then.
    Later,
    /// It does not get the value, or not any more.
    Over,
}

impl<T> Handover<T> {
    /// The I/O thread has the value.
    pub(in super::super) fn new() -> Handover<T> {
        Handover(Mutex::new(Inner {
            stage: Stage::IoThread(None),
            io_thread: None,
            laps: 0,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // What the I/O thread does.

    /// Gives `value` to the resident that has asked for it. `waker` wakes the I/O thread from now on.
    ///
    /// # Errors
    /// There is none, or none any more; with the value.
    pub(in super::super) fn give(&self, value: T, waker: &Waker) -> Result<(), T> {
        let resident_waker = {
            let mut inner = self.lock();
            let Stage::IoThread(candidate) = &mut inner.stage else {
                return Err(value);
            };
            let Some(resident) = candidate.take() else {
                return Err(value);
            };
            let resident_waker = resident.waker.clone();
            inner.stage = Stage::Resting(resident, value);
            inner.set_io_thread(waker);
            resident_waker
        };
        resident_waker.wake();
        Ok(())
    }

    /// Returns whether a resident asks for the value. `waker` wakes the I/O thread when one does.
    pub(in super::super) fn has_candidate(&self, waker: &Waker) -> bool {
        let mut inner = self.lock();
        inner.set_io_thread(waker);
        matches!(inner.stage, Stage::IoThread(Some(_)))
    }

    /// Sends the resident away that asks for the value.
    pub(in super::super) fn dismiss(&self) {
        let candidate = match &mut self.lock().stage {
            Stage::IoThread(candidate) => candidate.take(),
            _ => None,
        };
        if let Some(Resident { waker, .. }) = candidate {
            waker.wake();
        }
    }

    /// The connection has ended: no resident gets it any more.
    pub(in super::super) fn end(&self) {
        let stage = std::mem::replace(&mut self.lock().stage, Stage::Ended);
        // Outside the lock: dropping a value closes a socket, and dropping a waker may drop a task.
        match stage {
            Stage::IoThread(Some(resident))
            | Stage::Resting(resident, _)
            | Stage::Working { resident, .. } => resident.waker.wake(),
            Stage::IoThread(None) | Stage::Returned(_) | Stage::Ended => {}
        }
    }

    /// Takes the value back. `None` while the resident is in the middle of a poll, at the end of which it
    /// hands the value over and wakes the I/O thread.
    pub(in super::super) fn reclaim(&self, waker: &Waker) -> Option<T> {
        let mut inner = self.lock();
        inner.set_io_thread(waker);
        if let Stage::Working { is_wanted, .. } = &mut inner.stage {
            *is_wanted = true;
            return None;
        }
        match std::mem::replace(&mut inner.stage, Stage::IoThread(None)) {
            Stage::Returned(value) => Some(value),
            Stage::Resting(Resident { waker, .. }, value) => {
                drop(inner);
                waker.wake();
                Some(value)
            }
            stage => {
                inner.stage = stage;
                None
            }
        }
    }

    /// Returns whether the value waits for the I/O thread; if not, `waker` is woken once it does.
    pub(in super::super) fn is_returned(&self, waker: &Waker) -> bool {
        let mut inner = self.lock();
        inner.set_io_thread(waker);
        matches!(inner.stage, Stage::Returned(_))
    }

    /// Returns how often residents have been polled with the value.
    pub(in super::super) fn laps(&self) -> u64 {
        self.lock().laps
    }

    // What a resident does.

    /// A resident asks for the value, in its first poll.
    pub(in super::super) fn enter(&self, id: ResidentId, waker: &Waker) {
        let (io_thread, replaced) = {
            let mut inner = self.lock();
            let Stage::IoThread(candidate) = &mut inner.stage else {
                return;
            };
            let waker = waker.clone();
            let replaced = candidate.replace(Resident { id, waker });
            (inner.io_thread.clone(), replaced)
        };
        // A candidate that is replaced finds out that it is none.
        for waker in replaced.map(|it| it.waker).into_iter().chain(io_thread) {
            waker.wake();
        }
    }

    /// Takes the value for one poll, which ends with [`rest`](Handover::rest).
    pub(in super::super) fn work(&self, id: ResidentId) -> Work<T> {
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.stage, Stage::Ended) {
            Stage::Resting(resident, value) if resident.id == id => {
                inner.laps += 1;
                inner.stage = Stage::Working {
                    resident,
                    is_wanted: false,
                };
                Work::Value(value)
            }
            stage => {
                inner.stage = stage;
                match &inner.stage {
                    Stage::IoThread(Some(candidate)) if candidate.id == id => Work::Later,
                    _ => Work::Over,
                }
            }
        }
    }

    /// Ends a poll of the resident. Returns whether it goes on; if not, because it `leaves` or because the
    /// value is wanted back, the I/O thread is woken.
    pub(in super::super) fn rest(&self, value: T, leaves: bool) -> bool {
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.stage, Stage::Ended) {
            Stage::Working {
                resident,
                is_wanted,
            } if !is_wanted && !leaves => {
                inner.stage = Stage::Resting(resident, value);
                true
            }
            Stage::Ended => {
                drop(inner);
                drop(value);
                false
            }
            left => {
                inner.stage = Stage::Returned(value);
                let io_thread = inner.io_thread.clone();
                drop(inner);
                // Its waker may be the last that holds a task.
                drop(left);
                if let Some(waker) = io_thread {
                    waker.wake();
                }
                false
            }
        }
    }

    /// The resident is dropped, which happens between two polls: what it had goes to the I/O thread.
    pub(in super::super) fn leave(&self, id: ResidentId) {
        let mut inner = self.lock();
        let (stage, resident) = match std::mem::replace(&mut inner.stage, Stage::Ended) {
            Stage::IoThread(Some(candidate)) if candidate.id == id => {
                (Stage::IoThread(None), candidate)
            }
            Stage::Resting(resident, value) if resident.id == id => {
                (Stage::Returned(value), resident)
            }
            stage => {
                inner.stage = stage;
                return;
            }
        };
        inner.stage = stage;
        let io_thread = inner.io_thread.clone();
        drop(inner);
        drop(resident);
        if let Some(waker) = io_thread {
            waker.wake();
        }
    }
}

impl<T> Inner<T> {
    fn set_io_thread(&mut self, waker: &Waker) {
        match &mut self.io_thread {
            Some(current) => current.clone_from(waker),
            None => self.io_thread = Some(waker.clone()),
        }
    }
}
