//! [`AfterUnlock`]: what a caller has to do once it has released the lock of the queue.

use std::sync::Arc;
use std::task::Waker;

use crate::connect::Socket;

/// What a caller has to do once it has released the lock; dropped, a command may wait for ever.
#[derive(Debug)]
#[must_use = "without it the I/O thread does not learn of the command"]
pub(in super::super) enum AfterUnlock {
    Nothing,
    /// Wake the driver.
    Wake(Waker),
    /// Write these bytes to this socket, then tell [`CommandQueue::written`](super::CommandQueue::written).
    Write(Vec<u8>, Arc<Socket>),
    /// Wake the I/O thread, which watches over a resident, after all else.
    WakeAfter(Box<AfterUnlock>, Waker),
    /// Tell on which runtime it is, after all else.
    Introduce(Box<AfterUnlock>),
    /// Start the supervisor.
    StartSupervisor,
    /// Check that this process has the I/O thread: a forked child has not.
    CheckProcess,
}
