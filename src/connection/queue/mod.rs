//! What callers have submitted and the server has not answered: the state that callers and the I/O
//! thread share, without any I/O of its own.
//!
//! Commands stand in flight in the order of their bytes, which is the order of their replies. Every
//! byte has an offset in one endless stream, so it is always known which commands the server cannot
//! have seen: these move to the next connection, and only these.
//!
//! [`CommandQueue`] is made of parts that keep their own invariants: the bytes ([`out_buffer`]), the
//! commands in flight ([`in_flight`]), the callers that wait for room ([`admission`]) or for a server
//! that serves ([`not_ready`]), where callers wait ([`waiters`]), when the I/O thread has to look
//! ([`alarm`]), and how the parties that drive and watch are woken ([`driver_wakeup`], [`parties`]). What has
//! to be done once the lock is released is returned as [`AfterUnlock`] or as
//! [`Wakers`](crate::runtime::Wakers), which must be used.

mod admission;
mod after_unlock;
mod alarm;
mod command_queue;
mod condition;
mod driver_wakeup;
mod expire;
mod history;
mod in_flight;
mod logging_in;
mod login;
mod not_ready;
mod out_buffer;
mod parties;
mod reconnect;
mod submit;
#[cfg(test)]
mod tests;
mod waiters;

pub(super) use self::after_unlock::AfterUnlock;
pub(super) use self::command_queue::{CommandQueue, Outcome};
pub(super) use self::condition::Condition;
pub(super) use self::expire::MAX_SILENT_TIMEOUTS;
pub(super) use self::login::LoginAnswer;
pub(super) use self::not_ready::may_leave_replica;
pub(super) use self::out_buffer::KEPT_CAPACITY;
pub(super) use self::submit::Submitted;
pub(super) use self::waiters::WaiterId;
