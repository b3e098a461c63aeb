//! How the client stands faults: one module for each figure of the page "Reliability" in the crate
//! docs, R1 to R25.

#![cfg(all(feature = "testing", unix))]

#[path = "../support/mod.rs"]
mod support;

mod blocked_executor;
mod cancellation;
mod resets;
mod timeouts;
