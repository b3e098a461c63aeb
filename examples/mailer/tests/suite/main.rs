//! The platform over HTTP, each test with a Redis server of its own.

#[path = "../support/mod.rs"]
mod support;

mod sign_in;
