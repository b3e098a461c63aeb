//! The book: one page for each task.
//!
//! | to | read |
//! |---|---|
//! | write, run and test a first application | [`first_hour`] |
//! | deploy an application: containers, Kubernetes, secrets | [`deploy`] |
//! | find out what an error or a report means, and what to do | [`errors`] |
//! | operate an application, also at three in the morning | [`operate`] |
//! | move from one server to Sentinel or to a cluster | [`growing`] |
//! | come from redis-rs, deadpool-redis, bb8-redis or fred | [`migrating`] |

#[doc = include_str!("deploy.md")]
pub mod deploy {}
#[doc = include_str!("errors.md")]
pub mod errors {}
#[doc = include_str!("first_hour.md")]
pub mod first_hour {}
#[doc = include_str!("growing.md")]
pub mod growing {}
#[doc = include_str!("migrating.md")]
pub mod migrating {}
#[doc = include_str!("operate.md")]
pub mod operate {}
