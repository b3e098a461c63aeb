//! The supervisor of a link: connects, runs the session until the connection ends, and connects again, until
//! the link is for no topic. It runs on the I/O thread.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};

use super::errors::{left, unplaced};
use super::hub::{Hub, Source};
use super::ids::LinkId;
use super::link::Scope;
use super::nodes::{follow_slots, move_channels, other_place, until_no_member};
use super::session::{End, Loss, Manner, Session, Step};
use crate::cluster::Place;
use crate::config::Target;
use crate::connect::{Connected, Ended, LoggedIn, Reconnection};
use crate::connection::ConnectionLog;
use crate::error::Error;
use crate::login::{Issued, Renewal};
use crate::runtime::{ensure_started, spawn};
use crate::sentinel::{Announcements, Locator, SentinelWatch};

/// Time before the first attempt of a task that replaces one that has panicked.
const DELAY_AFTER_PANIC: Duration = Duration::from_millis(900);
/// Time before an attempt after one for the commands of the client has failed.
const DELAY_AFTER_OTHERS: Duration = Duration::from_millis(900);

/// What the task of a link has to do while there is a connection.
enum Work {
    Step(Step),
    /// To log in again with these.
    LogIn(Arc<Issued>),
    /// To leave the server, which is not the right one any more.
    Leave,
}

/// Starts the tasks of links that have none.
///
/// # Errors
/// The I/O thread cannot be started.
pub(super) fn start_missing(hub: &Arc<Hub>) -> Result<(), Error> {
    ensure_started()?;
    let links = hub.lock().links_to_start();
    for (link, scope, has_panicked) in links {
        let task = Task {
            hub: Arc::clone(hub),
            link,
        };
        let delay = if has_panicked {
            DELAY_AFTER_PANIC
        } else {
            Duration::ZERO
        };
        spawn(task.run(scope, delay))?;
    }
    Ok(())
}

/// Starts the tasks of links that have none, from a task.
fn start(hub: &Arc<Hub>) {
    // Without an I/O thread this task does not run either.
    drop(start_missing(hub));
}

/// Lives as long as the task of a link.
struct Task {
    hub: Arc<Hub>,
    link: LinkId,
}

impl Task {
    async fn run(self, scope: Scope, delay: Duration) {
        let supervisor = Supervisor::new(&self.hub, self.link, scope);
        supervisor.run(delay).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.hub.task_ended(self.link);
    }
}

struct Supervisor<'a> {
    hub: &'a Arc<Hub>,
    link: LinkId,
    scope: Scope,
    /// The node of a cluster that the locator leads to.
    place: Option<Place>,
    locator: Option<Locator>,
    watch: Arc<SentinelWatch>,
    announcements: Announcements,
    reconnection: Reconnection,
    log: ConnectionLog,
}

impl<'a> Supervisor<'a> {
    fn new(hub: &'a Arc<Hub>, link: LinkId, scope: Scope) -> Supervisor<'a> {
        let (locator, watch) = match (&hub.source, &scope) {
            (Source::Server(target, watch, _), _) => {
                (Some(Locator::new(target)), Arc::clone(watch))
            }
            (Source::Cluster(_), Scope::Node(place)) => {
                (Some(Locator::new(place.target())), Arc::default())
            }
            (Source::Cluster(_), Scope::Whole) => (None, Arc::default()),
        };
        let place = match &scope {
            Scope::Whole => None,
            Scope::Node(place) => Some(place.clone()),
        };
        Supervisor {
            hub,
            link,
            scope,
            place,
            locator,
            announcements: watch.subscribe(),
            watch,
            reconnection: Reconnection::prompt(Instant::now()),
            log: ConnectionLog::of_subscriptions(),
        }
    }

    /// Runs until the link is gone, which ends with its last topic or with the client. The first attempt to
    /// connect is made after `delay`.
    async fn run(mut self, mut delay: Duration) {
        let _listener = match &self.hub.source {
            Source::Server(target, ..) => self.watch.listener(target),
            Source::Cluster(_) => None,
        };
        while let Some(connected) = self.connect(delay).await {
            let since = Instant::now();
            self.hub.lock().connected(self.link);
            let (end, has_served) = self.drive(connected).await;
            let loss = match end {
                End::Unused => return,
                End::Lost(loss) => loss,
            };
            let link = self.link;
            self.hub.change(|switchboard, wakers| {
                switchboard.lost(link, loss.since, &loss.error, wakers);
            });
            if has_served {
                self.log.lost(&loss.error);
            }
            let ended = Ended {
                since,
                at: Instant::now(),
                has_served,
                is_left: loss.manner == Manner::Left,
                was_silent: loss.manner == Manner::Silent,
            };
            if let Some(locator) = self.locator.as_ref().filter(|_| ended.was_of_no_use()) {
                locator.mark_failed();
            }
            delay = self.reconnection.after_loss(&ended);
        }
    }

    /// Attempts to connect until one attempt succeeds, the first after `delay`; `None` if that is not needed
    /// any more.
    async fn connect(&mut self, delay: Duration) -> Option<Connected> {
        let scope = self.scope.clone();
        let needed = pin!(while_needed(self.hub, self.link, &scope));
        match select(pin!(self.until_connected(delay)), needed).await {
            Either::Left((connected, _)) => Some(connected),
            Either::Right(..) => None,
        }
    }

    async fn until_connected(&mut self, mut delay: Duration) -> Connected {
        loop {
            self.pause(delay).await;
            // What was announced before the Sentinels are asked is in their answer.
            self.announcements.ignore_past();
            let error = match self.attempt().await {
                Ok(connected) => {
                    let server = self.locator.as_ref().and_then(Locator::server);
                    self.log.connected(&self.peer(), server);
                    return connected;
                }
                Err(error) => error,
            };
            self.log.failed(&error);
            let link = self.link;
            self.hub
                .change(|switchboard, wakers| switchboard.unreachable(link, &error, wakers));
            delay = self
                .reconnection
                .after_failure(&error, &self.hub.config, Instant::now());
        }
    }

    /// Waits before an attempt, less long if a Sentinel has announced another primary or the client has made
    /// its connection for commands, and longer if it has just failed to.
    async fn pause(&mut self, delay: Duration) {
        let attempts = match &self.hub.source {
            Source::Server(_, _, attempts) if !delay.is_zero() => Some(attempts),
            _ => None,
        };
        let others = pin!(async {
            let Some(attempts) = attempts else {
                return tokio::time::sleep(delay).await;
            };
            let mut delay = delay;
            while let Ok(is_connected) = tokio::time::timeout(delay, attempts.next()).await {
                if is_connected {
                    return;
                }
                delay = delay.max(DELAY_AFTER_OTHERS);
            }
        });
        select(others, pin!(self.announcements.announced())).await;
    }

    async fn attempt(&mut self) -> Result<Connected, Error> {
        if let (Some(cluster), Scope::Whole) = (self.hub.cluster(), &self.scope) {
            let place = other_place(cluster, self.place.as_ref(), self.hub).await?;
            if self.place.as_ref().map(Place::address) != Some(place.address()) {
                self.locator = Some(Locator::new(place.target()));
                self.place = Some(place);
            }
        }
        match &mut self.locator {
            Some(locator) => locator.connect().await,
            None => Err(unplaced()),
        }
    }

    /// Returns what the connection leads to, once that is known.
    fn target(&self) -> Option<&Target> {
        match (&self.hub.source, &self.place) {
            (_, Some(place)) => Some(place.target()),
            (Source::Server(target, ..), None) => Some(target),
            (Source::Cluster(_), None) => None,
        }
    }

    /// Returns the server as messages name it.
    fn peer(&self) -> String {
        let target = self.target().map(ToString::to_string);
        target.unwrap_or_else(|| self.hub.peer())
    }

    /// Runs a session until its connection ends, or has to be left. Returns besides whether the connection was
    /// of use.
    async fn drive(&mut self, connected: Connected) -> (End, bool) {
        let (hub, peer) = (self.hub, self.peer());
        let is_oldest = self.target().is_some_and(Target::is_oldest);
        let logged_in = self.locator.as_ref().and_then(Locator::logged_in);
        let mut renewal = logged_in.and_then(LoggedIn::renewal);
        let limit = hub.config.connect_timeout();
        let place = self.place.clone();
        let mut session = Session::new(hub, self.link, &peer, place, !is_oldest, connected);
        let server = self.locator.as_ref().and_then(Locator::server).cloned();
        let (link, announcements) = (self.link, &mut self.announcements);
        let (cluster, place) = (hub.cluster(), self.place.as_ref());
        let is_for_whole = matches!(self.scope, Scope::Whole);
        let mut leave = pin!(async {
            match (server, cluster, place) {
                (Some(server), ..) => announcements.until_outdated(&server).await,
                (None, Some(cluster), Some(place)) if is_for_whole => {
                    until_no_member(hub, cluster, place).await;
                }
                (None, Some(cluster), Some(place)) => {
                    follow_slots(hub, cluster, link, place, || start(hub)).await;
                }
                _ => pending().await,
            }
        });
        loop {
            let work = {
                let (run, log_in) = (pin!(session.run()), pin!(due(&mut renewal, limit)));
                match select(select(run, log_in), &mut leave).await {
                    Either::Left((Either::Left((step, _)), _)) => Work::Step(step),
                    Either::Left((Either::Right((issued, _)), _)) => Work::LogIn(issued),
                    Either::Right(..) => Work::Leave,
                }
            };
            let step = match work {
                Work::Step(step) => step,
                Work::LogIn(issued) => match session.log_in(&issued.auth(!is_oldest)) {
                    Ok(()) => {
                        if let Some(renewal) = &mut renewal {
                            renewal.sent(issued);
                        }
                        continue;
                    }
                    Err(loss) => Step::Ended(End::Lost(loss)),
                },
                Work::Leave => Step::Ended(End::Lost(Loss {
                    since: session.heard(),
                    error: left(&peer),
                    manner: Manner::Left,
                })),
            };
            match step {
                Step::Ended(end) => return (end, session.has_served(Instant::now())),
                Step::LinksAdded => start(hub),
                Step::LoginAnswered(answer) => match (&mut renewal, answer) {
                    (Some(renewal), Ok(())) => renewal.accepted(),
                    (Some(renewal), Err(code)) => renewal.refused(&peer, &code),
                    (None, _) => {}
                },
            }
        }
    }
}

/// Waits until a connection has to log in again, as [`Renewal::due`] does.
async fn due(renewal: &mut Option<Renewal>, limit: Duration) -> Arc<Issued> {
    match renewal {
        Some(renewal) => renewal.due(limit).await,
        None => pending().await,
    }
}

/// Ends once a link without a connection is gone. Meanwhile moves sharded channels to the nodes that serve
/// them now.
async fn while_needed(hub: &Arc<Hub>, link: LinkId, scope: &Scope) {
    let until_gone = pin!(until_gone(hub, link));
    match (hub.cluster(), scope) {
        (Some(cluster), Scope::Node(place)) => {
            let move_channels = pin!(move_channels(hub, cluster, link, place, || start(hub)));
            select(until_gone, move_channels).await;
        }
        _ => until_gone.await,
    }
}

fn until_gone(hub: &Hub, link: LinkId) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        let mut switchboard = hub.lock();
        if switchboard.retire(link, true) {
            return Poll::Ready(());
        }
        if let Some(link) = switchboard.links.get_mut(&link) {
            link.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    })
}
