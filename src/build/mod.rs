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
//! variable of the application whose name ends in `REDIS_URL` is checked; [`Check::new`] says which
//! ones are, [`Check::optional`], [`Check::only`] and [`Check::ignore`] change that. The smallest file
//! that passes:
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
//! What counts is whether a newcomer can configure Redis from the file alone, whatever its style and
//! language:
//!
//! - The explanation stands above the variable, beside it, or as the heading of its group.
//! - A format is shown by a URL in any comment, in prose or behind `# REDIS_URL=`. In comments, parts may be
//!   named, marked, optional or left out: `redis(s)://[:password@]host:port[/db]`, `<host>`, `${PORT}`,
//!   `rediss://...upstash.io`, `redis://:密码@主机`. `rediss://` alone says that TLS has a scheme of its own,
//!   and `REDIS_URL_PASSWORD` that the password stands apart.
//! - A secret is a password that is no word for one, at a server that others can reach; elsewhere, as in
//!   `REDIS_PASSWORD=` or a REST token, one that looks generated.
//!
//! # Findings
//!
//! [The guide](crate::guide::errors#findings-in-envexample) has a report of each.
//!
//! | code | what is wrong |
//! |---|---|
//! | `missing_file` | There is no `.env.example`. |
//! | `unreadable_file` | It cannot be read, or is not UTF-8. |
//! | `unloadable_line` | dotenvy stops at this line, and loads no variable after it. |
//! | `assigned_twice` | A variable is assigned twice; dotenvy takes the first value. |
//! | `no_comment` | No comment says what a variable is for. |
//! | `no_placeholder` | A variable has no value. |
//! | `invalid_placeholder` | The value is not a URL that works in a copy of the file. |
//! | `invalid_url` | A URL in a comment is invalid, also with its placeholders filled in. |
//! | `committed_secret` | A password or token looks like a real one. |
//! | `commented_out` | A variable is only in a comment, and not optional. |
//! | `missing_variable` | A variable is not in the file. |
//! | `missing_format` | No URL shows a required [`Format`]. |
//!
//! Warnings of the build, which do not fail it, are about documented URLs that are valid:
//!
//! | code | what the URL does |
//! |---|---|
//! | `plaintext_to_tls_only` | It has no TLS, and the provider speaks TLS only. |
//! | `sentinel_port` | It has the port of Sentinels, and the scheme of a server. |
//! | `cluster_endpoint` | It names the endpoint of a cluster, and has the scheme of a server. |
//! | `tls_verify_off` | It does not verify the server's certificate. |
//! | `tls_hostname_off` | It does not verify the name in the server's certificate. |
//!
//! # Where there is no file
//!
//! - A packaged application (`cargo install`, `cargo package`, a vendored copy: `Cargo.toml.orig` lies
//!   beside `Cargo.toml`) builds without it.
//! - In a Docker build copy it, and write `!.env.example` after `.env*` in `.dockerignore`.
//! - `REDIS_READY_SKIP_ENV_EXAMPLE=1` skips the check with a warning of cargo. It never skips the
//!   check of the value at start-up.
#![expect(clippy::needless_doctest_main, reason = "a build script has one")]

mod annotation;
mod check;
mod check_report;
#[cfg(feature = "cli")]
mod correction;
mod document;
mod document_reader;
mod documented;
mod documented_url;
mod explanation;
mod finding;
mod format;
mod host;
#[cfg(feature = "cli")]
mod inspection;
mod instead;
mod names;
mod prose;
mod randomness;
mod redact;
mod repair;
mod rules;
mod search;
mod secret;
mod secret_places;
mod span_map;
mod suggestion;
mod unloadable;
mod warnings;
mod words;

#[cfg(feature = "cli")]
pub(crate) use self::annotation::annotation;
#[cfg(feature = "cli")]
pub(crate) use self::check::Location;
pub use self::check::{Check, check};
pub use self::check_report::Report;
#[cfg(feature = "cli")]
pub(crate) use self::correction::Correction;
pub use self::documented::Documented;
pub use self::finding::Finding;
pub use self::format::Format;
#[cfg(feature = "cli")]
pub(crate) use self::inspection::{Inspection, MissingVariable};
#[cfg(feature = "cli")]
pub(crate) use self::redact::redacted_lines;
#[cfg(feature = "cli")]
pub(crate) use self::search::read;
#[cfg(feature = "cli")]
pub(crate) use self::suggestion::{HEADING, assignment};
