//! A mail platform: tenants sign in, send mails through a queue, and watch them being delivered.
//!
//! | part | what it keeps in Redis |
//! |---|---|
//! | [`web::sessions`] | sessions, by tower-sessions |
//! | [`profiles`] | a cache of the tenants' profiles, which the application can do without |
//! | [`rate_limit`] | how many mails a tenant may send |
//! | [`queue`], [`consumer`], [`worker`] | the mails that wait, with each delivered once |
//! | [`counts`], [`live`] | how many there are, by hour and in all, and a channel that tells it |
//!
//! [`platform`] puts them together, and `main.rs` starts it.

pub mod consumer;
pub mod counts;
pub mod directory;
pub mod handles;
pub mod live;
pub mod mail;
pub mod outbox;
pub mod platform;
pub mod profiles;
pub mod queue;
pub mod rate_limit;
pub mod settings;
pub mod web;
pub mod worker;
