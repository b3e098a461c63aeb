use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::error::ErrorKind;
use crate::link::queue::{MAX_WAITING, MAX_WAITING_BYTES};

const LIMITS: Limits = Limits {
    response_timeout: Duration::from_secs(1),
    deadline: Duration::from_secs(3),
};

/// A queue with a connection, whose driver sleeps.
fn connected(max_in_flight: usize) -> Queue {
    let mut queue = Queue::new(max_in_flight);
    queue.arrive(Waker::noop());
    queue.connected(Instant::now(), None);
    queue
}

fn submit(queue: &mut Queue, bytes: &[u8]) -> SlotId {
    match queue.submit(
        |out| out.extend(bytes),
        Shape::One,
        LIMITS,
        Some(Waker::noop()),
        false,
    ) {
        Submitted::Waiting(slot, ..) => slot,
        _ => panic!("the queue has room"),
    }
}

fn refused(queue: &mut Queue) -> ErrorKind {
    match queue.submit(
        |out| out.extend(b"x"),
        Shape::One,
        LIMITS,
        Some(Waker::noop()),
        false,
    ) {
        Submitted::Refused(error) => error.kind(),
        _ => panic!("the queue takes it"),
    }
}

fn outcome(queue: &mut Queue, slot: SlotId) -> Option<Outcome> {
    queue.take(slot, Waker::noop())
}

fn failure(queue: &mut Queue, slot: SlotId) -> ErrorKind {
    match outcome(queue, slot) {
        Some(Outcome::Failed(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

fn deliver(queue: &mut Queue, number: i64) {
    queue
        .deliver(&mut vec![Value::Int(number)], &mut Vec::new())
        .expect("somebody asked for it");
}

fn lost() -> Error {
    Error::new(ErrorKind::ConnectionLost, "lost")
}

fn late(late: &Late<'_>) -> Error {
    Error::new(
        match late {
            Late::Response(_) => ErrorKind::TimedOut,
            Late::Admission => ErrorKind::QueueFull,
            Late::Disconnected(..) => ErrorKind::Unreachable,
        },
        "late",
    )
}

fn expire(queue: &mut Queue, after: Duration) -> Option<Instant> {
    queue.expire(
        Instant::now() + after,
        |reason| late(&reason),
        &mut Vec::new(),
    )
}

fn take(queue: &mut Queue) -> Vec<u8> {
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
        assert!(
            matches!(outcome(&mut queue, *slot), Some(Outcome::Reply(Value::Int(n))) if n == number)
        );
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
    assert!(matches!(
        outcome(&mut queue, waits),
        Some(Outcome::Reply(Value::Int(2)))
    ));
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
    assert!(matches!(
        outcome(&mut queue, next),
        Some(Outcome::Reply(Value::Int(2)))
    ));
}

#[test]
fn a_reply_that_nobody_asked_for_is_an_error() {
    let mut queue = connected(10);
    assert!(
        queue
            .deliver(&mut vec![Value::Okay], &mut Vec::new())
            .is_err()
    );
    // Nor can one come for a command that has not been written.
    submit(&mut queue, b"a");
    assert!(
        queue
            .deliver(&mut vec![Value::Okay], &mut Vec::new())
            .is_err()
    );
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
    queue.lost(5, &bytes[5..], &lost());
    assert!(matches!(
        outcome(&mut queue, answered),
        Some(Outcome::Reply(_))
    ));
    assert_eq!(failure(&mut queue, written), ErrorKind::ConnectionLost);
    assert_eq!(failure(&mut queue, partly), ErrorKind::ConnectionLost);
    queue.connected(Instant::now(), None);
    assert_eq!(take(&mut queue), b"ddee");
    deliver(&mut queue, 4);
    deliver(&mut queue, 5);
    assert!(matches!(
        outcome(&mut queue, taken),
        Some(Outcome::Reply(Value::Int(4)))
    ));
    assert!(matches!(
        outcome(&mut queue, queued),
        Some(Outcome::Reply(Value::Int(5)))
    ));
}

#[test]
fn what_nobody_waits_for_does_not_move() {
    let mut queue = connected(10);
    let gone = submit(&mut queue, b"aa");
    submit(&mut queue, b"bb");
    queue.lost(queue.taken(), &[], &lost());
    queue.abandon(gone);
    queue.connected(Instant::now(), None);
    assert_eq!(take(&mut queue), b"bb");
}

#[test]
fn without_a_connection_a_late_command_is_forgotten() {
    let mut queue = connected(10);
    queue.lost(0, &[], &lost());
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
    let mut queue = connected(10_000);
    queue.lost(0, &[], &lost());
    for _ in 0..MAX_WAITING {
        submit(&mut queue, b"x");
    }
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);

    let mut queue = connected(10_000);
    queue.lost(0, &[], &lost());
    submit(&mut queue, &vec![b'x'; MAX_WAITING_BYTES]);
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);
}

#[test]
fn a_lasting_failure_is_told_to_everybody_until_there_is_a_connection() {
    let mut queue = connected(10);
    queue.lost(0, &[], &lost());
    let waits = submit(&mut queue, b"x");
    queue.unreachable(&Error::new(ErrorKind::Authentication, "no"), true);
    assert_eq!(failure(&mut queue, waits), ErrorKind::Authentication);
    assert_eq!(refused(&mut queue), ErrorKind::Authentication);
    queue.connected(Instant::now(), None);
    submit(&mut queue, b"y");
    assert_eq!(take(&mut queue), b"y");
}

#[test]
fn a_connection_that_comes_too_late_does_not_open_a_closed_link() {
    let mut queue = connected(10);
    queue.lost(0, &[], &lost());
    queue.close(&Error::new(ErrorKind::Closed, "closed"));
    queue.connected(Instant::now(), None);
    assert!(queue.is_closed());
    assert_eq!(refused(&mut queue), ErrorKind::Closed);
}

#[test]
fn what_a_caller_could_not_write_is_dropped_with_its_supervisor() {
    let mut queue = connected(10);
    let slot = submit(&mut queue, b"abc");
    let bytes = take(&mut queue);
    queue.writer = Writer::Writing;
    queue.abandoned_by_supervisor(&lost());
    assert_eq!(failure(&mut queue, slot), ErrorKind::ConnectionLost);
    assert!(matches!(queue.written(bytes, 1), Next::Nothing));
    assert!(!queue.has_unsent());
}

#[test]
fn what_a_caller_could_not_write_goes_first() {
    let mut queue = connected(10);
    submit(&mut queue, b"abc");
    let bytes = take(&mut queue);
    queue.writer = Writer::Writing;
    submit(&mut queue, b"def");
    queue.sleep();
    assert!(matches!(queue.written(bytes, 1), Next::Wake(_)));
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
    let line = |queue: &mut Queue| match queue.submit(
        |out| out.extend(b"b"),
        Shape::One,
        LIMITS,
        Some(&waker),
        false,
    ) {
        Submitted::InLine(slot, ..) => slot,
        _ => panic!("there is no room"),
    };
    let second = line(&mut queue);
    let third = line(&mut queue);
    let mut wakers = Vec::new();
    queue
        .deliver(&mut vec![Value::Okay], &mut wakers)
        .expect("the first asked for it");
    wakers.into_iter().for_each(Waker::wake);
    assert!(matches!(
        outcome(&mut queue, first),
        Some(Outcome::Reply(_))
    ));
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);

    // The second is let in and goes away without knowing: the third takes its place.
    let wakers = queue.leave_line(second);
    assert_eq!(wakers.len(), 1);
    assert!(matches!(
        outcome(&mut queue, third),
        Some(Outcome::Admitted)
    ));
    assert!(matches!(
        queue.submit(
            |out| out.extend(b"c"),
            Shape::One,
            LIMITS,
            Some(&waker),
            true
        ),
        Submitted::Waiting(..)
    ));
    assert_eq!(take(&mut queue), b"c");
    assert!(!queue.is_idle());
    deliver(&mut queue, 3);
    assert!(queue.is_idle());
}

#[test]
fn a_caller_in_line_waits_until_its_deadline() {
    let mut queue = connected(1);
    submit(&mut queue, b"a");
    let Submitted::InLine(slot, ..) =
        queue.submit(|_| {}, Shape::One, LIMITS, Some(Waker::noop()), false)
    else {
        panic!("there is no room");
    };
    expire(&mut queue, Duration::from_secs(2));
    assert!(outcome(&mut queue, slot).is_none());
    expire(&mut queue, Duration::from_secs(4));
    assert_eq!(failure(&mut queue, slot), ErrorKind::QueueFull);
}

#[test]
fn a_transaction_gives_its_last_reply_and_names_what_was_not_queued() {
    let mut queue = connected(10);
    let shape = Shape::Many { skip: 3, count: 1 };
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
        let Submitted::Waiting(slot, ..) =
            queue.submit(|out| out.push(0), shape, LIMITS, Some(Waker::noop()), false)
        else {
            panic!("the queue has room");
        };
        take(&mut queue);
        queue
            .deliver(&mut replies(frames), &mut Vec::new())
            .expect("asked for");
        match (outcome(&mut queue, slot), aborted) {
            (Some(Outcome::Replies(values)), None) => assert_eq!(values, [Value::Array(vec![])]),
            (Some(Outcome::Aborted(refused)), Some(place)) => assert_eq!(refused[0].0, place),
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[test]
fn callers_at_the_gate_need_a_connection() {
    let mut queue = connected(10);
    let held = queue.hold(
        crate::link::delivery::Refusal::Loading,
        LIMITS.deadline,
        LIMITS,
        Waker::noop(),
    );
    held.expect("it is open");
    queue.lost(0, &[], &lost());
    assert!(!queue.has_been_idle_for(Instant::now(), Duration::ZERO));
    assert!(queue.poll_demand().is_ready());
}

#[test]
fn silence_is_noticed_where_nobody_waits_for_a_reply() {
    let mut queue = connected(10);
    queue.submit(|out| out.push(0), Shape::One, LIMITS, None, false);
    expire(&mut queue, Duration::ZERO);
    take(&mut queue);
    assert!(queue.alarm.is_some());
}

fn with_deadline(queue: &mut Queue, bytes: &[u8], deadline: Duration) -> SlotId {
    let limits = Limits { deadline, ..LIMITS };
    match queue.submit(
        |out| out.extend(bytes),
        Shape::One,
        limits,
        Some(Waker::noop()),
        false,
    ) {
        Submitted::Waiting(slot, ..) | Submitted::InLine(slot, ..) => slot,
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
    let alarm = expire(&mut queue, Duration::ZERO).expect("somebody waits");
    assert!(alarm <= Instant::now() + REST);
    expire(&mut queue, REST);
    assert!(outcome(&mut queue, first).is_none());
    assert_eq!(failure(&mut queue, again), ErrorKind::TimedOut);
    for number in 1..=3 {
        deliver(&mut queue, number);
    }
    for (slot, number) in [(first, 1), (last, 3)] {
        assert!(matches!(
            outcome(&mut queue, slot),
            Some(Outcome::Reply(Value::Int(n))) if n == number
        ));
    }
}

#[test]
fn a_shorter_deadline_behind_longer_ones_is_kept_without_a_connection() {
    let mut queue = connected(10);
    queue.lost(0, &[], &lost());
    let first = submit(&mut queue, b"a");
    let again = with_deadline(&mut queue, b"b", REST);
    submit(&mut queue, b"c");
    let alarm = expire(&mut queue, Duration::ZERO).expect("somebody waits");
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
    let first = with_deadline(&mut queue, b"b", LIMITS.deadline);
    let again = with_deadline(&mut queue, b"c", REST);
    let alarm = expire(&mut queue, Duration::ZERO).expect("somebody waits");
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
        .map(|_| with_deadline(&mut queue, &half, LIMITS.deadline))
        .collect();
    take(&mut queue);
    deliver(&mut queue, 1);
    assert!(matches!(
        outcome(&mut queue, first),
        Some(Outcome::Reply(_))
    ));
    let mut let_in = 0;
    for slot in line {
        if let Some(Outcome::Admitted) = outcome(&mut queue, slot) {
            let encode = |out: &mut Vec<u8>| out.extend(&half);
            queue.submit(encode, Shape::One, LIMITS, Some(Waker::noop()), true);
            let_in += 1;
        }
    }
    assert!(let_in >= 2, "{let_in}");
    assert!(
        queue.unsent.len() <= 2 * MAX_WAITING_BYTES,
        "{}",
        queue.unsent.len()
    );
}

#[test]
fn a_command_behind_one_that_was_late_is_looked_for_in_its_time() {
    let limits = Limits {
        response_timeout: Duration::from_millis(20),
        deadline: Duration::from_millis(60),
    };
    let submit = |queue: &mut Queue| {
        let encode = |out: &mut Vec<u8>| out.extend(b"x");
        queue.submit(encode, Shape::One, limits, Some(Waker::noop()), false);
    };
    let mut queue = connected(10);
    submit(&mut queue);
    assert!(queue.alarm_is_late(), "the first one");
    std::thread::sleep(Duration::from_millis(25));
    // From now on it waits for nothing but the end of the silence.
    expire(&mut queue, Duration::ZERO);
    assert!(!queue.alarm_is_late());
    submit(&mut queue);
    assert!(queue.alarm_is_late(), "the one behind it");
}
