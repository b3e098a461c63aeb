//! The report about a TLS handshake that failed.

use std::io;

use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, PeerIncompatible};

use super::certificate::shown;
use super::tls_certificate_errors::Refused;
use crate::config::{ServerConfig, TlsConfig};
use crate::error::{Error, ErrorKind};

/// What to do about a connection that ends for no reason that the other side tells.
pub(super) const ENDED_HELP: &str = "read the log of the server, or of the balancer before it; a server \
     with TLS also ends connections like this when `maxclients` is reached";
/// What to do about a handshake that fails for a reason that only the server tells in full.
const LOG_HELP: &str = "read the log of the server, or of the balancer before it";

/// Characters of a cause that a report shows.
const MAX_CAUSE: usize = 500;

/// What is known of an attempt beside the error with which it ended.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The certificates of the server, its own first, if they were refused.
    pub(super) refused: Vec<CertificateDer<'static>>,
    /// Which authorities they were checked against.
    pub(super) notes: Vec<String>,
    /// Whether the server has asked for a client certificate.
    pub(super) asks_for_certificate: bool,
}

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
/// the server behind it restarts, and a server ends it when `maxclients` is reached.
pub(super) fn tls_error(error: &io::Error, config: &ServerConfig, evidence: &Evidence) -> Error {
    let (Some(cause), Some(tls)) = (by_rustls(error), config.tls()) else {
        let message = format!("`{config}` ended the TLS handshake");
        return Error::new(ErrorKind::Unreachable, message)
            .caused_by(io::Error::new(error.kind(), error.to_string()))
            .with_help(ENDED_HELP);
    };
    let report = match cause {
        rustls::Error::InvalidCertificate(invalid) => {
            let refused = Refused {
                chain: &evidence.refused,
                tls,
            };
            let (what, help) = refused.explain(invalid);
            let message = format!("the certificate of `{config}` {what}");
            let report = Error::new(ErrorKind::Tls, message).with_help(help);
            evidence.notes.iter().fold(report, Error::note)
        }
        rustls::Error::AlertReceived(alert) => refused_by_alert(*alert, config, tls, evidence),
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => old_protocol(config),
        _ => Error::new(
            ErrorKind::Tls,
            format!("the TLS handshake with `{config}` failed"),
        )
        .with_help(LOG_HELP),
    };
    with_cause(report, cause)
}

/// Adds the cause. What of it comes from the network is bounded and fit to print.
fn with_cause(report: Error, cause: &rustls::Error) -> Error {
    let text = cause.to_string();
    let shown = shown(&text, MAX_CAUSE);
    if shown == text {
        report.caused_by(cause.clone())
    } else {
        report.caused_by(io::Error::other(shown))
    }
}

/// Reports that the server has ended the handshake with an alert.
fn refused_by_alert(
    alert: AlertDescription,
    config: &ServerConfig,
    tls: &TlsConfig,
    evidence: &Evidence,
) -> Error {
    match alert {
        AlertDescription::InternalError => {
            let message = format!("`{config}` could not go on with the TLS handshake");
            return Error::new(ErrorKind::Unreachable, message).with_help(LOG_HELP);
        }
        AlertDescription::ProtocolVersion => return old_protocol(config),
        _ => {}
    }
    let (message, help) = if evidence.asks_for_certificate && is_about_client_certificate(alert) {
        about_client_certificate(alert, config, tls)
    } else {
        match alert {
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => (
                format!("`{config}` has no cipher suite or signature scheme in common with this client"),
                "let the server use TLS 1.3, or TLS 1.2 with ECDHE, and a certificate with an RSA key of \
                 2048 bits or more, or one of P-256, P-384 or Ed25519"
                    .to_owned(),
            ),
            AlertDescription::UnrecognisedName => (
                format!("`{config}` has no certificate for the name that it was asked for"),
                if tls.server_name.is_some() {
                    "correct `tls_server_name`".to_owned()
                } else {
                    "connect to a name that the server knows, or add `?tls_server_name=` with it".to_owned()
                },
            ),
            _ => (
                format!("`{config}` refused the TLS handshake"),
                LOG_HELP.to_owned(),
            ),
        }
    };
    Error::new(ErrorKind::Tls, message).with_help(help)
}

fn old_protocol(config: &ServerConfig) -> Error {
    let message = format!("`{config}` does not speak TLS 1.2 or 1.3");
    Error::new(ErrorKind::Tls, message)
        .with_help("let the server use them, Redis with `tls-protocols \"TLSv1.2 TLSv1.3\"`")
}

fn about_client_certificate(
    alert: AlertDescription,
    config: &ServerConfig,
    tls: &TlsConfig,
) -> (String, String) {
    let Some(certificate) = &tls.certificate else {
        return (
            format!("`{config}` asks for a client certificate, and the URL has none"),
            "add `?tls_cert=` and `&tls_key=` with the paths of certificate and key, in PEM"
                .to_owned(),
        );
    };
    let certificate = certificate.display();
    let (why, help) = match alert {
        AlertDescription::CertificateExpired => (
            ", which has expired",
            format!("renew the certificate in `{certificate}`"),
        ),
        AlertDescription::CertificateRevoked => (
            ", which is revoked",
            format!("renew the certificate in `{certificate}`"),
        ),
        AlertDescription::UnknownCA => (
            ": its issuer is unknown to the server",
            format!(
                "give the server the authority of `{certificate}`, Redis as `tls-ca-cert-file`, or use a \
                 certificate that it knows the authority of"
            ),
        ),
        _ => (
            "",
            format!(
                "use another certificate than `{certificate}`; the log of the server tells what is wrong"
            ),
        ),
    };
    let message = format!("`{config}` did not accept the client certificate{why}");
    (message, help)
}

/// Returns whether a server that has asked for a client certificate sends this alert when it misses or
/// does not accept it.
fn is_about_client_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::AccessDenied
            | AlertDescription::HandshakeFailure
            | AlertDescription::DecryptError
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::address::Address;
    use crate::config::{Config, Endpoint, ServerRole};

    /// What a report says of a handshake with `redis:6380` that ended with `alert`.
    fn after(alert: AlertDescription, parameters: &str, asks_for_certificate: bool) -> String {
        let evidence = Evidence {
            asks_for_certificate,
            ..Evidence::default()
        };
        of(rustls::Error::AlertReceived(alert), parameters, &evidence)
    }

    fn of(cause: rustls::Error, parameters: &str, evidence: &Evidence) -> String {
        let url = format!("rediss://redis:6380?{parameters}");
        let config: Config = url.parse().expect("valid");
        let endpoint = Endpoint::Tcp(Address::new("redis", 6380));
        let config = ServerConfig::new(Arc::new(config), endpoint, ServerRole::Standalone);
        let error = io::Error::new(io::ErrorKind::InvalidData, cause);
        format!("{:?}", tls_error(&error, &config, evidence))
    }

    #[track_caller]
    fn check(report: &str, message: &str, help: &str) {
        assert!(report.starts_with(message), "{report}");
        assert!(report.contains(help), "{report}");
    }

    #[test]
    fn an_alert_is_explained_with_what_to_do_about_it() {
        use AlertDescription::*;
        let table = [
            (
                HandshakeFailure,
                "`redis:6380` has no cipher suite",
                "let the server use TLS 1.3",
            ),
            (
                InsufficientSecurity,
                "`redis:6380` has no cipher suite",
                "let the server use TLS 1.3",
            ),
            (
                UnrecognisedName,
                "`redis:6380` has no certificate for the name",
                "add `?tls_server_name=`",
            ),
            (
                ProtocolVersion,
                "`redis:6380` does not speak TLS 1.2 or 1.3",
                "`tls-protocols",
            ),
            (
                InternalError,
                "`redis:6380` could not go on",
                "read the log of the server",
            ),
            (
                DecodeError,
                "`redis:6380` refused the TLS handshake",
                "read the log of the server",
            ),
            // Not about a client certificate, as the server has not asked for one.
            (
                UnknownCA,
                "`redis:6380` refused the TLS handshake",
                "read the log of the server",
            ),
        ];
        for (alert, message, help) in table {
            check(&after(alert, "", false), message, help);
        }
        let named = after(UnrecognisedName, "tls_server_name=cache", false);
        check(
            &named,
            "`redis:6380` has no certificate",
            "correct `tls_server_name`",
        );
    }

    #[test]
    fn a_client_certificate_that_is_asked_for_and_missing_is_named() {
        use AlertDescription::*;
        for alert in [
            CertificateRequired,
            HandshakeFailure,
            AccessDenied,
            DecryptError,
        ] {
            let message = "`redis:6380` asks for a client certificate, and the URL has none";
            check(
                &after(alert, "", true),
                message,
                "add `?tls_cert=` and `&tls_key=`",
            );
        }
        check(
            &after(DecodeError, "", true),
            "`redis:6380` refused the TLS handshake",
            "log",
        );
    }

    #[test]
    fn what_a_server_has_against_a_client_certificate_is_told() {
        use AlertDescription::*;
        let files = "tls_cert=/tls/client.pem&tls_key=/tls/client.key";
        let message = "`redis:6380` did not accept the client certificate";
        for (alert, why, help) in [
            (
                CertificateExpired,
                ", which has expired",
                "renew the certificate in `/tls/client.pem`",
            ),
            (
                CertificateRevoked,
                ", which is revoked",
                "renew the certificate in `/tls/client.pem`",
            ),
            (
                UnknownCA,
                ": its issuer is unknown",
                "give the server the authority of `/tls/client.pem`",
            ),
            (
                BadCertificate,
                "\n",
                "use another certificate than `/tls/client.pem`",
            ),
            (
                UnsupportedCertificate,
                "\n",
                "use another certificate than `/tls/client.pem`",
            ),
            (
                CertificateUnknown,
                "\n",
                "use another certificate than `/tls/client.pem`",
            ),
        ] {
            check(&after(alert, files, true), &format!("{message}{why}"), help);
        }
    }

    #[test]
    fn what_rustls_does_not_say_in_full_leads_to_the_log_of_the_server() {
        let cause = rustls::Error::PeerMisbehaved(rustls::PeerMisbehaved::TooManyEmptyFragments);
        let report = of(cause, "", &Evidence::default());
        check(
            &report,
            "the TLS handshake with `redis:6380` failed",
            "read the log of the server",
        );
    }

    #[test]
    fn a_cause_from_the_network_is_short_and_fit_to_print() {
        let text = format!("{}\u{1b}[2J", "x".repeat(10 * MAX_CAUSE));
        let report = of(rustls::Error::General(text), "", &Evidence::default());
        assert!(
            report.len() < 2 * MAX_CAUSE && !report.contains('\u{1b}'),
            "{report}"
        );
    }
}
