//! A cluster: many servers, each with connections of its own, and which of them a command goes to.
//!
//! Each node has the same [`NodeConnections`](crate::connection::NodeConnections) as a single server, and
//! with them deadlines, delivery, reconnects and TLS. This folder adds which slot a command's keys are in
//! (`slot`, `routing`), which node serves it (`announced`, `topology`, `node`, `shards`, `nodes`, `refresh`,
//! `unserved`), the short way of a command whose keys are in one slot (`direct`), where a node redirects a
//! command to (`redirect`, `hop`, `script_refusal`), and how a command or a pipeline for several nodes is
//! taken apart and put together (`batch`, `fan_out`, `pipeline`, `responses`). `place` tells subscriptions
//! which node to connect to.
//!
//! # Why not redis-rs's `ClusterConnection`
//!
//! `ClusterConnection<C>` of redis-rs 1.8.1 routes over connections of any type `C`. Measured with a
//! `C` in memory that counts, and that only reports which commands are safe to send again:
//!
//! - `INCR` ran twice in 8 of 8 runs in which a refresh of the slots failed while it was in flight: then
//!   all requests in flight are sent again, answered ones too. No `C` can prevent that.
//!   Without retries the caller gets the error of the refresh, for a command that has run.
//! - A node that did not answer held up the others: 24 of 50 commands for a healthy node missed a
//!   deadline of 500 ms. A part of an `MSET` was written after its caller had been told of its deadline.
//! - A command took 0.8 µs more than on `C` itself. While no node accepted connections, it made
//!   390,000 attempts per second although no caller waited.
//! - With 200 commands in flight, one `MOVED` ended the connection for good with tokio 1.54 (not with
//!   1.51), redis-rs's own included.
//!
//! Its routing cannot be used on its own either: `RoutingInfo::for_routable` and the number of a `Slot`
//! are private.

mod announced;
mod batch;
mod deadline;
mod direct;
mod errors;
mod fan_out;
mod hop;
mod node;
mod node_request;
mod nodes;
mod pipeline;
mod place;
mod redirect;
mod refresh;
mod responses;
mod routed;
mod router;
mod routing;
mod script_refusal;
mod shards;
mod slot;
mod topology;
mod unserved;

pub(crate) use self::place::Place;
pub(crate) use self::router::Cluster;
pub(crate) use self::slot::Slot;
