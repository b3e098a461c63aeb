//! Names to addresses.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use tokio::task::JoinHandle;

/// Looks one host up, anew for every attempt to connect.
///
/// A look-up cannot be cancelled. When an attempt ends before it does, the next attempt waits for the
/// same look-up instead of starting another.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    running: Option<JoinHandle<io::Result<Vec<SocketAddr>>>>,
}

impl Resolver {
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
}
