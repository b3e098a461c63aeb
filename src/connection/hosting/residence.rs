//! [`Residence`]: where a connection can be driven by a task on the runtime of its callers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};

use super::callers::Callers;
use super::handover::{Handover, ResidentId};
use super::mode::DriverMode;
use super::transport::Transport;

/// What the I/O thread and the residents of one connection share.
#[derive(Debug)]
pub(in super::super) struct Residence {
    pub(in super::super) handover: Handover<Box<Transport>>,
    pub(in super::super) mode: DriverMode,
    /// The process that has made the connection: a forked child must leave it alone.
    process: u32,
    residents: AtomicU64,
    callers: Mutex<Callers>,
}

impl Residence {
    pub(in super::super) fn new(mode: DriverMode) -> Arc<Residence> {
        Arc::new(Residence {
            handover: Handover::new(),
            mode,
            process: std::process::id(),
            residents: AtomicU64::new(0),
            callers: Mutex::default(),
        })
    }

    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the process at hand is a child of the one that has made the connection.
    pub(in super::super) fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    /// The I/O thread would like a resident to take over, or not.
    pub(in super::super) fn set_open(&self, is_open: bool) {
        self.callers().is_open = is_open;
    }

    /// A caller on `host`, or on none that can host, has introduced itself. Returns the resident to make
    /// there, if one is wanted.
    pub(in super::super) fn meet(&self, host: Option<&Handle>) -> Option<ResidentId> {
        let mut callers = self.callers();
        callers.meet(host.map(Handle::id), self.mode == DriverMode::Automatic);
        callers
            .invite()
            .then(|| self.residents.fetch_add(1, Ordering::Relaxed))
    }

    /// The resident on `runtime` has been polled, or dropped before.
    pub(in super::super) fn has_come(&self, runtime: Id) {
        self.callers().has_come(runtime);
    }

    /// Returns whether the last caller was on another runtime than the last resident, or on none.
    pub(in super::super) fn callers_have_moved(&self) -> bool {
        self.callers().have_moved()
    }
}
