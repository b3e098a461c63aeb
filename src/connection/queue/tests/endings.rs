//! What becomes of commands when a connection or its client ends.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Waker;
use std::time::{Duration, Instant};

use redis::Value;

use super::super::admission::MAX_WAITING;
use super::super::after_unlock::AfterUnlock;
use super::super::command_queue::{CommandQueue, Outcome};
use super::super::submit::Submitted;
use super::{
    Count, ExpectedReplies, TIMEOUTS, abandon, connect, connected, deliver, disconnected, expire,
    lose, lost, number, outage, outcome, submit, take, waking,
};
use crate::error::{Error, ErrorKind};
use crate::resp::{Refusal, Unavailable};

fn submit_as(queue: &mut CommandQueue, fail_fast: bool, admitted: bool) -> Submitted {
    let one = ExpectedReplies::One;
    let waker = Some(Waker::noop());
    queue.submit(
        |out| out.push(b'x'),
        one,
        TIMEOUTS,
        fail_fast,
        waker,
        admitted,
    )
}

#[track_caller]
fn failed(queue: &mut CommandQueue, waiter: super::WaiterId) -> Error {
    match outcome(queue, waiter) {
        Some(Outcome::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_closed_client_only_what_was_written_may_have_run() {
    let mut queue = connected(10);
    let written = submit(&mut queue, b"ab");
    take(&mut queue);
    let unsent = submit(&mut queue, b"cd");
    waking(|wakers| queue.close(&lost(), wakers));
    assert!(failed(&mut queue, written).may_have_run());
    assert!(!failed(&mut queue, unsent).may_have_run());
    assert!(!queue.has_unsent());
    let error = queue.check_open().expect_err("it is closed");
    assert_eq!(error.kind(), lost().kind());
    waking(|wakers| queue.supervisor_ended(&lost(), wakers));
    assert!(queue.is_closed());
}

#[test]
fn a_client_that_is_about_to_be_closed_takes_those_that_were_let_in() {
    let mut queue = connected(10);
    queue.start_closing();
    let refused = submit_as(&mut queue, false, false);
    assert!(matches!(refused, Submitted::Refused(error) if error.kind() == ErrorKind::Closed));
    let admitted = submit_as(&mut queue, false, true);
    assert!(matches!(admitted, Submitted::Waiting(..)));
}

#[test]
fn an_outage_has_room_for_those_that_were_let_in_before() {
    let mut queue = outage(10_000);
    for _ in 0..MAX_WAITING {
        submit(&mut queue, b"x");
    }
    let refused = submit_as(&mut queue, false, false);
    assert!(matches!(refused, Submitted::Refused(error) if error.kind() == ErrorKind::QueueFull));
    let admitted = submit_as(&mut queue, false, true);
    assert!(matches!(admitted, Submitted::Waiting(..)));
}

#[test]
fn a_server_is_asked_for_its_role_once() {
    let mut queue = connected(10);
    queue.driver_sleeps();
    assert!(matches!(queue.ask_role(TIMEOUTS), AfterUnlock::Wake(_)));
    assert!(matches!(queue.ask_role(TIMEOUTS), AfterUnlock::Nothing));
    expire(&mut queue, Duration::ZERO);
    assert_eq!(take(&mut queue), b"*1\r\n$4\r\nROLE\r\n");
    // Without a connection there is no server to ask.
    let mut queue = disconnected(10);
    assert!(matches!(queue.ask_role(TIMEOUTS), AfterUnlock::Nothing));
    connect(&mut queue);
    expire(&mut queue, Duration::ZERO);
    assert_eq!(take(&mut queue), b"");
}

#[test]
fn a_supervisor_that_ended_says_why_there_is_no_connection() {
    let mut queue = connected(10);
    waking(|wakers| queue.supervisor_ended(&lost(), wakers));
    assert!(!queue.is_up() && !queue.is_closed());
    assert_eq!(queue.failure().expect("it is down").kind(), lost().kind());
}

#[test]
fn what_begins_where_the_written_bytes_end_is_written_again() {
    let mut queue = connected(10);
    let first = submit(&mut queue, b"abc");
    let second = submit(&mut queue, b"de");
    take(&mut queue);
    lose(&mut queue, 3, b"de");
    assert!(failed(&mut queue, first).may_have_run());
    connect(&mut queue);
    assert_eq!(take(&mut queue), b"de");
    deliver(&mut queue, 2);
    assert_eq!(number(&mut queue, second), 2);
}

#[test]
fn a_server_owes_nothing_for_what_was_not_written() {
    let mut queue = connected(10);
    submit(&mut queue, b"abc");
    lose(&mut queue, 0, &[]);
    assert!(!queue.had_been_silent_for(Instant::now() + TIMEOUTS.deadline, Duration::ZERO));
}

#[test]
fn what_must_not_wait_is_hindered_in_an_outage() {
    let hinders = |queue: &mut CommandQueue, fail_fast| {
        matches!(submit_as(queue, fail_fast, false), Submitted::Hindered(_))
    };
    assert!(hinders(&mut outage(10), true));
    assert!(!hinders(&mut outage(10), false));
    assert!(!hinders(&mut connected(10), true));
    // Nor does it wait for room.
    let mut full = connected(1);
    submit(&mut full, b"x");
    assert!(hinders(&mut full, true) && !hinders(&mut full, false));
    // It waits for an attempt that is under way, until that fails.
    let mut queue = disconnected(10);
    let mut submit = |fail_fast| match submit_as(&mut queue, fail_fast, false) {
        Submitted::Waiting(waiter, ..) => waiter,
        _ => panic!("the queue has room"),
    };
    let (fast, patient) = (submit(true), submit(false));
    waking(|wakers| queue.unreachable(&lost(), false, wakers));
    assert!(matches!(
        outcome(&mut queue, fast),
        Some(Outcome::Hindered(_))
    ));
    assert!(outcome(&mut queue, patient).is_none());
    connect(&mut queue);
    assert_eq!(take(&mut queue), b"x");
}

#[test]
fn failures_are_remembered_and_the_state_has_a_beginning() {
    let mut queue = connected(10);
    assert!(queue.condition().failure.is_none());
    let before = Instant::now();
    lose(&mut queue, 0, &[]);
    let condition = queue.condition();
    assert!(condition.since >= before);
    assert_eq!(
        condition.failure.expect("it was lost").0.kind(),
        lost().kind()
    );
    let refused = Error::new(ErrorKind::Unreachable, "refused");
    waking(|wakers| queue.unreachable(&refused, false, wakers));
    let (failure, _) = queue.condition().failure.expect("it was not made");
    assert_eq!(failure.kind(), ErrorKind::Unreachable);
}

#[test]
fn parked_callers_try_again_once_a_probe_says_that_the_server_serves() {
    let mut queue = connected(10);
    let loading = Refusal::Unavailable(Unavailable::Loading);
    let parked = queue.park(loading, TIMEOUTS.deadline, TIMEOUTS, Waker::noop());
    let parked = parked.expect("the queue is open").0;
    let next = expire(&mut queue, Duration::ZERO).expect("a probe is to come");
    assert!(next < Instant::now() + TIMEOUTS.response_timeout);
    expire(&mut queue, TIMEOUTS.response_timeout);
    assert_eq!(take(&mut queue), b"*1\r\n$4\r\nPING\r\n");
    let pong = Value::SimpleString("PONG".to_owned());
    waking(|wakers| queue.deliver(&mut vec![Ok(pong)], 0, wakers)).expect("it was asked");
    assert!(matches!(outcome(&mut queue, parked), Some(Outcome::Retry)));
    assert!(!queue.has_served(), "no command was answered");
}

/// Removed later, what callers left takes no room until then.
#[test]
fn bytes_that_are_not_waited_for_leave_room() {
    let mut queue = connected(100);
    let mebibyte = vec![b'x'; 1024 * 1024];
    let waiters: Vec<_> = (0..8).map(|_| submit(&mut queue, &mebibyte)).collect();
    let full = submit_as(&mut queue, false, true);
    assert!(matches!(full, Submitted::InLine(..)));
    abandon(&mut queue, waiters[0]);
    assert_eq!(queue.in_flight(), 8, "it is not removed");
    let waits = submit_as(&mut queue, false, true);
    assert!(matches!(waits, Submitted::Waiting(..)));
}

#[test]
fn a_caller_that_is_parked_gives_its_waker_back() {
    let mut queue = connected(10);
    let loading = Refusal::Unavailable(Unavailable::Loading);
    let parked = queue.park(loading, TIMEOUTS.deadline, TIMEOUTS, Waker::noop());
    assert!(queue.unpark(parked.expect("the queue is open").0).is_some());
}

/// A caller may move to another task while it waits.
#[test]
fn the_last_waker_of_a_caller_is_woken() {
    let mut queue = connected(10);
    let waiter = submit(&mut queue, b"x");
    take(&mut queue);
    let [first, last] = [(); 2].map(|()| Arc::new(Count(AtomicUsize::new(0))));
    for count in [&first, &last] {
        let taken = queue.take(waiter, &Waker::from(Arc::clone(count)));
        assert!(taken.is_err(), "there is no reply yet");
    }
    deliver(&mut queue, 1);
    last.await_count(1);
    first.await_count(0);
}

#[test]
fn a_forked_child_keeps_what_it_has_submitted_itself() {
    let mut queue = connected(10);
    let of_parent = submit(&mut queue, b"parent");
    take(&mut queue);
    submit(&mut queue, b"child");
    assert!(matches!(queue.disown(), AfterUnlock::StartSupervisor));
    assert_eq!(queue.in_flight(), 1);
    connect(&mut queue);
    assert_eq!(take(&mut queue), b"child");
    assert!(outcome(&mut queue, of_parent).is_none());
    // Without a connection only the last one is the child's.
    let mut queue = disconnected(10);
    submit(&mut queue, b"parent");
    submit(&mut queue, b"child");
    assert!(matches!(queue.disown(), AfterUnlock::StartSupervisor));
    connect(&mut queue);
    assert_eq!(take(&mut queue), b"child");
}

#[test]
fn a_thousand_commands_may_be_sent_again_and_replies_allow_more() {
    let mut queue = connected(10);
    assert_eq!((0..2_000).filter(|_| queue.may_resend()).count(), 1_000);
    for _ in 0..10 {
        submit(&mut queue, b"x");
        take(&mut queue);
        deliver(&mut queue, 1);
    }
    assert!(queue.may_resend() && !queue.may_resend());
}

/// Commands are removed if they are a quarter of those that have not been written, or have a quarter of their bytes.
#[test]
fn either_quarter_is_enough_to_remove_what_callers_left() {
    let sizes = |queue: &mut CommandQueue, sizes: &[usize]| -> Vec<_> {
        let sizes = sizes.iter();
        sizes
            .map(|size| submit(queue, &vec![b'x'; *size]))
            .collect()
    };
    let mut queue = connected(100);
    sizes(&mut queue, &[1; 20]);
    take(&mut queue);
    let waiters = sizes(&mut queue, &[1, 9, 9, 9, 9]);
    abandon(&mut queue, waiters[0]);
    assert_eq!(queue.in_flight(), 25);
    abandon(&mut queue, waiters[1]);
    assert_eq!(queue.in_flight(), 23);
    let mut queue = connected(100);
    sizes(&mut queue, &[1; 20]);
    take(&mut queue);
    let waiters = sizes(&mut queue, &[1, 9, 9, 9]);
    abandon(&mut queue, waiters[0]);
    assert_eq!(queue.in_flight(), 23);
}
