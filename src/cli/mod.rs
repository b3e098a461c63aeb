//! The program `cargo redis-ready`: it checks `.env.example`, writes what is missing, and mends what is
//! certain.
//!
//! ```sh
//! cargo install redis-ready --no-default-features --features cli
//! cargo redis-ready init --write   # .env.example, Cargo.toml and build.rs
//! cargo redis-ready check
//! ```
//!
//! | command | what it does |
//! |---|---|
//! | `check` | Prints what the build script would find, and where sources and document name different variables. It writes nothing. |
//! | `init` | Adds to `.env.example` what is missing, an optional variable as a comment, and changes no line that is there. In a package of cargo it prints the lines for `Cargo.toml` and `build.rs`, or writes them with `--write`. |
//! | `fix` | Changes lines that have a finding, where only one text is right: it fills in an empty value, quotes a value with spaces, percent-encodes a character of a password, comments out a repeated assignment, and replaces a real password by the example that the help names. |
//!
//! `init` and `fix` print a diff without secrets; with `--dry-run` they write nothing. A second run changes
//! nothing more. Variables that are not the application's own, such as those of another service, keep their
//! values; `fix` only puts quotes into those lines of them that cannot be loaded.
//!
//! # Which files
//!
//! The package of the current directory, or those that `--package` and `--workspace` name, as
//! `cargo metadata` lists them; in a workspace without a root package, all its members that depend on this
//! crate. Each package's file is found as its build script finds it. Where there is no package the file in
//! the current directory is meant.
//!
//! Where files are missing, `init` writes one for all packages that it is called for, and for a single
//! package one of its own.
//!
//! The settings of [`Check`](crate::build::Check) in the build script are read from its source, as far as
//! they are literal texts in one expression from `Check::new()` to `.run()` or `.try_run()`. A warning names
//! what cannot be read. A build script may make several checks: a variable is documented if one of them
//! accepts it, and `init` adds one that none accepts to the file of the first check.
//!
//! # Sources and document
//!
//! `check` compares each package with its document:
//!
//! - `undocumented_variable`, an error: a variable of `redis_client!(NAME)` or `Client::from_env("NAME")` is
//!   not documented, or the check does not accept it. The Rust files below the package's directory are read,
//!   without hidden directories and without other packages, whatever the package calls this crate in its
//!   `Cargo.toml`. Examples count like the application. `tests/`, `benches/` and what is behind
//!   `#[cfg(test)]` or `#[test]` do not: tests may name variables that are missing on purpose.
//! - `unused_variable`, a warning: no Rust file of the package reads a documented variable, those of tests
//!   included, and no other file below the directory of the document has its name as a word, such as a
//!   service in another language or a workflow below `.github`. Not searched are build scripts, files with
//!   `.env` in their names, `*.md`, files of more than 1 MiB, links, and directories of other programs:
//!   `.git`, `.hg`, `.svn`, `.jj`, `.venv`, `.tox`, `.next`, `.terraform`, `target`, `node_modules`,
//!   `vendor`, `venv`, `__pycache__`, `site-packages`.
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | nothing is wrong; there may be warnings |
//! | 1 | there are findings, after `init` and `fix` those that remain; a `.env.example` that is missing or is not UTF-8 is one |
//! | 2 | it could not run: arguments, `cargo metadata`, a `Cargo.toml` that cannot be read, a file that cannot be written |
//!
//! # JSON
//!
//! `check --format json` prints one object. New fields may be added; a change of their meaning changes
//! `version`, which is 1. No text holds a secret.
//!
//! | field | value |
//! |---|---|
//! | `version` | 1 |
//! | `files[]` | each file that was checked: `path`, `packages[]`, `variables[]` with `name` and `line` |
//! | `findings[].level` | `"error"` or `"warning"` |
//! | `findings[].code` | the stable code of the rule, such as `"assigned_twice"` |
//! | `findings[].message` | what is wrong, on one line |
//! | `findings[].path` | the file, from the current directory where it is below it |
//! | `findings[].line`, `findings[].column` | from 1, counted in characters; `null` for a file as a whole |
//! | `findings[].source` | the line without its secrets, of a line of Rust with a comment the call alone, or `null` |
//! | `findings[].help[]` | what to type; one text may have several lines |
//!
//! `check --format github` prints workflow commands, which GitHub Actions shows at their lines; paths are
//! from `GITHUB_WORKSPACE`.
//!
//! ```yaml
//! - run: cargo install --locked redis-ready --no-default-features --features cli
//! - run: cargo redis-ready check --workspace --format github
//! ```

mod build_script;
mod calls;
mod check;
mod command_line;
mod completion;
mod dependency;
mod diff;
mod documents;
mod drift;
mod failure;
mod fix;
mod mentions;
mod output;
mod package;
mod paths;
mod run;
mod selection;
mod setup;
mod source_line;
mod sources;
mod test_code;
mod tokens;

#[cfg(test)]
mod tests;

pub use self::run::run;
