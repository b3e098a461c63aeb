//! [`Topics`]: the topics that are read, by name.

use std::collections::HashMap;

use super::entry::Entry;
use super::ids::LinkId;
use super::topic::{Kind, Name, Topic};

/// The topics that are read.
#[derive(Default)]
pub(super) struct Topics {
    channels: HashMap<Name, Entry>,
    patterns: HashMap<Name, Entry>,
    sharded: HashMap<Name, Entry>,
}

impl Topics {
    fn of(&self, kind: Kind) -> &HashMap<Name, Entry> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Sharded => &self.sharded,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut HashMap<Name, Entry> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Sharded => &mut self.sharded,
        }
    }

    /// Returns the entry of a topic on this link.
    pub(super) fn on_link(&mut self, link: LinkId, kind: Kind, name: &[u8]) -> Option<&mut Entry> {
        let entry = self.of_mut(kind).get_mut(name);
        entry.filter(|entry| entry.link == link)
    }

    pub(super) fn get(&self, topic: &Topic) -> Option<&Entry> {
        self.of(topic.kind).get(&topic.name)
    }

    pub(super) fn get_mut(&mut self, topic: &Topic) -> Option<&mut Entry> {
        self.of_mut(topic.kind).get_mut(&topic.name)
    }

    pub(super) fn insert(&mut self, topic: &Topic, entry: Entry) -> &mut Entry {
        self.of_mut(topic.kind)
            .entry(Name::clone(&topic.name))
            .insert_entry(entry)
            .into_mut()
    }

    pub(super) fn remove(&mut self, topic: &Topic) -> Option<Entry> {
        let topics = self.of_mut(topic.kind);
        let entry = topics.remove(&topic.name);
        if topics.is_empty() {
            topics.shrink_to_fit();
        }
        entry
    }

    pub(super) fn clear(&mut self) {
        *self = Topics::default();
    }

    /// Returns all topics of a link.
    pub(super) fn of_link(&self, link: LinkId) -> Vec<Topic> {
        let kinds = [Kind::Channel, Kind::Pattern, Kind::Sharded];
        let all = kinds.into_iter().flat_map(|kind| {
            let entries = self.of(kind).iter();
            entries.map(move |(name, entry)| (kind, name, entry))
        });
        let of_link = all.filter(|(_, _, entry)| entry.link == link);
        let topic = |(kind, name, _): (Kind, &Name, &Entry)| Topic {
            kind,
            name: Name::clone(name),
        };
        of_link.map(topic).collect()
    }
}
