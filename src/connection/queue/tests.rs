use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use redis::Value;

use super::super::errors::TimeoutCause;
use super::super::reply::{ExpectedReplies, Reply};
use super::super::timeouts::Timeouts;
use super::after_unlock::AfterUnlock;
use super::command_queue::{CommandQueue, MAX_WAITING_BYTES, Outcome};
use super::submit::{MAX_WAITING, Submitted};
use super::waiters::WaiterId;
use crate::error::{Error, ErrorKind};
use crate::resp::{Refusal, Unavailable};
use crate::runtime::Wakers;

const TIMEOUTS: Timeouts = Timeouts {
    response_timeout: Duration::from_secs(1),
    deadline: Duration::from_secs(3),
};

/// A queue with a connection, whose driver sleeps.
fn connected(max_in_flight: usize) -> CommandQueue {
    let mut queue = CommandQueue::new(max_in_flight);
    queue.driver_runs(Waker::noop());
    queue.connected(Instant::now(), None);
    queue
}

/// A queue that has lost its connection.
fn disconnected(max_in_flight: usize) -> CommandQueue {
    let mut queue = connected(max_in_flight);
    lose(&mut queue, 0, &[]);
    queue
}

fn submit_with(queue: &mut CommandQueue, bytes: &[u8], timeouts: Timeouts) -> Submitted {
    let encode = |out: &mut Vec<u8>| out.extend(bytes);
    let one = ExpectedReplies::One;
    queue.submit(encode, one, timeouts, Some(Waker::noop()), false)
}

#[track_caller]
fn submit(queue: &mut CommandQueue, bytes: &[u8]) -> WaiterId {
    match submit_with(queue, bytes, TIMEOUTS) {
        Submitted::Waiting(waiter, ..) => waiter,
        _ => panic!("the queue has room"),
    }
}

#[track_caller]
fn line_up(queue: &mut CommandQueue, bytes: &[u8], deadline: Duration) -> WaiterId {
    match submit_with(queue, bytes, TIMEOUTS.with_deadline(deadline)) {
        Submitted::InLine(waiter, ..) => waiter,
        _ => panic!("there is no room"),
    }
}

#[track_caller]
fn refused(queue: &mut CommandQueue) -> ErrorKind {
    match submit_with(queue, b"x", TIMEOUTS) {
        Submitted::Refused(error) => error.kind(),
        _ => panic!("the queue takes it"),
    }
}

fn outcome(queue: &mut CommandQueue, waiter: WaiterId) -> Option<Outcome> {
    queue.take(waiter, Waker::noop())
}

#[track_caller]
fn number(queue: &mut CommandQueue, waiter: WaiterId) -> i64 {
    match outcome(queue, waiter) {
        Some(Outcome::Reply(Reply::One(Value::Int(number)))) => number,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failure(queue: &mut CommandQueue, waiter: WaiterId) -> ErrorKind {
    match outcome(queue, waiter) {
        Some(Outcome::Failed(error)) => error.kind(),
        Some(Outcome::Late(cause)) => cause.into_error("peer").kind(),
        other => panic!("{other:?}"),
    }
}

/// Calls `act` with the wakers to fill, and wakes them.
fn waking<T>(act: impl FnOnce(&mut Wakers) -> T) -> T {
    let mut wakers = Wakers::default();
    let result = act(&mut wakers);
    wakers.wake_all();
    result
}

#[track_caller]
fn deliver(queue: &mut CommandQueue, number: i64) {
    waking(|wakers| queue.deliver(&mut vec![Value::Int(number)], wakers))
        .expect("a command waits for it");
}

fn lost() -> Error {
    Error::new(ErrorKind::ConnectionLost, "lost")
}

fn lose(queue: &mut CommandQueue, sent: u64, rest: &[u8]) {
    waking(|wakers| queue.lost(sent, rest, &lost(), wakers));
}

fn expire(queue: &mut CommandQueue, after: Duration) -> Option<Instant> {
    waking(|wakers| queue.expire(Instant::now() + after, wakers))
}

fn take(queue: &mut CommandQueue) -> Vec<u8> {
    let mut bytes = Vec::new();
    queue.take_unsent(&mut bytes);
    bytes
}

#[test]
fn replies_go_to_their_callers_in_order() {
    let mut queue = connected(10);
    let slots: Vec<_> = (0..3).map(|_| submit(&mut queue, b"x")).collect();
    assert_eq!(take(&mut queue), b"xxx");
    for (number, slot) in (0..).zip(&slots) {
        assert!(outcome(&mut queue, *slot).is_none());
        deliver(&mut queue, number);
        assert_eq!(self::number(&mut queue, *slot), number);
    }
}

#[test]
fn the_reply_of_a_caller_that_has_gone_is_discarded_in_its_turn() {
    let mut queue = connected(10);
    let gone = submit(&mut queue, b"a");
    let waits = submit(&mut queue, b"b");
    take(&mut queue);
    queue.abandon(gone);
    deliver(&mut queue, 1);
    deliver(&mut queue, 2);
    assert_eq!(number(&mut queue, waits), 2);
}

#[test]
fn the_reply_of_a_late_command_is_discarded_in_its_turn() {
    let mut queue = connected(10);
    let slow = submit(&mut queue, b"a");
    take(&mut queue);
    expire(&mut queue, Duration::from_secs(2));
    assert_eq!(failure(&mut queue, slow), ErrorKind::TimedOut);
    let next = submit(&mut queue, b"b");
    take(&mut queue);
    deliver(&mut queue, 1);
    assert!(outcome(&mut queue, next).is_none());
    deliver(&mut queue, 2);
    assert_eq!(number(&mut queue, next), 2);
}

#[test]
fn a_reply_without_a_command_is_an_error() {
    let mut queue = connected(10);
    assert!(waking(|wakers| queue.deliver(&mut vec![Value::Okay], wakers)).is_err());
    // Nor can one come for a command that has not been written.
    submit(&mut queue, b"a");
    assert!(waking(|wakers| queue.deliver(&mut vec![Value::Okay], wakers)).is_err());
}

#[test]
fn commands_not_written_move_to_the_next_connection() {
    let mut queue = connected(10);
    let answered = submit(&mut queue, b"aa");
    let written = submit(&mut queue, b"bb");
    let partly = submit(&mut queue, b"cc");
    let taken = submit(&mut queue, b"dd");
    let bytes = take(&mut queue);
    let queued = submit(&mut queue, b"ee");
    deliver(&mut queue, 1);
    lose(&mut queue, 5, &bytes[5..]);
    assert_eq!(number(&mut queue, answered), 1);
    assert_eq!(failure(&mut queue, written), ErrorKind::ConnectionLost);
    assert_eq!(failure(&mut queue, partly), ErrorKind::ConnectionLost);
    queue.connected(Instant::now(), None);
    assert_eq!(take(&mut queue), b"ddee");
    deliver(&mut queue, 4);
    deliver(&mut queue, 5);
    assert_eq!(number(&mut queue, taken), 4);
    assert_eq!(number(&mut queue, queued), 5);
}

#[test]
fn a_command_whose_caller_is_gone_does_not_move() {
    let mut queue = connected(10);
    let gone = submit(&mut queue, b"aa");
    submit(&mut queue, b"bb");
    let taken = queue.taken();
    lose(&mut queue, taken, &[]);
    queue.abandon(gone);
    queue.connected(Instant::now(), None);
    assert_eq!(take(&mut queue), b"bb");
}

#[test]
fn without_a_connection_a_late_command_is_forgotten() {
    let mut queue = disconnected(10);
    let early = submit(&mut queue, b"aa");
    assert!(expire(&mut queue, Duration::from_secs(2)).is_some());
    assert!(
        outcome(&mut queue, early).is_none(),
        "the response timeout is for live connections"
    );
    expire(&mut queue, Duration::from_secs(4));
    assert_eq!(failure(&mut queue, early), ErrorKind::Unreachable);
    submit(&mut queue, b"bb");
    queue.connected(Instant::now(), None);
    assert_eq!(take(&mut queue), b"bb");
}

#[test]
fn waiting_without_a_connection_is_bounded() {
    let mut queue = disconnected(10_000);
    for _ in 0..MAX_WAITING {
        submit(&mut queue, b"x");
    }
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);

    let mut queue = disconnected(10_000);
    submit(&mut queue, &vec![b'x'; MAX_WAITING_BYTES]);
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);
}

#[test]
fn every_caller_is_told_a_lasting_failure_until_there_is_a_connection() {
    let mut queue = disconnected(10);
    let waits = submit(&mut queue, b"x");
    let error = Error::new(ErrorKind::Authentication, "no");
    waking(|wakers| queue.unreachable(&error, true, wakers));
    assert_eq!(failure(&mut queue, waits), ErrorKind::Authentication);
    assert_eq!(refused(&mut queue), ErrorKind::Authentication);
    queue.connected(Instant::now(), None);
    submit(&mut queue, b"y");
    assert_eq!(take(&mut queue), b"y");
}

#[test]
fn a_connection_that_comes_too_late_does_not_open_a_closed_client() {
    let mut queue = disconnected(10);
    let error = Error::new(ErrorKind::Closed, "closed");
    waking(|wakers| queue.close(&error, wakers));
    queue.connected(Instant::now(), None);
    assert!(queue.is_closed());
    assert_eq!(refused(&mut queue), ErrorKind::Closed);
}

#[test]
fn what_a_caller_could_not_write_is_dropped_with_its_supervisor() {
    let mut queue = connected(10);
    let slot = submit(&mut queue, b"abc");
    let bytes = queue.out.take_to_write();
    waking(|wakers| queue.supervisor_ended(&lost(), wakers));
    assert_eq!(failure(&mut queue, slot), ErrorKind::ConnectionLost);
    assert!(matches!(queue.written(bytes, 1), AfterUnlock::Nothing));
    assert!(!queue.has_unsent());
}

#[test]
fn what_a_caller_could_not_write_goes_first() {
    let mut queue = connected(10);
    submit(&mut queue, b"abc");
    let bytes = queue.out.take_to_write();
    submit(&mut queue, b"def");
    queue.driver_sleeps();
    assert!(matches!(queue.written(bytes, 1), AfterUnlock::Wake(_)));
    assert_eq!(take(&mut queue), b"bcdef");
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn callers_beyond_the_limit_wait_their_turn() {
    let mut queue = connected(1);
    let first = submit(&mut queue, b"a");
    take(&mut queue);
    let woken = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    let line = |queue: &mut CommandQueue| match queue.submit(
        |out| out.extend(b"b"),
        ExpectedReplies::One,
        TIMEOUTS,
        Some(&waker),
        false,
    ) {
        Submitted::InLine(waiter, ..) => waiter,
        _ => panic!("there is no room"),
    };
    let second = line(&mut queue);
    let third = line(&mut queue);
    deliver(&mut queue, 1);
    assert_eq!(number(&mut queue, first), 1);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);

    // The second is let in and goes away without knowing: the third takes its place.
    waking(|wakers| queue.leave_line(second, wakers));
    assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    assert!(matches!(
        outcome(&mut queue, third),
        Some(Outcome::Admitted)
    ));
    assert!(matches!(
        queue.submit(
            |out| out.extend(b"c"),
            ExpectedReplies::One,
            TIMEOUTS,
            Some(&waker),
            true
        ),
        Submitted::Waiting(..)
    ));
    assert_eq!(take(&mut queue), b"c");
    let cx = Context::from_waker(Waker::noop());
    assert!(queue.poll_drained(&cx).is_pending());
    deliver(&mut queue, 3);
    assert!(queue.poll_drained(&cx).is_ready());
}

#[test]
fn a_caller_in_line_waits_until_its_deadline() {
    let mut queue = connected(1);
    submit(&mut queue, b"a");
    let slot = line_up(&mut queue, b"b", TIMEOUTS.deadline);
    expire(&mut queue, Duration::from_secs(2));
    assert!(outcome(&mut queue, slot).is_none());
    expire(&mut queue, Duration::from_secs(4));
    assert_eq!(failure(&mut queue, slot), ErrorKind::QueueFull);
}

#[test]
fn a_transaction_gives_its_last_reply_and_names_what_was_not_queued() {
    let mut queue = connected(10);
    let expected = ExpectedReplies::Many { skip: 3, count: 1 };
    let replies = |text: [&str; 4]| -> Vec<Value> {
        text.iter()
            .map(|frame| redis::parse_redis_value(frame.as_bytes()).expect("a frame"))
            .collect()
    };
    for (frames, aborted) in [
        (["+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "*0\r\n"], None),
        (
            ["+OK\r\n", "+QUEUED\r\n", "-ERR no\r\n", "-EXECABORT no\r\n"],
            Some(1),
        ),
    ] {
        let Submitted::Waiting(slot, ..) = queue.submit(
            |out| out.push(0),
            expected,
            TIMEOUTS,
            Some(Waker::noop()),
            false,
        ) else {
            panic!("the queue has room");
        };
        take(&mut queue);
        waking(|wakers| queue.deliver(&mut replies(frames), wakers)).expect("it waits");
        match (outcome(&mut queue, slot), aborted) {
            (Some(Outcome::Reply(Reply::Many(values))), None) => {
                assert_eq!(values, [Value::Array(vec![])]);
            }
            (Some(Outcome::Reply(Reply::Aborted(refused))), Some(place)) => {
                assert_eq!(refused[0].0, place);
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[test]
fn parked_callers_need_a_connection() {
    let mut queue = connected(10);
    let loading = Refusal::Unavailable(Unavailable::Loading);
    let parked = queue.park(loading, TIMEOUTS.deadline, TIMEOUTS, Waker::noop());
    let (_, after) = parked.expect("it is open");
    assert!(matches!(after, AfterUnlock::Nothing), "the driver is awake");
    lose(&mut queue, 0, &[]);
    assert!(!queue.has_been_idle_for(Instant::now(), Duration::ZERO));
    assert!(queue.poll_demand().is_ready());
}

#[test]
fn silence_is_noticed_where_no_caller_waits_for_a_reply() {
    let mut queue = connected(10);
    let one = ExpectedReplies::One;
    let submitted = queue.submit(|out| out.push(0), one, TIMEOUTS, None, false);
    assert!(matches!(submitted, Submitted::Unanswered(_)));
    assert!(expire(&mut queue, Duration::ZERO).is_some());
}

#[track_caller]
fn with_deadline(queue: &mut CommandQueue, bytes: &[u8], deadline: Duration) -> WaiterId {
    match submit_with(queue, bytes, TIMEOUTS.with_deadline(deadline)) {
        Submitted::Waiting(waiter, ..) | Submitted::InLine(waiter, ..) => waiter,
        _ => panic!("the queue takes it"),
    }
}

/// What is submitted again has the rest of its deadline left.
const REST: Duration = Duration::from_millis(100);

#[test]
fn a_shorter_deadline_behind_longer_ones_is_kept_in_flight() {
    let mut queue = connected(10);
    let first = submit(&mut queue, b"a");
    let again = with_deadline(&mut queue, b"b", REST);
    take(&mut queue);
    let last = submit(&mut queue, b"c");
    take(&mut queue);
    let alarm = expire(&mut queue, Duration::ZERO).expect("a caller waits");
    assert!(alarm <= Instant::now() + REST);
    expire(&mut queue, REST);
    assert!(outcome(&mut queue, first).is_none());
    assert_eq!(failure(&mut queue, again), ErrorKind::TimedOut);
    for number in 1..=3 {
        deliver(&mut queue, number);
    }
    for (slot, number) in [(first, 1), (last, 3)] {
        assert_eq!(self::number(&mut queue, slot), number);
    }
}

#[test]
fn a_shorter_deadline_behind_longer_ones_is_kept_without_a_connection() {
    let mut queue = disconnected(10);
    let first = submit(&mut queue, b"a");
    let again = with_deadline(&mut queue, b"b", REST);
    submit(&mut queue, b"c");
    let alarm = expire(&mut queue, Duration::ZERO).expect("a caller waits");
    assert!(alarm <= Instant::now() + REST);
    expire(&mut queue, REST);
    assert!(outcome(&mut queue, first).is_none());
    assert_eq!(failure(&mut queue, again), ErrorKind::Unreachable);
    queue.connected(Instant::now(), None);
    assert_eq!(take(&mut queue), b"ac");
}

#[test]
fn a_shorter_deadline_behind_longer_ones_is_kept_in_line() {
    let mut queue = connected(1);
    submit(&mut queue, b"a");
    let first = with_deadline(&mut queue, b"b", TIMEOUTS.deadline);
    let again = with_deadline(&mut queue, b"c", REST);
    let alarm = expire(&mut queue, Duration::ZERO).expect("a caller waits");
    assert!(alarm <= Instant::now() + REST);
    expire(&mut queue, REST);
    assert!(outcome(&mut queue, first).is_none());
    assert_eq!(failure(&mut queue, again), ErrorKind::QueueFull);
}

#[test]
fn callers_let_in_together_keep_the_bound_of_bytes() {
    let mut queue = connected(10_000);
    let half = vec![b'x'; MAX_WAITING_BYTES / 2];
    let first = submit(&mut queue, &half);
    submit(&mut queue, &half);
    let line: Vec<_> = (0..10)
        .map(|_| with_deadline(&mut queue, &half, TIMEOUTS.deadline))
        .collect();
    take(&mut queue);
    deliver(&mut queue, 1);
    assert_eq!(number(&mut queue, first), 1);
    let mut let_in = 0;
    for slot in line {
        if let Some(Outcome::Admitted) = outcome(&mut queue, slot) {
            let encode = |out: &mut Vec<u8>| out.extend(&half);
            let one = ExpectedReplies::One;
            let submitted = queue.submit(encode, one, TIMEOUTS, Some(Waker::noop()), true);
            assert!(!matches!(submitted, Submitted::Refused(_)));
            let_in += 1;
        }
    }
    assert!(let_in >= 2, "{let_in}");
    assert!(
        queue.out.unsent() <= 2 * MAX_WAITING_BYTES,
        "{}",
        queue.out.unsent()
    );
}

#[test]
fn a_command_behind_one_that_was_late_is_looked_for_in_its_time() {
    let timeouts = Timeouts {
        response_timeout: Duration::from_millis(20),
        deadline: Duration::from_millis(60),
    };
    let mut queue = connected(10);
    let first = submit_with(&mut queue, b"x", timeouts);
    assert!(matches!(first, Submitted::Waiting(..)));
    assert!(queue.alarm_is_late(), "the first one");
    // From now on it waits for nothing but the end of the silence.
    expire(&mut queue, Duration::from_millis(25));
    assert!(!queue.alarm_is_late());
    let second = submit_with(&mut queue, b"x", timeouts);
    assert!(matches!(second, Submitted::Waiting(..)));
    assert!(queue.alarm_is_late(), "the one behind it");
}

/// The bound counts the callers in line too: with a small `max_in_flight` they all stand there.
#[test]
fn waiting_without_a_connection_is_bounded_whatever_may_be_in_flight() {
    let mut queue = disconnected(10);
    for _ in 0..10 {
        submit(&mut queue, b"x");
    }
    for _ in 10..MAX_WAITING {
        line_up(&mut queue, b"x", TIMEOUTS.deadline);
    }
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);
}

#[test]
fn a_late_command_names_why_there_is_no_connection() {
    let cause = TimeoutCause::NotConnected(TIMEOUTS.deadline, Some(lost()));
    let error = cause.into_error("cache:6379");
    let expected = "no connection to `cache:6379` within 3s: lost";
    assert_eq!(
        (error.kind(), &*error.to_string()),
        (ErrorKind::Unreachable, expected)
    );
}

#[test]
fn only_the_reply_to_a_command_shows_that_the_server_serves() {
    let mut queue = connected(10);
    submit(&mut queue, b"a");
    take(&mut queue);
    lose(&mut queue, 1, &[]);
    assert!(!queue.has_served());
    queue.connected(Instant::now(), None);
    submit(&mut queue, b"b");
    take(&mut queue);
    deliver(&mut queue, 1);
    let taken = queue.taken();
    lose(&mut queue, taken, &[]);
    assert!(queue.has_served());
}
