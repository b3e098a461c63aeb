//! With which credentials a connection logs in, where these change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Cmd, Value};

use super::connected::Connected;
use super::connector::Connector;
use crate::error::{Error, ErrorKind};
use crate::login::{ChangingCredentials, Issued, Renewal};

/// What a connection has logged in with, where others may follow.
#[derive(Clone)]
pub(crate) struct LoggedIn {
    pub(crate) changing: Arc<ChangingCredentials>,
    pub(crate) issued: Arc<Issued>,
}

impl LoggedIn {
    /// Returns when the connection logs in again; `None` if what it has logged in with does not expire.
    pub(crate) fn renewal(self) -> Option<Renewal> {
        Renewal::of(self.changing, self.issued)
    }
}

impl Connector {
    /// Attempts once, and asks the server `questions`; all within `limit`, which is what is left of the
    /// connect timeout. Credentials that change are asked for first, within the connect timeout; where the
    /// server refuses them, others are tried at once, if there are any.
    pub(crate) async fn connect_and_ask_within(
        &mut self,
        limit: Duration,
        questions: &[Cmd],
    ) -> Result<(Connected, Vec<Value>), Error> {
        let Some(changing) = self.config.source().as_changing().cloned() else {
            return self.attempt_within(limit, questions).await;
        };
        let asking_limit = self.config.client().connect_timeout();
        let mut issued = changing.get(asking_limit).await?;
        self.config.log_in_with(&issued);
        let start = Instant::now();
        let mut outcome = self.attempt_within(limit, questions).await;
        if is_refused(&outcome)
            && let Some(other) = changing.other_than(&issued, asking_limit).await
        {
            issued = other;
            self.config.log_in_with(&issued);
            let left = limit.saturating_sub(start.elapsed());
            outcome = self.attempt_within(left, questions).await;
        }
        if outcome.is_ok() {
            changing.accepted(issued.number);
        }
        outcome
    }

    /// Returns what the last connection has logged in with, where others may follow.
    pub(crate) fn logged_in(&self) -> Option<LoggedIn> {
        let changing = self.config.source().as_changing()?;
        Some(LoggedIn {
            changing: Arc::clone(changing),
            issued: Arc::clone(self.config.issued()),
        })
    }
}

fn is_refused<T>(outcome: &Result<T, Error>) -> bool {
    matches!(outcome, Err(error) if error.kind() == ErrorKind::Authentication)
}
