//! [`Observer`]: tells spans and metrics of the operations of a client, where there are any to tell.

use std::future::Future;

use redis::{RedisFuture, RedisResult};

use super::answer::Answer;
#[cfg(any(feature = "tracing", feature = "metrics"))]
use super::listeners::Listeners;
#[cfg(any(feature = "tracing", feature = "metrics"))]
use super::observed::Observed;
use super::operation::Operation;
use crate::config::Config;

/// Tells spans and metrics of the operations of a client. Without the features it is nothing.
pub(crate) struct Observer {
    #[cfg(any(feature = "tracing", feature = "metrics"))]
    listeners: Listeners,
}

#[cfg_attr(
    not(any(feature = "tracing", feature = "metrics")),
    expect(
        unused_variables,
        clippy::unused_self,
        reason = "without the features there is nothing to tell"
    )
)]
impl Observer {
    pub(crate) fn new(config: &Config) -> Observer {
        Observer {
            #[cfg(any(feature = "tracing", feature = "metrics"))]
            listeners: Listeners::new(config),
        }
    }

    /// Returns `future`, in one that tells of it if there is a subscriber or a recorder.
    #[inline]
    pub(crate) fn observe<'a, T: Answer + 'a>(
        &'a self,
        operation: impl FnOnce() -> Operation,
        future: RedisFuture<'a, T>,
    ) -> RedisFuture<'a, T> {
        #[cfg(any(feature = "tracing", feature = "metrics"))]
        if Listeners::are_there() {
            return Box::pin(Observed::new(&self.listeners, operation(), future));
        }
        future
    }

    /// Does the same for a future that is not in a box.
    pub(crate) async fn observe_unboxed<T: Answer>(
        &self,
        operation: impl FnOnce() -> Operation,
        future: impl Future<Output = RedisResult<T>> + Send,
    ) -> RedisResult<T> {
        #[cfg(any(feature = "tracing", feature = "metrics"))]
        if Listeners::are_there() {
            let observed = Observed::new(&self.listeners, operation(), Box::pin(future));
            return observed.await;
        }
        future.await
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn measures(&self) -> &super::measures::Measures {
        self.listeners.measures()
    }
}
