//! [`Resolver`]: looks up the addresses of a host.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::task::JoinHandle;

/// Looks up one host, anew for every attempt to connect.
///
/// A look-up cannot be cancelled. When an attempt ends before its look-up does, the next attempt waits
/// for that look-up instead of starting another one.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    running: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
}

impl Resolver {
    /// Returns the addresses of `host`, at least one, in the order in which to try them.
    pub(super) async fn resolve(&mut self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let running = self.running.get_or_insert_with(|| {
            let host = host.to_owned();
            tokio::task::spawn_blocking(move || {
                Ok((host.as_str(), port).to_socket_addrs()?.collect())
            })
        });
        let found = running.await;
        self.running = None;
        let addresses = found.map_err(io::Error::other)??;
        if addresses.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the name has no address",
            ));
        }
        Ok(addresses)
    }

    /// Returns a resolver whose next look-up finds `address`, whatever the host.
    #[cfg(test)]
    pub(super) fn finding(address: SocketAddr) -> Resolver {
        Resolver {
            running: Some(tokio::task::spawn_blocking(move || Ok(vec![address]))),
        }
    }
}
