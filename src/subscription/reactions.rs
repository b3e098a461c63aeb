//! What a session does about what it reads.

use std::io;
use std::time::{Duration, Instant};

use redis::{ServerError, Value};

use super::errors::{ended_by_server, is_cut_off, is_replica, postponed, refusal_error};
use super::heartbeat::Verdict;
use super::ids::BatchId;
use super::link::Scope;
use super::notice::{Notice, Replication};
use super::requests::{Question, Refused};
use super::session::{Loss, Manner, Session};
use super::switchboard::Switchboard;
use super::topic::Topic;
use crate::connection::{connection_lost_after, protocol_error, unasked};
use crate::error::Error;
use crate::resp::{Redirect, Refusal};
use crate::runtime::Wakers;

/// Time before a topic is tried again that the server does not take for now.
const RETRY_INTERVAL: Duration = Duration::from_millis(200);
/// Time before a topic is tried again that the server refuses.
const REFUSED_INTERVAL: Duration = Duration::from_secs(5);

/// What follows from what was read, once the lock is released.
#[derive(Default)]
struct News {
    wakers: Wakers,
    /// Topics whose subscriptions the server has ended.
    ended: Vec<Topic>,
    redirected: Vec<(Vec<Topic>, Redirect, Error)>,
}

impl Session<'_> {
    /// Acts upon what was read.
    pub(super) fn apply(&mut self) -> Result<(), Loss> {
        let now = Instant::now();
        self.heartbeat.hear(now);
        let mut values = std::mem::take(&mut self.values);
        let decoded = self.wire.decode(&mut values);
        // With RESP2 nothing but subscriptions and `PING` may be sent here.
        self.has_pushes |= matches!(values.last(), Some(Value::Push { .. }));
        if self.place.is_none() && self.has_pushes {
            self.heartbeat.ask_for_role();
        }
        let has_read = !values.is_empty();
        let asks = self.heartbeat.asks_for_role();
        // Without the lock: readers wait for it.
        let notices: Vec<_> = values.drain(..).map(Notice::of).collect();
        self.values = values;
        let mut news = News::default();
        let applied = {
            let mut switchboard = self.hub.lock();
            if !asks && has_read {
                // What the server before was does not tell anything of this one.
                switchboard.fresh(self.link, &mut news.wakers);
            }
            let mut notices = notices.into_iter();
            let applied = notices
                .try_for_each(|notice| self.apply_notice(notice, &mut switchboard, &mut news));
            if !news.ended.is_empty() {
                let error = ended_by_server(self.peer, &news.ended);
                let wakers = &mut news.wakers;
                switchboard.ended_by_server(self.link, news.ended, now, &error, wakers);
            }
            applied
        };
        news.wakers.wake_all();
        for (topics, redirect, error) in news.redirected {
            self.redirect(topics, &redirect, &error);
        }
        decoded.map_err(|what| self.ended(protocol_error(self.peer, &what)))?;
        applied
    }

    fn apply_notice(
        &mut self,
        notice: Notice,
        switchboard: &mut Switchboard,
        news: &mut News,
    ) -> Result<(), Loss> {
        match notice {
            Notice::Message(kind, name, message) => {
                self.has_received = true;
                switchboard.receive(self.link, kind, &name, &message, &mut news.wakers);
            }
            Notice::Subscribed(kind, name) => {
                let Some((topic, batch)) = self.requests.subscribed(kind, &name) else {
                    return Err(self.unexpected("a subscription that was not asked for"));
                };
                self.served_since.get_or_insert_with(Instant::now);
                switchboard.subscribed(self.link, &topic, batch, &mut news.wakers);
            }
            Notice::Unsubscribed(kind, name) => {
                if !self.requests.unsubscribed(kind, &name) {
                    let name = name.into();
                    news.ended.push(Topic { kind, name });
                }
            }
            Notice::Reply(reply) => match self.requests.answered() {
                None => return Err(self.unexpected("a reply without a command")),
                Some(Question::Ping) => {}
                Some(Question::Auth) => self.login_answer = Some(Ok(())),
                Some(Question::Role) => return self.role_told(reply, switchboard, news),
            },
            Notice::Error(error) => return self.refused(&error, switchboard, news),
            Notice::Other => {}
        }
        Ok(())
    }

    fn unexpected(&self, what: &str) -> Loss {
        self.ended(protocol_error(self.peer, what))
    }

    /// The server has answered `ROLE`.
    fn role_told(
        &mut self,
        reply: Value,
        switchboard: &mut Switchboard,
        news: &mut News,
    ) -> Result<(), Loss> {
        let Some(role) = Replication::of_role(reply) else {
            self.has_no_role(switchboard, news);
            return Ok(());
        };
        let now = self.heartbeat.heard();
        let (since, error, is_left) = match self.heartbeat.judge(role, now) {
            Verdict::Right => {
                switchboard.fresh(self.link, &mut news.wakers);
                return Ok(());
            }
            Verdict::CutOff(since) => (since, is_cut_off(self.peer), false),
            Verdict::CutOffForLong(since) => (since, is_cut_off(self.peer), true),
            Verdict::Demoted(since) => (since, is_replica(self.peer), true),
        };
        switchboard.stale(self.link, since, &error, &mut news.wakers);
        if is_left {
            return Err(Loss {
                since,
                error,
                manner: Manner::Left,
            });
        }
        Ok(())
    }

    /// The server does not tell its role, so it is taken for one that what is published reaches.
    fn has_no_role(&mut self, switchboard: &mut Switchboard, news: &mut News) {
        self.heartbeat.role_refused();
        switchboard.fresh(self.link, &mut news.wakers);
    }

    /// The server has answered a command with an error.
    fn refused(
        &mut self,
        error: &ServerError,
        switchboard: &mut Switchboard,
        news: &mut News,
    ) -> Result<(), Loss> {
        let (topics, batch) = match self.requests.refused() {
            Refused::Topics(topics, batch) => (topics, batch),
            Refused::Role => {
                self.has_no_role(switchboard, news);
                return Ok(());
            }
            Refused::Auth => {
                self.login_answer = Some(Err(error.code().to_owned()));
                return Ok(());
            }
            Refused::Other => return Ok(()),
            Refused::Nothing => return Err(self.ended_by(error)),
        };
        if error.code() == "NOAUTH" {
            return Err(self.ended_by(error));
        }
        if topics.len() > 1 && is_about_one(error) {
            self.send_apart(topics, batch, switchboard);
            return Ok(());
        }
        let mut topics = topics;
        topics.retain(|topic| switchboard.awaits(self.link, topic, batch));
        let Some(first) = topics.first() else {
            return Ok(());
        };
        match Refusal::of_error(error) {
            Some(Refusal::Redirect(redirect)) => {
                let error = postponed(self.peer, first, error);
                news.redirected.push((topics, redirect, error));
            }
            Some(_) => {
                let at = Instant::now() + RETRY_INTERVAL;
                for topic in topics {
                    let error = postponed(self.peer, &topic, error);
                    switchboard.postpone(self.link, topic, &error, at);
                }
            }
            None => {
                let at = Instant::now() + REFUSED_INTERVAL;
                for topic in topics {
                    let error = refusal_error(self.peer, &topic, error);
                    let wakers = &mut news.wakers;
                    switchboard.refused(self.link, topic, &error, at, wakers);
                }
            }
        }
        Ok(())
    }

    /// Sends the topics of a command in two: which of them an error is about shows when it is alone.
    fn send_apart(&mut self, topics: Vec<Topic>, batch: BatchId, switchboard: &mut Switchboard) {
        let (middle, mut first) = (topics.len() / 2, topics);
        let mut second = first.split_off(middle);
        for half in [&mut first, &mut second] {
            half.retain(|topic| switchboard.awaits(self.link, topic, batch));
            let (half, output) = (std::mem::take(half), &mut self.wire.output);
            self.requests.subscribe(half, batch, false, output);
        }
    }

    fn ended_by(&self, error: &ServerError) -> Loss {
        let words = unasked(&Value::ServerError(error.clone())).unwrap_or_default();
        let end = io::Error::other("the server ends it");
        self.ended(connection_lost_after(self.peer, &end, &words))
    }

    /// Moves topics to the node that the server has named.
    fn redirect(&mut self, topics: Vec<Topic>, redirect: &Redirect, error: &Error) {
        self.has_moved_topics = true;
        let place = match (self.hub.cluster(), &self.place) {
            (Some(cluster), Some(from)) => cluster.redirected_place(redirect, from),
            _ => None,
        };
        let at = Instant::now() + RETRY_INTERVAL;
        self.hub.change(|switchboard, wakers| {
            let to = place.map(|place| switchboard.link_to(Scope::Node(place)));
            for topic in topics {
                match to {
                    Some(to) => switchboard.reassign(self.link, to, topic, error, wakers),
                    None => switchboard.postpone(self.link, topic, error, at),
                }
            }
        });
    }
}

/// Returns whether an error is about one name of a command that may have several.
fn is_about_one(error: &ServerError) -> bool {
    error.code() == "NOPERM" && error.details().unwrap_or_default().contains("channel")
}
