//! The runtimes of callers, as hosts of tasks of this crate.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use tokio::runtime::{Handle, Id};

use super::{parker, threads};

/// The runtimes that are known to have no reactor.
static WITHOUT_REACTOR: Mutex<Vec<Id>> = Mutex::new(Vec::new());

/// Returns whether `runtime` may have a reactor. Does not wait for one that finds out at this moment: it may
/// be the panic hook of the application that asks.
fn may_have_reactor(runtime: Id) -> bool {
    match WITHOUT_REACTOR.try_lock() {
        Ok(list) => !list.contains(&runtime),
        Err(TryLockError::Poisoned(list)) => !list.into_inner().contains(&runtime),
        Err(TryLockError::WouldBlock) => false,
    }
}

fn without_reactor() -> MutexGuard<'static, Vec<Id>> {
    WITHOUT_REACTOR
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Returns the runtime that the code at hand runs on and that can host a task with a socket. `None` on the
/// I/O thread, in a call that blocks its thread, without a runtime of tokio, and where panics abort the
/// process, because then no runtime can be asked whether it has a reactor.
pub(crate) fn host() -> Option<Handle> {
    if cfg!(panic = "abort") || threads::is_io_thread() || parker::is_blocking() {
        return None;
    }
    let handle = Handle::try_current().ok()?;
    may_have_reactor(handle.id()).then_some(handle)
}

/// Calls `register`, which uses the reactor of the runtime at hand. A runtime without one makes tokio panic; it
/// is an error here, and is not tried again.
///
/// # Errors
/// Those of `register`, and that there is no reactor.
pub(crate) fn with_reactor(register: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let runtime = Handle::current().id();
    // Locked meanwhile, so that two workers of a runtime do not both find out.
    let mut without_reactor = without_reactor();
    let panicked = || io::Error::other("the runtime has no reactor");
    if without_reactor.contains(&runtime) {
        return Err(panicked());
    }
    catch_unwind(AssertUnwindSafe(register)).unwrap_or_else(|_| {
        without_reactor.push(runtime);
        Err(panicked())
    })
}
