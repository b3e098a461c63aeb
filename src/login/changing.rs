//! [`ChangingCredentials`]: credentials that change while the client lives, as all its connections share them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{mpsc, watch};

use super::asking::{self, Asked};
use super::credentials::Credentials;
use super::issued::{Issued, Lifetime};
use super::provider::Supplier;
use super::schedule::{lifetime, pause};
use crate::error::{Error, ErrorKind};
use crate::report::printable;
use crate::runtime::{random_fraction, within};

/// Shortest time between two lines in the log about renewals that fail.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// Credentials that change while the client lives.
///
/// They are asked for on a thread of their own, once for all that wait for them.
pub(crate) struct ChangingCredentials {
    supplier: Box<dyn Supplier>,
    state: Mutex<State>,
    /// How many answers there have been.
    answers: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// What the last good answer was.
    issued: Option<Arc<Issued>>,
    /// Why the last question had no good answer.
    failure: Option<Error>,
    /// A question is on its way.
    is_asked: bool,
    /// When the last answer came.
    answered: Option<Instant>,
    /// The number of the credentials that a server has refused last.
    refused: Option<u64>,
    /// How many questions in a row have been of no use: without an answer, or with one that was refused.
    useless: u32,
    /// When the log was told of a failed renewal the last time.
    reported: Option<Instant>,
    /// The process whose thread asks, and how that is told to.
    thread: Option<(u32, mpsc::UnboundedSender<()>)>,
}

impl ChangingCredentials {
    /// Those of `supplier`, which has given `first` already.
    pub(super) fn new(
        supplier: Box<dyn Supplier>,
        first: Option<Credentials>,
    ) -> ChangingCredentials {
        let mut state = State::default();
        if let Some(first) = first {
            state.issue(first, None);
        }
        ChangingCredentials {
            supplier,
            state: Mutex::new(state),
            answers: watch::Sender::new(0),
        }
    }

    /// Returns what they come from, in the middle of a sentence.
    pub(crate) fn name(&self) -> String {
        self.supplier.name()
    }

    /// Returns the line about `peer`, which has answered the renewed credentials with this error code.
    pub(super) fn refusal(&self, peer: &str, code: &str) -> String {
        let (name, code) = (self.name(), printable(code));
        format!(
            "`{peer}` answers `{code}` to the renewed credentials of {name}; trying again until it works"
        )
    }

    /// Returns those that were used last.
    pub(crate) fn last(&self) -> Option<Arc<Issued>> {
        self.lock().issued.clone()
    }

    /// Returns credentials for an attempt to connect; waits for them at most for `limit`.
    ///
    /// # Errors
    /// There are none that may be valid.
    pub(crate) async fn get(self: &Arc<Self>, limit: Duration) -> Result<Arc<Issued>, Error> {
        let answers = self.answers.subscribe();
        {
            let mut state = self.lock();
            let is_cheap = self.supplier.is_cheap();
            if is_cheap || state.may_ask() && !state.is_fresh() {
                self.ask(&mut state)?;
            }
            if !is_cheap && (state.is_valid() || !state.is_asked) {
                return state.best();
            }
        }
        let waited = self.wait(answers, limit).await;
        let state = self.lock();
        match waited {
            Err(late) if !state.is_valid() => Err(late),
            _ => state.best(),
        }
    }

    /// Returns other credentials than those that a server has just `refused`, if there are any; waits for them
    /// at most for `limit`. Asks if these were refused for the first time: after that each attempt to connect
    /// does.
    pub(crate) async fn other_than(
        self: &Arc<Self>,
        refused: &Issued,
        limit: Duration,
    ) -> Option<Arc<Issued>> {
        // What was asked before the refusal may have the old answer.
        for _ in 0..2 {
            let answers = self.answers.subscribe();
            let was_asked = {
                let mut state = self.lock();
                if let Some(other) = state.other_than(refused.number) {
                    return Some(other);
                }
                let is_first = state.refused.replace(refused.number) != Some(refused.number);
                if !is_first && !state.is_asked {
                    return None;
                }
                let was_asked = state.is_asked;
                self.ask(&mut state).ok()?;
                was_asked
            };
            self.wait(answers, limit).await.ok()?;
            let mut state = self.lock();
            if let Some(other) = state.other_than(refused.number) {
                return Some(other);
            }
            if !was_asked {
                return None;
            }
            state.refused = None;
        }
        None
    }

    /// A server has taken the credentials with this number.
    pub(crate) fn accepted(&self, number: u64) {
        let mut state = self.lock();
        if state.refused == Some(number) {
            state.refused = None;
        }
        state.useless = 0;
    }

    /// A server has refused the credentials with this number.
    pub(super) fn refused(&self, number: u64) {
        self.lock().refused = Some(number);
    }

    /// Returns whether the log is to be told of a renewal that has failed: once a minute.
    pub(super) fn may_report(&self) -> bool {
        let (mut state, now) = (self.lock(), Instant::now());
        let is_due = |last| now.saturating_duration_since(last) >= REPORT_INTERVAL;
        let may_report = state.reported.is_none_or(is_due);
        if may_report {
            state.reported = Some(now);
        }
        may_report
    }

    /// Returns what tells of new credentials, for a connection that has logged in with some that expire. As
    /// long as there is one, they are renewed.
    pub(super) fn follow(&self) -> Renewals {
        Renewals(self.answers.subscribe())
    }

    fn lifetime_of(
        &self,
        credentials: Credentials,
    ) -> Result<(Credentials, Option<Lifetime>), Error> {
        let Some(expires) = credentials.expires else {
            return Ok((credentials, None));
        };
        match lifetime(expires, Instant::now(), random_fraction()) {
            Some(lifetime) => Ok((credentials, Some(lifetime))),
            None => Err(self.expired(expires)),
        }
    }

    fn expired(&self, expires: SystemTime) -> Error {
        let ago = expires.elapsed().unwrap_or_default().as_secs();
        let message = format!(
            "{} returned credentials that expired {ago} s ago",
            self.name()
        );
        Error::new(ErrorKind::Authentication, message)
            .with_help("return a new token, or set the clock of this machine")
    }

    /// Starts a question, unless one is on its way.
    fn ask(self: &Arc<Self>, state: &mut State) -> Result<(), Error> {
        let process = std::process::id();
        if let Some((owner, asks)) = &state.thread
            && *owner == process
            && (state.is_asked || asks.send(()).is_ok())
        {
            state.is_asked = true;
            return Ok(());
        }
        // There was none yet, or this is a forked child of the process that has it, and its thread is not the
        // child's to wake.
        std::mem::forget(state.thread.take().filter(|(owner, _)| *owner != process));
        let asks = asking::start(self)?;
        state.is_asked = asks.send(()).is_ok();
        state.thread = Some((process, asks));
        Ok(())
    }

    async fn wait(&self, mut answers: watch::Receiver<u64>, limit: Duration) -> Result<(), Error> {
        match within(limit, answers.changed()).await {
            Some(_) => Ok(()),
            None => Err(self.no_answer(limit)),
        }
    }

    fn no_answer(&self, limit: Duration) -> Error {
        let message = format!("{} did not answer within {limit:?}", self.name());
        Error::new(ErrorKind::Authentication, message)
            .with_help("allow more time with `?connect_timeout=5s`")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked for ChangingCredentials {
    fn supplier(&self) -> &dyn Supplier {
        &*self.supplier
    }

    fn may_report(&self) -> bool {
        ChangingCredentials::may_report(self)
    }

    fn is_followed(&self) -> bool {
        self.answers.receiver_count() > 0
    }

    fn answer(&self, answer: Result<Credentials, Error>) -> Result<Option<Lifetime>, Error> {
        let outcome = answer.and_then(|credentials| self.lifetime_of(credentials));
        let mut state = self.lock();
        state.is_asked = false;
        state.answered = Some(Instant::now());
        let outcome = match outcome {
            Ok((credentials, lifetime)) => {
                state.issue(credentials, lifetime);
                Ok(lifetime)
            }
            Err(error) => {
                state.useless = state.useless.saturating_add(1);
                state.failure = Some(error.clone());
                Err(error)
            }
        };
        drop(state);
        self.answers.send_modify(|answers| *answers += 1);
        outcome
    }
}

impl State {
    /// Returns whether a provider may be asked again.
    fn may_ask(&self) -> bool {
        let pause = pause(self.useless);
        self.answered
            .is_none_or(|answered| answered.elapsed() >= pause)
    }

    /// Returns whether the credentials are valid and need not be renewed.
    fn is_fresh(&self) -> bool {
        self.is_good_until(|lifetime| lifetime.renewal)
    }

    /// Returns whether the credentials have not been refused and have not expired.
    fn is_valid(&self) -> bool {
        self.is_good_until(|lifetime| lifetime.end)
    }

    fn is_good_until(&self, time: impl Fn(Lifetime) -> Instant) -> bool {
        self.issued.as_ref().is_some_and(|issued| {
            self.refused != Some(issued.number)
                && issued
                    .lifetime
                    .is_none_or(|lifetime| Instant::now() < time(lifetime))
        })
    }

    /// Returns the last credentials, if the last question had an answer or they may still be valid.
    fn best(&self) -> Result<Arc<Issued>, Error> {
        match (&self.issued, &self.failure) {
            (Some(issued), None) => Ok(Arc::clone(issued)),
            (Some(issued), Some(_)) if self.is_valid() => Ok(Arc::clone(issued)),
            (_, Some(failure)) => Err(failure.clone()),
            (None, None) => {
                let message = "there are no credentials";
                Err(Error::new(ErrorKind::Authentication, message))
            }
        }
    }

    fn other_than(&self, number: u64) -> Option<Arc<Issued>> {
        self.issued.clone().filter(|issued| issued.number != number)
    }

    /// Takes a good answer; the same one as before keeps its number.
    fn issue(&mut self, credentials: Credentials, lifetime: Option<Lifetime>) {
        self.failure = None;
        let is_same = |issued: &&Arc<Issued>| issued.credentials == credentials;
        let number = match self.issued.as_ref().filter(is_same) {
            Some(issued) => issued.number,
            None => self.issued.as_ref().map_or(1, |issued| issued.number + 1),
        };
        if self.refused == Some(number) {
            self.useless = self.useless.saturating_add(1);
        }
        self.issued = Some(Arc::new(Issued {
            credentials,
            number,
            lifetime,
        }));
    }
}

/// Tells of new credentials.
pub(super) struct Renewals(watch::Receiver<u64>);

impl Renewals {
    /// Waits for credentials of `changing` that are newer than those with this number.
    pub(super) async fn newer(
        &mut self,
        changing: &ChangingCredentials,
        number: u64,
    ) -> Arc<Issued> {
        loop {
            if let Some(issued) = changing.last().filter(|issued| issued.number > number) {
                return issued;
            }
            if self.0.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
