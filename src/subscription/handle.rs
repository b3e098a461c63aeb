//! [`SubscriptionHandle`]: adds channels to a subscription and removes them, beside its reader.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::errors::{late, no_names};
use super::hub::Hub;
use super::ids::ReaderId;
use super::joining::Joining;
use super::names::ChannelNames;
use super::supervisor::start_missing;
use super::topic::{Kind, Topic};
use crate::error::Error;
use crate::runtime::{block_on, check_may_wait, within};

/// Adds channels to a [`Subscription`](crate::Subscription) and removes them while another task or thread waits
/// for its events.
///
/// [`Subscription::handle`](crate::Subscription::handle) returns one; clones are for the same subscription. It
/// does not keep the subscription: once that is dropped, calls fail with
/// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
#[derive(Clone)]
pub struct SubscriptionHandle {
    pub(super) hub: Arc<Hub>,
    pub(super) id: ReaderId,
}

impl SubscriptionHandle {
    /// Adds channels, as [`Subscription::subscribe`](crate::Subscription::subscribe) does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::subscribe`](crate::Client::subscribe).
    pub async fn subscribe(&self, channels: impl ChannelNames) -> Result<(), Error> {
        self.join(Kind::Channel, channels).await
    }

    /// Adds patterns, as [`Subscription::psubscribe`](crate::Subscription::psubscribe) does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::subscribe`](crate::Client::subscribe).
    pub async fn psubscribe(&self, patterns: impl ChannelNames) -> Result<(), Error> {
        self.join(Kind::Pattern, patterns).await
    }

    /// Adds sharded channels, as [`Subscription::ssubscribe`](crate::Subscription::ssubscribe) does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::ssubscribe`](crate::Client::ssubscribe).
    pub async fn ssubscribe(&self, channels: impl ChannelNames) -> Result<(), Error> {
        self.join(Kind::Sharded, channels).await
    }

    /// Removes channels, as [`Subscription::unsubscribe`](crate::Subscription::unsubscribe) does.
    pub fn unsubscribe(&self, channels: impl ChannelNames) {
        self.leave(Kind::Channel, channels);
    }

    /// Removes patterns, as [`Subscription::punsubscribe`](crate::Subscription::punsubscribe) does.
    pub fn punsubscribe(&self, patterns: impl ChannelNames) {
        self.leave(Kind::Pattern, patterns);
    }

    /// Removes sharded channels, as [`Subscription::sunsubscribe`](crate::Subscription::sunsubscribe) does.
    pub fn sunsubscribe(&self, channels: impl ChannelNames) {
        self.leave(Kind::Sharded, channels);
    }

    pub(super) async fn join(&self, kind: Kind, names: impl ChannelNames) -> Result<(), Error> {
        let topics = Topic::all(kind, names);
        if topics.is_empty() {
            return Err(no_names(kind));
        }
        check_may_wait()?;
        let start = Instant::now();
        let limit = self.hub.config.deadline();
        let placed = self.hub.place(topics, limit).await?;
        let mut joining = Joining::begin(&self.hub, self.id, placed)?;
        start_missing(&self.hub)?;
        let left = limit.saturating_sub(start.elapsed());
        let joined = within(left, &mut joining).await;
        joined.unwrap_or_else(|| Err(late(&self.hub.peer(), limit, joining.failure())))
    }

    fn leave(&self, kind: Kind, names: impl ChannelNames) {
        let topics = Topic::all(kind, names);
        self.hub
            .change(|switchboard, wakers| switchboard.leave(self.id, &topics, wakers));
    }
}

impl fmt::Debug for SubscriptionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SubscriptionHandle { hub, id } = self;
        let topics = hub.lock().topics_of(*id);
        f.debug_struct("SubscriptionHandle")
            .field("topics", &topics)
            .finish()
    }
}

/// Adds channels to a [`BlockingSubscription`](crate::BlockingSubscription) and removes them while another
/// thread waits for its events.
///
/// [`BlockingSubscription::handle`](crate::BlockingSubscription::handle) returns one. It behaves as a
/// [`SubscriptionHandle`] does.
#[derive(Debug, Clone)]
pub struct BlockingSubscriptionHandle(pub(super) SubscriptionHandle);

impl BlockingSubscriptionHandle {
    /// Adds channels, as [`Subscription::subscribe`](crate::Subscription::subscribe) does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::subscribe`](crate::Client::subscribe).
    pub fn subscribe(&self, channels: impl ChannelNames) -> Result<(), Error> {
        block_on(self.0.subscribe(channels))
    }

    /// Adds patterns, as [`Subscription::psubscribe`](crate::Subscription::psubscribe) does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::subscribe`](crate::Client::subscribe).
    pub fn psubscribe(&self, patterns: impl ChannelNames) -> Result<(), Error> {
        block_on(self.0.psubscribe(patterns))
    }

    /// Adds sharded channels, as [`Subscription::ssubscribe`](crate::Subscription::ssubscribe) does.
    ///
    /// # Errors
    ///
    /// Those of [`Client::ssubscribe`](crate::Client::ssubscribe).
    pub fn ssubscribe(&self, channels: impl ChannelNames) -> Result<(), Error> {
        block_on(self.0.ssubscribe(channels))
    }

    /// Removes channels, as [`Subscription::unsubscribe`](crate::Subscription::unsubscribe) does.
    pub fn unsubscribe(&self, channels: impl ChannelNames) {
        self.0.unsubscribe(channels);
    }

    /// Removes patterns, as [`Subscription::punsubscribe`](crate::Subscription::punsubscribe) does.
    pub fn punsubscribe(&self, patterns: impl ChannelNames) {
        self.0.punsubscribe(patterns);
    }

    /// Removes sharded channels, as [`Subscription::sunsubscribe`](crate::Subscription::sunsubscribe) does.
    pub fn sunsubscribe(&self, channels: impl ChannelNames) {
        self.0.sunsubscribe(channels);
    }
}
