//! [`Session`]: one connection with subscriptions, from the handshake to its end.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use redis::{Cmd, Value};
use tokio::time::Sleep;

use super::heartbeat::{Heartbeat, Silence};
use super::hub::Hub;
use super::ids::LinkId;
use super::requests::Requests;
use super::wire::Wire;
use crate::cluster::Place;
use crate::connect::Connected;
use crate::connection::connection_lost;
use crate::error::Error;
use crate::runtime::later;

/// Time for which a connection that is for no topic is kept.
const LINGER: Duration = Duration::from_secs(5);
/// Reads after which other connections get a turn: a server can publish without end.
const READS_PER_TURN: u32 = 8;
/// Lifetime with a subscription after which a connection has served, even if no message came.
const MIN_UPTIME_TO_SERVE: Duration = Duration::from_secs(1);

/// Why a session has ended.
pub(super) enum End {
    /// There is nothing more to do.
    Unused,
    Lost(Loss),
}

/// The connection is lost.
pub(super) struct Loss {
    /// Nothing is known to have been received since then.
    pub(super) since: Instant,
    pub(super) error: Error,
    pub(super) manner: Manner,
}

/// How a connection was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Ended,
    /// The server did not answer.
    Silent,
    /// On purpose: another server may have the place of this one.
    Left,
}

/// What the supervisor has to do about a session.
pub(super) enum Step {
    Ended(End),
    /// Topics were moved to other links, which may not have a task yet. The session goes on.
    LinksAdded,
    /// The server has answered another login, with this error code if it has refused it. The session goes on.
    LoginAnswered(Result<(), String>),
}

/// What has happened.
enum Activity {
    Read,
    /// The switchboard has changed, or the time has come.
    Other,
}

/// One connection with subscriptions. What it does about what it reads is in
/// [`reactions`](super::reactions).
pub(super) struct Session<'a> {
    pub(super) hub: &'a Hub,
    pub(super) link: LinkId,
    pub(super) peer: &'a str,
    /// The node of a cluster that it leads to.
    pub(super) place: Option<Place>,
    pub(super) heartbeat: Heartbeat,
    pub(super) wire: Wire,
    pub(super) requests: Requests,
    pub(super) has_moved_topics: bool,
    pub(super) values: Vec<Value>,
    /// When the server has first confirmed a topic.
    pub(super) served_since: Option<Instant>,
    pub(super) has_received: bool,
    /// The server sends what is published as pushes of RESP3, beside which it takes other commands.
    pub(super) has_pushes: bool,
    pub(super) login_answer: Option<Result<(), String>>,
    timer: Pin<Box<Sleep>>,
    unused_since: Option<Instant>,
    /// When to look for topics that were not taken, and for what readers hold.
    retry: Option<Instant>,
    reads: u32,
}

impl<'a> Session<'a> {
    /// A session over `connected` for the topics of `link`. `place` is the node of a cluster at the other end,
    /// and `has_heartbeat` says whether the server takes `PING`.
    pub(super) fn new(
        hub: &'a Hub,
        link: LinkId,
        peer: &'a str,
        place: Option<Place>,
        has_heartbeat: bool,
        connected: Connected,
    ) -> Session<'a> {
        let now = Instant::now();
        Session {
            hub,
            link,
            peer,
            place,
            heartbeat: Heartbeat::new(hub.config.response_timeout(), has_heartbeat, now),
            wire: Wire::new(connected),
            requests: Requests::default(),
            has_moved_topics: false,
            values: Vec::new(),
            served_since: None,
            has_received: false,
            has_pushes: false,
            login_answer: None,
            timer: Box::pin(tokio::time::sleep_until(now.into())),
            unused_since: None,
            retry: None,
            reads: 0,
        }
    }

    /// Returns whether the connection was of use: a message has come, or it has lasted with what is subscribed.
    /// A server that confirms and then ends the connection again and again is still in its outage.
    pub(super) fn has_served(&self, now: Instant) -> bool {
        let has_lasted = |since: Instant| now >= since + MIN_UPTIME_TO_SERVE;
        self.has_received || self.served_since.is_some_and(has_lasted)
    }

    /// Returns when the server was last heard.
    pub(super) fn heard(&self) -> Instant {
        self.heartbeat.heard()
    }

    /// Runs until the supervisor has something to do. May be dropped at any time.
    pub(super) async fn run(&mut self) -> Step {
        loop {
            let now = Instant::now();
            if self.take_changes(now) {
                return Step::Ended(End::Unused);
            }
            if let Err(loss) = self.beat(now) {
                return Step::Ended(End::Lost(loss));
            }
            let due = self.next_due(now);
            self.timer.as_mut().reset(due.into());
            let outcome = match poll_fn(|cx| self.poll(cx)).await {
                Ok(Activity::Read) => {
                    self.reads = self.reads.wrapping_add(1);
                    if self.reads.is_multiple_of(READS_PER_TURN) {
                        tokio::task::yield_now().await;
                    }
                    self.apply()
                }
                Ok(Activity::Other) => Ok(()),
                Err(error) => Err(self.ended(connection_lost(self.peer, &error))),
            };
            if let Err(loss) = outcome {
                return Step::Ended(End::Lost(loss));
            }
            if std::mem::take(&mut self.has_moved_topics) {
                return Step::LinksAdded;
            }
            if let Some(answer) = self.login_answer.take() {
                return Step::LoginAnswered(answer);
            }
        }
    }

    /// Logs in again, by this command.
    ///
    /// # Errors
    /// With RESP2 no connection with subscriptions takes it, so this one has to be replaced.
    pub(super) fn log_in(&mut self, auth: &Cmd) -> Result<(), Loss> {
        if self.served_since.is_some() && !self.has_pushes {
            let renewed = io::Error::other(
                "the credentials are renewed, which RESP2 takes at its start alone",
            );
            return Err(self.ended(connection_lost(self.peer, &renewed)));
        }
        self.requests.auth(auth, &mut self.wire.output);
        Ok(())
    }

    /// The connection has ended. What was sent before its end has come, unless a question is open: then the
    /// server may have been out of reach since it was last heard.
    pub(super) fn ended(&self, error: Error) -> Loss {
        let since = match self.requests.oldest() {
            Some(_) => self.heartbeat.heard(),
            None => Instant::now(),
        };
        Loss {
            since,
            error,
            manner: Manner::Ended,
        }
    }

    /// Writes what has changed in the switchboard; returns whether the connection is of no use any more.
    fn take_changes(&mut self, now: Instant) -> bool {
        let (changes, release, is_gone) = self.hub.change(|switchboard, wakers| {
            let release = switchboard.release_held(now, wakers);
            let changes = switchboard.take_changes(self.link, now);
            let since = changes.is_unused.then(|| self.unused_since.unwrap_or(now));
            self.unused_since = since;
            let has_lingered = since.is_some_and(|since| now >= since + LINGER);
            let is_gone = switchboard.retire(self.link, has_lingered);
            (changes, release, is_gone)
        });
        self.retry = [changes.next, release].into_iter().flatten().min();
        let is_cluster = self.place.is_some();
        let output = &mut self.wire.output;
        self.requests
            .unsubscribe(changes.unsubscribe, is_cluster, output);
        self.requests
            .subscribe(changes.subscribe, changes.batch, is_cluster, output);
        is_gone
    }

    /// Asks a server that is silent whether it is there; fails if it does not answer.
    fn beat(&mut self, now: Instant) -> Result<(), Loss> {
        let beat = self
            .heartbeat
            .beat(now, &mut self.requests, &mut self.wire.output);
        beat.map_err(|Silence| {
            let limit = self.hub.config.response_timeout();
            let silence = format!("the server has been silent for {limit:?}");
            let silence = io::Error::new(io::ErrorKind::TimedOut, silence);
            Loss {
                since: self.heartbeat.heard(),
                error: connection_lost(self.peer, &silence),
                manner: Manner::Silent,
            }
        })
    }

    /// Returns when there is something to do although nothing happens.
    fn next_due(&self, now: Instant) -> Instant {
        let beat = self.heartbeat.next_due(self.requests.oldest());
        let unused = self.unused_since.map(|since| since + LINGER);
        let due = [beat, unused, self.retry].into_iter().flatten().min();
        due.unwrap_or_else(|| later(now, Duration::MAX))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Activity>> {
        self.wire.poll_write(cx);
        if let Poll::Ready(read) = self.wire.poll_read(cx) {
            return Poll::Ready(read.map(|()| Activity::Read));
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(Activity::Other));
        }
        let mut switchboard = self.hub.lock();
        if switchboard.has_changes(self.link) || switchboard.is_over(self.link) {
            return Poll::Ready(Ok(Activity::Other));
        }
        let Some(link) = switchboard.links.get_mut(&self.link) else {
            return Poll::Ready(Ok(Activity::Other));
        };
        if link.topics == 0 && self.unused_since.is_none() {
            return Poll::Ready(Ok(Activity::Other));
        }
        link.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
