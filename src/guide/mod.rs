//! The guide: one page for each task.
//!
//! | to | read |
//! |---|---|
//! | write, run and test a first application | [`first_hour`] |
//! | come from redis-rs, deadpool-redis, bb8-redis or fred | [`migrating`] |
//! | know when a command is sent again, and when its time is up | [`delivery`] |
//! | receive what others publish | [`subscription`](crate::subscription) |
//! | keep sessions, or use libraries for jobs, locks, caches or Socket.IO | [`integrations`] |
//! | test with real servers | [`testing`](crate::testing) |
//! | deploy an application: containers, Kubernetes, secrets | [`deploy`] |
//! | set up a server: permissions (ACL), TLS, proxies | [`servers`] |
//! | find out what an error or a report means, and what to do | [`errors`] |
//! | operate an application, also at three in the morning | [`operate`] |
//! | watch it by traces and metrics | [`observability`](crate::observability) |
//! | move from one server to Sentinel or to a cluster | [`growing`] |
//! | know which threads and tasks run, and what they cost | [`background_thread`] |
//! | know what is promised, measured and tested | [`reliability`](crate::reliability) |

#[doc = include_str!("background_thread.md")]
pub mod background_thread {}
#[doc = include_str!("delivery.md")]
pub mod delivery {}
#[doc = include_str!("deploy.md")]
pub mod deploy {}
#[doc = include_str!("errors.md")]
#[doc = include_str!("errors/value.md")]
#[doc = include_str!("errors/server.md")]
#[doc = include_str!("errors/parameters.md")]
#[doc = include_str!("errors/warnings.md")]
#[doc = include_str!("errors/documents.md")]
#[doc = include_str!("errors/kinds.md")]
#[doc = include_str!("errors/timeouts.md")]
pub mod errors {}
#[doc = include_str!("first_hour.md")]
pub mod first_hour {}
#[doc = include_str!("growing.md")]
pub mod growing {}
#[doc = include_str!("integrations.md")]
pub mod integrations {}
#[doc = include_str!("migrating.md")]
pub mod migrating {}
#[doc = include_str!("operate.md")]
pub mod operate {}
#[doc = include_str!("servers.md")]
pub mod servers {}
