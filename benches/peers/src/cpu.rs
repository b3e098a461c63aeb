//! CPU time of this process and of the server's: user and system time, to the nanosecond.

use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) client: Duration,
    pub(crate) server: Duration,
}

impl Spent {
    pub(crate) fn now(server: u32) -> Spent {
        Spent {
            client: of_process(Pid::this()),
            server: of_process(Pid::from_raw(server.cast_signed())),
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

/// Zero where there is no such process.
fn of_process(process: Pid) -> Duration {
    let time = clock_getcpuclockid(process).and_then(clock_gettime);
    time.map(Duration::from).unwrap_or_default()
}
