//! [`Renewal`]: a connection with subscriptions stays logged in while its credentials are renewed.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::Level;

use crate::connect::LoggedIn;
use crate::login::{ChangingCredentials, Issued, Renewals, retry_delay};
use crate::runtime::log;

/// When a connection with subscriptions logs in again, and with what.
pub(super) struct Renewal(Option<Expiring>);

/// Credentials that expire, which a connection has logged in with.
struct Expiring {
    changing: Arc<ChangingCredentials>,
    renewals: Renewals,
    /// The number of those that were sent last.
    number: u64,
    is_sent: bool,
    /// How often in a row the server has refused them.
    refusals: u32,
    /// When it is sent others, after it has refused some.
    retry: Option<Instant>,
}

impl Renewal {
    /// For a connection that has just been made. Credentials that do not expire are good for as long as it
    /// lasts.
    pub(super) fn new(logged_in: Option<LoggedIn>) -> Renewal {
        let logged_in = logged_in.filter(|it| it.issued.lifetime.is_some());
        Renewal(logged_in.map(|LoggedIn { changing, issued }| Expiring {
            renewals: changing.follow(),
            changing,
            number: issued.number,
            is_sent: false,
            refusals: 0,
            retry: None,
        }))
    }

    /// Waits until the connection has to log in again, and returns with what. A source that has to be asked
    /// has `limit` for its answer. May be dropped at any time.
    pub(super) async fn due(&mut self, limit: Duration) -> Arc<Issued> {
        let Some(expiring) = self.0.as_mut().filter(|it| !it.is_sent) else {
            return pending().await;
        };
        while let Some(at) = expiring.retry {
            tokio::time::sleep_until(at.into()).await;
            if let Ok(issued) = expiring.changing.get(limit).await {
                return issued;
            }
            expiring.put_off();
        }
        let Expiring {
            changing,
            renewals,
            number,
            ..
        } = expiring;
        renewals.newer(changing, *number).await
    }

    /// The server was sent these.
    pub(super) fn sent(&mut self, issued: &Issued) {
        if let Some(expiring) = &mut self.0 {
            expiring.number = issued.number;
            expiring.is_sent = true;
        }
    }

    /// The server has taken what it was sent.
    pub(super) fn accepted(&mut self) {
        if let Some(expiring) = &mut self.0 {
            expiring.changing.accepted(expiring.number);
            expiring.is_sent = false;
            (expiring.refusals, expiring.retry) = (0, None);
        }
    }

    /// The server at `peer` has refused what it was sent, with this code. Its session goes on with those before.
    pub(super) fn refused(&mut self, peer: &str, code: &str) {
        let Some(expiring) = &mut self.0 else {
            return;
        };
        expiring.changing.refused(expiring.number);
        expiring.is_sent = false;
        expiring.put_off();
        if expiring.changing.may_report() {
            log(Level::Warn, || expiring.changing.refusal(peer, code));
        }
    }
}

impl Expiring {
    fn put_off(&mut self) {
        self.retry = Some(Instant::now() + retry_delay(self.refusals));
        self.refusals = self.refusals.saturating_add(1);
    }
}
