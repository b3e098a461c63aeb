//! [`ClientIdentity`]: the certificate of this client, and whether the server has asked for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

/// The certificate of this client, if it has one. The report about a handshake that fails depends on
/// whether the server has asked for it.
#[derive(Debug)]
pub(super) struct ClientIdentity {
    certificate: Option<Arc<CertifiedKey>>,
    is_asked_for: AtomicBool,
}

impl ClientIdentity {
    pub(super) fn new(certificate: Option<CertifiedKey>) -> ClientIdentity {
        ClientIdentity {
            certificate: certificate.map(Arc::new),
            is_asked_for: AtomicBool::new(false),
        }
    }

    /// Returns whether the server has asked for the certificate since the last call.
    pub(super) fn take_is_asked_for(&self) -> bool {
        self.is_asked_for.swap(false, Ordering::Relaxed)
    }
}

impl ResolvesClientCert for ClientIdentity {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.is_asked_for.store(true, Ordering::Relaxed);
        self.certificate.clone()
    }

    fn has_certs(&self) -> bool {
        self.certificate.is_some()
    }
}
