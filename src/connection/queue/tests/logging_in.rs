//! `AUTH` on a connection that lives.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Waker};

use super::super::command_queue::CommandQueue;
use super::super::login::LoginAnswer;
use super::{Count, TIMEOUTS, connected, disconnected, lose, take, waking};

fn poll(queue: &mut CommandQueue) -> bool {
    let cx = Context::from_waker(Waker::noop());
    waking(|wakers| queue.poll_log_in(b"AUTH", TIMEOUTS, wakers, &cx)).is_ready()
}

fn answer(queue: &mut CommandQueue) -> Poll<LoginAnswer> {
    queue.poll_logged_in(&Context::from_waker(Waker::noop()))
}

#[test]
fn a_login_waits_until_the_session_is_not_in_its_way() {
    let mut queue = connected(10);
    waking(|wakers| queue.set_in_transaction(true, wakers));
    assert!(!poll(&mut queue));
    waking(|wakers| queue.set_in_transaction(false, wakers));
    assert!(poll(&mut queue));
    assert_eq!(take(&mut queue), b"AUTH");

    let mut queue = connected(10);
    assert!(!queue.is_login_by_caller());
    queue.set_login_by_caller();
    assert!(queue.is_login_by_caller() && !poll(&mut queue));

    let mut queue = connected(10);
    queue.leave(TIMEOUTS.deadline);
    assert!(!poll(&mut queue));
    assert!(!poll(&mut disconnected(10)));
}

#[test]
fn the_end_of_a_transaction_wakes_a_login() {
    let mut queue = connected(10);
    waking(|wakers| queue.set_in_transaction(true, wakers));
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let poll = |queue: &mut super::CommandQueue| {
        let cx = Context::from_waker(&waker);
        waking(|wakers| queue.poll_log_in(b"AUTH", TIMEOUTS, wakers, &cx)).is_ready()
    };
    assert!(!poll(&mut queue));
    waking(|wakers| queue.set_in_transaction(false, wakers));
    count.await_count(1);
    assert!(poll(&mut queue));
}

#[test]
fn a_login_is_told_what_the_server_says() {
    for (value, expected) in [
        ("+OK", "Accepted"),
        ("-WRONGPASS for hunter2", "Refused(\"WRONGPASS\")"),
    ] {
        let mut queue = connected(10);
        assert!(poll(&mut queue));
        take(&mut queue);
        assert!(answer(&mut queue).is_pending());
        let value = redis::parse_redis_value(format!("{value}\r\n").as_bytes()).expect("RESP");
        waking(|wakers| queue.deliver(&mut vec![Ok(value)], 0, wakers)).expect("it is awaited");
        let Poll::Ready(found) = answer(&mut queue) else {
            panic!("the answer has come");
        };
        assert_eq!(format!("{found:?}"), expected);
    }
    let mut queue = connected(10);
    assert!(poll(&mut queue));
    take(&mut queue);
    let sent = queue.taken();
    lose(&mut queue, sent, &[]);
    assert!(matches!(answer(&mut queue), Poll::Ready(LoginAnswer::Lost)));
}
