//! How a client is: its health, its statistics, and what spans and metrics tell of its operations.
//!
//! Health and statistics are snapshots of what the connections know anyway. Spans and metrics are foreign
//! code, so they are made in the task of the caller or on the thread of the log, never on the I/O thread.

mod answer;
mod figures;
mod health;
mod kind_names;
#[cfg(any(feature = "tracing", feature = "metrics"))]
mod labels;
#[cfg(any(feature = "tracing", feature = "metrics"))]
mod listeners;
#[cfg(feature = "metrics")]
mod measures;
#[cfg(any(feature = "tracing", feature = "metrics"))]
mod observed;
mod observer;
mod operation;
#[cfg(any(feature = "tracing", feature = "metrics"))]
mod outcome;
#[cfg(feature = "metrics")]
mod pool_name;
mod retries;
#[cfg(feature = "serde")]
mod serialized;
#[cfg(feature = "tracing")]
mod spans;
mod statistics;
mod tally;

pub use self::health::{ConnectionState, Health, NodeHealth, Role};
pub use self::statistics::{Statistics, SubscriptionCounts, TimeoutCounts};

pub(crate) use self::answer::Answer;
pub(crate) use self::figures::{Figures, Source, Use};
pub(crate) use self::health::aggregate;
pub(crate) use self::observer::Observer;
pub(crate) use self::operation::Operation;
pub(crate) use self::retries::count_retry;
pub(crate) use self::tally::{Event, Tally};
