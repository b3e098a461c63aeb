//! A line of the log as an event of `tracing`.
//!
//! Where `tracing` has a subscriber for the whole process, it gets the lines, and the `log` facade does not: an
//! application that takes records of `log` into `tracing` as well would have each of them twice.

use log::Level;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::NoSubscriber;

/// Returns whether any subscriber may want a line of this level. That asks no subscriber.
pub(super) fn are_wanted(level: Level) -> bool {
    LevelFilter::current() >= filter(level)
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

/// Passes `line` to the subscriber of this thread, which is that of the process unless the application says
/// otherwise. Returns whether there is one.
pub(super) fn emit(level: Level, line: &str) -> bool {
    let has_subscriber = tracing::dispatcher::get_default(|current| !current.is::<NoSubscriber>());
    if !has_subscriber {
        return false;
    }
    match level {
        Level::Error => tracing::error!(target: "redis_ready", "{line}"),
        Level::Warn => tracing::warn!(target: "redis_ready", "{line}"),
        Level::Info => tracing::info!(target: "redis_ready", "{line}"),
        Level::Debug | Level::Trace => tracing::debug!(target: "redis_ready", "{line}"),
    }
    true
}
