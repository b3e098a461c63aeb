//! The report about a TLS handshake that failed.

use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::config::ServerConfig;
use crate::error::{Error, ErrorKind};

/// Returns whether what came back was not TLS.
pub(super) fn is_not_tls(error: &io::Error) -> bool {
    matches!(by_rustls(error), Some(rustls::Error::InvalidMessage(_)))
}

/// Returns whether the failure itself tells that the other side speaks TLS: an alert, or a certificate
/// that was not accepted.
pub(super) fn is_by_tls_peer(error: &io::Error) -> bool {
    by_rustls(error).is_some() && !is_not_tls(error)
}

fn by_rustls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Reports about a TLS connection that failed before it was ready.
pub(super) fn tls_error(error: &io::Error, config: &ServerConfig) -> Error {
    let Some(cause) = by_rustls(error) else {
        let message = format!("`{config}` ended the TLS handshake");
        return Error::new(ErrorKind::Tls, message)
            .caused_by(io::Error::new(error.kind(), error.to_string()));
    };
    let (message, help) = match cause {
        rustls::Error::InvalidCertificate(invalid) => {
            let (what, help) = certificate_error(invalid);
            (format!("the certificate of `{config}` {what}"), Some(help))
        }
        rustls::Error::AlertReceived(alert) if is_about_client_certificate(*alert) => (
            format!("`{config}` did not accept the client certificate, or asks for one"),
            Some("add `?tls_cert=` and `&tls_key=` with the paths of certificate and key, in PEM"),
        ),
        _ => (format!("the TLS handshake with `{config}` failed"), None),
    };
    Error::new(ErrorKind::Tls, message)
        .caused_by(cause.clone())
        .with_help_if(help)
}

/// Returns what is wrong with a certificate, and what to do about it.
fn certificate_error(error: &CertificateError) -> (&'static str, &'static str) {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("has expired", "renew the certificate of the server")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "is not valid yet",
            "set the clock of this machine, or of the one that issued the certificate",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "is for another host",
            "connect to the name in the certificate, or add `?tls_server_name=` with it",
        ),
        _ => (
            "is not trusted",
            "add `?tls_ca=` with the path of the certificate authority, in PEM",
        ),
    }
}

/// Returns whether a server sends this alert when it misses or does not accept a client certificate.
fn is_about_client_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::HandshakeFailure
            | AlertDescription::DecryptError
    )
}
