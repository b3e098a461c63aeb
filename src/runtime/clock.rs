//! Time limits by the clock of the I/O thread, for callers on any runtime or none.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::relayed::relayed;
use super::{io_thread, threads};

/// An alarm that is later than this shows that the process was stopped, or its machine suspended: more than
/// a busy scheduler is late by.
pub(crate) const MAX_SCHEDULING_DELAY: Duration = Duration::from_millis(250);

/// Adds `wait` to `start` without overflow; a wait of more than a year counts as a year.
pub(crate) fn later(start: Instant, wait: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    start.checked_add(wait.min(YEAR)).unwrap_or(start)
}

/// Runs `work` for at most `limit`; `None` when the limit has passed.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut limit = pin!(sleep(limit));
    relayed(poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => limit.as_mut().poll(cx).map(|()| None),
    }))
    .await
}

/// Runs `work`, on the I/O thread, for at most `limit` of the time in which this process runs: where it was
/// stopped, `work` gets the time that it has missed, once. `None` when the time is over.
pub(crate) async fn while_running<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let due = later(Instant::now(), limit);
    if let Ok(output) = tokio::time::timeout_at(due.into(), &mut work).await {
        return Some(output);
    }
    let missed = due.elapsed();
    if missed < MAX_SCHEDULING_DELAY {
        return None;
    }
    tokio::time::timeout(missed.min(limit), work).await.ok()
}

/// Waits, for callers on any runtime or none.
pub(crate) async fn sleep(wait: Duration) {
    let (mut done, over) = tokio::sync::oneshot::channel();
    let started = if io_thread::ensure_started().is_ok() {
        io_thread::spawn(async move {
            // Ends early when the caller has dropped its future.
            let _ = tokio::time::timeout(wait, done.closed()).await;
            let _ = done.send(());
        })
        .is_ok()
    } else {
        let sleep = move || {
            std::thread::sleep(wait);
            let _ = done.send(());
        };
        threads::start("redis-ready-sleep", sleep).is_ok()
    };
    if started {
        // Fails only if the I/O thread has ended, and its clock with it.
        let _ = relayed(over).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn blocked_for<T>(
        blocked: Duration,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let work = while_running(limit, work);
        let stop = async {
            tokio::task::yield_now().await;
            std::thread::sleep(blocked);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            output = work => output,
            () = stop => None,
        }
    }

    #[tokio::test]
    async fn time_in_which_the_process_was_stopped_does_not_count() {
        let limit = Duration::from_millis(50);
        let work = async {
            tokio::time::sleep(limit / 2).await;
            // What follows the stop takes time too.
            tokio::time::sleep(limit / 2).await;
            1
        };
        assert_eq!(
            blocked_for(2 * MAX_SCHEDULING_DELAY, limit, work).await,
            Some(1)
        );
        let endless = std::future::pending::<i32>();
        assert_eq!(
            blocked_for(2 * MAX_SCHEDULING_DELAY, limit, endless).await,
            None
        );
        assert_eq!(
            blocked_for(Duration::ZERO, limit, std::future::pending::<i32>()).await,
            None
        );
    }

    #[test]
    fn the_longest_wait_does_not_overflow() {
        let now = Instant::now();
        assert!(later(now, Duration::MAX) > now);
        assert_eq!(later(now, Duration::ZERO), now);
    }
}
