//! Connecting: what works, and how each failure is reported: typed, in time, with help, and without a
//! secret.

mod failure;
mod handshake;
mod reconnecting;
mod refused;
mod tls;
mod tls_ends;
