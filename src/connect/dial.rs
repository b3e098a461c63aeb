//! Opens the socket to a server.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::stream::Socket;

/// How long an address may stay silent before the next one is dialled as well (RFC 8305, section 5).
const NEXT_ADDRESS_DELAY: Duration = Duration::from_millis(250);

/// Dials the addresses in their order: the next one once the one before has failed, or has stayed
/// silent for a while. Returns the first connection, and the address that it is to.
///
/// # Errors
/// The error of the first address, which is usually the one that matters; it names the address if
/// there are several.
pub(super) async fn dial(addresses: &[SocketAddr]) -> io::Result<(TcpStream, SocketAddr)> {
    let mut attempts = JoinSet::new();
    let mut undialled = addresses.iter();
    let mut first_failure = None;
    loop {
        match undialled.next() {
            Some(&address) => {
                attempts.spawn(async move { (address, TcpStream::connect(address).await) });
            }
            None if attempts.is_empty() => return Err(all_failed(addresses, first_failure)),
            None => {}
        }
        let wait = if undialled.len() == 0 {
            Duration::MAX
        } else {
            NEXT_ADDRESS_DELAY
        };
        match tokio::time::timeout(wait, attempts.join_next()).await {
            Ok(Some(Ok((address, Ok(socket))))) => return Ok((socket, address)),
            Ok(Some(Ok((address, Err(error))))) if addresses.first() == Some(&address) => {
                first_failure = Some(error);
            }
            _ => {}
        }
    }
}

fn all_failed(addresses: &[SocketAddr], first_failure: Option<io::Error>) -> io::Error {
    match (addresses, first_failure) {
        ([first, _, ..], Some(error)) => {
            let count = addresses.len();
            let message = format!("{first}, the first of {count} addresses: {error}");
            io::Error::new(error.kind(), message)
        }
        (_, Some(error)) => error,
        (_, None) => io::Error::new(io::ErrorKind::NotFound, "no address to connect to"),
    }
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").expect("a port is free")
    }

    fn closed_port() -> SocketAddr {
        listener().local_addr().expect("it is bound")
    }

    #[tokio::test]
    async fn the_next_address_is_dialled_when_one_fails() {
        let listener = listener();
        let open = listener.local_addr().expect("it is bound");
        let (socket, address) = dial(&[closed_port(), open]).await.expect("one is open");
        assert_eq!(address, open);
        assert_eq!(socket.peer_addr().expect("it is connected"), open);
    }

    #[tokio::test]
    async fn the_error_of_the_first_of_several_addresses_is_reported() {
        // A TCP connection to a broadcast address fails in another way than one to a closed port.
        let (first, last) = (closed_port(), "255.255.255.255:1".parse().expect("valid"));
        let error = dial(&[first, last]).await.expect_err("none is open");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{error}");
        let expected = format!("{first}, the first of 2 addresses: ");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }

    #[tokio::test]
    async fn the_error_of_the_only_address_does_not_name_it() {
        let address = closed_port();
        let error = dial(&[address]).await.expect_err("it is closed");
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
        let error = dial(&[]).await.expect_err("there is none");
        assert_eq!(error.to_string(), "no address to connect to");
    }
}
