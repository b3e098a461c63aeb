//! What the build script of an application calls: it checks that `.env.example` documents Redis.
//!
//! ```toml
//! [build-dependencies]
//! redis-ready = { version = "0.1", default-features = false, features = ["build"] }
//! ```
//!
//! ```no_run
//! // build.rs
//! fn main() {
//!     redis_ready::build::check();
//! }
//! ```
//!
//! `cargo build` then fails while the file is missing, does not say what the variable is for, has no
//! placeholder that works, shows no URL for a local server, with a password and with TLS, or holds a
//! real secret. What passes is what `redis_client!` accepts, at compile time.
//!
//! The build asks for the documents, never for the value: neither `REDIS_URL` nor `.env` is read.
//!
//! # The file
//!
//! `.env.example` is looked for beside the application's `Cargo.toml`, then upwards until the directory
//! that holds `Cargo.lock` or `.git`: a workspace may have one for all its members. Every assigned
//! variable whose name ends in `REDIS_URL` is checked. The smallest one that passes:
//!
//! ```env
//! # Redis Configuration
//! REDIS_URL=redis://localhost:6379
//! # Or for Redis with password:
//! # REDIS_URL=redis://:password@localhost:6379
//! # Or for Redis Cloud:
//! # REDIS_URL=rediss://:password@host:port
//! ```
//!
//! # Where there is no file
//!
//! - A packaged application (`cargo install`, `cargo package`, a vendored copy: `Cargo.toml.orig` lies
//!   beside `Cargo.toml`) builds without it.
//! - In a Docker build copy it, and write `!.env.example` after `.env*` in `.dockerignore`.
//! - `REDIS_READY_SKIP_ENV_EXAMPLE=1` skips the check with a warning of cargo. It never skips the
//!   check of the value at start-up.
#![expect(clippy::needless_doctest_main, reason = "a build script has one")]

mod check;
mod check_report;
mod document;
mod documented;
mod documented_url;
mod finding;
mod format;
mod host;
mod redact;
mod rules;
mod search;
mod span_map;

pub use self::check::{Check, check};
pub use self::check_report::Report;
pub use self::documented::Documented;
pub use self::finding::Finding;
pub use self::format::Format;
