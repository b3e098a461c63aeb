//! [`Switchboard`]: which subscription reads which topic, and over which connection.
//!
//! Subscriptions and the I/O thread share it under one lock. It holds what is wanted; what a connection has
//! to send follows from that, so a connection that is lost loses nothing but messages.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::event::Event;
use super::ids::{CallId, LinkId, ReaderId};
use super::link::{Link, LinkTask, Scope};
use super::pending_call::PendingCall;
use super::reader::Reader;
use super::topics::Topics;
use crate::connection::closed;
use crate::error::Error;
use crate::observe::SubscriptionCounts;
use crate::runtime::Wakers;

/// Which subscription reads which topic, and over which connection.
#[derive(Default)]
pub(super) struct Switchboard {
    pub(super) topics: Topics,
    pub(super) readers: HashMap<ReaderId, Reader>,
    pub(super) links: HashMap<LinkId, Link>,
    pub(super) calls: HashMap<CallId, PendingCall>,
    /// When to hand out what readers hold, if their outages of these numbers still go on.
    pub(super) releases: VecDeque<(Instant, ReaderId, u64)>,
    pub(super) counts: SubscriptionCounts,
    /// The process that has used it last, 0 if none has.
    pub(super) process: u32,
    /// A link has no task.
    pub(super) lacks_tasks: bool,
    /// When the nodes of topics were looked for the last time.
    last_look: Option<Instant>,
    last_number: u64,
    is_closed: bool,
    /// No client is left.
    is_abandoned: bool,
}

impl Switchboard {
    /// Returns a number that was not used before.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Adds a subscription without topics.
    ///
    /// # Errors
    /// The client is closed.
    pub(super) fn add_reader(&mut self, buffer: NonZeroUsize) -> Result<ReaderId, Error> {
        if self.is_closed {
            return Err(closed());
        }
        let id = ReaderId(self.next_number());
        self.readers.insert(id, Reader::new(buffer));
        Ok(id)
    }

    /// Removes a subscription. Returns what its task left to be woken by, to be dropped without the lock.
    pub(super) fn remove_reader(&mut self, id: ReaderId, wakers: &mut Wakers) -> Option<Reader> {
        let topics: Vec<_> = self.readers.get(&id)?.topics.iter().cloned().collect();
        self.leave(id, &topics, wakers);
        self.readers.remove(&id)
    }

    /// Returns the next event of a subscription, and `None` at its end, if there is one now.
    pub(super) fn next_event(&mut self, id: ReaderId) -> Poll<Option<Event>> {
        let Some(reader) = self.readers.get_mut(&id) else {
            return Poll::Ready(None);
        };
        match reader.queue.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if self.is_closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// Returns whether a subscription has ended, and everything that it has received was taken.
    pub(super) fn has_ended(&self, id: ReaderId) -> bool {
        let reader = self.readers.get(&id);
        self.is_closed && reader.is_none_or(|reader| reader.queue.is_empty())
    }

    /// Returns whether a subscription does not receive everything that it reads.
    pub(super) fn is_interrupted(&self, id: ReaderId) -> bool {
        self.readers.get(&id).is_some_and(Reader::is_interrupted)
    }

    /// Returns what a subscription reads, fit to print.
    pub(super) fn topics_of(&self, id: ReaderId) -> Vec<String> {
        let topics = self.readers.get(&id).into_iter().flat_map(|it| &it.topics);
        let mut topics: Vec<_> = topics.map(ToString::to_string).collect();
        topics.sort_unstable();
        topics
    }

    /// Has the next event of a subscription wake its task by `waker`. Returns the waker of before, to be
    /// dropped without the lock.
    pub(super) fn wake_by(&mut self, id: ReaderId, waker: Waker) -> Option<Waker> {
        match self.readers.get_mut(&id) {
            Some(reader) => reader.waker.replace(waker),
            None => Some(waker),
        }
    }

    /// Returns the outcome of a call, or has it wake a task by `waker`; and the waker that is not needed any
    /// more, to be dropped without the lock.
    pub(super) fn poll_call(
        &mut self,
        id: CallId,
        waker: Waker,
    ) -> (Poll<Result<(), Error>>, Option<Waker>) {
        let Some(call) = self.calls.get_mut(&id) else {
            return (Poll::Ready(Err(closed())), Some(waker));
        };
        match call.outcome() {
            Some(outcome) => (Poll::Ready(outcome), Some(waker)),
            None => (Poll::Pending, call.wake_by(waker)),
        }
    }

    /// Returns whether it is time to look for the nodes of topics again, `interval` after the last time.
    pub(super) fn may_look(&mut self, now: Instant, interval: Duration) -> bool {
        let is_time = self.last_look.is_none_or(|last| now >= last + interval);
        if is_time {
            self.last_look = Some(now);
        }
        is_time
    }

    /// Returns what has happened so far.
    pub(super) fn counts(&self) -> SubscriptionCounts {
        SubscriptionCounts {
            open: self.readers.len() as u64,
            connections: self.links.values().filter(|it| it.is_connected).count() as u64,
            ..self.counts
        }
    }

    /// Returns the link for `scope`, and makes it if there is none.
    pub(super) fn link_to(&mut self, scope: Scope) -> LinkId {
        let is_there = |link: &Link| match (&link.scope, &scope) {
            (Scope::Whole, Scope::Whole) => true,
            (Scope::Node(one), Scope::Node(other)) => one.address() == other.address(),
            _ => false,
        };
        let known = self.links.iter().find(|(_, link)| is_there(link));
        if let Some((id, _)) = known {
            return *id;
        }
        let id = LinkId(self.next_number());
        self.links.insert(id, Link::to(scope));
        self.lacks_tasks = true;
        id
    }

    /// Returns the links without a task, each with whether its last one has panicked; the caller starts their
    /// tasks.
    pub(super) fn links_to_start(&mut self) -> Vec<(LinkId, Scope, bool)> {
        self.lacks_tasks = false;
        let has_none = |link: &Link| link.task != LinkTask::Running;
        let links = self.links.iter_mut().filter(|(_, link)| has_none(link));
        let start = |(id, link): (&LinkId, &mut Link)| {
            let last = std::mem::replace(&mut link.task, LinkTask::Running);
            (*id, link.scope.clone(), last == LinkTask::Panicked)
        };
        links.map(start).collect()
    }

    /// Returns whether the task of a link has nothing to do any more, for good.
    pub(super) fn is_over(&self, id: LinkId) -> bool {
        let is_unused = |link: &Link| self.is_abandoned && link.topics == 0;
        self.is_closed || self.links.get(&id).is_none_or(is_unused)
    }

    /// Removes a link that is over, or that is for no topic if `has_lingered`; returns whether it is gone, so
    /// that its task ends.
    pub(super) fn retire(&mut self, id: LinkId, has_lingered: bool) -> bool {
        let is_unused = |link: &Link| has_lingered && link.topics == 0;
        let is_gone = self.is_over(id) || self.links.get(&id).is_none_or(is_unused);
        if is_gone {
            self.links.remove(&id);
        }
        is_gone
    }

    /// Ends everything: what was received can still be taken.
    pub(super) fn close(&mut self, wakers: &mut Wakers) {
        self.is_closed = true;
        self.topics.clear();
        for call in self.calls.values_mut() {
            call.end(Err(closed()), wakers);
        }
        let number = self.next_number();
        for reader in self.readers.values_mut() {
            reader.release_held(number, wakers);
            wakers.extend(reader.waker.take());
        }
        for link in self.links.values_mut() {
            link.wake(wakers);
        }
    }

    /// No client is left: the connections end with the last subscription.
    pub(super) fn abandon(&mut self, wakers: &mut Wakers) {
        self.is_abandoned = true;
        for link in self.links.values_mut() {
            link.wake(wakers);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::super::topic::{Kind, Topic};
    use super::*;
    use crate::error::ErrorKind;

    /// Counts how often it is woken.
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_that_panics_is_missed_by_all_who_wait_and_the_next_one_does_not_hurry() {
        let (mut board, mut wakers) = (Switchboard::default(), Wakers::default());
        let buffer = NonZeroUsize::new(1).expect("not zero");
        let reader = board.add_reader(buffer).expect("it is open");
        let topics = vec![(Topic::new(Kind::Channel, "a"), Scope::Whole)];
        let call = board.join(reader, topics, &mut wakers).expect("open");
        let started = board.links_to_start();
        let (link, _, has_panicked) = &started[0];
        assert!(!has_panicked && !board.lacks_tasks);
        let count = Arc::new(Count(AtomicUsize::new(0)));
        board.wake_by(reader, Waker::from(Arc::clone(&count)));
        let pending = board.poll_call(call, Waker::from(Arc::clone(&count)));
        assert!(pending.0.is_pending());
        let cause = Error::new(ErrorKind::ConnectionLost, "panic");
        board.task_ended(*link, &cause, &mut wakers);
        wakers.wake_all();
        // On another thread: these wakers are of an unknown kind.
        while count.0.load(Ordering::Relaxed) < 2 {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(board.lacks_tasks);
        let again = board.links_to_start();
        assert!(again[0].0 == *link && again[0].2);
        board.task_ended(LinkId(99), &cause, &mut wakers);
        assert!(!board.lacks_tasks, "that link is gone, so its task may end");
    }

    #[test]
    fn the_child_of_a_fork_starts_tasks_of_its_own_and_leaves_alone_those_of_its_parent() {
        let (mut board, mut wakers) = (Switchboard::default(), Wakers::default());
        let cause = || Error::new(ErrorKind::ConnectionLost, "of the parent");
        board.adopt(1, cause);
        let buffer = NonZeroUsize::new(1).expect("not zero");
        let reader = board.add_reader(buffer).expect("it is open");
        let [one, other] = ["a", "b"].map(|name| Topic::new(Kind::Channel, name));
        let topics = vec![(one.clone(), Scope::Whole), (other, Scope::Whole)];
        let call = board.join(reader, topics, &mut wakers).expect("open");
        let link = board.links_to_start()[0].0;
        let batch = board.take_changes(link, Instant::now()).batch;
        board.subscribed(link, &one, batch, &mut wakers);
        // The subscription, a call and the connection wait.
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = || Waker::from(Arc::clone(&count));
        assert!(board.wake_by(reader, waker()).is_none());
        assert!(board.poll_call(call, waker()).0.is_pending());
        board.links.get_mut(&link).expect("it is there").waker = Some(waker());
        board.adopt(2, cause);
        assert_eq!(count.0.load(Ordering::Relaxed), 0, "none is woken");
        let event = board.next_event(reader);
        assert!(matches!(event, Poll::Ready(Some(Event::Lost(_)))));
        let again = board.links_to_start();
        assert!(again.len() == 1 && again[0].0 == link && !again[0].2);
        drop(board);
        assert_eq!(Arc::strong_count(&count), 4, "none is dropped");
    }

    #[test]
    fn a_link_that_is_over_is_gone_and_the_next_topic_gets_a_link_to_start() {
        let (mut board, mut wakers) = (Switchboard::default(), Wakers::default());
        let buffer = NonZeroUsize::new(1).expect("not zero");
        let reader = board.add_reader(buffer).expect("it is open");
        board.abandon(&mut wakers);
        let join = |board: &mut Switchboard, wakers: &mut Wakers| {
            let topics = vec![(Topic::new(Kind::Channel, "a"), Scope::Whole)];
            let call = board.join(reader, topics, wakers).expect("it is open");
            board.end_call(call, wakers);
            let started: Vec<_> = board.links_to_start().into_iter().map(|it| it.0).collect();
            started
        };
        let first = join(&mut board, &mut wakers);
        assert_eq!(first.len(), 1);
        assert!(!board.retire(first[0], true), "it is for a topic");
        board.leave(reader, &[Topic::new(Kind::Channel, "a")], &mut wakers);
        assert!(board.retire(first[0], false), "no client is left");
        let second = join(&mut board, &mut wakers);
        assert_eq!(second.len(), 1);
        assert_ne!(first, second);
    }
}
