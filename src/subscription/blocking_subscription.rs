//! [`BlockingSubscription`]: a subscription for code that is not asynchronous.

use std::fmt;
use std::time::Duration;

use super::errors::no_event;
use super::event::Event;
use super::handle::BlockingSubscriptionHandle;
use super::names::ChannelNames;
use super::subscription::Subscription;
use crate::error::Error;
use crate::runtime::{block_on, check_may_wait, within};

/// Receives what is published to channels, as an iterator over [`Event`]s, in code that is not asynchronous.
///
/// It behaves as a [`Subscription`] does. `next` blocks its thread until there is an event, and returns
/// `None` once the client is closed; [`next_within`](BlockingSubscription::next_within) has a limit.
///
/// ```no_run
/// use redis_ready::subscription::Event;
///
/// # fn main() -> Result<(), redis_ready::Error> {
/// let client = redis_ready::Client::open("redis://localhost:6379")?.blocking();
/// for event in client.subscribe("news")? {
///     match event {
///         Event::Message(message) => println!("{:?}", message.payload()),
///         Event::Gap(gap) => println!("read the state again: {gap}"),
///         Event::Lost(error) => println!("nothing is received for now: {error}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a subscription ends when it is dropped"]
pub struct BlockingSubscription(Subscription);

impl BlockingSubscription {
    /// A handle to the same subscription for code that is not asynchronous.
    pub(crate) fn new(subscription: Subscription) -> BlockingSubscription {
        BlockingSubscription(subscription)
    }

    /// Waits at most `limit` for the next event; `None` once the client is closed and everything that was
    /// received is taken.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) if no event has come;
    /// [`ErrorKind::Deadlock`](crate::ErrorKind::Deadlock) on the I/O thread.
    pub fn next_within(&mut self, limit: Duration) -> Result<Option<Event>, Error> {
        check_may_wait()?;
        block_on(within(limit, self.0.next())).ok_or_else(|| no_event(limit))
    }

    /// Returns whether nothing is received from some of the channels for now, as
    /// [`Subscription::is_interrupted`] does.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.0.is_interrupted()
    }

    /// Returns a handle by which other threads can add channels and remove them while this one waits for
    /// events.
    #[must_use]
    pub fn handle(&self) -> BlockingSubscriptionHandle {
        BlockingSubscriptionHandle(self.0.handle())
    }

    /// Adds channels, as [`Subscription::subscribe`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::subscribe`](crate::Client::subscribe).
    pub fn subscribe(&self, channels: impl ChannelNames) -> Result<(), Error> {
        block_on(self.0.subscribe(channels))
    }

    /// Adds patterns, as [`Subscription::psubscribe`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::subscribe`](crate::Client::subscribe).
    pub fn psubscribe(&self, patterns: impl ChannelNames) -> Result<(), Error> {
        block_on(self.0.psubscribe(patterns))
    }

    /// Adds sharded channels, as [`Subscription::ssubscribe`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::ssubscribe`](crate::Client::ssubscribe).
    pub fn ssubscribe(&self, channels: impl ChannelNames) -> Result<(), Error> {
        block_on(self.0.ssubscribe(channels))
    }

    /// Removes channels, as [`Subscription::unsubscribe`] does.
    pub fn unsubscribe(&self, channels: impl ChannelNames) {
        self.0.unsubscribe(channels);
    }

    /// Removes patterns, as [`Subscription::punsubscribe`] does.
    pub fn punsubscribe(&self, patterns: impl ChannelNames) {
        self.0.punsubscribe(patterns);
    }

    /// Removes sharded channels, as [`Subscription::sunsubscribe`] does.
    pub fn sunsubscribe(&self, channels: impl ChannelNames) {
        self.0.sunsubscribe(channels);
    }
}

impl Iterator for BlockingSubscription {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if let Err(error) = check_may_wait() {
            return Some(Event::Lost(error));
        }
        block_on(self.0.next())
    }
}

impl fmt::Debug for BlockingSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlockingSubscription(subscription) = self;
        f.debug_tuple("BlockingSubscription")
            .field(subscription)
            .finish()
    }
}
