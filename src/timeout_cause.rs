//! [`TimeoutCause`]: what a command was waiting for when its time was up.

/// Tells what a command was waiting for when its time was up, as
/// [`Error::timeout_cause`](crate::Error::timeout_cause) returns it.
///
/// | cause | what happened | look at |
/// |---|---|---|
/// | [`NotConnected`](TimeoutCause::NotConnected) | No connection was made in time. | the cause that the error names |
/// | [`WaitingForRoom`](TimeoutCause::WaitingForRoom) | `max_in_flight` others were in flight all the time. | how much the application sends at once |
/// | [`NotReady`](TimeoutCause::NotReady) | The server refused the command and did not become ready: `LOADING`, `READONLY`, `CLUSTERDOWN`, `MASTERDOWN`, `BUSY`. | the server |
/// | [`NoReply`](TimeoutCause::NoReply) | The command was written, and the server was silent. | slow commands, packet loss |
/// | [`SlowReply`](TimeoutCause::SlowReply) | The command was written, and a part of its reply had come, or the server was answering commands before it. | large values, slow commands, a slow network |
/// | [`NotScheduled`](TimeoutCause::NotScheduled) | This process, or the runtime that drives the connection, did not run meanwhile. | CPU limits, a stopped process, code that blocks |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutCause {
    /// No connection was made in time.
    NotConnected,
    /// Too many other commands were in flight.
    WaitingForRoom,
    /// The server refused the command, and did not become ready.
    NotReady,
    /// The command was written, and the server was silent.
    NoReply,
    /// The command was written, and replies were arriving.
    SlowReply,
    /// This process did not run meanwhile.
    NotScheduled,
}

impl TimeoutCause {
    pub(crate) const ALL: [TimeoutCause; 6] = [
        TimeoutCause::NotConnected,
        TimeoutCause::WaitingForRoom,
        TimeoutCause::NotReady,
        TimeoutCause::NoReply,
        TimeoutCause::SlowReply,
        TimeoutCause::NotScheduled,
    ];

    /// Returns its name in snake case, such as `no_reply`, for labels of metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TimeoutCause::NotConnected => "not_connected",
            TimeoutCause::WaitingForRoom => "waiting_for_room",
            TimeoutCause::NotReady => "not_ready",
            TimeoutCause::NoReply => "no_reply",
            TimeoutCause::SlowReply => "slow_reply",
            TimeoutCause::NotScheduled => "not_scheduled",
        }
    }
}
