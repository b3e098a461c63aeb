//! What health, statistics, the drivers and the supervisor are told of a queue.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::super::after_unlock::AfterUnlock;
use super::super::command_queue::CommandQueue;
use super::super::submit::Submitted;
use super::{
    Count, TIMEOUTS, abandon, connect, connected, deliver, disconnected, expire, line_up, lose,
    lost, submit, submit_with, take, waking,
};
use crate::connect::Greeting;
use crate::error::ErrorKind;
use crate::observe::ConnectionState;
use crate::resp::{Refusal, Unavailable};

const LOADING: Refusal = Refusal::Unavailable(Unavailable::Loading);
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn park(queue: &mut CommandQueue) -> super::WaiterId {
    let parked = queue.park(LOADING, TIMEOUTS.deadline, TIMEOUTS, Waker::noop());
    parked.expect("the queue is open").0
}

#[test]
fn the_state_is_that_of_the_connection() {
    let mut queue = CommandQueue::new(10, TIMEOUTS.response_timeout);
    let state = |queue: &CommandQueue| queue.condition().state;
    assert_eq!(state(&queue), ConnectionState::Idle);
    let next = submit_with(&mut queue, b"x", TIMEOUTS);
    assert!(matches!(
        next,
        Submitted::Waiting(_, _, AfterUnlock::StartSupervisor)
    ));
    assert_eq!(state(&queue), ConnectionState::Connecting);
    queue.driver_runs(Waker::noop());
    connect(&mut queue);
    assert_eq!(state(&queue), ConnectionState::Connected);
    let before = Instant::now();
    let parked = park(&mut queue);
    assert_eq!(state(&queue), ConnectionState::NotReady);
    assert!(queue.condition().since >= before);
    queue.unpark(parked);
    assert_eq!(state(&queue), ConnectionState::Connected);
    lose(&mut queue, 0, &[]);
    assert_eq!(state(&queue), ConnectionState::Reconnecting);
    queue.await_demand();
    assert_eq!(state(&queue), ConnectionState::Idle);
    queue.set_dormant(false);
    queue.start_closing();
    assert_eq!(state(&queue), ConnectionState::Closed);
    let error = queue.check_open().expect_err("it is about to be closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
    waking(|wakers| queue.close(&lost(), wakers));
    assert_eq!(state(&queue), ConnectionState::Closed);
}

#[test]
fn what_the_server_says_of_itself_is_told() {
    let mut queue = connected(10);
    let greeting = Greeting {
        version: Some("9.1.0".to_owned()),
        is_replica: Some(true),
    };
    queue.greeted(greeting.clone(), Some("h:1".to_owned()));
    let condition = queue.condition();
    assert_eq!(condition.greeting, greeting);
    assert_eq!(condition.server.as_deref(), Some("h:1"));
}

#[test]
fn what_waits_is_counted() {
    let mut queue = connected(4);
    let first = submit(&mut queue, b"abc");
    for _ in 0..3 {
        submit(&mut queue, b"de");
    }
    line_up(&mut queue, b"f", TIMEOUTS.deadline);
    assert_eq!(queue.counts(), (4, 0));
    assert_eq!(queue.backlog(), (4, 1, 9));
    take(&mut queue);
    assert_eq!(queue.backlog(), (4, 1, 0));
    deliver(&mut queue, 1);
    // The caller in line has been let in, and counts until it submits.
    assert_eq!(queue.backlog(), (3, 1, 0));
    assert_eq!(queue.counts(), (4, 1));
    assert!(super::outcome(&mut queue, first).is_some());
}

/// To remove one command moves the bytes of all behind it, so it is done for many at once.
#[test]
fn commands_of_callers_that_went_away_are_removed_once_they_are_a_quarter() {
    let mut queue = connected(100);
    let waiters: Vec<_> = (0..9).map(|_| submit(&mut queue, b"ab")).collect();
    abandon(&mut queue, waiters[8]);
    abandon(&mut queue, waiters[7]);
    assert_eq!((queue.in_flight(), queue.backlog()), (9, (7, 0, 14)));
    abandon(&mut queue, waiters[0]);
    assert_eq!((queue.in_flight(), queue.backlog()), (6, (6, 0, 12)));
    // Or a quarter of the bytes.
    let large = submit(&mut queue, b"0123456789");
    abandon(&mut queue, large);
    assert_eq!((queue.in_flight(), queue.backlog()), (6, (6, 0, 12)));
}

#[test]
fn what_a_caller_that_went_away_left_is_not_written() {
    let mut queue = connected(100);
    let waiters: Vec<_> = (b'a'..b'i')
        .map(|byte| submit(&mut queue, &[byte]))
        .collect();
    abandon(&mut queue, waiters[2]);
    assert_eq!(queue.in_flight(), 8);
    assert_eq!(take(&mut queue), b"abdefgh");
    assert_eq!(queue.in_flight(), 7);
}

#[test]
fn a_server_serves_unless_callers_are_parked() {
    let mut queue = connected(10);
    assert!(queue.serves() && queue.may_be_away() && !queue.is_troubled());
    let parked = park(&mut queue);
    assert!(!queue.serves() && !queue.may_be_away() && queue.is_troubled());
    queue.unpark(parked);
    assert!(queue.serves() && !queue.poll_demand().is_ready());
    lose(&mut queue, 0, &[]);
    assert!(!queue.serves() && !queue.is_troubled());
    submit(&mut queue, b"x");
    assert!(queue.is_troubled() && queue.poll_demand().is_ready());
    let mut queue = CommandQueue::new(10, TIMEOUTS.response_timeout);
    submit_with(&mut queue, b"x", TIMEOUTS);
    assert!(!queue.is_troubled(), "the first attempt is under way");
}

#[test]
fn the_log_is_told_of_a_server_that_does_not_serve_once_in_a_while() {
    let mut queue = connected(10);
    assert!(queue.is_told_not_ready());
    assert!(!queue.is_told_not_ready());
}

#[test]
fn a_connection_is_idle_from_the_last_command_on() {
    let mut queue = connected(10);
    assert!(
        queue.has_been_idle_for(Instant::now(), SECOND),
        "never used"
    );
    submit(&mut queue, b"x");
    take(&mut queue);
    let later = Instant::now() + SECOND;
    assert!(!queue.has_been_idle_for(later, SECOND), "it has work");
    deliver(&mut queue, 1);
    assert!(queue.has_been_idle_for(later, SECOND));
    assert!(!queue.has_been_idle_for(later, 2 * SECOND));
}

#[test]
fn a_lost_connection_tells_how_long_its_server_had_been_silent_to_a_command() {
    let mut queue = connected(10);
    submit(&mut queue, b"x");
    take(&mut queue);
    let sent = queue.taken();
    lose(&mut queue, sent, &[]);
    let later = Instant::now() + SECOND;
    assert!(queue.had_been_silent_for(later, SECOND));
    assert!(!queue.had_been_silent_for(later, 2 * SECOND));
    // Without a command it owes no reply.
    let queue = disconnected(10);
    assert!(!queue.had_been_silent_for(later, Duration::ZERO));
}

/// A server that takes a command and gives no reply may do the same to the next one.
#[test]
fn what_must_not_wait_is_hindered_by_a_server_that_has_not_answered() {
    let mut queue = connected(10);
    assert!(queue.failure().is_none() && queue.hindrance().is_none());
    submit(&mut queue, b"x");
    take(&mut queue);
    let sent = queue.taken();
    lose(&mut queue, sent, &[]);
    let failure = queue.failure().expect("it was lost");
    assert_eq!(failure.kind(), ErrorKind::ConnectionLost);
    assert!(queue.hindrance().is_some());
    queue.await_demand();
    assert!(queue.hindrance().is_none());
    // Nothing was owed: the next connection is about to be there.
    assert!(disconnected(10).hindrance().is_none());
}

#[test]
fn a_connection_that_is_left_ends_when_all_is_answered_or_its_time_is_up() {
    let mut queue = connected(10);
    submit(&mut queue, b"x");
    take(&mut queue);
    submit(&mut queue, b"not to be written");
    let now = Instant::now();
    assert!(!queue.has_left(now + 2 * SECOND), "it is not left");
    queue.leave(SECOND);
    assert!(queue.is_leaving() && !queue.may_be_away());
    assert!(!queue.has_left(now) && queue.has_left(now + 2 * SECOND));
    deliver(&mut queue, 1);
    assert!(queue.has_left(now));
}

#[test]
fn a_driver_that_has_something_to_write_is_waited_for() {
    let mut queue = connected(10);
    assert!(!queue.waits_for_driver());
    submit(&mut queue, b"x");
    assert!(queue.waits_for_driver());
    let bytes = queue.out.take_to_write();
    submit(&mut queue, b"y");
    assert!(!queue.waits_for_driver(), "a caller writes");
    let _ = queue.written(bytes, 1);
    take(&mut queue);
    assert!(!queue.waits_for_driver());
    queue.set_blocked(true);
    assert!(queue.waits_for_driver(), "the server does not read");
}

#[test]
fn the_driver_that_waits_for_a_writer_is_woken_by_it() {
    let mut queue = connected(10);
    for waits in [false, true] {
        submit(&mut queue, b"x");
        expire(&mut queue, Duration::ZERO); // sets the timer
        let bytes = queue.out.take_to_write();
        assert!(queue.is_writing());
        queue.driver_runs(Waker::noop());
        if waits {
            queue.await_writer();
        } else {
            queue.driver_sleeps();
        }
        let next = queue.written(bytes, 1);
        assert_eq!(matches!(next, AfterUnlock::Wake(_)), waits, "{next:?}");
        assert!(!queue.is_writing());
    }
}

#[test]
fn all_who_drive_or_watch_are_woken() {
    let mut queue = connected(10);
    let [driver, watcher] = [(); 2].map(|()| Arc::new(Count(AtomicUsize::new(0))));
    queue.driver_runs(&Waker::from(Arc::clone(&driver)));
    queue.driver_sleeps();
    queue.set_watcher(Some(&Waker::from(Arc::clone(&watcher))));
    waking(|wakers| queue.wake_all_parties(wakers));
    driver.await_count(1);
    watcher.await_count(1);
}

#[test]
fn one_caller_is_asked_on_which_runtime_it_is() {
    let mut queue = connected(10);
    let mut is_asked = || match submit_with(&mut queue, b"x", TIMEOUTS) {
        Submitted::Waiting(_, _, next) => matches!(next, AfterUnlock::Introduce(_)),
        _ => panic!("the queue has room"),
    };
    assert!(!is_asked());
    queue.ask_caller();
    let mut is_asked = || match submit_with(&mut queue, b"x", TIMEOUTS) {
        Submitted::Waiting(_, _, next) => matches!(next, AfterUnlock::Introduce(_)),
        _ => panic!("the queue has room"),
    };
    assert!(is_asked() && !is_asked());
}
