//! Every order of events in the hand-over of a connection between the I/O thread and residents.
//!
//! ```sh
//! cargo test --manifest-path tests/loom/Cargo.toml
//! ```
//!
//! What is tried is the source of the crate: who has the connection (`handover.rs`), and how callers wake
//! those who drive and watch (`driver_wakeup.rs`, `parties.rs`, `alarm.rs`). What stands around it is written
//! anew here without I/O, step for step as in the crate: the queue (`queue`), a turn and the socket
//! (`world`), the task of the I/O thread (`io_thread`) and that of a resident (`resident`).
//!
//! The value that is handed over counts the commands that have been answered. A command that is left at the
//! end, a value that is lost or dropped late, and a party that does not end are failures. So is a party that
//! sleeps while it has something to do, because loom reports that as a deadlock. Orders in which parties are
//! interrupted more often than the bounds in `model` are left out.
//!
//! A model that cannot fail would prove nothing: the controls in `control` take one check or wake at a time
//! away from the source, and a model has to find that.

#![cfg(test)]
#![allow(dead_code, reason = "the models do not use all of the files")]

mod control;
mod handover {
    include!(concat!(env!("OUT_DIR"), "/handover.rs"));
}
mod io_thread;
mod model;
mod models;
mod queue;
mod resident;
mod runtime;
mod sightings;
mod world;
