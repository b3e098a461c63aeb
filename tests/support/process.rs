//! A server among others: killed, frozen and asked from here.
//!
//! It is asked over its Unix socket, by plain redis-rs: what a test does to it never depends on the
//! client that is tested.

use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, FromRedisValue, cmd};
use redis_ready::testing::Server;

/// Longer than anything that is waited for takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

pub(crate) struct Process {
    server: Server,
    password: Option<String>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Frozen,
    Dead,
}

impl Process {
    /// A server that runs, and asks for this password.
    pub(crate) fn of(server: Server, password: Option<&str>) -> Process {
        Process {
            server,
            password: password.map(str::to_owned),
            state: State::Running,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port().expect("it listens on a port")
    }

    /// The process itself, for what is not here.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn runs(&self) -> bool {
        self.state == State::Running
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(&mut self) {
        self.server.kill().expect("it is there");
        self.state = State::Dead;
    }

    /// Starts it again where it was; its data is gone.
    pub(crate) fn restart(&mut self) {
        self.server.restart().expect("it starts again");
        self.state = State::Running;
    }

    /// Freezes it: connections stay open, and nothing answers.
    pub(crate) fn stop(&mut self) {
        self.server.pause().expect("it runs");
        self.state = State::Frozen;
    }

    /// Lets it go on.
    pub(crate) fn cont(&mut self) {
        self.server.resume().expect("it is frozen");
        self.state = State::Running;
    }

    pub(crate) fn connect(&self) -> Connection {
        let socket = self.server.directory().join("redis.sock");
        let password = self.password.as_ref().map(|it| format!("?pass={it}"));
        let query = password.unwrap_or_default();
        let client = redis::Client::open(format!("unix://{}{query}", socket.display()));
        let client = client.expect("the path is a good one");
        let connection = client.get_connection().expect("it runs");
        connection
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket has one");
        connection
    }
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
