//! [`Observed`]: an operation that spans and metrics are told of.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use redis::{RedisFuture, RedisResult};

use super::answer::Answer;
use super::listeners::Listeners;
use super::operation::Operation;
use super::outcome::Outcome;
use super::retries::counted;

/// An operation that is told of. Its time begins with its first poll. One that is dropped before it has ended
/// leaves a span without a status, and no measurement.
pub(super) struct Observed<'a, T> {
    listeners: &'a Listeners,
    operation: Operation,
    future: RedisFuture<'a, T>,
    retries: u32,
    begun: Option<Begun>,
}

struct Begun {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
    at: Instant,
}

impl<'a, T: Answer> Observed<'a, T> {
    pub(super) fn new(
        listeners: &'a Listeners,
        operation: Operation,
        future: RedisFuture<'a, T>,
    ) -> Observed<'a, T> {
        Observed {
            listeners,
            operation,
            future,
            retries: 0,
            begun: None,
        }
    }
}

impl<T: Answer> Future for Observed<'_, T> {
    type Output = RedisResult<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RedisResult<T>> {
        let Observed {
            listeners,
            operation,
            future,
            retries,
            begun,
        } = &mut *self;
        let begun = begun.get_or_insert_with(|| Begun {
            #[cfg(feature = "tracing")]
            span: listeners.span(operation),
            at: Instant::now(),
        });
        let (polled, more) = {
            #[cfg(feature = "tracing")]
            let _entered = begun.span.enter();
            counted(|| future.as_mut().poll(cx))
        };
        *retries += more;
        if let Poll::Ready(result) = &polled {
            let (outcome, duration) = (Outcome::of(result), begun.at.elapsed());
            #[cfg(feature = "tracing")]
            super::spans::end(&begun.span, outcome, *retries);
            listeners.ended(operation, outcome, *retries, duration);
        }
        polled
    }
}
