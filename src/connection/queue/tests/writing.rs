//! Who writes what a caller has submitted, and who is woken for it.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::super::after_unlock::AfterUnlock;
use super::super::alarm::Alarm;
use super::super::command_queue::CommandQueue;
use super::super::submit::Submitted;
use super::{TIMEOUTS, connected, expire, submit, submit_with, take, waking};
use crate::connect::Socket;

/// What a caller has to do, by name.
fn next(queue: &mut CommandQueue) -> &'static str {
    match submit_with(queue, b"x", TIMEOUTS) {
        Submitted::Waiting(_, _, AfterUnlock::Write(..)) => "write",
        Submitted::Waiting(_, _, AfterUnlock::Wake(_)) => "wake",
        Submitted::Waiting(_, _, AfterUnlock::CheckProcess) => "check",
        Submitted::Waiting(_, _, AfterUnlock::Nothing) => "nothing",
        _ => panic!("the queue has room"),
    }
}

#[test]
fn a_caller_writes_itself_where_nothing_is_before_it_and_the_driver_sleeps() {
    type Change = fn(&mut CommandQueue);
    let awaits_reply: Change = |queue| {
        submit(queue, b"x");
        take(queue);
    };
    let cases: [(Change, bool, &str); 6] = [
        (|_| {}, true, "write"),
        (|_| {}, false, "check"),
        (awaits_reply, true, "wake"),
        (awaits_reply, false, "nothing"),
        // The server does not read, and the connection is left.
        (|queue| queue.set_blocked(true), true, "wake"),
        (|queue| queue.leave(TIMEOUTS.deadline), true, "wake"),
    ];
    for (number, (change, is_asleep, expected)) in cases.into_iter().enumerate() {
        let mut queue = connected(10);
        let (socket, _peer) = UnixStream::pair().expect("the system has sockets");
        let socket = Some(Arc::new(Socket::Unix(socket)));
        waking(|wakers| queue.connected(Instant::now(), socket, wakers));
        change(&mut queue);
        if is_asleep {
            queue.driver_sleeps();
        }
        assert_eq!(next(&mut queue), expected, "case {number}");
    }
}

#[test]
fn a_caller_that_has_written_wakes_the_driver_to_set_its_timer() {
    let mut queue = connected(10);
    submit(&mut queue, b"x");
    assert!(queue.alarm_is_late());
    let bytes = queue.out.take_to_write();
    queue.driver_sleeps();
    assert!(matches!(queue.written(bytes, 1), AfterUnlock::Wake(_)));
    // While a resident drives, the I/O thread has been told already.
    let mut queue = connected(10);
    queue.set_watcher(Some(Waker::noop()));
    submit(&mut queue, b"x");
    let bytes = queue.out.take_to_write();
    queue.driver_sleeps();
    assert!(matches!(queue.written(bytes, 1), AfterUnlock::Nothing));
}

#[test]
fn the_driver_sets_its_timer_anew_for_a_server_that_does_not_serve() {
    let mut queue = connected(10);
    let is_set = |queue: &mut CommandQueue, after| {
        expire(queue, after);
        !queue.alarm_is_late()
    };
    super::observed::park(&mut queue);
    assert!(is_set(&mut queue, Duration::ZERO));
    // After a probe, for the next one.
    assert!(is_set(&mut queue, TIMEOUTS.response_timeout));
    take(&mut queue);
    let loading = redis::parse_redis_value(b"-LOADING\r\n").expect("RESP");
    waking(|wakers| queue.deliver(&mut vec![Ok(loading)], 0, wakers)).expect("it was asked");
    assert!(queue.alarm_is_late());
    // For the probe of another connection.
    assert!(is_set(&mut queue, Duration::ZERO));
    super::lose(&mut queue, 0, &[]);
    super::connect(&mut queue);
    assert!(queue.alarm_is_late());
    // For the end of one that is left.
    assert!(is_set(&mut queue, Duration::ZERO));
    queue.leave(TIMEOUTS.deadline);
    assert!(queue.alarm_is_late());
}

#[test]
fn what_is_due_when_the_driver_looks_anyway_changes_no_timer() {
    let mut alarm = Alarm::default();
    let (now, earlier) = (Instant::now(), TIMEOUTS.deadline);
    let wait = earlier + Duration::from_millis(1);
    alarm.set(now, Some(now + wait));
    assert!(alarm.covers(wait) && !alarm.covers(earlier));
    assert!(!alarm.ring_at(now + wait) && !alarm.is_late());
    assert!(alarm.ring_at(now + earlier) && alarm.is_late());
}
