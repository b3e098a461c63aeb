//! One turn of driving a connection: writes what callers have queued, reads replies and hands them out. The
//! I/O thread and a resident take the same turns.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use super::super::errors::{connection_lost_after, protocol_error};
use super::super::hosting::Transport;
use super::super::state::State;
use crate::error::Error;
use crate::resp::READ_SIZE;

/// The most that is read at once before callers are told that they are late, and after a write has failed,
/// in bytes. It is more than a system keeps for a socket.
const MAX_LAST_READ: usize = 16 * 1024 * 1024;

/// The most that is read in one turn, in bytes: other tasks of the runtime run after that.
const MAX_READ_IN_TURN: usize = 256 * 1024;

/// How a turn has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// There is nothing to do until a caller or the socket wakes the driver.
    Asleep,
    /// Other tasks run first; it has woken itself.
    Yields,
    /// The I/O thread has to look: the socket has failed, the connection is closed or is being left, or the
    /// time of a command is up earlier than the timer knows.
    IoThread,
}

/// Does what can be done without waiting. Only the I/O thread `keeps_time`.
///
/// # Errors
/// The connection has ended.
pub(super) fn take_turn(
    state: &State,
    transport: &mut Transport,
    keeps_time: bool,
    cx: &mut Context<'_>,
) -> Result<Turn, Error> {
    let mut bytes = 0;
    loop {
        if gather(state, transport, cx)? {
            return Ok(Turn::Yields);
        }
        if let Err(error) = transport.write(cx) {
            transport.socket_failure = Some(error);
            return Ok(Turn::IoThread);
        }
        let read = read(state, transport, cx)?;
        if read > 0 {
            bytes += read;
            if bytes >= MAX_READ_IN_TURN {
                cx.waker().wake_by_ref();
                return Ok(Turn::Yields);
            }
            continue;
        }
        let mut queue = state.lock_for(transport.number)?;
        // A caller that took the driver for awake has not woken it.
        if queue.is_closed() || queue.is_leaving() || keeps_time && queue.alarm_is_late() {
            return Ok(Turn::IoThread);
        }
        let is_blocked = transport.has_to_write();
        queue.set_blocked(is_blocked);
        if is_blocked || queue.is_writing() || !queue.has_unsent() {
            queue.driver_sleeps();
            transport.yielded = false;
            return Ok(Turn::Asleep);
        }
    }
}

/// Takes what callers have queued, once the last write is done. Returns whether to let other tasks run
/// first, so that one write carries the commands of all of them: with more than one command in flight. On a
/// runtime of callers a bound of 32 halved the throughput of 32 and 64 tasks; with up to 4 tasks not to gather
/// was a little faster; on the I/O thread the bound made no difference. A write by the caller that has queued
/// half of what is in flight (and at least four commands) let the server begin earlier: 1.2 to 1.3 × with 16
/// and 32 tasks while other processes kept both cores busy, and 0.9 × with 16 to 1,000 tasks when they did not.
fn gather(state: &State, transport: &mut Transport, cx: &mut Context<'_>) -> Result<bool, Error> {
    if transport.is_blocked() {
        return Ok(false);
    }
    let mut queue = state.lock_for(transport.number)?;
    if !queue.has_unsent() || queue.is_writing() || queue.is_leaving() {
        return Ok(false);
    }
    if !transport.yielded && queue.in_flight() > 1 {
        transport.yielded = true;
        drop(queue);
        cx.waker().wake_by_ref();
        return Ok(true);
    }
    transport.clear_output();
    transport.output_start = queue.take_unsent(&mut transport.output);
    Ok(false)
}

/// Reads once and delivers what is complete. Returns how many bytes were read, 0 if there are none yet.
fn read(state: &State, transport: &mut Transport, cx: &mut Context<'_>) -> Result<usize, Error> {
    let bytes = transport.read(&state.peer, cx)?;
    if bytes == 0 {
        return Ok(0);
    }
    let decoded = transport.decode(&state.peer);
    let delivered = deliver(state, transport);
    // What came before bytes that are not RESP is right.
    decoded?;
    delivered?;
    Ok(bytes)
}

fn deliver(state: &State, transport: &mut Transport) -> Result<(), Error> {
    let unasked = transport.note_last_words();
    let (begun, replies) = (transport.begun(), transport.replies.len());
    let mut queue = state.lock_for(transport.number)?;
    let delivered = queue.deliver(&mut transport.replies, begun, &mut transport.wakers);
    let heard = queue.last_heard();
    drop(queue);
    transport.load.replied(replies, heard);
    transport.wakers.wake_all();
    delivered.map_err(|()| match unasked {
        Some(words) => {
            let end = io::Error::other("the server ends it");
            connection_lost_after(&state.peer, &end, &words)
        }
        None => protocol_error(&state.peer, "a reply without a command"),
    })
}

/// Reads what is there, within bounds.
pub(super) fn read_all(
    state: &State,
    transport: &mut Transport,
    cx: &mut Context<'_>,
) -> Result<(), Error> {
    // Tokio would end this after a share of the bytes, as if nothing more were there.
    let reads = tokio::task::unconstrained(std::future::poll_fn(|cx| {
        let mut reads = 0;
        while reads * READ_SIZE < MAX_LAST_READ && read(state, transport, cx)? > 0 {
            reads += 1;
        }
        Poll::Ready(Ok(()))
    }));
    match std::future::Future::poll(pin!(reads), cx) {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(()),
    }
}
