//! How the client stands faults: one module for each figure of the page "Reliability" in the crate
//! docs, R1 to R25.

#![cfg(all(feature = "testing", unix))]

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod boot;
mod cancellation;
mod demotion;
mod losses;
mod refusals;
mod deadlines;
mod deadlock;
mod delivery;
mod first_calls;
mod hostile_replies;
mod lasting_causes;
mod resets;
mod timeouts;
