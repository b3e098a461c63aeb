//! [`CertificateVerifier`]: verifies the certificate of a server as `tls_verify` says, and keeps what it
//! refuses for the report.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::certificate::Certificate;
use super::tls_roots::Authorities;

/// Verifies a certificate for one of several names, for any name, or not at all. It always verifies that
/// the server has the key of its certificate.
#[derive(Debug)]
pub(super) struct CertificateVerifier {
    /// `None` accepts every certificate.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates of `tls_ca`, one of which a server may have as its own.
    pinned: Arc<[CertificateDer<'static>]>,
    names: Names,
    provider: Arc<CryptoProvider>,
    /// The certificates of the server that was refused last, its own first, for the report.
    refused: Mutex<Vec<CertificateDer<'static>>>,
}

/// The names for which a certificate is accepted.
#[derive(Debug)]
pub(super) enum Names {
    Any,
    /// The name that the server was asked for, or one of these, as a node of a cluster may have it.
    Expected(Vec<ServerName<'static>>),
}

impl CertificateVerifier {
    /// Accepts the certificates that `authorities` have signed, for these names.
    pub(super) fn new(
        authorities: &Authorities,
        names: Names,
        provider: Arc<CryptoProvider>,
    ) -> Result<CertificateVerifier, VerifierBuilderError> {
        let store = Arc::clone(&authorities.store);
        let chain = WebPkiServerVerifier::builder_with_provider(store, Arc::clone(&provider));
        Ok(CertificateVerifier {
            chain: Some(chain.build()?),
            pinned: Arc::clone(&authorities.pinned),
            names,
            provider,
            refused: Mutex::default(),
        })
    }

    /// Accepts any certificate: `tls_verify=none`.
    pub(super) fn of_any_certificate(provider: Arc<CryptoProvider>) -> CertificateVerifier {
        CertificateVerifier {
            chain: None,
            pinned: Arc::new([]),
            names: Names::Any,
            provider,
            refused: Mutex::default(),
        }
    }

    /// Takes the certificates of the server that was refused last, its own first.
    pub(super) fn take_refused(&self) -> Vec<CertificateDer<'static>> {
        std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep_refused<'a>(&self, chain: impl Iterator<Item = &'a CertificateDer<'a>>) {
        let chain = chain
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = chain;
    }

    /// Verifies the certificate for one name.
    fn verify(
        &self,
        chain: &WebPkiServerVerifier,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match chain.verify_server_cert(end_entity, intermediates, name, &[], now) {
            Err(rustls::Error::InvalidCertificate(error))
                if is_about_issuer(&error) && self.pinned.contains(end_entity) =>
            {
                // That file trusts it by itself. Its dates are verified already, before its issuer.
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_any_name(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let verify = |name| self.verify(chain, end_entity, intermediates, name, now);
        match (verify(server_name), &self.names) {
            (
                Err(rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )),
                Names::Any,
            ) => Ok(ServerCertVerified::assertion()),
            (Err(error), Names::Expected(others)) => {
                let others = others.iter();
                others.map(verify).find_map(Result::ok).ok_or(error)
            }
            (verified, _) => verified,
        }
    }

    /// Does the rest of `tls_verify=none` for certificates that rustls cannot read, those of X.509
    /// version 1: verifies that the server has the key.
    fn verify_key(
        &self,
        message: &[u8],
        certificate: &Certificate<'_>,
        dss: &DigitallySignedStruct,
    ) -> Option<HandshakeSignatureValid> {
        let key = certificate.public_key()?;
        let schemes = self.provider.signature_verification_algorithms.mapping;
        let (_, algorithms) = schemes.iter().find(|(scheme, _)| *scheme == dss.scheme)?;
        let is_signed = algorithms.iter().any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == key.algorithm
                && algorithm
                    .verify_signature(key.bits, message, dss.signature())
                    .is_ok()
        });
        is_signed.then(HandshakeSignatureValid::assertion)
    }
}

/// Returns whether the certificate is right but for what has signed it, or but for being an authority's.
fn is_about_issuer(error: &CertificateError) -> bool {
    match error {
        CertificateError::UnknownIssuer => true,
        // rustls does not export this type.
        CertificateError::Other(error) => error.0.to_string() == "CaUsedAsEndEntity",
        _ => false,
    }
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verify_any_name(end_entity, intermediates, server_name, now)
            .inspect_err(|_| self.keep_refused(std::iter::once(end_entity).chain(intermediates)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let verified = match (&self.chain, Certificate::read(cert)) {
            (None, Some(read)) if read.version < 3 => {
                let verified = self.verify_key(message, &read, dss);
                verified.ok_or_else(|| CertificateError::BadSignature.into())
            }
            _ => verify_tls12_signature(message, cert, dss, algorithms),
        };
        verified.inspect_err(|_| self.keep_refused(std::iter::once(cert)))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let verified = match (&self.chain, Certificate::read(cert)) {
            (None, Some(read)) if read.version < 3 => {
                let key = SubjectPublicKeyInfoDer::from(read.public_key_info);
                verify_tls13_signature_with_raw_key(message, &key, dss, algorithms)
            }
            _ => verify_tls13_signature(message, cert, dss, algorithms),
        };
        verified.inspect_err(|_| self.keep_refused(std::iter::once(cert)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
