//! [`Topic`]: a channel, a pattern or a sharded channel that is subscribed to.

use std::fmt;
use std::sync::Arc;

use super::names::ChannelNames;
use crate::report::printable_start;

/// The most of a name that an error shows, in characters.
const MAX_SHOWN: usize = 120;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    Sharded,
}

impl Kind {
    /// Returns the command that subscribes.
    pub(super) fn subscribe(self) -> &'static str {
        match self {
            Kind::Channel => "SUBSCRIBE",
            Kind::Pattern => "PSUBSCRIBE",
            Kind::Sharded => "SSUBSCRIBE",
        }
    }

    /// Returns the command that ends a subscription.
    pub(super) fn unsubscribe(self) -> &'static str {
        match self {
            Kind::Channel => "UNSUBSCRIBE",
            Kind::Pattern => "PUNSUBSCRIBE",
            Kind::Sharded => "SUNSUBSCRIBE",
        }
    }
}

/// A name that clones share.
pub(super) type Name = Arc<[u8]>;

/// A channel, a pattern or a sharded channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Topic {
    pub(super) kind: Kind,
    pub(super) name: Name,
}

impl Topic {
    pub(super) fn new(kind: Kind, name: impl AsRef<[u8]>) -> Topic {
        let name = name.as_ref().into();
        Topic { kind, name }
    }

    /// Returns the topics that `names` has, each of them once.
    pub(super) fn all(kind: Kind, names: impl ChannelNames) -> Vec<Topic> {
        let mut names = names.into_names();
        names.sort_unstable();
        names.dedup();
        let topics = names.into_iter().map(|name| Topic::new(kind, name));
        topics.collect()
    }
}

/// Writes the name as errors show it, without characters that a terminal obeys.
impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable_start(
            &String::from_utf8_lossy(&self.name),
            MAX_SHOWN,
        ))
    }
}
