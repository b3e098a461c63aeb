//! What a port speaks: asked on a second connection when the first one has failed, so that TLS to a
//! plain port, and the other way round, is named instead of timing out. No secret is sent.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::{Error, ErrorKind};

const PATIENCE: Duration = Duration::from_millis(400);

/// A `ClientHello` of TLS 1.2 (RFC 5246, section 7.4.1.2): every TLS server answers it with a handshake
/// record or with an alert.
const CLIENT_HELLO: [u8; 52] = [
    0x16, 0x03, 0x01, 0x00, 0x2f, // record: handshake, TLS 1.0 as is the custom, 47 bytes
    0x01, 0x00, 0x00, 0x2b, // ClientHello, 43 bytes
    0x03, 0x03, // TLS 1.2
    0x72, 0x65, 0x64, 0x69, 0x73, 0x2d, 0x72, 0x65, 0x61, 0x64, 0x79, 0x20, 0x61, 0x73, 0x6b, 0x73,
    0x20, 0x77, 0x68, 0x61, 0x74, 0x20, 0x79, 0x6f, 0x75, 0x20, 0x73, 0x70, 0x65, 0x61, 0x6b, 0x3f,
    0x00, // no session
    0x00, 0x04, 0xc0, 0x2f, 0xc0, 0x2b, // ECDHE with AES-128-GCM
    0x01, 0x00, // no compression
];

pub(super) async fn speaks_tls(host: &str, port: u16) -> bool {
    matches!(
        first_byte(host, port, &CLIENT_HELLO).await,
        Some(0x15 | 0x16)
    )
}

#[cfg(feature = "tls")]
pub(super) async fn speaks_plain(host: &str, port: u16) -> bool {
    matches!(first_byte(host, port, b"PING\r\n").await, Some(b'+' | b'-'))
}

async fn first_byte(host: &str, port: u16, question: &[u8]) -> Option<u8> {
    let answer = async {
        let mut socket = TcpStream::connect((host, port)).await?;
        socket.write_all(question).await?;
        socket.read_u8().await
    };
    tokio::time::timeout(PATIENCE, answer).await.ok()?.ok()
}

pub(super) fn wants_tls(peer: &str) -> Error {
    Error::new(
        ErrorKind::Tls,
        format!("`{peer}` speaks TLS, and the URL says that it does not"),
    )
    .with_help("write `rediss://` instead of `redis://`")
}

#[cfg(feature = "tls")]
pub(super) fn wants_plain(peer: &str) -> Error {
    Error::new(
        ErrorKind::Tls,
        format!("`{peer}` does not speak TLS, and the URL says that it does"),
    )
    .with_help("write `redis://` instead of `rediss://`, or give the TLS port")
}
