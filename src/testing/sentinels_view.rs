//! What one Sentinel sees of the others.

use std::collections::HashMap;
use std::io;

use redis::Connection;

use super::ask::query;

/// How many others of a kind a Sentinel sees that are well.
pub(super) fn count_well(
    connection: &mut Connection,
    service: &str,
    what: &str,
    flag: &str,
) -> io::Result<usize> {
    let all: Vec<HashMap<String, String>> = query(connection, &["SENTINEL", what, service])?;
    let well = all.iter().filter(|it| {
        let status = it.get("master-link-status");
        is_well(it, flag) && status.is_none_or(|status| status == "ok")
    });
    Ok(well.count())
}

/// Whether a Sentinel sees that one as a `flag`, and as nothing else such as down.
pub(super) fn is_well(seen: &HashMap<String, String>, flag: &str) -> bool {
    let flags = seen.get("flags").map_or("", String::as_str);
    // Valkey 9.1 goes on to call a Sentinel `master_down` that has said so of the primary.
    let mut flags = flags.split(',').filter(|it| *it != "master_down");
    flags.next() == Some(flag) && flags.next().is_none()
}
