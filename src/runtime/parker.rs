//! Blocks a thread until a future is ready.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Time past the limit of a caller in which the I/O thread tells it the outcome itself: that thread knows
/// the cause, and whether the command was written. It begins once the caller's thread runs, so a process
/// that was stopped looks at its sockets first.
const IO_THREAD_REPORT_TIMEOUT: Duration = Duration::from_secs(1);

thread_local! {
    static IS_BLOCKING: Cell<bool> = const { Cell::new(false) };
}

/// Marks the thread at hand as one that a future blocks.
struct Blocking {
    was_blocking: bool,
}

impl Blocking {
    fn start() -> Blocking {
        Blocking {
            was_blocking: IS_BLOCKING.replace(true),
        }
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        IS_BLOCKING.set(self.was_blocking);
    }
}

/// Returns whether the code at hand is polled by a call that blocks its thread.
pub(super) fn is_blocking() -> bool {
    IS_BLOCKING.get()
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Returns the waker of this thread. Not generic and not copied, so that all have the same table.
#[inline(never)]
pub(super) fn waker() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

/// Blocks this thread until `future` is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let forever = block_on_within(future, Duration::MAX, || Duration::MAX);
    forever.expect("a wait without a limit ends with the output")
}

/// Blocks this thread until `future` is ready. Returns `None` if it is not ready within `limit`, `more` and
/// [`IO_THREAD_REPORT_TIMEOUT`] together, which means that the I/O thread does not run. `more` is called once
/// `limit` has passed.
pub(crate) fn block_on_within<F: Future>(
    future: F,
    limit: Duration,
    more: impl FnOnce() -> Duration,
) -> Option<F::Output> {
    let _blocking = Blocking::start();
    let waker = waker();
    let mut future = pin!(future);
    let mut until = Instant::now().checked_add(limit);
    let mut more = Some(more);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        let Some(end) = until else {
            thread::park();
            continue;
        };
        let now = Instant::now();
        if now < end {
            thread::park_timeout(end - now);
        } else {
            until = now.checked_add(more.take()?().saturating_add(IO_THREAD_REPORT_TIMEOUT));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[test]
    fn a_future_that_never_ends_is_left_after_the_limit() {
        let start = Instant::now();
        let limit = Duration::from_millis(20);
        let more = Duration::from_millis(10);
        assert_eq!(block_on_within(pending::<()>(), limit, || more), None);
        assert!(start.elapsed() >= limit + more + IO_THREAD_REPORT_TIMEOUT);
    }

    #[test]
    fn a_limit_without_end_does_not_overflow() {
        assert_eq!(block_on(async { 1 }), 1);
    }
}
