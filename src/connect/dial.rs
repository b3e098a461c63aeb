//! Opens the socket to a server.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;

use super::registered_socket::RegisteredSocket;
use super::socket::Socket;
use super::socket_options::set_options;

/// Opens the TCP connection to `address`.
pub(super) async fn dial(address: SocketAddr, keepalive: Duration) -> io::Result<RegisteredSocket> {
    let socket = TcpStream::connect(address).await?;
    set_options(&socket, keepalive);
    #[cfg(unix)]
    let socket = Socket::Tcp(socket.into_std()?);
    #[cfg(not(unix))]
    let socket = Socket(socket);
    RegisteredSocket::new(socket)
}

/// Opens the Unix socket at `path`.
#[cfg(unix)]
pub(super) async fn dial_unix(path: &Path) -> io::Result<RegisteredSocket> {
    let socket = tokio::net::UnixStream::connect(path).await?;
    RegisteredSocket::new(Socket::Unix(socket.into_std()?))
}

#[cfg(not(unix))]
pub(super) async fn dial_unix(_path: &Path) -> io::Result<RegisteredSocket> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has no Unix sockets",
    ))
}
