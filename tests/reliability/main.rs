//! How the client stands faults: one module for each figure of the page "Reliability" in the crate
//! docs, R1 to R25.

#![cfg(all(feature = "testing", unix))]

#[path = "../support/mod.rs"]
mod support;

mod cancellation;
mod connect_timeouts;
#[cfg(target_os = "linux")]
mod half_open;
#[cfg(target_os = "linux")]
mod herds;
mod idle_closes;
#[cfg(target_os = "linux")]
mod leaks;
#[cfg(target_os = "linux")]
mod outage_queue;
mod resets;
mod response_timeouts;
mod restarts;
mod timeouts;
