//! Asking servers, and waiting for what they answer.

use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, FromRedisValue, cmd};
use redis_ready::testing::Server;

/// Longer than anything that is waited for takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// A connection to a server, by plain redis-rs: what a test does to the server never depends on the client
/// that is tested.
pub(crate) fn connect(server: &Server) -> Connection {
    server.connect().expect("it runs")
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        thread::sleep(POLL);
    }
}

/// What a server answers; fails where that is an error.
pub(crate) fn query<T: FromRedisValue>(connection: &mut Connection, words: &[&str]) -> T {
    let reply = cmd(words[0]).arg(&words[1..]).query(connection);
    reply.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}
