//! What a client tells of itself: health, statistics, spans, metrics and the log.

mod health;
mod log_lines;
#[cfg(feature = "metrics")]
mod prometheus;
#[cfg(feature = "serde")]
mod serialized;
#[cfg(feature = "tracing")]
mod spans;
mod statistics;
