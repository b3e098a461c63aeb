//! What `redis_ready::testing` gives to the tests of applications.

mod overrides;
