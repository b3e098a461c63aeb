//! Ports of 127.0.0.1: free ones, one that refuses connections, one that drops them.

use std::net::{SocketAddr, TcpListener};

use tokio::net::{TcpListener as Listener, TcpSocket};
use tokio::runtime::{Builder, Runtime};

/// Listens on a port that was free.
pub(crate) fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).expect("a port is free")
}

fn bound_socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("there is IPv4");
    socket
        .bind(([127, 0, 0, 1], 0).into())
        .expect("a port is free");
    socket
}

/// A port that refuses connections. It is bound as long as this lives, so that no other process listens
/// on it meanwhile.
pub(crate) struct ClosedPort(TcpSocket);

impl ClosedPort {
    pub(crate) fn new() -> ClosedPort {
        ClosedPort(bound_socket())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    pub(crate) fn port(&self) -> u16 {
        self.address().port()
    }

    /// Begins to listen, within a runtime. The port is never free in between.
    pub(crate) fn listen(self) -> TcpListener {
        let listener = self.0.listen(1024).expect("it is bound");
        let listener = listener.into_std().expect("it is a socket");
        listener.set_nonblocking(false).expect("it is a socket");
        listener
    }
}

/// A port that neither accepts nor refuses connections, as a host behind a firewall that drops packets:
/// with a backlog of 0 one connection fills the queue, and the next SYN has no answer.
pub(crate) struct BlackHole {
    address: SocketAddr,
    _filler: std::net::TcpStream,
    _listener: Listener,
    _runtime: Runtime,
}

impl BlackHole {
    pub(crate) fn new() -> BlackHole {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_io().build().expect("a runtime starts");
        let entered = runtime.enter();
        let listener = bound_socket().listen(0).expect("it is bound");
        drop(entered);
        let address = listener.local_addr().expect("it is bound");
        let filler = std::net::TcpStream::connect(address).expect("there is room for one");
        BlackHole {
            address,
            _filler: filler,
            _listener: listener,
            _runtime: runtime,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
