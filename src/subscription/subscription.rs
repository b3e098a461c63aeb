//! [`Subscription`]: a stream of what is published to channels.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::FusedStream;

use super::event::Event;
use super::handle::SubscriptionHandle;
use super::hub::Hub;
use super::names::ChannelNames;
use super::supervisor::start_missing;
use super::topic::Kind;
use crate::error::Error;

/// Receives what is published to channels, as a `Stream` of [`Event`]s, until it is dropped or the client is
/// closed.
///
/// [`Client::subscribe`](crate::Client::subscribe), [`psubscribe`](crate::Client::psubscribe) and
/// [`ssubscribe`](crate::Client::ssubscribe) make one. It heals by itself, and says what it may have missed:
/// [the module](crate::subscription) has the whole story.
///
/// Channels, patterns and sharded channels can be added and removed at any time. Dropping it ends the
/// subscriptions to all that no other subscription of the client has. It outlives the client that has made
/// it: only [`Client::close`](crate::Client::close) ends it from outside.
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription {
    handle: SubscriptionHandle,
}

impl Subscription {
    /// A subscription to nothing yet.
    pub(super) fn new(hub: &Arc<Hub>) -> Result<Subscription, Error> {
        let id = hub.lock().add_reader(hub.config.subscription_buffer())?;
        let hub = Arc::clone(hub);
        let handle = SubscriptionHandle { hub, id };
        Ok(Subscription { handle })
    }

    /// Waits for the next event; `None` once the client is closed and everything that was received is
    /// taken. Cancel safe: an event is taken when it is returned, and not before.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Adds channels to this subscription, and returns when the server has confirmed them.
    ///
    /// What is received already, for this subscription or for another one of the client, is not subscribed
    /// again. If one of the channels fails, or the future is dropped, none is added.
    ///
    /// # Errors
    ///
    /// Those of [`Client::subscribe`](crate::Client::subscribe).
    pub async fn subscribe(&self, channels: impl ChannelNames) -> Result<(), Error> {
        self.handle.subscribe(channels).await
    }

    /// Adds patterns to this subscription, as [`subscribe`](Subscription::subscribe) adds channels.
    ///
    /// # Errors
    ///
    /// Those of [`Client::subscribe`](crate::Client::subscribe).
    pub async fn psubscribe(&self, patterns: impl ChannelNames) -> Result<(), Error> {
        self.handle.psubscribe(patterns).await
    }

    /// Adds sharded channels to this subscription, as [`subscribe`](Subscription::subscribe) adds channels.
    ///
    /// # Errors
    ///
    /// Those of [`Client::ssubscribe`](crate::Client::ssubscribe).
    pub async fn ssubscribe(&self, channels: impl ChannelNames) -> Result<(), Error> {
        self.handle.ssubscribe(channels).await
    }

    /// Removes channels from this subscription, at once. Messages that have been received before can still
    /// be taken. The server is told if no other subscription of the client has them.
    pub fn unsubscribe(&self, channels: impl ChannelNames) {
        self.handle.unsubscribe(channels);
    }

    /// Removes patterns from this subscription, as [`unsubscribe`](Subscription::unsubscribe) removes
    /// channels.
    pub fn punsubscribe(&self, patterns: impl ChannelNames) {
        self.handle.punsubscribe(patterns);
    }

    /// Removes sharded channels from this subscription, as [`unsubscribe`](Subscription::unsubscribe)
    /// removes channels.
    pub fn sunsubscribe(&self, channels: impl ChannelNames) {
        self.handle.sunsubscribe(channels);
    }

    /// Returns whether nothing is received from some of the channels for now, so that a
    /// [`Gap`](Event::Gap) will come. What is in the buffer is taken as it was before.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.handle.hub.lock().is_interrupted(self.handle.id)
    }

    /// Returns a handle by which other tasks can add channels and remove them while this one waits for events.
    #[must_use]
    pub fn handle(&self) -> SubscriptionHandle {
        self.handle.clone()
    }

    pub(super) async fn join(&self, kind: Kind, names: impl ChannelNames) -> Result<(), Error> {
        self.handle.join(kind, names).await
    }

    fn poll_event(&self, cx: &Context<'_>) -> Poll<Option<Event>> {
        let SubscriptionHandle { hub, id } = &self.handle;
        if let event @ Poll::Ready(_) = hub.lock().next_event(*id) {
            return event;
        }
        // Neither cloned nor dropped with the lock: it is foreign code.
        let waker = cx.waker().clone();
        let (event, unused, lacks_tasks) = {
            let mut switchboard = hub.lock();
            let event = switchboard.next_event(*id);
            let unused = match event {
                Poll::Pending => switchboard.wake_by(*id, waker),
                Poll::Ready(_) => Some(waker),
            };
            (event, unused, switchboard.lacks_tasks)
        };
        drop(unused);
        if event.is_pending()
            && lacks_tasks
            && let Err(error) = start_missing(hub)
        {
            // Without an I/O thread nothing comes; the next call tries again to start it.
            return Poll::Ready(Some(Event::Lost(error)));
        }
        event
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}

impl FusedStream for Subscription {
    fn is_terminated(&self) -> bool {
        self.handle.hub.lock().has_ended(self.handle.id)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let SubscriptionHandle { hub, id } = &self.handle;
        let reader = hub.change(|switchboard, wakers| switchboard.remove_reader(*id, wakers));
        // Without the lock: it holds a waker.
        drop(reader);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SubscriptionHandle { hub, id } = &self.handle;
        let topics = hub.lock().topics_of(*id);
        f.debug_struct("Subscription")
            .field("topics", &topics)
            .finish_non_exhaustive()
    }
}
