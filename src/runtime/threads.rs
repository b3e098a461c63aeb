//! Threads of this crate: what they are called, and which of them runs the code at hand.

use std::cell::Cell;
use std::io;

use crate::error::{Error, ErrorKind};

thread_local! {
    static IS_IO_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Starts a thread that runs `work` and is not waited for.
pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(work).map(drop)
}

/// Returns whether the code at hand runs on a thread of this name.
pub(super) fn is_named(name: &str) -> bool {
    std::thread::current().name() == Some(name)
}

/// The thread at hand is the I/O thread.
pub(super) fn enter_io_thread() {
    IS_IO_THREAD.set(true);
}

/// Returns whether the code at hand runs on the I/O thread.
pub(super) fn is_io_thread() -> bool {
    IS_IO_THREAD.get()
}

/// Fails on the I/O thread, where waiting for a reply would keep that reply from ever being read.
#[inline]
pub(crate) fn check_may_wait() -> Result<(), Error> {
    if IS_IO_THREAD.get() {
        return Err(deadlock());
    }
    Ok(())
}

#[cold]
fn deadlock() -> Error {
    let message = "a command was called on the I/O thread, which would have to answer it";
    Error::new(ErrorKind::Deadlock, message).with_help(
        "call it from another thread; let a logger hand its lines to a thread of its own",
    )
}
