//! The one thread that makes and ends every connection of the process, and keeps the time.
//!
//! It drives connections itself, or watches over the task of a caller's runtime that does. Callers only wait
//! for a reply, so they may be on any runtime and any thread. No connection ends with a runtime, and timeouts
//! are right while the application blocks its executor.
//!
//! No foreign code runs on it: lines for the log leave it ([`log`](super::log)), and so do wakers of unknown
//! kinds ([`Wakers`](super::Wakers)). A call that would wait on it fails at once
//! ([`check_may_wait`](super::check_may_wait)).

use std::future::Future;
use std::sync::{Mutex, PoisonError, mpsc};

use tokio::runtime::{Builder, Handle};

use super::descriptors::limit_help;
use super::{known_wakers, threads};
use crate::error::{Error, ErrorKind};

/// The running thread's handle, and the process that started it: a forked child has the memory of
/// its parent but not the threads.
static THREAD: Mutex<Option<(u32, Handle)>> = Mutex::new(None);

/// Starts the I/O thread if there is none.
///
/// # Errors
/// It cannot be started; the error says why.
pub(crate) fn ensure_started() -> Result<(), Error> {
    handle().map(drop)
}

/// Runs `task` on the I/O thread, which is started if there is none.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    handle()?.spawn(task);
    Ok(())
}

fn handle() -> Result<Handle, Error> {
    let mut thread = THREAD.lock().unwrap_or_else(PoisonError::into_inner);
    match &*thread {
        Some((process, handle)) if *process == std::process::id() => Ok(handle.clone()),
        _ => {
            let handle = start().map_err(|error| cannot_start(&error))?;
            *thread = Some((std::process::id(), handle.clone()));
            Ok(handle)
        }
    }
}

fn cannot_start(error: &std::io::Error) -> Error {
    // redis-rs shows one line of an error, so the cause stands in it.
    let message = format!("the I/O thread cannot be started: {error}");
    Error::new(ErrorKind::Unreachable, message)
        .not_run()
        .with_help_if(limit_help(error))
}

fn start() -> std::io::Result<Handle> {
    let (send, receive) = mpsc::channel();
    threads::start("redis-ready", move || {
        let _forget = Forget;
        // Dropped before `_forget` takes the lock that the starting caller holds while it receives.
        let send = send;
        threads::enter_io_thread();
        match Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
        {
            Ok(runtime) => {
                known_wakers::learn(&runtime);
                // Fails only if the starting caller has ended, and then no call uses this runtime.
                if send.send(Ok(runtime.handle().clone())).is_ok() {
                    runtime.block_on(std::future::pending::<()>());
                }
            }
            Err(error) => {
                let _ = send.send(Err(error));
            }
        }
    })?;
    receive
        .recv()
        .unwrap_or_else(|_| Err(std::io::Error::other("the thread ended at once")))
}

/// Makes the next call start a new thread if this one ends, by a panic of the runtime itself.
struct Forget;

impl Drop for Forget {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *THREAD.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}
