//! How subscriptions begin and end to read topics.

use super::entry::{Entry, Member, Progress, Reception};
use super::ids::{CallId, ReaderId};
use super::link::Scope;
use super::pending_call::PendingCall;
use super::switchboard::Switchboard;
use super::topic::Topic;
use crate::connection::closed;
use crate::error::Error;
use crate::runtime::Wakers;

impl Switchboard {
    /// Has a subscription read these topics, each in its scope unless it is subscribed already. Returns the
    /// number of the call, which ends once all are subscribed.
    ///
    /// # Errors
    /// The client is closed, or the subscription was dropped.
    pub(super) fn join(
        &mut self,
        id: ReaderId,
        topics: Vec<(Topic, Scope)>,
        wakers: &mut Wakers,
    ) -> Result<CallId, Error> {
        if self.is_closed() || !self.readers.contains_key(&id) {
            return Err(closed());
        }
        let number = CallId(self.next_number());
        let mut call = PendingCall::new(id);
        // Held until all have joined.
        call.add();
        for (topic, scope) in topics {
            let reader = self.readers.get_mut(&id);
            let is_new = reader.is_some_and(|reader| reader.topics.insert(topic.clone()));
            self.subscribe(&topic, scope, wakers);
            if let Some(entry) = self.topics.get_mut(&topic) {
                if is_new {
                    entry.members.push(Member {
                        reader: id,
                        reception: Reception::Since(0),
                    });
                }
                if !entry.is_subscribed() {
                    entry.calls.push(number);
                    call.add();
                }
            }
            if is_new {
                call.joined.push(topic.clone());
            }
            call.topics.push(topic);
        }
        call.settle(wakers);
        self.calls.insert(number, call);
        if let Some(reader) = self.readers.get_mut(&id) {
            reader.calls.push(number);
        }
        Ok(number)
    }

    /// Has the topic subscribed, in `scope` if no other subscription reads it.
    fn subscribe(&mut self, topic: &Topic, scope: Scope, wakers: &mut Wakers) {
        let entry = if self.topics.get(topic).is_none() {
            let id = self.link_to(scope);
            if let Some(link) = self.links.get_mut(&id) {
                link.topics += 1;
            }
            self.topics.insert(topic, Entry::new(id))
        } else {
            match self.topics.get_mut(topic) {
                Some(entry) if entry.progress == Progress::Refused => entry,
                _ => return,
            }
        };
        entry.progress = Progress::Unsent;
        if let Some(link) = self.links.get_mut(&entry.link) {
            link.later.remove(topic);
            link.to_subscribe.push(topic.clone());
            link.wake(wakers);
        }
    }

    /// Ends a call that has succeeded: its topics stay, whatever becomes of other calls for them.
    pub(super) fn end_call(&mut self, id: CallId, wakers: &mut Wakers) {
        let Some((call, others)) = self.remove_call(id, wakers) else {
            return;
        };
        for other in others {
            if let Some(other) = self.calls.get_mut(&other) {
                other.joined.retain(|topic| !call.topics.contains(topic));
            }
        }
    }

    /// Ends a call that has failed, or was given up: the subscription does not read what the call has added,
    /// unless another call for it waits.
    pub(super) fn cancel_call(&mut self, id: CallId, wakers: &mut Wakers) {
        let Some((call, others)) = self.remove_call(id, wakers) else {
            return;
        };
        let mut left = Vec::new();
        for topic in call.joined {
            let waits = |other: &&CallId| {
                let other = self.calls.get(other);
                other.is_some_and(|other| other.topics.contains(&topic))
            };
            let heir = others.iter().find(waits);
            match heir.and_then(|heir| self.calls.get_mut(heir)) {
                Some(heir) => heir.joined.push(topic),
                None => left.push(topic),
            }
        }
        self.leave(call.reader, &left, wakers);
    }

    /// Removes a call; returns it, and the other calls of its subscription.
    fn remove_call(
        &mut self,
        id: CallId,
        wakers: &mut Wakers,
    ) -> Option<(PendingCall, Vec<CallId>)> {
        let mut call = self.calls.remove(&id)?;
        // Its task may not be the one that ends it, and is woken for nothing at worst.
        call.wake(wakers);
        let reader = self.readers.get_mut(&call.reader);
        let others = reader.map(|reader| {
            reader.calls.retain(|other| *other != id);
            reader.calls.clone()
        });
        Some((call, others.unwrap_or_default()))
    }

    /// Has a subscription read these topics no more. Those that no other one reads are not subscribed any
    /// more.
    pub(super) fn leave(&mut self, id: ReaderId, topics: &[Topic], wakers: &mut Wakers) {
        let number = self.next_number();
        for topic in topics {
            let Some(reader) = self.readers.get_mut(&id) else {
                return;
            };
            if !reader.topics.remove(topic) {
                continue;
            }
            let Some(entry) = self.topics.get_mut(topic) else {
                continue;
            };
            let member = entry.members.iter().position(|member| member.reader == id);
            if let Some(member) = member.map(|at| entry.members.swap_remove(at)) {
                reader.forget(member.reception, number, wakers);
            }
            if entry.members.is_empty() {
                self.unsubscribe(topic, wakers);
            }
        }
    }

    fn unsubscribe(&mut self, topic: &Topic, wakers: &mut Wakers) {
        let Some(entry) = self.topics.remove(topic) else {
            return;
        };
        for call in &entry.calls {
            if let Some(call) = self.calls.get_mut(call) {
                call.settle(wakers);
            }
        }
        if let Some(link) = self.links.get_mut(&entry.link) {
            link.topics -= 1;
            link.later.remove(topic);
            if matches!(entry.progress, Progress::Sent(_) | Progress::Subscribed) {
                link.to_unsubscribe.push(topic.clone());
            }
            if link.has_changes() || link.topics == 0 {
                link.wake(wakers);
            }
        }
    }
}
