//! [`CertificateVerifier`]: verifies the certificate of a server where rustls' own verifier does not fit.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Verifies a certificate for one of several names, for any name, or not at all. It always verifies that
/// the server has the key of its certificate.
#[derive(Debug)]
pub(super) struct CertificateVerifier {
    /// `None` accepts every certificate.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// The names that are accepted beside the first one; `None` accepts every name.
    other_names: Option<Vec<ServerName<'static>>>,
    provider: Arc<CryptoProvider>,
}

impl CertificateVerifier {
    /// Accepts a certificate for the name that the server was asked for, or for one of `other_names`, as
    /// a node of a cluster may have it.
    pub(super) fn of_one_name(
        roots: Arc<RootCertStore>,
        other_names: Vec<ServerName<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<CertificateVerifier, VerifierBuilderError> {
        Ok(CertificateVerifier {
            other_names: Some(other_names),
            ..CertificateVerifier::of_any_name(roots, provider)?
        })
    }

    /// Accepts a certificate for any name: `tls_verify=ca`.
    pub(super) fn of_any_name(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
    ) -> Result<CertificateVerifier, VerifierBuilderError> {
        let chain = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        Ok(CertificateVerifier {
            chain: Some(chain.build()?),
            other_names: None,
            provider,
        })
    }

    /// Accepts any certificate: `tls_verify=none`.
    pub(super) fn of_any_certificate(provider: Arc<CryptoProvider>) -> CertificateVerifier {
        CertificateVerifier {
            chain: None,
            other_names: None,
            provider,
        }
    }
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let verify = |name: &ServerName<'_>| {
            chain.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        };
        match (verify(server_name), &self.other_names) {
            (
                Err(rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )),
                None,
            ) => Ok(ServerCertVerified::assertion()),
            (Err(error), Some(names)) => {
                names.iter().find_map(|name| verify(name).ok()).ok_or(error)
            }
            (verified, _) => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
