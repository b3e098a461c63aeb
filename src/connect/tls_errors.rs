//! The report about a TLS handshake that failed.

use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::config::ServerConfig;
use crate::error::{Error, ErrorKind};

/// What to do about a connection that ends for no reason that the other side tells.
pub(super) const ENDED_HELP: &str = "read the log of the server, or of the balancer before it; a server \
     with TLS also ends connections like this when it has `maxclients`";

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
///
/// A connection that ends without an alert says nothing against certificates: a balancer ends it while
/// the server behind it restarts, and a server ends it at `maxclients`.
pub(super) fn tls_error(error: &io::Error, config: &ServerConfig) -> Error {
    let Some(cause) = by_rustls(error) else {
        let message = format!("`{config}` ended the TLS handshake");
        return Error::new(ErrorKind::Unreachable, message)
            .caused_by(io::Error::new(error.kind(), error.to_string()))
            .with_help(ENDED_HELP);
    };
    if *cause == rustls::Error::AlertReceived(AlertDescription::InternalError) {
        let message = format!("`{config}` could not go on with the TLS handshake");
        return Error::new(ErrorKind::Unreachable, message)
            .caused_by(cause.clone())
            .with_help("read the log of the server, or of the balancer before it");
    }
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
