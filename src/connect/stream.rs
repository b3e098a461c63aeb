//! [`Stream`]: what bytes are read from and written to, over TCP, a Unix socket or TLS.

use std::io;
#[cfg(feature = "tls")]
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

#[cfg(feature = "tls")]
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::registered_socket::RegisteredSocket;
use super::socket::Socket;

/// The stream of a connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(RegisteredSocket),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<RegisteredSocket>>),
}

impl Stream {
    /// Returns the socket that callers may write to; `None` for TLS, whose stream keeps a state.
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unnecessary_wraps, reason = "a TLS stream has none")
    )]
    pub(crate) fn inline(&self) -> Option<Arc<Socket>> {
        match self {
            Stream::Plain(socket) => Some(Arc::clone(socket.socket())),
            #[cfg(feature = "tls")]
            Stream::Tls(_) => None,
        }
    }

    fn registered(&self) -> &RegisteredSocket {
        match self {
            Stream::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }

    fn registered_mut(&mut self) -> &mut RegisteredSocket {
        match self {
            Stream::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.get_mut().0,
        }
    }

    /// Returns the socket below.
    pub(crate) fn socket(&self) -> &Arc<Socket> {
        self.registered().socket()
    }

    /// Registers the socket with the reactor of the runtime at hand, instead of the one before.
    ///
    /// # Panics
    /// The runtime at hand has no reactor.
    pub(crate) fn attach(&mut self) -> io::Result<()> {
        self.registered_mut().attach()
    }

    /// Takes the socket away from its reactor.
    pub(crate) fn detach(&mut self) {
        self.registered_mut().detach();
    }

    /// Returns whether a reactor tells when the socket is ready.
    pub(crate) fn is_attached(&self) -> bool {
        self.registered().is_attached()
    }

    /// Reads once; 0 is the end of the stream. Pending and not attached any more once the reactor has ended.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Plain(socket) => socket.poll_read(cx, buffer),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => {
                let mut buffer = ReadBuf::new(buffer);
                std::task::ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
                Poll::Ready(Ok(buffer.filled().len()))
            }
        }
    }

    /// Writes once. Pending and not attached any more once the reactor has ended.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Plain(socket) => socket.poll_write(cx, bytes),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// Sends what the stream has not handed to the system yet.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(_) => {
                // Only a TLS stream has a buffer.
                let _ = cx;
                Poll::Ready(Ok(()))
            }
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Reads once; 0 is the end of the stream.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_read(cx, buffer)).await
    }

    /// Writes all of `bytes`.
    pub(crate) async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = std::future::poll_fn(|cx| self.poll_write(cx, bytes)).await?;
            bytes = &bytes[written..];
        }
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }
}
