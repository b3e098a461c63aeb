mod endings;
mod logging_in;
mod observed;
#[cfg(unix)]
mod writing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use redis::Value;

use super::super::call_options::CallOptions;
use super::super::late::{About, Late};
use super::super::reply::{ExpectedReplies, Reply};
use super::super::timeouts::Timeouts;
use super::admission::MAX_WAITING;
use super::after_unlock::AfterUnlock;
use super::command_queue::{CommandQueue, MAX_WAITING_BYTES, Outcome};
use super::submit::Submitted;
use super::waiters::WaiterId;
use crate::error::{Error, ErrorKind};
use crate::resp::{BeyondLimit, Decoded, Refusal, Unavailable};
use crate::runtime::Wakers;

const TIMEOUTS: Timeouts = Timeouts {
    response_timeout: Duration::from_secs(1),
    deadline: Duration::from_secs(3),
};

/// A queue with a connection, whose driver sleeps.
fn connected(max_in_flight: usize) -> CommandQueue {
    let mut queue = CommandQueue::new(max_in_flight, TIMEOUTS.response_timeout);
    queue.driver_runs(Waker::noop());
    connect(&mut queue);
    queue
}

fn connect(queue: &mut CommandQueue) {
    waking(|wakers| queue.connected(Instant::now(), None, wakers));
}

/// A queue whose last attempt to connect has failed.
fn outage(max_in_flight: usize) -> CommandQueue {
    let mut queue = disconnected(max_in_flight);
    waking(|wakers| queue.unreachable(&lost(), false, wakers));
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
    queue.submit(encode, one, timeouts, false, Some(Waker::noop()), false)
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
    queue.take(waiter, Waker::noop()).ok()
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
        Some(Outcome::Late(cause)) => told(cause).kind(),
        other => panic!("{other:?}"),
    }
}

fn told(late: Late) -> Error {
    let options = CallOptions::once(TIMEOUTS);
    late.into_error(About {
        peer: "peer",
        options,
        max_in_flight: 10,
    })
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
    waking(|wakers| queue.deliver(&mut vec![Ok(Value::Int(number))], 0, wakers))
        .expect("a command waits for it");
}

fn lost() -> Error {
    Error::new(ErrorKind::ConnectionLost, "lost")
}

fn lose(queue: &mut CommandQueue, sent: u64, rest: &[u8]) {
    waking(|wakers| queue.lost(sent, rest, &lost(), None, wakers));
}

fn expire(queue: &mut CommandQueue, after: Duration) -> Option<Instant> {
    waking(|wakers| queue.expire(Instant::now() + after, None, wakers))
}

fn take(queue: &mut CommandQueue) -> Vec<u8> {
    let mut bytes = Vec::new();
    queue.take_unsent(&mut bytes);
    bytes
}

fn abandon(queue: &mut CommandQueue, waiter: WaiterId) {
    waking(|wakers| drop(queue.abandon(waiter, wakers)));
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
    abandon(&mut queue, gone);
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
    assert!(waking(|wakers| queue.deliver(&mut vec![Ok(Value::Okay)], 0, wakers)).is_err());
    // Nor can one come for a command that has not been written.
    submit(&mut queue, b"a");
    assert!(waking(|wakers| queue.deliver(&mut vec![Ok(Value::Okay)], 0, wakers)).is_err());
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
    connect(&mut queue);
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
    abandon(&mut queue, gone);
    connect(&mut queue);
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
    assert_eq!(queue.in_flight(), 0, "it makes room at once");
    submit(&mut queue, b"bb");
    connect(&mut queue);
    assert_eq!(take(&mut queue), b"bb");
}

#[test]
fn waiting_in_an_outage_is_bounded() {
    let mut queue = outage(10_000);
    for _ in 0..MAX_WAITING {
        submit(&mut queue, b"x");
    }
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);

    let mut queue = outage(10_000);
    submit(&mut queue, &vec![b'x'; MAX_WAITING_BYTES]);
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);
}

#[test]
fn callers_beyond_the_bound_wait_in_line_for_an_attempt_that_is_under_way() {
    let mebibyte = vec![b'x'; 1024 * 1024];
    for (bytes, taken) in [(&b"x"[..], MAX_WAITING), (&mebibyte, 8)] {
        // Before the first attempt has ended, and after a loss.
        let unconnected = CommandQueue::new(10_000, TIMEOUTS.response_timeout);
        for mut queue in [unconnected, disconnected(10_000)] {
            queue.driver_runs(Waker::noop());
            let first: Vec<_> = (0..taken).map(|_| submit(&mut queue, bytes)).collect();
            let line: Vec<_> = (0..20)
                .map(|_| line_up(&mut queue, bytes, TIMEOUTS.deadline))
                .collect();
            assert_eq!(
                queue.out.unsent(),
                taken * bytes.len(),
                "only those taken are kept"
            );
            connect(&mut queue);
            take(&mut queue);
            for (number, waiter) in (0..).zip(first) {
                deliver(&mut queue, number);
                assert_eq!(self::number(&mut queue, waiter), number);
            }
            for waiter in &line[..8] {
                let outcome = outcome(&mut queue, *waiter);
                assert!(matches!(outcome, Some(Outcome::Admitted)), "{outcome:?}");
            }
        }
    }
}

#[test]
fn the_line_of_an_attempt_that_fails_keeps_its_place_and_learns_why() {
    let mut queue = disconnected(10);
    for _ in 0..10 {
        submit(&mut queue, b"x");
    }
    let line: Vec<_> = (10..MAX_WAITING + 500)
        .map(|_| line_up(&mut queue, b"x", TIMEOUTS.deadline))
        .collect();
    waking(|wakers| queue.unreachable(&lost(), false, wakers));
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);
    assert!(outcome(&mut queue, line[MAX_WAITING]).is_none());
    expire(&mut queue, TIMEOUTS.deadline);
    for waiter in line {
        assert_eq!(failure(&mut queue, waiter), ErrorKind::Unreachable);
    }
}

#[test]
fn a_caller_that_goes_away_makes_room_at_once_without_a_connection() {
    let mut queue = outage(10_000);
    let mut waiters: Vec<_> = (0..MAX_WAITING).map(|_| submit(&mut queue, b"x")).collect();
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);
    for at in 0..3 * MAX_WAITING {
        // In the middle, too.
        let waiter = &mut waiters[(at * 7) % MAX_WAITING];
        abandon(&mut queue, *waiter);
        *waiter = submit(&mut queue, b"y");
        assert_eq!(refused(&mut queue), ErrorKind::QueueFull);
        assert!(queue.in_flight.len() <= MAX_WAITING * 4 / 3 + 1);
    }
    for waiter in waiters {
        abandon(&mut queue, waiter);
    }
    assert_eq!((queue.in_flight.len(), queue.out.unsent()), (0, 0));
    let half = vec![b'x'; MAX_WAITING_BYTES / 2];
    let first = submit(&mut queue, &half);
    submit(&mut queue, &half);
    assert_eq!(refused(&mut queue), ErrorKind::QueueFull);
    abandon(&mut queue, first);
    submit(&mut queue, b"z");
    connect(&mut queue);
    assert_eq!(take(&mut queue).len(), half.len() + 1);
}

#[test]
fn what_is_not_waited_for_is_not_written_and_those_in_line_take_its_place() {
    let mut queue = connected(3);
    let written = submit(&mut queue, b"a");
    let mut bytes = take(&mut queue);
    let gone = submit(&mut queue, b"bb");
    let kept = submit(&mut queue, b"c");
    let line = line_up(&mut queue, b"d", TIMEOUTS.deadline);
    abandon(&mut queue, gone);
    assert!(matches!(outcome(&mut queue, line), Some(Outcome::Admitted)));
    // Its place among those written stays: its reply will come.
    abandon(&mut queue, written);
    bytes.extend(take(&mut queue));
    assert_eq!(bytes, b"ac");
    deliver(&mut queue, 1);
    deliver(&mut queue, 2);
    assert_eq!(number(&mut queue, kept), 2);
}

#[test]
fn what_a_caller_has_written_in_part_stays_when_others_go_away() {
    let mut queue = connected(10);
    let first = submit(&mut queue, b"abc");
    let bytes = queue.out.take_to_write();
    let gone = submit(&mut queue, b"def");
    let last = submit(&mut queue, b"ghi");
    queue.driver_sleeps();
    assert!(matches!(queue.written(bytes, 1), AfterUnlock::Wake(_)));
    abandon(&mut queue, gone);
    queue.drop_abandoned();
    assert_eq!(take(&mut queue), b"bcghi");
    for (number, waiter) in [(1, first), (2, last)] {
        deliver(&mut queue, number);
        assert_eq!(self::number(&mut queue, waiter), number);
    }
}

#[test]
fn many_who_leave_the_line_take_their_entries_along() {
    let mut queue = connected(1);
    let first = submit(&mut queue, b"a");
    take(&mut queue);
    for _ in 0..3 {
        let line: Vec<_> = (0..5_000)
            .map(|_| line_up(&mut queue, b"b", TIMEOUTS.deadline))
            .collect();
        let last = line[4_999];
        for waiter in &line[..4_999] {
            waking(|wakers| queue.leave_line(*waiter, wakers));
        }
        assert_eq!(queue.admission.len(), 1);
        waking(|wakers| queue.leave_line(last, wakers));
        assert_eq!(queue.admission.len(), 0);
    }
    deliver(&mut queue, 1);
    assert_eq!(number(&mut queue, first), 1);
    submit(&mut queue, b"c");
}

fn many(queue: &mut CommandQueue, count: usize) -> WaiterId {
    let expected = ExpectedReplies::Many { skip: 0, count };
    let encode = |out: &mut Vec<u8>| out.push(0);
    match queue.submit(
        encode,
        expected,
        TIMEOUTS,
        false,
        Some(Waker::noop()),
        false,
    ) {
        Submitted::Waiting(waiter, ..) => waiter,
        _ => panic!("the queue has room"),
    }
}

#[track_caller]
fn late(queue: &mut CommandQueue, waiter: WaiterId) -> String {
    match outcome(queue, waiter) {
        Some(Outcome::Late(cause)) => told(cause).to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_response_timeout_counts_from_the_last_byte_of_the_server() {
    let mut queue = connected(10);
    let pipeline = many(&mut queue, 400);
    let behind = submit(&mut queue, b"b");
    take(&mut queue);
    let start = Instant::now();
    for second in 1..=2 {
        for number in 0..100 {
            deliver(&mut queue, number);
        }
        queue.last_heard = start + Duration::from_secs(second);
        let alarm = expire(&mut queue, Duration::from_millis(second * 1_000 + 500));
        assert!(alarm.is_some_and(|alarm| alarm <= start + TIMEOUTS.deadline + REST));
        assert!(outcome(&mut queue, pipeline).is_none());
    }
    expire(&mut queue, TIMEOUTS.deadline);
    let came = "200 of 400 replies came from `peer` within 3s (`deadline`)";
    assert_eq!(late(&mut queue, pipeline), came);
    let nothing =
        "no reply from `peer` within 3s (`deadline`), though it answered other commands 1s before";
    assert_eq!(late(&mut queue, behind), nothing);
}

#[test]
fn a_late_command_is_told_how_much_came_and_which_limit_has_passed() {
    let mut queue = connected(10);
    let silent = submit(&mut queue, b"a");
    take(&mut queue);
    expire(&mut queue, TIMEOUTS.response_timeout);
    let nothing = "no reply from `peer` within 1s (`response_timeout`)";
    assert_eq!(late(&mut queue, silent), nothing);
    deliver(&mut queue, 1);
    let large = submit(&mut queue, b"b");
    take(&mut queue);
    waking(|wakers| queue.deliver(&mut Vec::new(), 1_000, wakers)).expect("it is of the first");
    expire(&mut queue, TIMEOUTS.response_timeout);
    let came =
        "1000 bytes of the reply came from `peer`, and then nothing for 1s (`response_timeout`)";
    assert_eq!(late(&mut queue, large), came);
}

#[test]
fn a_command_is_cut_off_if_a_part_of_its_reply_had_come() {
    let (none, bytes, replies) = (0, 17, 1);
    for (begun, complete, is_cut_off) in [(none, 0, false), (bytes, 0, true), (none, replies, true)]
    {
        let mut queue = connected(10);
        let first = many(&mut queue, 3);
        let second = submit(&mut queue, b"b");
        let length = take(&mut queue).len() as u64;
        let mut values = vec![Ok(Value::Okay); complete];
        waking(|wakers| queue.deliver(&mut values, begun, wakers)).expect("of the first");
        lose(&mut queue, length, &[]);
        match outcome(&mut queue, first) {
            Some(Outcome::CutOff(error)) if is_cut_off => assert!(error.may_have_run()),
            Some(Outcome::Failed(_)) if !is_cut_off => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(failure(&mut queue, second), ErrorKind::ConnectionLost);
        // The next connection starts anew.
        connect(&mut queue);
        let next = submit(&mut queue, b"c");
        let length = length + take(&mut queue).len() as u64;
        lose(&mut queue, length, &[]);
        assert_eq!(failure(&mut queue, next), ErrorKind::ConnectionLost);
    }
}

#[test]
fn a_reply_beyond_a_limit_fails_its_pipeline_and_no_other() {
    let mut queue = connected(10);
    let before = submit(&mut queue, b"a");
    let pipeline = many(&mut queue, 3);
    let behind = submit(&mut queue, b"b");
    take(&mut queue);
    let mut replies = vec![Ok(Value::Int(1)); 5];
    replies[2] = Err(BeyondLimit::Length);
    waking(|wakers| queue.deliver(&mut replies, 0, wakers)).expect("they are expected");
    assert_eq!(number(&mut queue, before), 1);
    let beyond = outcome(&mut queue, pipeline);
    assert!(matches!(beyond, Some(Outcome::Beyond(BeyondLimit::Length))));
    assert_eq!(number(&mut queue, behind), 1);
}

#[test]
fn every_caller_is_told_a_lasting_failure_until_there_is_a_connection() {
    let mut queue = disconnected(10);
    let waits = submit(&mut queue, b"x");
    let error = Error::new(ErrorKind::Authentication, "no");
    waking(|wakers| queue.unreachable(&error, true, wakers));
    assert_eq!(failure(&mut queue, waits), ErrorKind::Authentication);
    assert_eq!(refused(&mut queue), ErrorKind::Authentication);
    connect(&mut queue);
    submit(&mut queue, b"y");
    assert_eq!(take(&mut queue), b"y");
}

#[test]
fn a_connection_that_comes_too_late_does_not_open_a_closed_client() {
    let mut queue = disconnected(10);
    let error = Error::new(ErrorKind::Closed, "closed");
    waking(|wakers| queue.close(&error, wakers));
    connect(&mut queue);
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

impl Count {
    /// Foreign wakers are called on another thread.
    fn await_count(&self, count: usize) {
        while self.0.load(Ordering::Relaxed) < count {
            std::thread::yield_now();
        }
        assert_eq!(self.0.load(Ordering::Relaxed), count);
    }
}

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
        false,
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
    woken.await_count(1);

    // The second is let in and goes away without knowing: the third takes its place.
    waking(|wakers| drop(queue.leave_line(second, wakers)));
    woken.await_count(2);
    assert!(matches!(
        outcome(&mut queue, third),
        Some(Outcome::Admitted)
    ));
    assert!(matches!(
        queue.submit(
            |out| out.extend(b"c"),
            ExpectedReplies::One,
            TIMEOUTS,
            false,
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
    let replies = |text: [&str; 4]| -> Vec<Decoded> {
        text.iter()
            .map(|frame| Ok(redis::parse_redis_value(frame.as_bytes()).expect("a frame")))
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
            false,
            Some(Waker::noop()),
            false,
        ) else {
            panic!("the queue has room");
        };
        take(&mut queue);
        waking(|wakers| queue.deliver(&mut replies(frames), 0, wakers)).expect("it waits");
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
    let submitted = queue.submit(|out| out.push(0), one, TIMEOUTS, false, None, false);
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

fn with_limit(queue: &mut CommandQueue, limit: Duration) -> WaiterId {
    let timeouts = Timeouts {
        response_timeout: limit,
        deadline: limit,
    };
    match submit_with(queue, b"x", timeouts) {
        Submitted::Waiting(waiter, ..) => waiter,
        _ => panic!("the queue has room"),
    }
}

/// Handles have limits of their own: behind a long one each short one is told in its time, also once those
/// in front of it have been told, and whichever of the two timeouts is the shorter one.
#[test]
fn limits_of_several_handles_are_kept_beside_each_other() {
    let (long, short) = (Duration::from_secs(10), Duration::from_millis(100));
    let waits_long = Timeouts {
        deadline: long + long,
        ..TIMEOUTS
    };
    let mut queue = connected(10);
    let first = with_limit(&mut queue, long);
    let shorts = [(); 2].map(|()| {
        // So that their times are not up at once.
        std::thread::sleep(Duration::from_millis(1));
        let submitted = with_limit(&mut queue, short);
        (submitted, Instant::now())
    });
    let last = submit_with(&mut queue, b"x", waits_long);
    let Submitted::Waiting(last, ..) = last else {
        panic!("the queue has room");
    };
    take(&mut queue);
    let due = expire(&mut queue, Duration::ZERO).expect("callers wait");
    assert!(due <= Instant::now() + short);
    // When the time of the first one is up, and that of the second one is not.
    let [(one, due), (other, _)] = shorts.map(|(waiter, at)| (waiter, at + short));
    let next = waking(|wakers| queue.expire(due, None, wakers)).expect("callers wait");
    assert!(next <= due + short, "it looks for the second one");
    assert_eq!(failure(&mut queue, one), ErrorKind::TimedOut);
    assert!(outcome(&mut queue, other).is_none());
    expire(&mut queue, short);
    assert_eq!(failure(&mut queue, other), ErrorKind::TimedOut);
    expire(&mut queue, TIMEOUTS.response_timeout + short);
    assert_eq!(failure(&mut queue, last), ErrorKind::TimedOut);
    assert!(outcome(&mut queue, first).is_none());
}

/// A limit of a handle that is shorter than the response timeout does not end the connection of all.
#[test]
fn a_short_limit_of_a_handle_ends_no_connection() {
    let mut queue = connected(10);
    with_limit(&mut queue, Duration::from_millis(1));
    take(&mut queue);
    assert!(!queue.is_silent(Instant::now() + TIMEOUTS.response_timeout));
    let submitted = queue.in_flight.front().expect("it is in flight").submitted;
    let silence = 3 * TIMEOUTS.response_timeout;
    let almost = silence.saturating_sub(Duration::from_nanos(1));
    assert!(!queue.is_silent(submitted + almost));
    let end = submitted + silence;
    assert!(queue.is_silent(end));
    let next = waking(|wakers| queue.expire(end, None, wakers));
    assert_eq!(next, None, "the connection is given up");
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
    connect(&mut queue);
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
            let submitted = queue.submit(encode, one, TIMEOUTS, false, Some(Waker::noop()), true);
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
fn waiting_in_an_outage_is_bounded_whatever_may_be_in_flight() {
    let mut queue = outage(10);
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
    let mut queue = disconnected(1);
    let waits = submit(&mut queue, b"a");
    let in_line = line_up(&mut queue, b"b", TIMEOUTS.deadline);
    expire(&mut queue, TIMEOUTS.deadline);
    for waiter in [waits, in_line] {
        let expected = "no connection to `peer` within 3s (`deadline`): lost";
        assert_eq!(late(&mut queue, waiter), expected);
    }
}

#[test]
fn only_the_reply_to_a_command_shows_that_the_server_serves() {
    let mut queue = connected(10);
    submit(&mut queue, b"a");
    take(&mut queue);
    lose(&mut queue, 1, &[]);
    assert!(!queue.has_served());
    connect(&mut queue);
    submit(&mut queue, b"b");
    take(&mut queue);
    deliver(&mut queue, 1);
    let taken = queue.taken();
    lose(&mut queue, taken, &[]);
    assert!(queue.has_served());
}

#[test]
fn every_connection_has_a_number_of_its_own() {
    let mut queue = connected(10);
    let mut numbers = vec![queue.number()];
    lose(&mut queue, 0, &[]);
    connect(&mut queue);
    numbers.push(queue.number());
    // Its driver may still be in the middle of a poll.
    waking(|wakers| queue.supervisor_ended(&lost(), wakers));
    numbers.push(queue.number());
    connect(&mut queue);
    numbers.push(queue.number());
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
}

#[test]
fn the_watcher_is_told_of_a_deadline_before_its_timer() {
    let mut queue = connected(10);
    let watcher = Arc::new(Count(AtomicUsize::new(0)));
    queue.set_watcher(Some(&Waker::from(Arc::clone(&watcher))));
    // The watcher has set its timer for the first one, and for the second one that is enough.
    for (timeouts, is_told) in [
        (TIMEOUTS, true),
        (TIMEOUTS, false),
        (TIMEOUTS.with_deadline(Duration::from_millis(5)), true),
    ] {
        let Submitted::Waiting(_, _, next) = submit_with(&mut queue, b"x", timeouts) else {
            panic!("the queue has room");
        };
        let tells = matches!(next, AfterUnlock::WakeAfter(..));
        assert_eq!(tells, is_told, "{timeouts:?}");
        waking(|wakers| {
            let _ = queue.expire(Instant::now(), None, wakers);
        });
    }
}

#[test]
fn a_forked_child_wakes_no_party_of_its_parent() {
    let mut queue = connected(10);
    let waker = Waker::from(Arc::new(Count(AtomicUsize::new(0))));
    queue.driver_runs(&waker);
    queue.driver_sleeps();
    queue.set_watcher(Some(&waker));
    queue.forget_parties();
    let mut wakers = Wakers::default();
    queue.close(&lost(), &mut wakers);
    // A set with a waker in it must not be dropped.
    drop(wakers);
}
