//! Our URL names the authority; the peers are told by other means.

use std::fs;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::Failure;

/// Splits the authority's certificate, in PEM, off `url`.
pub(super) fn split(url: &str) -> Result<(&str, Option<Vec<u8>>), Failure> {
    match url.split_once("?tls_ca=") {
        None => Ok((url, None)),
        Some((url, authority)) => Ok((url, Some(fs::read(authority)?))),
    }
}

/// redis-rs takes the provider of the process.
pub(super) fn install_provider() {
    // Fails where there is one already.
    let _ = ring::default_provider().install_default();
}

pub(super) fn config(authority: &[u8]) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority)?)?;
    let provider = Arc::new(ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
