//! The server's side of TLS in this process: a balancer that ends TLS, and peers that real servers are not.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::certificates::Identity;

/// TLS by rustls with one certificate and one version.
#[derive(Debug, Clone)]
pub(crate) struct TlsPeer(Arc<ServerConfig>);

impl TlsPeer {
    pub(crate) fn new(identity: &Identity, version: &'static SupportedProtocolVersion) -> TlsPeer {
        let Identity { certificate, key } = identity;
        let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let key = PrivateKeyDer::from_pem_file(key).expect("it is a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .expect("ring knows it")
            .with_no_client_auth()
            .with_single_cert(chain.expect("it is a certificate"), key)
            .expect("they belong together");
        TlsPeer(Arc::new(config))
    }

    /// Shakes hands with the client on `socket`, and with that has sent all that the handshake needs.
    pub(crate) fn accept(
        &self,
        socket: TcpStream,
    ) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
        let session = ServerConnection::new(Arc::clone(&self.0)).expect("it is valid");
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        stream.flush()?;
        Ok(stream)
    }

    /// Answers the first message of the client on `socket` and goes no further.
    pub(crate) fn answer_once(&self, mut socket: &TcpStream) -> io::Result<()> {
        let mut session = ServerConnection::new(Arc::clone(&self.0)).expect("it is valid");
        while session.wants_read() && !session.wants_write() {
            session.read_tls(&mut socket)?;
            session.process_new_packets().map_err(io::Error::other)?;
        }
        let mut answer = Vec::new();
        session.write_tls(&mut answer)?;
        // Not all of it: the client still waits when the connection ends.
        socket.write_all(&answer[..answer.len() / 2])
    }
}

/// Passes everything on between `client` and `port` of 127.0.0.1, until one side ends.
pub(crate) fn pass_through(client: &TcpStream, port: u16) -> io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port))?;
    std::thread::scope(|scope| {
        for (mut from, mut to) in [(client, &server), (&server, client)] {
            scope.spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = from.read(&mut piece) {
                    if to.write_all(&piece[..length]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    Ok(())
}
