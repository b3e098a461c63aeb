//! In the child of a fork an open client gets a thread and a connection of its own.
//!
//! The only test in its process: a child inherits the locks that other threads hold at that moment.

#![cfg(all(feature = "testing", unix))]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use fork::Fork;
use redis::{AsyncCommands, Commands, RedisResult, cmd};
use redis_ready::subscription::Event;
use redis_ready::testing::Server;
use redis_ready::{BlockingSubscription, Client, ConnectionState};
use tokio::runtime::{Builder, Handle};

use self::support::process::wait_until;
use self::support::{child, start};

/// Longer than a new connection takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The payload of the next event, if that is a message.
fn payload(subscription: &mut BlockingSubscription) -> Option<Vec<u8>> {
    let message = subscription.next_within(PATIENCE).ok()??.into_message()?;
    Some(message.payload().to_vec())
}

#[test]
fn the_child_of_a_fork_gets_a_thread_and_a_connection_of_its_own() {
    let server = start(Server::builder().tcp());
    let client = server.client();
    let mut blocking = client.blocking();
    let _: i64 = blocking.incr("k", 1).expect("the parent is connected");
    call_in_child(&client);
    // The parent's connection has not been touched.
    assert_is_the_only_connection(&client, 5);
    // The same where a task on the parent's runtime drives the connection.
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let end = Instant::now() + Duration::from_secs(60);
        while Handle::current().metrics().num_alive_tasks() == 0 && has_tasks_that_drive() {
            assert!(Instant::now() < end, "no task drives");
            let mut client = client.clone();
            let _: i64 = client.exists("k").await.expect("the parent is connected");
        }
        call_in_child(&client);
        close_in_child(&client);
    });
    assert_is_the_only_connection(&client, 9);
    subscribe_in_child(&client);
}

/// Goes on with a subscription in a child of this process, and in this one.
fn subscribe_in_child(client: &Client) {
    let blocking = client.blocking();
    let subscribed = blocking.subscribe("c");
    let mut subscription = subscribed.expect("the parent is connected");
    succeeds_in_child(|| {
        let mut blocking = client.blocking();
        // Its connection is the parent's, so it makes one of its own, and says so.
        matches!(subscription.next_within(PATIENCE), Ok(Some(Event::Lost(_))))
            && matches!(subscription.next_within(PATIENCE), Ok(Some(Event::Gap(_))))
            && blocking.publish("c", "of the child") == Ok(2)
            && payload(&mut subscription).as_deref() == Some(b"of the child")
            && blocking.subscribe("d").is_ok()
    });
    succeeds_in_child(|| {
        // The parent's tasks are not woken for it.
        subscription.unsubscribe("c");
        drop(client.blocking().subscribe("d"));
        client.blocking().subscribe("c").is_ok()
    });
    // The parent's connection has not been touched.
    let of_child = payload(&mut subscription);
    assert_eq!(of_child.as_deref(), Some(&b"of the child"[..]));
    let receivers: RedisResult<usize> = client.blocking().publish("c", "of the parent");
    assert!(receivers.expect("it goes on") >= 1);
    let of_parent = payload(&mut subscription);
    assert_eq!(of_parent.as_deref(), Some(&b"of the parent"[..]));
}

fn has_tasks_that_drive() -> bool {
    std::env::var("REDIS_READY_DRIVER").as_deref() != Ok("io_thread")
}

/// Calls three times in a child of this process.
fn call_in_child(client: &Client) {
    succeeds_in_child(|| {
        let mut blocking = client.blocking();
        // The connection is the parent's.
        let before = client.health().state;
        let counts: Vec<RedisResult<i64>> = (0..3).map(|_| blocking.incr("k", 1)).collect();
        let after = client.health().state;
        counts.into_iter().all(|count| count.is_ok())
            && (before, after) == (ConnectionState::Idle, ConnectionState::Connected)
    });
}

/// Closes the client in a child of this process, before the child has called.
fn close_in_child(client: &Client) {
    succeeds_in_child(|| {
        futures::executor::block_on(client.close(Duration::from_secs(60)));
        let count: RedisResult<i64> = client.blocking().incr("k", 1);
        count.is_err()
    });
}

fn succeeds_in_child(work: impl FnOnce() -> bool) {
    // Nothing is in flight, and the I/O thread goes to rest: an allocator's lock it holds would stay
    // locked in the child.
    thread::sleep(Duration::from_millis(100));
    wait_until("all other threads sleep", || child::running_threads() == 1);
    match fork::fork().expect("a process can fork") {
        // Nothing of the test harness may run in here.
        Fork::Child => std::process::exit(i32::from(!work())),
        Fork::Parent(child) => {
            let status = fork::waitpid(child).expect("it ends");
            assert_eq!(status, 0, "the child's calls work");
        }
    }
}

#[track_caller]
fn assert_is_the_only_connection(client: &Client, expected_count: i64) {
    let mut blocking = client.blocking();
    let count: i64 = blocking.incr("k", 1).expect("the parent goes on");
    assert_eq!(count, expected_count);
    let client_list: String = cmd("CLIENT")
        .arg("LIST")
        .query(&mut blocking)
        .expect("it is there");
    assert_eq!(client_list.lines().count(), 1, "{client_list}");
}
