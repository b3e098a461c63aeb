//! The thread on which credentials are asked for.
//!
//! One for each client whose credentials change, because what it runs is foreign code: a provider may block,
//! and so may a file on a server that does not answer. It has a runtime of tokio, which lives as long as the
//! client, so that what a provider keeps there, such as the connections of an HTTP client, lives as long.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use log::Level;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use super::credentials::Credentials;
use super::issued::Lifetime;
use super::provider::Supplier;
use super::schedule::retry_delay;
use crate::error::{Error, ErrorKind};
use crate::runtime::{limit_help, log, start_thread};

/// How long a provider may take. Attempts to connect wait for less, but its answer is there for the next one.
const MAX_ASKING_TIME: Duration = Duration::from_secs(30);
/// Time after which it is looked again whether there is a connection for which to renew credentials.
const LOOK_AGAIN_INTERVAL: Duration = Duration::from_secs(5);

/// What is asked, and told the answers.
pub(super) trait Asked: Send + Sync + 'static {
    fn supplier(&self) -> &dyn Supplier;

    /// Takes an answer. Returns until when it is good, if it expires.
    fn answer(&self, answer: Result<Credentials, Error>) -> Result<Option<Lifetime>, Error>;

    /// Returns whether a connection waits for credentials, or would have to log in with new ones.
    fn is_followed(&self) -> bool;

    /// Returns whether the log is to be told of a renewal that has failed.
    fn may_report(&self) -> bool;
}

/// Starts the thread. It ends when the sender is dropped.
pub(super) fn start(changing: &Arc<impl Asked>) -> Result<mpsc::UnboundedSender<()>, Error> {
    let cannot_start = |error: std::io::Error| {
        let message = format!("the thread for credentials cannot be started: {error}");
        Error::new(ErrorKind::Unreachable, message).with_help_if(limit_help(&error))
    };
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_io().enable_time().build();
    let runtime = runtime.map_err(cannot_start)?;
    let (asks, asked) = mpsc::unbounded_channel();
    let changing = Arc::downgrade(changing);
    let run = move || runtime.block_on(serve(&changing, asked));
    start_thread("redis-ready-auth", run).map_err(cannot_start)?;
    Ok(asks)
}

/// Answers questions, and renews credentials before they expire.
async fn serve(changing: &Weak<impl Asked>, mut asked: mpsc::UnboundedReceiver<()>) {
    let mut renewal = Renewal::default();
    loop {
        let due = renewal.due;
        let is_asked = {
            let ask = std::pin::pin!(asked.recv());
            let due = std::pin::pin!(until(due));
            match select(ask, due).await {
                Either::Left((None, _)) => return,
                Either::Left((Some(()), _)) => true,
                Either::Right(_) => false,
            }
        };
        let Some(changing) = changing.upgrade() else {
            return;
        };
        if !is_asked && !changing.is_followed() {
            renewal.postpone();
            continue;
        }
        let answer = ask(&*changing).await;
        renewal.answered(changing.answer(answer), is_asked, &*changing);
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

async fn ask(changing: &impl Asked) -> Result<Credentials, Error> {
    // The call itself may panic, too.
    let answer = AssertUnwindSafe(async { changing.supplier().ask().await }).catch_unwind();
    let failed = |what: &str| {
        let message = format!("{} {what}", changing.supplier().name());
        Error::new(ErrorKind::Authentication, message)
    };
    match tokio::time::timeout(MAX_ASKING_TIME, answer).await {
        Ok(Ok(answer)) => answer,
        // The panic hook has reported the panic already.
        Ok(Err(_)) => Err(failed("has panicked")),
        Err(_) => Err(failed(&format!(
            "did not answer within {MAX_ASKING_TIME:?}"
        ))),
    }
}

/// When credentials are renewed.
#[derive(Default)]
struct Renewal {
    due: Option<Instant>,
    end: Option<Instant>,
    failures: u32,
}

impl Renewal {
    /// No connection needs them at the moment.
    fn postpone(&mut self) {
        let next = Instant::now() + LOOK_AGAIN_INTERVAL;
        self.due = Some(next).filter(|next| self.end.is_some_and(|end| *next < end));
    }

    /// A question, of an attempt to connect if `is_asked`, has had this answer.
    fn answered(
        &mut self,
        answer: Result<Option<Lifetime>, Error>,
        is_asked: bool,
        changing: &impl Asked,
    ) {
        match answer {
            Ok(lifetime) => {
                self.due = lifetime.map(|lifetime| lifetime.renewal);
                self.end = lifetime.map(|lifetime| lifetime.end);
                if std::mem::take(&mut self.failures) > 0 {
                    log(Level::Info, || {
                        "the credentials are renewed again".to_owned()
                    });
                }
            }
            // Its caller is told.
            Err(_) if is_asked => {}
            Err(error) => self.failed(&error, changing),
        }
    }

    fn failed(&mut self, error: &Error, changing: &impl Asked) {
        let now = Instant::now();
        self.due = Some(now + retry_delay(self.failures));
        self.failures = self.failures.saturating_add(1);
        if changing.may_report() {
            let left = self
                .end
                .map(|end| end.saturating_duration_since(now).as_secs());
            let left = left.unwrap_or_default();
            log(Level::Warn, || {
                format!(
                    "cannot renew the credentials, which are valid for {left} s more: {error:#}; \
                     trying again until it works"
                )
            });
        }
    }
}
