//! What a command is: its name, its arguments, and one row of a table that holds what this crate has to
//! know about it.
//!
//! [`CommandInfo::of`] looks a command up once per call, without an allocation. The row says whether the
//! command only reads, whether the server may hold back its reply ([`Effect`]), what it does to the
//! session, whether an error reply proves that it has not run, where its keys stand, and which nodes of
//! a cluster it goes to ([`RoutingRule`]).
//!
//! # Where the table comes from
//!
//! `table.rs` has every command and subcommand of Redis 8.10.2 (its `src/commands/*.json`, and the vector
//! sets that it is built with) and of Valkey 9.1.2 (its answer to `COMMAND`), as of November 2026: the flag
//! `READONLY`, the key specifications, and the subcommands. Commands that go to several nodes follow the
//! tips `request_policy` and `response_policy` where there are any, and else go to those that redis-rs
//! asks too. Tests compare flags and keys with the answer of the server at hand to `COMMAND`, and fail if
//! the table lacks a command of a server up to these versions.
//!
//! # A command that holds its connection
//!
//! Most commands share one connection. One for which the server holds back the reply while it serves other
//! connections would make all callers wait, so it has a connection of its own: `BLPOP` and others with a timeout among their arguments, and also `FLUSHALL` and `FLUSHDB` without `ASYNC`, and `SHUTDOWN`.
//! A command that stops the whole server while it runs, such as `KEYS`, `SAVE` or `DEBUG SLEEP`, does not:
//! its callers would wait on any connection.
//!
//! # A command that is not in the table
//!
//! Nothing is known about it ([`Effect::Unknown`]), so it may not share the connection before the server
//! has been asked what it is ([`described`]). Where the server does not say, it counts as a script
//! that blocks, changes the session and has its first argument as its key. An unknown
//! subcommand, such as `CLIENT X`, has no key. A new command is one more line in `table.rs`, at its place in
//! the order of the names.
//!
//! This folder depends on nothing else of the crate.

mod arguments;
mod described;
mod effect;
mod keys;
mod lookup;
mod packed_name;
mod row;
mod split;
mod table;

pub(crate) use self::arguments::{arguments, number};
pub(crate) use self::described::described;
pub(crate) use self::effect::Effect;
pub(crate) use self::lookup::CommandInfo;
pub(crate) use self::row::{ResponsePolicy, RoutingRule, SplitBy};
pub(crate) use self::split::{encoded_commands, split};
