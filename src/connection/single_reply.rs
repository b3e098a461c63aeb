//! [`SingleReply`]: the future of a single command.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use redis::{RedisError, RedisResult, Value};

use super::call::Call;

/// The future of a single command.
pub(super) struct SingleReply<'a>(pub(super) Call<'a>);

impl Future for SingleReply<'_> {
    type Output = RedisResult<Value>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RedisResult<Value>> {
        match self.0.poll_reply(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(reply)) => Poll::Ready(Ok(reply.single())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(RedisError::from(error))),
        }
    }
}
