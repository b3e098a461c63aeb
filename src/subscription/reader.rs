//! [`Reader`]: what the switchboard keeps of one subscription.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::task::Waker;
use std::time::Instant;

use super::entry::Reception;
use super::event_queue::EventQueue;
use super::gap::Gap;
use super::ids::CallId;
use super::message::Message;
use super::topic::Topic;
use crate::error::Error;
use crate::runtime::Wakers;

/// What the switchboard keeps of one subscription.
pub(super) struct Reader {
    pub(super) queue: EventQueue,
    pub(super) topics: HashSet<Topic>,
    pub(super) waker: Option<Waker>,
    /// The calls that add topics.
    pub(super) calls: Vec<CallId>,
    outage: Option<Outage>,
    refused: Option<Refused>,
}

/// The topics that are lost, and are about to be subscribed again.
///
/// What is received for those that are subscribed again is held until all of them are, so that one gap stands
/// before it.
struct Outage {
    /// What has begun to be received after this is held.
    number: u64,
    since: Instant,
    cause: Error,
    /// The reader has been told a loss since the last gap.
    is_told: bool,
    /// How many topics are not subscribed again.
    left: usize,
    regained: HashSet<Topic>,
}

/// The topics that are lost, and that the server refuses.
struct Refused {
    topics: usize,
    since: Instant,
    cause: Error,
}

impl Reader {
    pub(super) fn new(capacity: NonZeroUsize) -> Reader {
        Reader {
            queue: EventQueue::new(capacity),
            topics: HashSet::new(),
            waker: None,
            calls: Vec::new(),
            outage: None,
            refused: None,
        }
    }

    /// Returns whether it does not receive everything.
    pub(super) fn is_interrupted(&self) -> bool {
        self.outage.is_some() || self.refused.is_some()
    }

    /// Takes a message for a topic of this reception; returns whether there was room.
    pub(super) fn receive(
        &mut self,
        message: Message,
        reception: Reception,
        wakers: &mut Wakers,
    ) -> bool {
        let outage = self.outage.as_ref().map(|outage| outage.number);
        match (reception, outage) {
            (Reception::Since(since), Some(outage)) if since > outage => {
                self.queue.hold_message(message)
            }
            _ => {
                wakers.extend(self.waker.take());
                self.queue.push_message(message)
            }
        }
    }

    /// One of the topics is lost. `number` is new for all topics that are lost together.
    pub(super) fn lose(&mut self, number: u64, since: Instant, cause: &Error, wakers: &mut Wakers) {
        // It may be one that was regained.
        self.release_held(number, wakers);
        if self.outage.as_ref().is_none_or(|outage| !outage.is_told) {
            self.tell_loss(cause, wakers);
        }
        let outage = self.outage.get_or_insert_with(|| Outage {
            number,
            since,
            cause: cause.clone(),
            is_told: true,
            left: 0,
            regained: HashSet::new(),
        });
        outage.is_told = true;
        outage.since = outage.since.min(since);
        outage.left += 1;
    }

    /// A topic that was lost is subscribed again; `number` is new. Returns whether it is the first one of the
    /// outage, and others are lost still: what is received for it does not wait for them for ever.
    pub(super) fn regain(
        &mut self,
        topic: &Topic,
        reception: Reception,
        number: u64,
        wakers: &mut Wakers,
    ) -> bool {
        let refused = self.end_loss(reception);
        let Some(outage) = &mut self.outage else {
            if let Some((since, cause)) = refused {
                let gap = Gap::outage(since, cause, self.part_of([topic.clone()].into()));
                self.push_gap(gap, wakers);
            }
            return false;
        };
        if let Some((since, _)) = refused {
            outage.since = outage.since.min(since);
        }
        outage.regained.insert(topic.clone());
        let (is_over, is_first) = (outage.left == 0, outage.regained.len() == 1);
        if is_over {
            self.release(number, wakers);
        }
        is_first && !is_over
    }

    /// A topic of this reception is not the concern of this reader any more.
    pub(super) fn forget(&mut self, reception: Reception, number: u64, wakers: &mut Wakers) {
        self.end_loss(reception);
        self.end_outage(number, wakers);
    }

    /// The server refuses a topic that was lost.
    pub(super) fn refuse(&mut self, error: &Error, number: u64, wakers: &mut Wakers) {
        let since = self.outage.as_ref().map(|outage| outage.since);
        let refused = self.refused.get_or_insert_with(|| Refused {
            topics: 0,
            since: since.unwrap_or_else(Instant::now),
            cause: error.clone(),
        });
        refused.topics += 1;
        self.end_loss(Reception::Lost);
        self.end_outage(number, wakers);
        self.tell_loss(error, wakers);
    }

    /// Tells the reader why nothing is received.
    pub(super) fn tell_loss(&mut self, error: &Error, wakers: &mut Wakers) {
        self.queue.push_loss(error.clone());
        wakers.extend(self.waker.take());
    }

    /// Hands out what is held, with its gap. What is lost still has a gap of its own later.
    pub(super) fn release(&mut self, number: u64, wakers: &mut Wakers) {
        let Some(outage) = self.outage.take() else {
            return;
        };
        let Outage {
            number: _,
            since,
            cause,
            is_told: _,
            left,
            regained,
        } = outage;
        if left > 0 {
            self.outage = Some(Outage {
                number,
                since,
                cause: cause.clone(),
                is_told: false,
                left,
                regained: HashSet::new(),
            });
        }
        if !regained.is_empty() {
            let gap = Gap::outage(since, cause, self.part_of(regained));
            self.push_gap(gap, wakers);
        }
    }

    /// Hands out what is held, if something is.
    pub(super) fn release_held(&mut self, number: u64, wakers: &mut Wakers) {
        let has_regained = |outage: &Outage| !outage.regained.is_empty();
        if self.outage.as_ref().is_some_and(has_regained) {
            self.release(number, wakers);
        }
    }

    /// Returns whether this outage goes on.
    pub(super) fn is_in(&self, outage: u64) -> bool {
        self.outage.as_ref().is_some_and(|it| it.number == outage)
    }

    /// Returns the number of the outage.
    pub(super) fn outage(&self) -> Option<u64> {
        self.outage.as_ref().map(|outage| outage.number)
    }

    fn push_gap(&mut self, gap: Gap, wakers: &mut Wakers) {
        let is_over = !self.is_interrupted();
        self.queue.push_gap(gap, is_over);
        wakers.extend(self.waker.take());
    }

    /// Returns `topics`, unless they are all that the reader has.
    fn part_of(&self, topics: HashSet<Topic>) -> Option<HashSet<Topic>> {
        let is_all = self.topics.iter().all(|topic| topics.contains(topic));
        (!is_all).then_some(topics)
    }

    /// A topic of this reception is not lost any more. Returns since when it was refused, and why, if it was.
    fn end_loss(&mut self, reception: Reception) -> Option<(Instant, Error)> {
        match reception {
            Reception::Since(_) => None,
            Reception::Lost => {
                if let Some(outage) = &mut self.outage {
                    outage.left -= 1;
                }
                None
            }
            Reception::Refused => {
                let mut refused = self.refused.take()?;
                refused.topics -= 1;
                let (since, cause) = (refused.since, refused.cause.clone());
                self.refused = (refused.topics > 0).then_some(refused);
                Some((since, cause))
            }
        }
    }

    /// Ends the outage if nothing is lost any more.
    fn end_outage(&mut self, number: u64, wakers: &mut Wakers) {
        if self.outage.as_ref().is_some_and(|outage| outage.left == 0) {
            self.release(number, wakers);
        }
    }
}
