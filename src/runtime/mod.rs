//! The one thread that owns the connections of the process, its clock, and the waking of callers.

mod clock;
mod io_thread;
mod wakers;

pub(crate) use self::clock::{later, sleep, within};
pub(crate) use self::io_thread::spawn;
pub(crate) use self::wakers::Wakers;
