//! Asking a server, and waiting until it answers what is expected.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Connection, FromRedisValue, RedisError, cmd};

/// Longer than anything that is waited for takes on a slow machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Asks by plain redis-rs, which does not depend on the client that is tested.
pub(super) fn query<T: FromRedisValue>(
    connection: &mut Connection,
    words: &[&str],
) -> io::Result<T> {
    let reply = cmd(words[0]).arg(&words[1..]).query(connection);
    reply.map_err(|error: RedisError| io::Error::other(format!("`{}`: {error}", words.join(" "))))
}

pub(super) fn execute(connection: &mut Connection, words: &[&str]) -> io::Result<()> {
    query::<redis::Value>(connection, words).map(drop)
}

/// Waits until `is_so`; `what` says in the error what was waited for.
pub(super) fn wait_until(
    what: &str,
    mut is_so: impl FnMut() -> io::Result<bool>,
) -> io::Result<()> {
    let start = Instant::now();
    while !is_so()? {
        if start.elapsed() > PATIENCE {
            let message = format!("waited {PATIENCE:?} in vain: {what}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Whether a server is a replica that has the data of its primary.
pub(super) fn is_synchronized(replica: &mut Connection) -> io::Result<bool> {
    let info: String = query(replica, &["INFO", "replication"])?;
    Ok(info.contains("role:slave") && info.contains("master_link_status:up"))
}

/// How many replicas a primary streams its writes to, by its `INFO replication`. A replica has the data
/// before that, up to a second.
pub(super) fn online_replicas(info: &str) -> usize {
    let replicas = info.lines().filter(|line| line.starts_with("slave"));
    // The offset is what the replica has acknowledged.
    let online = |line: &&str| line.contains("state=online,") && !line.contains(",offset=0,");
    replicas.filter(online).count()
}
