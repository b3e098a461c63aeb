//! In the child of a fork an open client gets a thread and a connection of its own.
//!
//! The only test in its process: a child inherits the locks that other threads hold at that moment.

#![cfg(all(feature = "testing", unix))]

mod support;

use std::thread;
use std::time::Duration;

use fork::Fork;
use redis::{Commands, RedisResult, cmd};
use redis_ready::testing::Server;

use self::support::process::wait_until;
use self::support::{child, start};

#[test]
fn the_child_of_a_fork_gets_a_thread_and_a_connection_of_its_own() {
    let server = start(Server::builder());
    let client = server.client();
    let mut blocking = client.blocking();
    let _: i64 = blocking.incr("k", 1).expect("the parent is connected");
    // Nothing is in flight, and the I/O thread goes to rest: an allocator's lock it holds would stay
    // locked in the child.
    thread::sleep(Duration::from_millis(100));
    wait_until("all other threads sleep", || child::running_threads() == 1);
    match fork::fork().expect("a process can fork") {
        Fork::Child => {
            // Nothing of the test harness may run in here.
            let counts: Vec<RedisResult<i64>> = (0..3).map(|_| blocking.incr("k", 1)).collect();
            drop(client);
            let good = counts.into_iter().all(|count| count.is_ok());
            std::process::exit(i32::from(!good));
        }
        Fork::Parent(child) => {
            let status = fork::waitpid(child).expect("it ends");
            assert_eq!(status, 0, "the child's calls work");
        }
    }
    // The parent's connection has not been touched.
    let count: i64 = blocking.incr("k", 1).expect("the parent goes on");
    assert_eq!(count, 5);
    let client_list: String = cmd("CLIENT")
        .arg("LIST")
        .query(&mut blocking)
        .expect("it is there");
    assert_eq!(client_list.lines().count(), 1, "{client_list}");
}
