//! Who drives a connection: writes what callers have queued, reads replies and hands them out.
//!
//! One party at a time drives: the I/O thread, or a *resident*, which is a task on the tokio runtime of the
//! callers. What it takes to drive is one value, [`Transport`](super::hosting::Transport), and the party that
//! has it drives.
//!
//! | question | answer | where |
//! |---|---|---|
//! | what does a driver do in one poll? | the same turn, whoever drives | [`turn`] |
//! | where are the callers? | every few ms one of them is asked on which runtime it is | `hosting/callers.rs` |
//! | is a resident better? | on a busy connection whose callers are all on one runtime | `hosting/rules.rs` |
//! | how does the value change hands? | a resident asks for it in its first poll, and gives it back at the end of a poll or when it is dropped | `hosting/handover.rs` |
//! | what if its runtime does not run? | the I/O thread looks every 6 ms, and takes the value back between two polls | [`watch`] |
//! | who keeps time, and ends the connection? | the I/O thread, always | [`connection_task`] |
//!
//! From the point of view of the rest of the crate there is one task for each connection, on the I/O thread
//! ([`ConnectionTask`]), and a caller that is asked ([`introduce`]).

mod connection_task;
mod resident;
mod turn;
mod watch;

pub(super) use self::connection_task::ConnectionTask;
pub(super) use self::resident::introduce;
