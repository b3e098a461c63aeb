//! When the system looks whether the server of an idle connection is still there.

use std::fs;
use std::time::Duration;

use redis_ready::testing::Server;
use redis_ready::{Client, Config};

use crate::support::process::wait_until;
use crate::support::{run, start};

/// How long the system waits on the connection to `port` before it looks. None while there is no connection, or
/// it waits for something else.
fn idle_time_left(port: u16) -> Option<Duration> {
    let table = fs::read_to_string("/proc/self/net/tcp").expect("Linux has it");
    let server = format!("0100007F:{port:04X}");
    table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().filter(|remote| *remote == server)?;
        // Behind the state and the bytes in the buffers: which timer, and when it rings.
        let left = fields.nth(2)?.strip_prefix("02:")?;
        let ticks = u64::from_str_radix(left, 16).expect("a number");
        // 100 a second on every Linux that shows them to user space.
        Some(Duration::from_millis(ticks * 10))
    })
}

#[test]
fn an_idle_connection_is_looked_after_as_soon_as_is_said() {
    let server = start(Server::builder().tcp());
    let port = server.port().expect("it listens on TCP");
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let config = |parameters: &str| -> Config {
        let url = format!("{}{parameters}", server.url());
        url.parse().expect("a valid URL")
    };
    for (config, expected) in [
        (config(""), Duration::from_secs(6)),
        (config("?keepalive=20m"), minutes(20)),
        (config("").with_keepalive(minutes(40)), minutes(40)),
    ] {
        let client = Client::with_config(config);
        run(client.ping()).expect("it is up");
        let mut left = None;
        wait_until("the connection is idle", || {
            left = idle_time_left(port);
            left.is_some()
        });
        let left = left.expect("it is idle");
        assert!(left <= expected, "{left:?} of {expected:?}");
        assert!(left > expected / 2 || expected < minutes(1), "{left:?}");
        run(client.close(Duration::from_secs(1)));
        wait_until("the connection is closed", || {
            idle_time_left(port).is_none()
        });
    }
}
