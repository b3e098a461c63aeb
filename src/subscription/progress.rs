//! What the connections send, and what the servers answer.

use std::time::{Duration, Instant};

use super::entry::{Progress, Reception};
use super::ids::{BatchId, LinkId};
use super::link::Link;
use super::message::Message;
use super::switchboard::Switchboard;
use super::topic::{Kind, Topic};
use crate::error::Error;
use crate::runtime::Wakers;

/// How often a topic is moved to another node without a delay, before the nodes get time to agree.
const IMMEDIATE_MOVES: u32 = 3;
/// Delay before a topic is tried at the next node after that.
const MOVE_DELAY: Duration = Duration::from_millis(200);

/// What a connection has to send now.
pub(super) struct Changes {
    pub(super) subscribe: Vec<Topic>,
    pub(super) unsubscribe: Vec<Topic>,
    /// The number of what is subscribed now.
    pub(super) batch: BatchId,
    /// When there is more to send without another change.
    pub(super) next: Option<Instant>,
    /// The connection is for no topic.
    pub(super) is_unused: bool,
}

impl Switchboard {
    /// Returns what the connection of a link has to send, and takes it for sent.
    pub(super) fn take_changes(&mut self, id: LinkId, now: Instant) -> Changes {
        let batch = BatchId(self.next_number());
        let mut changes = Changes {
            subscribe: Vec::new(),
            unsubscribe: Vec::new(),
            batch,
            next: None,
            is_unused: true,
        };
        let Some(link) = self.links.get_mut(&id) else {
            return changes;
        };
        let mut wanted = std::mem::take(&mut link.to_subscribe);
        if !link.later.is_empty() {
            let due = link.later.extract_if(|_, at| *at <= now);
            wanted.extend(due.map(|(topic, _)| topic));
        }
        changes.unsubscribe = std::mem::take(&mut link.to_unsubscribe);
        changes.next = link.later.values().min().copied();
        changes.is_unused = link.topics == 0;
        for topic in wanted {
            let entry = self.topics.on_link(id, topic.kind, &topic.name);
            let unsent = entry
                .filter(|entry| matches!(entry.progress, Progress::Unsent | Progress::Refused));
            if let Some(entry) = unsent {
                entry.progress = Progress::Sent(batch);
                changes.subscribe.push(topic);
            }
        }
        changes
    }

    /// Returns whether a link has something to send.
    pub(super) fn has_changes(&self, id: LinkId) -> bool {
        self.links.get(&id).is_some_and(Link::has_changes)
    }

    /// Returns whether a topic of a batch still has to be confirmed.
    pub(super) fn awaits(&mut self, id: LinkId, topic: &Topic, batch: BatchId) -> bool {
        let entry = self.topics.on_link(id, topic.kind, &topic.name);
        entry.is_some_and(|entry| entry.progress == Progress::Sent(batch))
    }

    /// The server has confirmed a topic of a batch.
    pub(super) fn subscribed(
        &mut self,
        id: LinkId,
        topic: &Topic,
        batch: BatchId,
        wakers: &mut Wakers,
    ) {
        let entry = self.topics.on_link(id, topic.kind, &topic.name);
        let Some(entry) = entry.filter(|entry| entry.progress == Progress::Sent(batch)) else {
            return;
        };
        entry.progress = Progress::Subscribed;
        entry.refusal = None;
        entry.moves = 0;
        for call in entry.calls.drain(..) {
            if let Some(call) = self.calls.get_mut(&call) {
                call.settle(wakers);
            }
        }
        if !self.links.get(&id).is_some_and(|link| link.is_stale) {
            self.regain(topic, wakers);
        }
    }

    /// Hands a message to all who read its topic.
    pub(super) fn receive(
        &mut self,
        id: LinkId,
        kind: Kind,
        name: &[u8],
        message: &Message,
        wakers: &mut Wakers,
    ) {
        let entry = self.topics.on_link(id, kind, name);
        // Else of a subscription that has ended; the next one begins when the server says so.
        let Some(entry) = entry.filter(|entry| entry.is_subscribed()) else {
            return;
        };
        self.counts.received += 1;
        for member in &entry.members {
            if let Some(reader) = self.readers.get_mut(&member.reader) {
                let has_room = reader.receive(message.clone(), member.reception, wakers);
                self.counts.dropped += u64::from(!has_room);
            }
        }
    }

    /// The server does not take a topic for a reason that passes. It is tried again at `at`, together with the
    /// others of then.
    pub(super) fn postpone(&mut self, id: LinkId, topic: Topic, error: &Error, at: Instant) {
        let entry = self.topics.on_link(id, topic.kind, &topic.name);
        if let (Some(entry), Some(link)) = (entry, self.links.get_mut(&id)) {
            entry.progress = Progress::Unsent;
            entry.refusal = Some(error.clone());
            link.later.insert(topic, at);
        }
    }

    /// The server refuses a topic, by an `error` that lasts. The calls for it fail, and readers that it is
    /// new to are told. It is tried again at `at`.
    pub(super) fn refused(
        &mut self,
        id: LinkId,
        topic: Topic,
        error: &Error,
        at: Instant,
        wakers: &mut Wakers,
    ) {
        let number = self.next_number();
        let entry = self.topics.on_link(id, topic.kind, &topic.name);
        let (Some(entry), Some(link)) = (entry, self.links.get_mut(&id)) else {
            return;
        };
        entry.progress = Progress::Refused;
        for call in entry.calls.drain(..) {
            if let Some(call) = self.calls.get_mut(&call) {
                call.end(Err(error.clone()), wakers);
            }
        }
        for member in &mut entry.members {
            if member.reception == Reception::Lost {
                member.reception = Reception::Refused;
                if let Some(reader) = self.readers.get_mut(&member.reader) {
                    reader.refuse(error, number, wakers);
                }
            }
        }
        link.later.insert(topic, at);
    }

    /// Moves a topic that the node of one link does not serve to another link. Nodes that do not agree get time.
    pub(super) fn reassign(
        &mut self,
        from: LinkId,
        to: LinkId,
        topic: Topic,
        error: &Error,
        wakers: &mut Wakers,
    ) {
        let Some(entry) = self.topics.on_link(from, topic.kind, &topic.name) else {
            return;
        };
        entry.link = to;
        entry.progress = Progress::Unsent;
        entry.refusal = Some(error.clone());
        entry.moves = entry.moves.saturating_add(1);
        let is_immediate = from != to && entry.moves <= IMMEDIATE_MOVES;
        if let Some(old) = self.links.get_mut(&from) {
            old.topics -= 1;
            old.later.remove(&topic);
        }
        if let Some(new) = self.links.get_mut(&to) {
            new.topics += 1;
            if is_immediate {
                new.to_subscribe.push(topic);
            } else {
                new.later.insert(topic, Instant::now() + MOVE_DELAY);
            }
            new.wake(wakers);
        }
    }

    /// Moves topics of a link that another node serves by now, whether the node of the link says so or not.
    pub(super) fn move_away(
        &mut self,
        from: LinkId,
        to: LinkId,
        topics: Vec<Topic>,
        since: Instant,
        error: &Error,
        wakers: &mut Wakers,
    ) {
        let is_known = |topic: &Topic, board: &mut Switchboard| {
            let entry = board.topics.on_link(from, topic.kind, &topic.name);
            entry.is_some_and(|it| matches!(it.progress, Progress::Sent(_) | Progress::Subscribed))
        };
        let mut known = topics.clone();
        known.retain(|topic| is_known(topic, self));
        self.interrupt(from, &topics, since, error, wakers);
        if let Some(link) = self.links.get_mut(&from) {
            link.to_unsubscribe.extend(known);
            link.wake(wakers);
        }
        for topic in topics {
            self.reassign(from, to, topic, error, wakers);
        }
    }
}
