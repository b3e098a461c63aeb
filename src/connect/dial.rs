//! Opens the socket to a server.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;

use super::socket_options::set_options;
use super::stream::Socket;

/// Opens the TCP connection to `address`.
pub(super) async fn dial(address: SocketAddr, keepalive: Duration) -> io::Result<Socket> {
    let socket = TcpStream::connect(address).await?;
    set_options(&socket, keepalive);
    Ok(Socket::Tcp(socket))
}

/// Opens the Unix socket at `path`.
#[cfg(unix)]
pub(super) async fn dial_unix(path: &Path) -> io::Result<Socket> {
    let socket = tokio::net::UnixStream::connect(path).await?;
    Ok(Socket::Unix(socket))
}

#[cfg(not(unix))]
pub(super) async fn dial_unix(_path: &Path) -> io::Result<Socket> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has no Unix sockets",
    ))
}
