//! The supervisor: connects, drives the connection until it ends, and connects again, until the
//! connection is closed. It runs on the I/O thread.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};

use super::connection_log::ConnectionLog;
use super::driver::ConnectionTask;
use super::errors::{connection_lost, session_ended};
use super::queue::MAX_SILENT_TIMEOUTS;
use super::state::State;
use super::timer::Timer;
use crate::connect::{Connected, Ended, Reconnection};
use crate::error::{Error, ErrorKind};
use crate::observe::Event;
use crate::runtime::{Wakers, ensure_started, spawn};
use crate::sentinel::{Announcements, Locator, Server};

/// Idle time after which a lost connection is replaced only when a caller needs it, so that clients whose
/// idle connections are closed together do not all reconnect together.
const MIN_IDLE_TO_WAIT_FOR_DEMAND: Duration = Duration::from_secs(1);

/// Starts the supervisor of a connection.
pub(super) fn start(state: &Arc<State>) {
    state.claim();
    // First, because a supervision that is dropped reports a loss.
    let started = ensure_started().and_then(|()| {
        let supervision = Supervision(Arc::clone(state));
        spawn(async move { supervision.0.supervise().await })
    });
    if let Err(error) = started {
        let mut wakers = Wakers::default();
        state.lock().supervisor_ended(&error, &mut wakers);
        wakers.wake_all();
    }
}

/// Lives as long as the supervisor. If that ends without the connection being closed, by a panic or
/// with the I/O thread, every caller gets an error, and the next call starts another supervisor.
struct Supervision(Arc<State>);

impl Drop for Supervision {
    fn drop(&mut self) {
        let Supervision(state) = self;
        let mut queue = state.lock();
        if queue.is_closed() {
            return;
        }
        let cause = io::Error::other("the I/O thread has ended");
        let mut wakers = Wakers::default();
        queue.supervisor_ended(&connection_lost(&state.peer, &cause), &mut wakers);
        drop(queue);
        wakers.wake_all();
    }
}

impl State {
    /// Connects, drives the connection until it ends, and again, until the connection is closed.
    async fn supervise(&self) {
        let mut locator = Locator::new(&self.target);
        let mut announcements = self.watch.subscribe();
        let _listener = self.watch.listener(&self.target);
        let mut reconnection = Reconnection::new(Instant::now());
        let mut log = ConnectionLog::default();
        let mut is_first = true;
        loop {
            let connected = self.connect(
                &mut locator,
                &mut announcements,
                &mut reconnection,
                &mut log,
            );
            let Some(mut connected) = connected.await else {
                return;
            };
            if !self.is_dedicated() {
                log.connected(&self.peer, locator.server());
            }
            if !std::mem::replace(&mut is_first, false) {
                self.tally.count(Event::Reconnect);
            }
            let greeting = std::mem::take(&mut connected.greeting);
            let server = locator.server().map(ToString::to_string);
            self.lock().greeted(greeting, server);
            let since = Instant::now();
            let driven = self.drive(connected, &locator, &mut announcements);
            let error = driven.await;
            self.count_end(&error);
            let ended = self.ended(since);
            if ended.was_of_no_use() {
                locator.mark_failed();
            }
            if self.lock().is_closed() {
                return;
            }
            if self.is_dedicated() {
                self.close(&session_ended(&self.peer, &error));
                return;
            }
            self.notify_trouble();
            if self.is_worth_a_line(&ended) {
                log.lost(&error);
            }
            if self
                .wait_to_reconnect(&ended, &mut reconnection)
                .await
                .is_none()
            {
                return;
            }
        }
    }

    /// Counts the end of the connection by its reason.
    fn count_end(&self, error: &Error) {
        let queue = self.lock();
        let limit = self.target.client().response_timeout();
        let silence = limit.saturating_mul(MAX_SILENT_TIMEOUTS);
        let reason = if queue.is_closed() || queue.is_leaving() {
            Event::ClosedByClient
        } else if queue.had_been_silent_for(Instant::now(), silence) {
            Event::ClosedAsSilent
        } else if error.kind() == ErrorKind::ConnectionLost {
            Event::ClosedByServer
        } else {
            Event::ClosedByError
        };
        drop(queue);
        self.tally.count(reason);
    }

    /// Returns what is known of the connection that was made at `since`, and has ended.
    fn ended(&self, since: Instant) -> Ended {
        let at = Instant::now();
        let limit = self.target.client().response_timeout();
        let queue = self.lock();
        Ended {
            since,
            at,
            has_served: queue.has_served() || queue.is_closed(),
            is_left: queue.is_leaving(),
            was_silent: queue.had_been_silent_for(at, limit),
        }
    }

    /// Returns whether a connection has served, and was in use in the end, or is left on purpose.
    fn is_worth_a_line(&self, ended: &Ended) -> bool {
        ended.is_left || ended.has_ended_outage() && !self.was_idle(ended)
    }

    fn was_idle(&self, ended: &Ended) -> bool {
        self.lock()
            .has_been_idle_for(ended.at, MIN_IDLE_TO_WAIT_FOR_DEMAND)
    }

    /// Waits before the first attempt after the loss of a connection; `None` once the connection is closed.
    async fn wait_to_reconnect(
        &self,
        ended: &Ended,
        reconnection: &mut Reconnection,
    ) -> Option<()> {
        let delay = reconnection.after_loss(ended);
        if ended.is_left {
            Some(())
        } else if self.was_idle(ended) {
            self.lock().await_demand();
            let demand = poll_fn(|_| self.lock().poll_demand());
            let demanded = self.while_disconnected(demand).await;
            self.lock().set_dormant(false);
            demanded
        } else {
            self.while_disconnected(tokio::time::sleep(delay)).await
        }
    }

    /// Drives the connection until it ends, and keeps it logged in.
    async fn drive(
        &self,
        connected: Connected,
        locator: &Locator,
        announcements: &mut Announcements,
    ) -> Error {
        let logged_in = locator.logged_in();
        if logged_in.is_none() {
            return self
                .drive_to_end(connected, locator.server(), announcements)
                .await;
        }
        let driver = pin!(self.drive_to_end(connected, locator.server(), announcements));
        let login = pin!(self.stay_logged_in(logged_in));
        match select(driver, login).await {
            Either::Left((error, _)) => error,
            Either::Right(((), driver)) => driver.await,
        }
    }

    /// Drives the connection until it ends. It is left when Sentinels say that `server` does not have
    /// its role any more.
    async fn drive_to_end(
        &self,
        connected: Connected,
        server: Option<&Server>,
        announcements: &mut Announcements,
    ) -> Error {
        let mut driver = pin!(ConnectionTask::new(self, connected));
        self.notify_connected();
        let Some(server) = server else {
            return driver.await;
        };
        let limit = self.target.client().response_timeout();
        let mut leaves = pin!(async {
            loop {
                announcements.until_outdated(server).await;
                self.lock().leave(limit);
            }
        });
        poll_fn(|cx| {
            // First, so that the driver sees what it does.
            let _: Poll<()> = leaves.as_mut().poll(cx);
            driver.as_mut().poll(cx)
        })
        .await
    }

    /// Attempts to connect until one attempt succeeds; `None` once the connection is closed.
    async fn connect(
        &self,
        locator: &mut Locator,
        announcements: &mut Announcements,
        reconnection: &mut Reconnection,
        log: &mut ConnectionLog,
    ) -> Option<Connected> {
        loop {
            // What was announced before the Sentinels are asked is in their answer.
            announcements.ignore_past();
            let begun = Instant::now();
            let attempt = self.while_disconnected(locator.connect()).await?;
            let failure = attempt.as_ref().err().map(Error::kind);
            self.tally.attempted(begun.elapsed(), failure);
            let error = match attempt {
                Ok(connected) => return Some(connected),
                Err(error) => error,
            };
            if self.is_dedicated() {
                self.close(&error);
                return None;
            }
            log.failed(&error);
            let mut wakers = Wakers::default();
            self.lock()
                .unreachable(&error, error.is_lasting(), &mut wakers);
            wakers.wake_all();
            self.notify_trouble();
            let delay = reconnection.after_failure(&error, self.target.client(), Instant::now());
            let change = tokio::time::timeout(delay, self.until_worth_an_attempt(announcements));
            let _ = self.while_disconnected(change).await?;
        }
    }

    /// Waits until an attempt at once is likely to succeed: a Sentinel has announced a primary,
    /// or what kept the server busy was ended.
    async fn until_worth_an_attempt(&self, announcements: &mut Announcements) {
        let switch = pin!(announcements.announced());
        let reconnect = pin!(self.until_reconnect());
        select(switch, reconnect).await;
    }

    /// Runs `work` without a connection, and fails the callers past their deadline meanwhile.
    /// `None` once the connection is closed.
    async fn while_disconnected<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        WhileDisconnected {
            state: self,
            timer: Timer::new(),
            work: pin!(work),
        }
        .await
    }
}

struct WhileDisconnected<'a, W> {
    state: &'a State,
    timer: Timer,
    work: Pin<&'a mut W>,
}

impl<T, W: Future<Output = T>> Future for WhileDisconnected<'_, W> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let (closed, alarm_is_late) = {
            let mut queue = this.state.lock();
            queue.driver_runs(cx.waker());
            queue.driver_sleeps();
            (queue.is_closed(), queue.alarm_is_late())
        };
        if closed {
            return Poll::Ready(None);
        }
        if let Poll::Ready(output) = this.work.as_mut().poll(cx) {
            this.state.lock().driver_runs(cx.waker());
            return Poll::Ready(Some(output));
        }
        let mut wakers = Wakers::default();
        this.timer.set(this.state, alarm_is_late, &mut wakers);
        while this.timer.poll(cx).is_ready() {
            this.timer
                .expire(Instant::now(), None, this.state, &mut wakers);
        }
        wakers.wake_all();
        Poll::Pending
    }
}
