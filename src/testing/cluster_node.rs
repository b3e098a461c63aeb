//! A node: a server, and what a cluster has to know of it.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::TcpListener;

use super::ask::query;
use super::builder::ServerBuilder;
use super::server::Server;

/// Attempts to start a node after another process took the port of its bus.
const PORT_ATTEMPTS: u32 = 10;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) server: Server,
    /// As the cluster calls it.
    pub(super) id: String,
    pub(super) bus_port: u16,
}

impl Node {
    pub(super) fn start(builder: &ServerBuilder) -> io::Result<Node> {
        let mut attempt = 1;
        loop {
            let bus_port = free_bus_port();
            let builder = builder
                .clone()
                .arg("--cluster-port")
                .arg(bus_port.to_string());
            match builder.start() {
                Ok(server) => {
                    let mut connection = server.connect().map_err(io::Error::other)?;
                    let id = query(&mut connection, &["CLUSTER", "MYID"])?;
                    return Ok(Node {
                        server,
                        id,
                        bus_port,
                    });
                }
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse && attempt < PORT_ATTEMPTS =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.server.port().expect("all nodes listen on ports")
    }
}

/// Returns a port that was free a moment ago and that no outgoing connection takes meanwhile. The default,
/// the client port plus 10,000, is beyond the last port half of the time.
fn free_bus_port() -> u16 {
    loop {
        let random = RandomState::new().hash_one(0) % 12_000;
        let port = 20_000 + u16::try_from(random).expect("it is below 12,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
