//! [`relayed`]: a future that the I/O thread may wake, on whatever runtime it is polled.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Context;

use super::{known_wakers, relay};

/// Runs `future`, which the I/O thread may wake: a waker that it may not call gets a relay.
pub(crate) async fn relayed<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if known_wakers::is_known(cx.waker()) {
            return future.as_mut().poll(cx);
        }
        let relay = relay::waker(cx.waker().clone());
        future.as_mut().poll(&mut Context::from_waker(&relay))
    })
    .await
}
