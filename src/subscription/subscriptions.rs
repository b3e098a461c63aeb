//! [`Subscriptions`]: the subscriptions of a client.

use std::sync::Arc;

use super::hub::{Hub, Source};
use super::names::ChannelNames;
use super::subscription::Subscription;
use super::switchboard::Switchboard;
use super::topic::Kind;
use crate::config::Config;
use crate::error::Error;
use crate::observe::SubscriptionCounts;

/// The subscriptions of a client. When it is dropped, the connections end with the last subscription.
pub(crate) struct Subscriptions {
    hub: Arc<Hub>,
}

impl Subscriptions {
    pub(crate) fn new(config: Arc<Config>, source: Source) -> Subscriptions {
        let hub = Arc::new(Hub::new(config, source));
        Subscriptions { hub }
    }

    /// Returns a subscription to these names, once the server has confirmed it.
    pub(crate) async fn open(
        &self,
        kind: Kind,
        names: impl ChannelNames,
    ) -> Result<Subscription, Error> {
        let subscription = Subscription::new(&self.hub)?;
        subscription.join(kind, names).await?;
        Ok(subscription)
    }

    /// Returns what the subscriptions have done so far.
    pub(crate) fn counts(&self) -> SubscriptionCounts {
        self.hub.lock().counts()
    }

    /// Ends all subscriptions. What they have received can still be taken.
    pub(crate) fn close(&self) {
        self.hub.change(Switchboard::close);
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.hub.change(Switchboard::abandon);
    }
}
