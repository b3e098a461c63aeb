//! One list of checks, run on redis-rs's own connections and on ours: the outcomes are the same.

#[macro_use]
mod commands;
mod families;
mod ours;
mod outcomes;
mod requests;
mod sequences;
mod theirs;
