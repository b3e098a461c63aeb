//! [`Renewal`]: a connection stays logged in while its credentials are renewed.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;

use super::changing::{ChangingCredentials, Renewals};
use super::issued::Issued;
use super::schedule::retry_delay;
use crate::runtime::log;

/// When a connection logs in again, and with what. Until the server takes it, the session goes on with the
/// credentials before.
pub(crate) struct Renewal {
    changing: Arc<ChangingCredentials>,
    renewals: Renewals,
    /// What the connection has logged in with, or was sent last.
    issued: Arc<Issued>,
    is_sent: bool,
    /// How often in a row the server has refused what it was sent, and what the log is told of the last time.
    refusals: u32,
    refusal: Option<String>,
    /// When others are sent, after the server has refused some.
    retry: Option<Instant>,
}

impl Renewal {
    /// For a connection that has just logged in with `issued`; `None` if these do not expire, and so are good
    /// for as long as it lasts.
    pub(crate) fn of(changing: Arc<ChangingCredentials>, issued: Arc<Issued>) -> Option<Renewal> {
        issued.lifetime.is_some().then(|| Renewal {
            renewals: changing.follow(),
            changing,
            issued,
            is_sent: false,
            refusals: 0,
            refusal: None,
            retry: None,
        })
    }

    /// Waits until the connection has to log in again, and returns with what. A source that has to be asked
    /// has `limit` for its answer. May be dropped at any time.
    pub(crate) async fn due(&mut self, limit: Duration) -> Arc<Issued> {
        if self.is_sent {
            pending().await
        } else if self.refusals > 0 {
            self.another(limit).await
        } else {
            self.renewals
                .newer(&self.changing, self.issued.number)
                .await
        }
    }

    /// Waits for what to send after a refusal: at once, after the first one, if there is another, else
    /// later.
    async fn another(&mut self, limit: Duration) -> Arc<Issued> {
        if self.refusals == 1
            && self.retry.is_none()
            && let Some(other) = self.changing.other_than(&self.issued, limit).await
        {
            return other;
        }
        let at = match self.retry {
            Some(at) => at,
            None => self.put_off(),
        };
        tokio::time::sleep_until(at.into()).await;
        let issued = self.changing.get(limit).await;
        issued.unwrap_or_else(|_| Arc::clone(&self.issued))
    }

    /// Returns when the next ones are sent, and tells the log of the refusal.
    fn put_off(&mut self) -> Instant {
        self.changing.refused(self.issued.number);
        if let Some(refusal) = self.refusal.take()
            && self.changing.may_report()
        {
            log(Level::Warn, || refusal);
        }
        let at = Instant::now() + retry_delay(self.refusals - 1);
        self.retry = Some(at);
        at
    }

    /// The server was sent these.
    pub(crate) fn sent(&mut self, issued: Arc<Issued>) {
        self.issued = issued;
        self.is_sent = true;
    }

    /// The server has taken what it was sent.
    pub(crate) fn accepted(&mut self) {
        self.changing.accepted(self.issued.number);
        self.is_sent = false;
        self.refusals = 0;
        (self.refusal, self.retry) = (None, None);
    }

    /// The server at `peer` has refused what it was sent, with this code.
    pub(crate) fn refused(&mut self, peer: &str, code: &str) {
        self.refusal = Some(self.changing.refusal(peer, code));
        self.is_sent = false;
        self.refusals = self.refusals.saturating_add(1);
        self.retry = None;
    }
}
