//! Lines for the log leave the I/O thread before the logger of the application sees them.
//!
//! A logger is foreign code: it may be slow, panic, or write to Redis through the very client whose I/O
//! thread has something to say. So a line waits in a bounded queue for a thread of its own, which runs
//! only while there are lines. What does not fit is counted, and the count is told in the place of the
//! lines. `log_enabled!` would ask the logger too; only the level of the whole process is looked at here.
//!
//! Lines of the last moments before the end of the process can be lost, as they are with every logger that
//! has a thread of its own. [`Client::close`](crate::Client::close) waits for them, for a moment.

use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::Level;
use tokio::sync::Notify;

use super::clock::within;
use super::threads;

/// Lines that may wait for the logger; any more are counted.
const MAX_WAITING: usize = 256;
/// The most that closing a client waits for the logger.
const MAX_FLUSH_TIME: Duration = Duration::from_millis(250);

static LINES: Mutex<Lines> = Mutex::new(Lines::new());
/// Notified when the last line has been logged.
static LOGGED: Notify = Notify::const_new();

/// The lines that wait for the logger.
struct Lines {
    waiting: VecDeque<(Level, String)>,
    /// How many did not fit since the last one that did.
    dropped: u64,
    /// The process in which the thread runs, 0 if it does not.
    process: u32,
}

impl Lines {
    const fn new() -> Lines {
        Lines {
            waiting: VecDeque::new(),
            dropped: 0,
            process: 0,
        }
    }

    fn push(&mut self, level: Level, line: String) {
        if self.waiting.len() >= MAX_WAITING {
            self.dropped += 1;
            return;
        }
        let missing = self.take_dropped();
        self.waiting.extend(missing);
        self.waiting.push_back((level, line));
    }

    /// Returns the next line to log.
    fn pop(&mut self) -> Option<(Level, String)> {
        self.waiting.pop_front().or_else(|| self.take_dropped())
    }

    fn take_dropped(&mut self) -> Option<(Level, String)> {
        let dropped = std::mem::take(&mut self.dropped);
        (dropped > 0).then(|| {
            let line = format!("the logger was too slow: lines missing here: {dropped}");
            (Level::Warn, line)
        })
    }
}

fn lines() -> MutexGuard<'static, Lines> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Logs `line`, on another thread.
pub(crate) fn log(level: Level, line: impl FnOnce() -> String) {
    if !is_wanted(level) {
        return;
    }
    let line = line();
    let process = std::process::id();
    let mut lines = lines();
    if lines.process != process && lines.process != 0 {
        // A forked child: these lines are its parent's.
        *lines = Lines::new();
    }
    lines.push(level, line);
    if lines.process == 0 && threads::start("redis-ready-log", run).is_ok() {
        // Without a thread the lines wait for the next one that can be started.
        lines.process = process;
    }
}

fn is_wanted(level: Level) -> bool {
    #[cfg(feature = "tracing")]
    if super::events::are_wanted(level) {
        return true;
    }
    level <= log::STATIC_MAX_LEVEL && level <= log::max_level()
}

/// Logs `line` on this thread, which is one of the application or the one of the log.
pub(crate) fn log_here(level: Level, line: &str) {
    #[cfg(feature = "tracing")]
    if super::events::emit(level, line) {
        return;
    }
    log::log!(target: "redis_ready", level, "{line}");
}

/// Logs lines until none is left.
fn run() {
    loop {
        let mut lines = lines();
        let Some((level, line)) = lines.pop() else {
            lines.process = 0;
            drop(lines);
            return LOGGED.notify_waiters();
        };
        drop(lines);
        // The panic hook has reported the panic already.
        let _ = catch_unwind(|| log_here(level, &line));
    }
}

/// Waits until every line so far has been logged, but not long, and at most for `limit`.
pub(crate) async fn flush_log(limit: Duration) {
    if threads::is_named("redis-ready-log") {
        // The logger that calls this is what it would wait for.
        return;
    }
    let flushed = async {
        loop {
            let mut logged = pin!(LOGGED.notified());
            // From here on the end of the thread is not missed.
            logged.as_mut().enable();
            if lines().process != std::process::id() {
                return;
            }
            logged.await;
        }
    };
    // Whether all are logged or the time is over, what follows is the same.
    let _ = within(limit.min(MAX_FLUSH_TIME), flushed).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_fit_are_counted_where_they_are_missing() {
        let mut lines = Lines::new();
        for number in 0..MAX_WAITING + 3 {
            lines.push(Level::Info, number.to_string());
        }
        for number in 0..MAX_WAITING {
            assert_eq!(lines.pop(), Some((Level::Info, number.to_string())));
        }
        lines.push(Level::Info, "next".to_owned());
        let missing = "the logger was too slow: lines missing here: 3";
        assert_eq!(lines.pop(), Some((Level::Warn, missing.to_owned())));
        assert_eq!(lines.pop(), Some((Level::Info, "next".to_owned())));
        assert_eq!(lines.pop(), None);
    }

    #[test]
    fn missing_lines_are_told_though_none_follows() {
        let mut lines = Lines::new();
        for _ in 0..=MAX_WAITING {
            lines.push(Level::Info, String::new());
        }
        let last = std::iter::from_fn(|| lines.pop()).last();
        let missing = "the logger was too slow: lines missing here: 1";
        assert_eq!(last, Some((Level::Warn, missing.to_owned())));
    }
}
