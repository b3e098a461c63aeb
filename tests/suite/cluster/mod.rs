//! A cluster of real servers, as applications see it: one module per promise.

mod announced;
mod databases;
mod exactly_once;
mod first_answers;
mod migrations;
mod node_loss;
mod replicas;
mod restarts;
mod routing;
mod scripts;
mod sessions;
mod slot_permissions;
mod slot_tables;
#[cfg(feature = "tls")]
mod tls;
mod unknown_keys;
mod urls;
mod waiting;
