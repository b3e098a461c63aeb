//! CPU time of this process and of the server's, from `/proc`.

use std::fs;
use std::time::Duration;

/// The unit of `/proc/PID/stat`: `USER_HZ`, which Linux shows as 100 on every platform of Rust's.
const TICK: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) client: Duration,
    pub(crate) server: Duration,
}

impl Spent {
    pub(crate) fn now(server: u32) -> Spent {
        Spent {
            client: of_process("self"),
            server: of_process(&server.to_string()),
        }
    }

    pub(crate) fn since(self, before: Spent) -> Spent {
        let Spent { client, server } = before;
        Spent {
            client: self.client.saturating_sub(client),
            server: self.server.saturating_sub(server),
        }
    }
}

/// User and system time; zero where there is no such process, or no `/proc`.
fn of_process(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the name of the program, in parentheses; it may hold spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u32 = times.filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    TICK * ticks
}
