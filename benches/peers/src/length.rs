//! How long a load goes on.

#[derive(Debug, Clone, Copy)]
pub(crate) enum Length {
    Seconds(f64),
    /// As many of all tasks together, and no other: their latencies are not measured.
    Commands(usize),
}
