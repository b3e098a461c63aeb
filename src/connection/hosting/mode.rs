//! [`DriverMode`]: who drives connections; tests choose, and an operator may.

use std::sync::OnceLock;

/// The environment variable that chooses for all connections of the process. For tests, but for `io_thread`,
/// which is documented.
const VARIABLE: &str = "REDIS_READY_DRIVER";

/// Who drives connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum DriverMode {
    /// A task on the runtime of the callers, where that is worth it ([`rules`](super::rules)).
    Automatic,
    /// `io_thread`: always the I/O thread.
    IoThread,
    /// `resident`: a task on the runtime of the callers, wherever there is one.
    Resident,
    /// `flapping`: as `resident`, and back to the I/O thread after every turn.
    Flapping,
}

impl DriverMode {
    /// Returns whether a resident keeps the connection after a turn.
    pub(in super::super) fn residents_stay(self) -> bool {
        match self {
            DriverMode::Automatic | DriverMode::Resident => true,
            DriverMode::IoThread | DriverMode::Flapping => false,
        }
    }

    /// Returns the mode of this process.
    pub(in super::super) fn of_process() -> DriverMode {
        static MODE: OnceLock<DriverMode> = OnceLock::new();
        *MODE.get_or_init(|| {
            if cfg!(not(unix)) {
                return DriverMode::IoThread;
            }
            let value = std::env::var(VARIABLE);
            match value.as_deref() {
                Ok("io_thread") => DriverMode::IoThread,
                Ok("resident") => DriverMode::Resident,
                Ok("flapping") => DriverMode::Flapping,
                _ => DriverMode::Automatic,
            }
        })
    }
}
