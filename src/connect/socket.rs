//! [`Socket`]: the socket of a connection, whatever reactor it is registered with.

use std::io;
#[cfg(unix)]
use std::io::{Read, Write};
#[cfg(unix)]
use std::mem::MaybeUninit;
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream;

#[cfg(unix)]
use socket2::SockRef;

/// A socket that does not block. Callers may write to it from their own threads.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(std::net::TcpStream),
    Unix(UnixStream),
}

#[cfg(unix)]
impl Socket {
    /// Writes what the system takes at once.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => (&*socket).write(bytes),
            Socket::Unix(socket) => (&*socket).write(bytes),
        }
    }

    /// Writes what the system takes at once of several buffers.
    #[cfg(feature = "tls")]
    pub(super) fn try_write_vectored(&self, buffers: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => (&*socket).write_vectored(buffers),
            Socket::Unix(socket) => (&*socket).write_vectored(buffers),
        }
    }

    /// Reads what is there; 0 is the end of the stream.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => (&*socket).read(buffer),
            Socket::Unix(socket) => (&*socket).read(buffer),
        }
    }

    /// Returns whether there is something to read: bytes or the end of the stream.
    ///
    /// # Errors
    /// The connection has failed. The system tells of that once: later reads find the end of the stream.
    pub(crate) fn has_input(&self) -> io::Result<bool> {
        let mut byte = [MaybeUninit::uninit()];
        let peeked = match self {
            Socket::Tcp(socket) => SockRef::from(socket).peek(&mut byte),
            Socket::Unix(socket) => SockRef::from(socket).peek(&mut byte),
        };
        match peeked {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(unix)]
impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Socket::Tcp(socket) => socket.as_raw_fd(),
            Socket::Unix(socket) => socket.as_raw_fd(),
        }
    }
}

/// A socket that stays registered with the reactor of the I/O thread. Callers may write to it from their
/// own threads.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Socket(pub(super) tokio::net::TcpStream);

#[cfg(not(unix))]
impl Socket {
    /// Writes what the system takes at once.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    /// Writes what the system takes at once of several buffers.
    #[cfg(feature = "tls")]
    pub(super) fn try_write_vectored(&self, buffers: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(buffers)
    }

    /// Reads what is there; 0 is the end of the stream.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }

    /// Returns `false`: no resident drives here, after which one would have to look.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as on Unix")]
    pub(crate) fn has_input(&self) -> io::Result<bool> {
        Ok(false)
    }
}
