//! [`Login`]: what a connection does to stay logged in.

use std::task::Waker;

/// What a connection does to stay logged in.
#[derive(Debug, Default)]
pub(super) struct Login {
    pub(super) progress: Progress,
    /// The caller of the session is within a transaction, where `AUTH` would be queued.
    pub(super) is_in_transaction: bool,
    /// The caller of the session has logged in itself.
    pub(super) is_by_caller: bool,
    /// Wakes the task that logs in.
    pub(super) waker: Option<Waker>,
}

/// How far `AUTH` has come.
#[derive(Debug, Default)]
pub(super) enum Progress {
    #[default]
    Idle,
    Sent,
    Answered(LoginAnswer),
}

/// What the server has answered to `AUTH`.
#[derive(Debug)]
pub(in super::super) enum LoginAnswer {
    Accepted,
    /// With an error of this code. The rest of it could repeat the password.
    Refused(String),
    /// The connection has ended.
    Lost,
}
