//! The places in which `redis_client!` works, each of which compiles without a warning.
//!
//! What the compiler says where it does not work is in `tests/ui`, and compiled by `tests/apps.rs`.

mod everywhere;
mod no_prelude;
mod shadowed_names;
