//! The platform, each test with a Redis server of its own.

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod deliveries;
mod deployments;
mod events;
mod outages;
mod probes;
mod process;
mod profiles;
mod rate_limit;
mod sign_in;
