//! [`TlsProbe`]: asks a port on a second connection whether it speaks TLS or plain RESP, so that a URL
//! with the wrong scheme is reported as what it is. No secret is sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::ServerConfig;
use crate::error::{Error, ErrorKind};

/// How long a server may leave the TLS handshake without an answer before its port is probed.
#[cfg(feature = "tls")]
pub(super) const TLS_PROBE_AFTER: Duration = Duration::from_millis(400);
/// Time limit of one probe.
const PROBE_TIMEOUT: Duration = Duration::from_millis(400);

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
/// The first byte of a TLS record that answers it.
const TLS_ALERT: u8 = 0x15;
const TLS_HANDSHAKE: u8 = 0x16;

/// How many failed attempts share one probe. A server in trouble must not have twice as many connections
/// to refuse; but a server that starts during the outage has to be recognised, a few seconds later.
const ATTEMPTS_PER_PROBE: u32 = 8;

/// Addresses whose answers are kept.
const MAX_ADDRESSES: usize = 64;

/// Probes the port of a server, and keeps the answer of each address for the next failed attempts of an
/// outage.
#[derive(Debug, Default)]
pub(super) struct TlsProbe(Mutex<BTreeMap<SocketAddr, Probed>>);

#[derive(Debug, Default)]
struct Probed {
    /// Whether the port speaks the one of the two that it was asked for.
    answer: bool,
    /// Failed attempts until the port is probed again.
    attempts_left: u32,
}

impl TlsProbe {
    /// Returns whether the port, which has ended a plain connection, speaks TLS.
    pub(super) async fn speaks_tls(&self, address: SocketAddr) -> bool {
        self.ask(address, &CLIENT_HELLO, &[TLS_ALERT, TLS_HANDSHAKE])
            .await
    }

    /// Returns whether the port, with which a TLS handshake has failed, speaks plain RESP.
    #[cfg(feature = "tls")]
    pub(super) async fn speaks_plain(&self, address: SocketAddr) -> bool {
        self.ask(address, b"PING\r\n", b"+-").await
    }

    /// Ends the outage: the next one is probed again.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    async fn ask(&self, address: SocketAddr, question: &[u8], expected: &[u8]) -> bool {
        {
            let mut known = self.lock();
            if known.len() >= MAX_ADDRESSES && !known.contains_key(&address) {
                known.clear();
            }
            let probed = known.entry(address).or_default();
            if let Some(left) = probed.attempts_left.checked_sub(1) {
                probed.attempts_left = left;
                return probed.answer;
            }
            // Stays if the attempt ends before the probe does.
            *probed = Probed {
                answer: false,
                attempts_left: ATTEMPTS_PER_PROBE - 1,
            };
        }
        let first = first_byte(address, question).await;
        let answer = first.is_some_and(|first| expected.contains(&first));
        if let Some(probed) = self.lock().get_mut(&address) {
            probed.answer = answer;
        }
        answer
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Probed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn first_byte(address: SocketAddr, question: &[u8]) -> Option<u8> {
    let answer = async {
        let mut socket = TcpStream::connect(address).await?;
        socket.write_all(question).await?;
        socket.read_u8().await
    };
    tokio::time::timeout(PROBE_TIMEOUT, answer).await.ok()?.ok()
}

/// Reports that a server speaks TLS, and the URL has the scheme without.
pub(super) fn expects_tls(config: &ServerConfig) -> Error {
    let message = format!("`{config}` speaks TLS, and the URL says that it does not");
    let servers = config.client().servers();
    let (right, wrong) = (servers.scheme(true), servers.scheme(false));
    Error::new(ErrorKind::Tls, message)
        .with_help(format!("write `{right}://` instead of `{wrong}://`"))
}

/// Reports that a server does not speak TLS, and the URL has the scheme with it.
#[cfg(feature = "tls")]
pub(super) fn expects_plain(config: &ServerConfig) -> Error {
    let message = format!("`{config}` does not speak TLS, and the URL says that it does");
    let servers = config.client().servers();
    let (right, wrong) = (servers.scheme(false), servers.scheme(true));
    let other_port = if servers.contains(config.endpoint()) {
        ", or give the TLS port"
    } else {
        // Sentinels, or other nodes of the cluster, have named the port.
        ""
    };
    Error::new(ErrorKind::Tls, message).with_help(format!(
        "write `{right}://` instead of `{wrong}://`{other_port}"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::address::Address;
    use crate::config::{Config, Endpoint, ServerRole};

    fn server(url: &str, role: ServerRole) -> ServerConfig {
        let config: Config = url.parse().expect("valid");
        let endpoint = Endpoint::Tcp(Address::new("h", 1));
        ServerConfig::new(Arc::new(config), endpoint, role)
    }

    fn check(error: &Error, expected: &str) {
        assert_eq!(error.help(), Some(expected), "{error}");
    }

    #[test]
    fn the_help_has_the_scheme_of_the_url() {
        use ServerRole::{Node, Sentinel, Standalone};
        for (url, role, expected) in [
            (
                "redis://h:1",
                Standalone,
                "write `rediss://` instead of `redis://`",
            ),
            (
                "redis-sentinel://h:1/main",
                Sentinel,
                "write `rediss-sentinel://` instead of `redis-sentinel://`",
            ),
            (
                "redis-sentinel://s:1/main",
                Standalone,
                "write `rediss-sentinel://` instead of `redis-sentinel://`",
            ),
            (
                "redis-cluster://h:1",
                Node,
                "write `rediss-cluster://` instead of `redis-cluster://`",
            ),
        ] {
            check(&expects_tls(&server(url, role)), expected);
        }
    }

    #[test]
    #[cfg(feature = "tls")]
    fn another_port_is_advised_only_where_the_url_has_the_port() {
        use ServerRole::{Node, Sentinel, Standalone};
        for (url, role, expected) in [
            (
                "rediss://h:1",
                Standalone,
                "write `redis://` instead of `rediss://`, or give the TLS port",
            ),
            (
                "rediss-sentinel://h:1/main",
                Sentinel,
                "write `redis-sentinel://` instead of `rediss-sentinel://`, or give the TLS port",
            ),
            (
                "rediss-sentinel://s:1/main",
                Standalone,
                "write `redis-sentinel://` instead of `rediss-sentinel://`",
            ),
            (
                "rediss-cluster://h:1,i:1",
                Node,
                "write `redis-cluster://` instead of `rediss-cluster://`, or give the TLS port",
            ),
            (
                "rediss-cluster://i:1",
                Node,
                "write `redis-cluster://` instead of `rediss-cluster://`",
            ),
        ] {
            check(&expects_plain(&server(url, role)), expected);
        }
    }
}
