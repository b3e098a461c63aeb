//! Which wakers are known to return at once.
//!
//! A waker is foreign code: most set a flag and unpark a thread, but it may take any time, and dropping
//! it may drop a task with the values of the application. A few kinds are known to do nothing of that: those
//! of tokio's own tasks and of its `block_on`, and those of this crate. A kind is recognised by its table of
//! functions, so that the usual case costs a comparison of pointers.
//!
//! The compiler may keep a table of tokio more than once. A waker with another copy takes the way of
//! [unknown ones](super::foreign_wakers), which is slower and as right.

use std::future::poll_fn;
use std::sync::OnceLock;
use std::task::{Poll, RawWakerVTable, Waker};

use tokio::runtime::Runtime;

use super::{parker, relay};

type Table = &'static RawWakerVTable;

static KNOWN: OnceLock<[Table; 5]> = OnceLock::new();

/// Learns the tables of tokio, on a runtime of it that does not run yet.
pub(super) fn learn(runtime: &Runtime) {
    KNOWN.get_or_init(|| {
        let table = || poll_fn(|cx| Poll::Ready(cx.waker().vtable()));
        let task = runtime.spawn(table());
        let (task, own) = runtime.block_on(async { (task.await, table().await) });
        [
            task.unwrap_or(own),
            own,
            // As `block_on` of a runtime with several threads does.
            runtime.handle().block_on(table()),
            parker::waker().vtable(),
            relay::waker(Waker::noop().clone()).vtable(),
        ]
    });
}

/// Returns whether `waker` may be called, and dropped, on the I/O thread.
#[inline]
pub(super) fn is_known(waker: &Waker) -> bool {
    let table = waker.vtable();
    let known = KNOWN.get();
    known.is_some_and(|known| known.iter().any(|known| std::ptr::eq(*known, table)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use tokio::runtime::Builder;

    use super::*;

    struct Foreign;

    impl Wake for Foreign {
        fn wake(self: Arc<Self>) {}
    }

    async fn is_known_here() -> bool {
        poll_fn(|cx| Poll::Ready(is_known(cx.waker()))).await
    }

    #[test]
    fn the_wakers_of_tokio_are_known_and_foreign_ones_are_not() {
        super::super::io_thread::ensure_started().expect("it starts");
        let one = Builder::new_current_thread().build().expect("it starts");
        let mut several = Builder::new_multi_thread();
        let several = several.worker_threads(1).build().expect("it starts");
        for runtime in [&one, &several] {
            assert!(runtime.block_on(is_known_here()), "block_on");
            let task = runtime.spawn(is_known_here());
            assert!(runtime.block_on(task).expect("it ends"), "a task");
        }
        assert!(is_known(&parker::waker()));
        assert!(!is_known(&Waker::from(Arc::new(Foreign))));
        assert!(!is_known(Waker::noop()));
    }
}
