//! How the client stands faults: one module for each figure of the page "Reliability" in the crate
//! docs, R1 to R29.
//!
//! In a process of its own, so that what is measured is not what the tests of `tests/suite` cost. Upper
//! bounds of times allow for what this machine itself is late by: `support::measure::Lateness`.

#![cfg(all(feature = "testing", unix))]

#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
mod addresses;
mod blocked_executor;
mod boot;
mod cancellation;
mod connect_timeouts;
mod deadlines;
mod deadlock;
mod delivery;
mod demotion;
mod first_calls;
#[cfg(target_os = "linux")]
mod half_open;
#[cfg(target_os = "linux")]
mod herds;
mod hostile_replies;
mod idle_closes;
mod lasting_causes;
#[cfg(target_os = "linux")]
mod leaks;
mod losses;
mod not_ready;
#[cfg(target_os = "linux")]
mod outage_queue;
mod refusals;
mod resets;
mod residents;
mod response_timeouts;
mod restarts;
mod rotations;
mod subscriptions;
mod timeouts;
