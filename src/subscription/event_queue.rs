//! [`EventQueue`]: the events that a reader has not taken yet, within bounds.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use super::event::Event;
use super::gap::Gap;
use super::message::Message;
use crate::error::Error;

/// The most that the messages of one queue take, in bytes, however few they are.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Number of events for which an empty queue keeps room.
const MAX_KEPT_CAPACITY: usize = 1_024;

/// The events that a reader has not taken yet.
///
/// A message without room is counted in a gap behind those that had room. After that messages have room
/// again once half of the queue is taken: a reader that stays too slow has one gap for many messages, and
/// not one behind each.
///
/// Between two messages there are few other events, however much happens until the reader looks: one that it
/// has not seen takes up a later one of its kind.
#[derive(Debug)]
pub(super) struct EventQueue {
    events: VecDeque<Event>,
    /// What the reader may have only after the next gap; within the same bounds.
    held: VecDeque<Event>,
    capacity: usize,
    /// How many of the events are messages, and what they take.
    messages: usize,
    bytes: usize,
    is_full: bool,
}

impl EventQueue {
    pub(super) fn new(capacity: NonZeroUsize) -> EventQueue {
        EventQueue {
            events: VecDeque::new(),
            held: VecDeque::new(),
            capacity: capacity.get(),
            messages: 0,
            bytes: 0,
            is_full: false,
        }
    }

    /// Adds a message; returns whether there was room.
    pub(super) fn push_message(&mut self, message: Message) -> bool {
        let has_room = self.has_room(&message);
        add(&mut self.events, has_room.then_some(message));
        has_room
    }

    /// Keeps a message for after the next gap; returns whether there was room.
    pub(super) fn hold_message(&mut self, message: Message) -> bool {
        let has_room = self.has_room(&message);
        add(&mut self.held, has_room.then_some(message));
        has_room
    }

    fn has_room(&mut self, message: &Message) -> bool {
        let size = message.size();
        let is_too_much = self.messages > 0 && self.bytes + size > MAX_BYTES;
        if self.messages >= self.capacity || is_too_much {
            self.is_full = true;
        }
        if !self.is_full {
            self.messages += 1;
            self.bytes += size;
        }
        !self.is_full
    }

    /// Adds a gap, to the last one if no message has come since then, and what was held behind it. If
    /// `is_over`, nothing is lost any more, and no loss that stands behind the gap is told.
    pub(super) fn push_gap(&mut self, gap: Gap, is_over: bool) {
        if let Some(at) = last_gap(&self.events) {
            if is_over {
                self.events.truncate(at + 1);
            }
            if let Event::Gap(last) = &mut self.events[at] {
                last.merge(gap);
            }
        } else {
            self.events.push_back(Event::Gap(gap));
        }
        for event in std::mem::take(&mut self.held) {
            match event {
                Event::Gap(gap) => self.push_gap(gap, false),
                event => self.events.push_back(event),
            }
        }
    }

    /// Tells a loss, in the place of the last one if nothing has come since then.
    pub(super) fn push_loss(&mut self, error: Error) {
        match self.events.back_mut() {
            Some(Event::Lost(last)) => *last = error,
            _ => self.events.push_back(Event::Lost(error)),
        }
    }

    /// Returns whether there is no event now.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if let Event::Message(message) = &event {
            self.messages -= 1;
            self.bytes -= message.size();
            if self.messages <= self.capacity / 2 && self.bytes <= MAX_BYTES / 2 {
                self.is_full = false;
            }
        }
        if self.events.is_empty() && self.events.capacity() > MAX_KEPT_CAPACITY {
            self.events = VecDeque::new();
        }
        Some(event)
    }
}

/// Adds a message, or counts the one that has no room.
fn add(events: &mut VecDeque<Event>, message: Option<Message>) {
    if let Some(message) = message {
        return events.push_back(Event::Message(message));
    }
    match last_gap(events) {
        Some(at) => {
            if let Event::Gap(last) = &mut events[at] {
                last.merge(Gap::overflow(1));
            }
        }
        None => events.push_back(Event::Gap(Gap::overflow(1))),
    }
}

/// Returns where the gap is that stands behind the last message.
fn last_gap(events: &VecDeque<Event>) -> Option<usize> {
    let others = events
        .iter()
        .enumerate()
        .rev()
        .take_while(|(_, event)| !matches!(event, Event::Message(_)));
    let mut gaps = others.filter(|(_, event)| matches!(event, Event::Gap(_)));
    gaps.next().map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::error::ErrorKind;

    fn ignore(_has_room: bool) {}

    fn queue(capacity: usize) -> EventQueue {
        EventQueue::new(NonZeroUsize::new(capacity).expect("not zero"))
    }

    fn message(number: u64) -> Message {
        Message::new("c", number.to_string())
    }

    fn error(text: &str) -> Error {
        Error::new(ErrorKind::Authentication, text)
    }

    fn gap() -> Gap {
        Gap::outage(Instant::now(), error("why"), None)
    }

    /// What is left, such as `0 1 gap(5) 7`.
    fn rest(queue: &mut EventQueue) -> String {
        let shown = std::iter::from_fn(|| queue.pop()).map(|event| match event {
            Event::Message(message) => String::from_utf8_lossy(message.payload()).into_owned(),
            Event::Gap(gap) => format!("gap({})", gap.dropped_messages()),
            Event::Lost(error) => error.to_string(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_has_no_room_is_counted_where_it_is_missing() {
        let mut queue = queue(4);
        (0..10).for_each(|number| ignore(queue.push_message(message(number))));
        assert!(queue.pop().is_some(), "there is room, but not half of it");
        queue.push_message(message(10));
        assert!(queue.pop().is_some(), "there is");
        (11..20).for_each(|number| ignore(queue.push_message(message(number))));
        assert_eq!(rest(&mut queue), "2 3 gap(7) 11 12 gap(7)");
        queue.push_message(message(20));
        assert_eq!(rest(&mut queue), "20");
    }

    #[test]
    fn what_is_held_stands_behind_the_gap_and_takes_of_the_same_room() {
        let mut queue = queue(4);
        (0..2).for_each(|number| ignore(queue.push_message(message(number))));
        queue.push_loss(error("lost"));
        (2..9).for_each(|number| ignore(queue.hold_message(message(number))));
        queue.push_gap(gap(), true);
        assert_eq!(rest(&mut queue), "0 1 lost gap(0) 2 3 gap(5)");
        assert_eq!((queue.messages, queue.bytes), (0, 0));
    }

    #[test]
    fn few_large_messages_have_a_limit_as_well() {
        let mut queue = queue(1_000);
        let large = || Message::new("", vec![0; MAX_BYTES / 2]);
        queue.push_message(Message::new("", vec![0; MAX_BYTES + 1]));
        (0..3).for_each(|_| ignore(queue.push_message(large())));
        assert_eq!(queue.messages, 1, "one that is too large alone has room");
        queue.pop();
        queue.pop();
        (0..3).for_each(|_| ignore(queue.push_message(large())));
        assert_eq!(queue.messages, 2);
    }

    #[test]
    fn gaps_and_losses_without_messages_take_no_more_room_with_time() {
        let mut queue = queue(4);
        queue.push_message(message(0));
        let begin = Instant::now();
        for number in 0..100 {
            queue.push_loss(error(&format!("lost {number}")));
            let since = begin.checked_sub(Duration::from_secs(100 - number));
            queue.push_gap(
                Gap::outage(since.unwrap_or(begin), error("why"), None),
                true,
            );
        }
        queue.push_loss(error("lost again"));
        assert_eq!(queue.events.len(), 4, "{queue:?}");
        let longest = queue.events.iter().filter_map(|event| match event {
            Event::Gap(gap) => Some(gap.duration()),
            _ => None,
        });
        assert!(longest.max() >= Some(Duration::from_secs(100)));
        assert_eq!(rest(&mut queue), "0 lost 0 gap(0) lost again");
    }

    #[test]
    fn a_loss_is_told_as_long_as_it_lasts() {
        let mut queue = queue(1);
        queue.push_gap(gap(), true);
        queue.push_loss(error("lost"));
        queue.push_message(message(0));
        assert!(!queue.push_message(message(1)), "there is no room");
        assert_eq!(rest(&mut queue), "gap(0) lost 0 gap(1)");
        queue.push_gap(gap(), true);
        queue.push_loss(error("lost"));
        queue.push_gap(gap(), false);
        assert_eq!(rest(&mut queue), "gap(0) lost");
        queue.push_gap(gap(), true);
        queue.push_loss(error("lost"));
        queue.push_gap(gap(), true);
        assert_eq!(rest(&mut queue), "gap(0)");
    }
}
