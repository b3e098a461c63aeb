//! Servers behind real Sentinels, as applications see them: one module per promise.

mod announced;
mod connections;
mod coordinated;
mod disagreement;
mod distance;
mod failovers;
mod harness;
mod replicas;
mod starting;
#[cfg(feature = "tls")]
mod tls;
