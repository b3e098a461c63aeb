//! [`RegisteredSocket`]: a socket and the reactor that tells when it is ready.
//!
//! On Unix a connection moves between the I/O thread and the runtimes of its callers: its socket leaves one
//! reactor and enters another. Elsewhere it stays with the reactor of the I/O thread.

use std::io;
#[cfg(feature = "tls")]
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

#[cfg(unix)]
use tokio::io::unix::AsyncFd;
#[cfg(feature = "tls")]
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::socket::Socket;

/// Whether a read of less than was asked for shows that the socket is empty: where the reactor tells of
/// each arrival, which are epoll and kqueue.
#[cfg(unix)]
const SHORT_READ_EMPTIES: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
));

/// A socket and the reactor that tells when it is ready.
#[derive(Debug)]
pub(crate) struct RegisteredSocket {
    socket: Arc<Socket>,
    /// `None` on the way from one reactor to another, and once the reactor has ended.
    #[cfg(unix)]
    reactor: Option<AsyncFd<Arc<Socket>>>,
}

impl RegisteredSocket {
    /// The socket is registered with the reactor of the runtime at hand.
    pub(super) fn new(socket: Socket) -> io::Result<RegisteredSocket> {
        let socket = Arc::new(socket);
        Ok(RegisteredSocket {
            #[cfg(unix)]
            reactor: Some(register(&socket)?),
            socket,
        })
    }

    pub(super) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Writes once. Pending and not attached any more once the reactor has ended.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_by(cx, |socket| socket.try_write(bytes))
    }
}

#[cfg(unix)]
impl RegisteredSocket {
    /// Registers with the reactor of the runtime at hand.
    ///
    /// # Panics
    /// The runtime at hand has no reactor.
    pub(super) fn attach(&mut self) -> io::Result<()> {
        self.reactor = None;
        self.reactor = Some(register(&self.socket)?);
        Ok(())
    }

    /// Leaves the reactor.
    pub(super) fn detach(&mut self) {
        self.reactor = None;
    }

    /// Returns whether a reactor tells when it is ready.
    pub(super) fn is_attached(&self) -> bool {
        self.reactor.is_some()
    }

    /// Reads once; 0 is the end of the stream. Pending and not attached any more once the reactor has ended.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        while let Some(reactor) = &self.reactor {
            let Ok(mut readiness) = ready!(reactor.poll_read_ready(cx)) else {
                break;
            };
            match self.socket.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => readiness.clear_ready(),
                Ok(read) => {
                    if SHORT_READ_EMPTIES && 0 < read && read < buffer.len() {
                        readiness.clear_ready();
                    }
                    return Poll::Ready(Ok(read));
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.detach();
        Poll::Pending
    }

    fn poll_write_by(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        // Nearly always there is room.
        match write(&self.socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(some_written(written)),
        }
        while let Some(reactor) = &self.reactor {
            let Ok(mut readiness) = ready!(reactor.poll_write_ready(cx)) else {
                break;
            };
            match write(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => readiness.clear_ready(),
                written => return Poll::Ready(some_written(written)),
            }
        }
        self.detach();
        Poll::Pending
    }
}

#[cfg(not(unix))]
impl RegisteredSocket {
    /// Does nothing: it is registered with the reactor of the I/O thread.
    pub(super) fn attach(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: it stays registered with the reactor of the I/O thread.
    pub(super) fn detach(&mut self) {}

    /// Returns `true`: it is registered with the reactor of the I/O thread.
    pub(super) fn is_attached(&self) -> bool {
        true
    }

    /// Reads once; 0 is the end of the stream.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.0.poll_read_ready(cx))?;
            match self.socket.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }

    fn poll_write_by(
        &mut self,
        cx: &mut Context<'_>,
        write: impl Fn(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match write(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.0.poll_write_ready(cx))?;
                }
                written => return Poll::Ready(some_written(written)),
            }
        }
    }
}

/// Registers `socket` with the reactor of the runtime at hand.
#[cfg(unix)]
#[allow(
    deprecated,
    reason = "what replaces it is `unsafe`, for types that lie about their descriptor; a `Socket` owns its own"
)]
fn register(socket: &Arc<Socket>) -> io::Result<AsyncFd<Arc<Socket>>> {
    AsyncFd::new(Arc::clone(socket))
}

/// A write of nothing is an error: there were bytes to write.
fn some_written(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        written => written,
    }
}

#[cfg(feature = "tls")]
impl AsyncRead for RegisteredSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.get_mut().poll_read(cx, buffer.initialize_unfilled());
        buffer.advance(ready!(read)?);
        Poll::Ready(Ok(()))
    }
}

#[cfg(feature = "tls")]
impl AsyncWrite for RegisteredSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write(cx, bytes)
    }

    /// The records of TLS leave in one write: a peer that refuses the first one would make a second write
    /// fail, before it is read why.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = |socket: &Socket| socket.try_write_vectored(buffers);
        self.get_mut().poll_write_by(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A connection ends when its socket is closed.
        Poll::Ready(Ok(()))
    }
}
