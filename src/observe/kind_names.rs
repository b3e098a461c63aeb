//! The names of the kinds of errors, for spans, metrics and what is serialised.

use crate::error::ErrorKind;

impl ErrorKind {
    /// Returns the name of the kind, as in `TimedOut`: the `error.type` of spans and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::MissingVariable => "MissingVariable",
            ErrorKind::InvalidName => "InvalidName",
            ErrorKind::InvalidUrl => "InvalidUrl",
            ErrorKind::InvalidFile => "InvalidFile",
            ErrorKind::Unsupported => "Unsupported",
            ErrorKind::Unreachable => "Unreachable",
            ErrorKind::Tls => "Tls",
            ErrorKind::Authentication => "Authentication",
            ErrorKind::ConnectionRefused => "ConnectionRefused",
            ErrorKind::NotReady => "NotReady",
            ErrorKind::TimedOut => "TimedOut",
            ErrorKind::ConnectionLost => "ConnectionLost",
            ErrorKind::QueueFull => "QueueFull",
            ErrorKind::InvalidCommand => "InvalidCommand",
            ErrorKind::Protocol => "Protocol",
            ErrorKind::Deadlock => "Deadlock",
            ErrorKind::Closed => "Closed",
        }
    }
}
