//! The one thread that sees to the connections of the process, its clock, and what must not run on it: the
//! waking of callers and the logger. Which runtimes of callers can host a task.
//!
//! Wakers that are not of tokio or of this crate are woken on other threads.

mod clock;
mod descriptors;
#[cfg(feature = "tracing")]
mod events;
mod foreign_wakers;
mod hosts;
mod io_thread;
mod known_wakers;
mod log_thread;
mod parker;
mod random;
mod relay;
mod relayed;
mod threads;
mod wakers;

pub(crate) use self::clock::{MAX_SCHEDULING_DELAY, later, sleep, while_running, within};
pub(crate) use self::descriptors::{exhaustion, limit_help};
pub(crate) use self::hosts::{host, with_reactor};
pub(crate) use self::io_thread::{ensure_started, spawn};
pub(crate) use self::log_thread::{flush_log, log, log_here};
pub(crate) use self::parker::{block_on, block_on_within};
pub(crate) use self::random::{random, random_fraction};
pub(crate) use self::relayed::relayed;
pub(crate) use self::threads::{check_may_wait, start as start_thread};
pub(crate) use self::wakers::Wakers;
