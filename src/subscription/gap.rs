//! [`Gap`]: messages are missing here.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, Instant};

use super::topic::Topic;
use crate::error::Error;

/// Says that messages may be missing at this place of a subscription, for how long, and why.
///
/// The server does not keep messages, so what was published meanwhile is lost. What is derived from messages
/// has to be read again: the [documentation of the module](crate::subscription#what-to-do-about-a-gap) has an
/// example.
#[derive(Clone)]
pub struct Gap {
    /// Since when, and for how long, nothing was received.
    outage: Option<(Instant, Duration)>,
    cause: Option<Error>,
    dropped: u64,
    /// What it is about; `None` if that is all that the subscription has.
    topics: Option<HashSet<Topic>>,
}

impl Gap {
    /// A gap of this length in everything, for tests of what is done about one.
    #[must_use]
    pub fn new(duration: Duration) -> Gap {
        Gap {
            outage: Some((Instant::now(), duration)),
            cause: None,
            dropped: 0,
            topics: None,
        }
    }

    /// A gap because this many messages had no room, for tests of what is done about one.
    #[must_use]
    pub fn overflow(dropped: u64) -> Gap {
        Gap {
            outage: None,
            cause: None,
            dropped,
            topics: None,
        }
    }

    /// Nothing was received for `topics` from `since` until now.
    pub(super) fn outage(since: Instant, cause: Error, topics: Option<HashSet<Topic>>) -> Gap {
        Gap {
            outage: Some((since, since.elapsed())),
            cause: Some(cause),
            dropped: 0,
            topics,
        }
    }

    /// Returns for how long nothing was received: from the loss of the connection, or the last sign of life
    /// of a server that has fallen silent, until the channels were subscribed again. Zero if messages were
    /// [dropped](Gap::dropped_messages) and nothing else.
    ///
    /// Where the reader has taken nothing between several gaps, it gets one: from the beginning of the first
    /// to the end of the last.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.outage.map_or(Duration::ZERO, |(_, duration)| duration)
    }

    /// Returns why nothing was received: the connection was lost, or the slot of a sharded channel has moved
    /// to another node. `None` if messages were [dropped](Gap::dropped_messages) and nothing else.
    #[must_use]
    pub fn cause(&self) -> Option<&Error> {
        self.cause.as_ref()
    }

    /// Returns how many messages were received and found no room, because the reader was slower than they
    /// came: see [`Config::with_subscription_buffer`](crate::Config::with_subscription_buffer).
    ///
    /// How many were published while nothing was received, the server does not tell.
    #[must_use]
    pub fn dropped_messages(&self) -> u64 {
        self.dropped
    }

    /// Returns whether messages of a channel, of a sharded channel or for a pattern of this name may be
    /// missing.
    #[must_use]
    pub fn concerns(&self, name: impl AsRef<[u8]>) -> bool {
        let name = name.as_ref();
        self.topics
            .as_ref()
            .is_none_or(|topics| topics.iter().any(|topic| *topic.name == *name))
    }

    /// Returns the names of the channels and patterns that it is about; `None` if these are all that the
    /// subscription has.
    #[must_use]
    pub fn names(&self) -> Option<impl Iterator<Item = &[u8]>> {
        let topics = self.topics.as_ref()?;
        Some(topics.iter().map(|topic| &*topic.name))
    }

    /// Makes one of two gaps without a message in between.
    pub(super) fn merge(&mut self, later: Gap) {
        let Gap {
            outage,
            cause,
            dropped,
            topics,
        } = later;
        self.outage = match (self.outage, outage) {
            (Some((one, first)), Some((other, second))) => {
                let since = one.min(other);
                let end = (one + first).max(other + second);
                Some((since, end.saturating_duration_since(since)))
            }
            (one, other) => one.or(other),
        };
        self.cause = cause.or_else(|| self.cause.take());
        self.dropped += dropped;
        self.topics = match (self.topics.take(), topics) {
            (Some(mut topics), Some(more)) => {
                topics.extend(more);
                Some(topics)
            }
            _ => None,
        };
    }
}

/// Writes such as `nothing was received for 120ms: connection to `cache:6379` lost: …`.
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, duration)) = self.outage {
            f.write_str("nothing was received ")?;
            let mut topics = self.topics.iter().flatten();
            match (topics.next(), topics.count()) {
                (None, _) => {}
                (Some(topic), 0) => write!(f, "from `{topic}` ")?,
                (Some(_), more) => write!(f, "from {} of the channels ", more + 1)?,
            }
            write!(f, "for {duration:?}")?;
        }
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        if self.outage.is_some() && self.dropped > 0 {
            f.write_str("; ")?;
        }
        if self.dropped > 0 {
            write!(f, "messages without room in the buffer: {}", self.dropped)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Gap {
            outage: _,
            cause,
            dropped,
            topics,
        } = self;
        let topics = topics.iter().flatten().map(ToString::to_string);
        f.debug_struct("Gap")
            .field("duration", &self.duration())
            .field("cause", &cause.as_ref().map(ToString::to_string))
            .field("dropped_messages", dropped)
            .field("names", &topics.collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::topic::Kind;
    use super::*;
    use crate::error::ErrorKind;

    fn partial(names: &[&str]) -> Gap {
        let topics = names.iter().map(|name| Topic::new(Kind::Channel, *name));
        let cause = Error::new(ErrorKind::ConnectionLost, "lost");
        Gap::outage(Instant::now(), cause, Some(topics.collect()))
    }

    #[test]
    fn a_gap_says_what_it_is_about() {
        let mut gap = partial(&["a", "b"]);
        assert!(gap.concerns("a") && !gap.concerns("c"), "{gap:?}");
        gap.merge(partial(&["b", "c"]));
        let mut names: Vec<_> = gap.names().expect("not all").collect();
        names.sort_unstable();
        assert_eq!(names, [b"a", b"b", b"c"]);
        assert!(gap.to_string().contains("from 3 of the channels"), "{gap}");
        gap.merge(Gap::overflow(7));
        assert!(gap.names().is_none() && gap.concerns("d"), "{gap:?}");
        assert_eq!(gap.dropped_messages(), 7);
        assert!(Gap::new(Duration::from_secs(1)).concerns("a"));
    }
}
