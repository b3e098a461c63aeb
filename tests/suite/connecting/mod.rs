//! Connecting: what works, and how each failure is reported: typed, in time, with help, and without a
//! secret.

mod busy;
mod failure;
mod handshake;
#[cfg(target_os = "linux")]
mod keepalive;
mod proxies;
mod ready;
mod reconnecting;
mod refused;
mod tls;
mod tls_certificates;
mod tls_ends;
mod tls_files;
mod tls_roots;
