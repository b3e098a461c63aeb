//! What happens to topics whose connection is lost, and whose slot moves.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::entry::{Member, Progress, Reception};
use super::ids::{LinkId, ReaderId};
use super::link::{Link, LinkTask};
use super::switchboard::Switchboard;
use super::topic::Topic;
use crate::error::Error;
use crate::runtime::Wakers;

/// How long what is received for a topic waits for others that were lost with it.
const MAX_HOLD: Duration = Duration::from_secs(1);

impl Switchboard {
    /// There is a connection.
    pub(super) fn connected(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.failure = None;
            link.is_failure_told = false;
            link.is_connected = true;
            self.counts.reconnects += u64::from(link.connections > 0);
            link.connections += 1;
        }
    }

    /// The connection of a link has ended; nothing was received for its topics since then. They have to be
    /// subscribed again.
    pub(super) fn lost(&mut self, id: LinkId, since: Instant, cause: &Error, wakers: &mut Wakers) {
        let topics = self.topics.of_link(id);
        self.interrupt(id, &topics, since, cause, wakers);
        if let Some(link) = self.links.get_mut(&id) {
            link.is_connected = false;
            link.failure = Some(cause.clone());
            link.to_unsubscribe.clear();
            link.later.clear();
            link.to_subscribe = topics;
        }
    }

    /// The server does not serve these topics any more.
    pub(super) fn ended_by_server(
        &mut self,
        id: LinkId,
        topics: Vec<Topic>,
        since: Instant,
        cause: &Error,
        wakers: &mut Wakers,
    ) {
        self.interrupt(id, &topics, since, cause, wakers);
        if let Some(link) = self.links.get_mut(&id) {
            link.to_subscribe.extend(topics);
        }
    }

    /// What is published may not reach the server of a link any more since then. The next connection is asked
    /// whether it does before its topics count as received.
    pub(super) fn stale(&mut self, id: LinkId, since: Instant, cause: &Error, wakers: &mut Wakers) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut link.is_stale, true) {
            return;
        }
        for topic in self.topics.of_link(id) {
            self.lose(&topic, since, cause, wakers);
        }
    }

    /// What is published reaches the server of a link.
    pub(super) fn fresh(&mut self, id: LinkId, wakers: &mut Wakers) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut link.is_stale, false) {
            return;
        }
        for topic in self.topics.of_link(id) {
            self.regain(&topic, wakers);
        }
    }

    pub(super) fn interrupt(
        &mut self,
        id: LinkId,
        topics: &[Topic],
        since: Instant,
        cause: &Error,
        wakers: &mut Wakers,
    ) {
        let number = self.next_number();
        for topic in topics {
            if self.topics.on_link(id, topic.kind, &topic.name).is_some() {
                self.lose_by(number, topic, since, cause, wakers);
            }
            if let Some(entry) = self.topics.on_link(id, topic.kind, &topic.name) {
                entry.progress = Progress::Unsent;
            }
        }
    }

    fn lose(&mut self, topic: &Topic, since: Instant, cause: &Error, wakers: &mut Wakers) {
        let number = self.next_number();
        self.lose_by(number, topic, since, cause, wakers);
    }

    /// The readers of a topic that is subscribed have lost it. `number` is that of all that is lost with it.
    fn lose_by(
        &mut self,
        number: u64,
        topic: &Topic,
        since: Instant,
        cause: &Error,
        wakers: &mut Wakers,
    ) {
        let entry = self.topics.get_mut(topic);
        let Some(entry) = entry.filter(|entry| entry.is_subscribed()) else {
            return;
        };
        let received = |member: &Member| matches!(member.reception, Reception::Since(_));
        for member in entry.members.iter_mut().filter(|it| received(it)) {
            member.reception = Reception::Lost;
            if let Some(reader) = self.readers.get_mut(&member.reader) {
                reader.lose(number, since, cause, wakers);
            }
        }
    }

    /// The readers of a topic that is subscribed have it again.
    pub(super) fn regain(&mut self, topic: &Topic, wakers: &mut Wakers) {
        let number = self.next_number();
        let entry = self.topics.get_mut(topic);
        let Some(entry) = entry.filter(|entry| entry.is_subscribed()) else {
            return;
        };
        for member in &mut entry.members {
            let last = member.reception;
            if let Reception::Since(_) = last {
                continue;
            }
            member.reception = Reception::Since(number);
            let Some(reader) = self.readers.get_mut(&member.reader) else {
                continue;
            };
            let waits = reader.regain(topic, last, number, wakers);
            if let Some(outage) = reader.outage().filter(|_| waits) {
                let at = Instant::now() + MAX_HOLD;
                self.releases.push_back((at, member.reader, outage));
            }
        }
    }

    /// Hands out what readers have held for long enough; returns when to do that again.
    pub(super) fn release_held(&mut self, now: Instant, wakers: &mut Wakers) -> Option<Instant> {
        while let Some((at, id, outage)) = self.releases.front().copied() {
            let is_on = |id: ReaderId| self.readers.get(&id).is_some_and(|it| it.is_in(outage));
            let goes_on = is_on(id);
            if goes_on && at > now {
                return Some(at);
            }
            self.releases.pop_front();
            let number = self.next_number();
            if let Some(reader) = self.readers.get_mut(&id).filter(|_| goes_on) {
                reader.release_held(number, wakers);
            }
        }
        None
    }

    /// An attempt to connect has failed. If the error lasts, calls fail and readers are told, once.
    pub(super) fn unreachable(&mut self, id: LinkId, error: &Error, wakers: &mut Wakers) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.failure = Some(error.clone());
        if !error.is_lasting() {
            return;
        }
        let is_told = std::mem::replace(&mut link.is_failure_told, true);
        let mut told = HashSet::new();
        for topic in self.topics.of_link(id) {
            let Some(entry) = self.topics.get_mut(&topic) else {
                continue;
            };
            for call in entry.calls.drain(..) {
                if let Some(call) = self.calls.get_mut(&call) {
                    call.end(Err(error.clone()), wakers);
                }
            }
            let is_lost = |reception| matches!(reception, Reception::Lost);
            let lost = entry.members.iter().filter(|it| is_lost(it.reception));
            for member in lost.filter(|_| !is_told) {
                let reader = self.readers.get_mut(&member.reader);
                if let Some(reader) = reader.filter(|_| told.insert(member.reader)) {
                    reader.tell_loss(error, wakers);
                }
            }
        }
    }

    /// Returns why a topic is not subscribed, as far as that is known.
    pub(super) fn failure(&self, topics: &[Topic]) -> Option<Error> {
        let entries = topics.iter().filter_map(|topic| self.topics.get(topic));
        let mut unsubscribed = entries.filter(|entry| !entry.is_subscribed());
        unsubscribed.find_map(|entry| {
            let failure = self.links.get(&entry.link)?.failure.clone();
            failure.or_else(|| entry.refusal.clone())
        })
    }

    /// The task of a link has ended. If the link is still there, it needs another one: calls and readers are
    /// woken to start it.
    pub(super) fn task_ended(&mut self, id: LinkId, cause: &Error, wakers: &mut Wakers) {
        let link = self.links.get(&id);
        if link.is_none_or(|link| link.task != LinkTask::Running) {
            return;
        }
        self.lose_task(id, LinkTask::Panicked, cause, wakers);
        for call in self.calls.values_mut() {
            call.wake(wakers);
        }
        for reader in self.readers.values_mut() {
            wakers.extend(reader.waker.take());
        }
    }

    fn lose_task(&mut self, id: LinkId, now: LinkTask, cause: &Error, wakers: &mut Wakers) {
        self.lost(id, Instant::now(), cause, wakers);
        if let Some(link) = self.links.get_mut(&id) {
            link.failure = None;
            link.task = now;
            self.lacks_tasks = true;
        }
    }

    /// Takes over from another process, of which `process` is a fork: the tasks of links run there.
    pub(super) fn adopt(&mut self, process: u32, cause: impl FnOnce() -> Error) {
        if std::mem::replace(&mut self.process, process) == 0 {
            return;
        }
        // They are not the child's to wake, or to drop.
        for reader in self.readers.values_mut() {
            std::mem::forget(reader.waker.take());
        }
        for call in self.calls.values_mut() {
            std::mem::forget(call.take_waker());
        }
        for link in self.links.values_mut() {
            std::mem::forget(link.waker.take());
        }
        let (cause, mut no_wakers) = (cause(), Wakers::default());
        let with_task =
            |(id, link): (&LinkId, &Link)| (link.task == LinkTask::Running).then_some(*id);
        for id in self.links.iter().filter_map(with_task).collect::<Vec<_>>() {
            self.lose_task(id, LinkTask::Missing, &cause, &mut no_wakers);
        }
    }
}
