//! What `redis_ready::testing` gives to the tests of applications.

#[cfg(unix)]
mod databases;
mod overrides;
#[cfg(unix)]
mod servers;
#[cfg(unix)]
mod sets;
