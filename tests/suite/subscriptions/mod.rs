//! Subscriptions: what is published arrives, in order and once; what may be missing is told; nothing is left
//! behind.

mod blocking;
mod bounds;
mod caches;
mod channels;
mod clusters;
mod ends;
mod losses;
mod readers;
mod sentinels;
mod told_servers;
