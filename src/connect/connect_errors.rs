//! The reports about an attempt that ended before the server was asked to let us in.

use std::io;

#[cfg(feature = "tls")]
use super::tls_errors::ENDED_HELP;
use crate::config::{Endpoint, ServerConfig};
use crate::error::{Error, ErrorKind};
use crate::url::Protocol;

/// The part of an attempt that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    Resolving,
    Connecting,
    #[cfg(feature = "tls")]
    Certificates,
    #[cfg(feature = "tls")]
    Tls,
    Handshake,
}

/// Reports that the look-up of `host` has failed.
pub(super) fn unresolved(host: &str, error: io::Error) -> Error {
    let message = format!("cannot find the address of `{host}`");
    Error::new(ErrorKind::Unreachable, message)
        .caused_by(error)
        .with_help("correct the host")
}

/// Reports that no socket could be opened.
pub(super) fn unreachable(config: &ServerConfig, error: io::Error) -> Error {
    let help = match (config.endpoint(), error.kind()) {
        (_, io::ErrorKind::ConnectionRefused) => Some("start the server, or correct host and port"),
        (Endpoint::Unix(_), io::ErrorKind::NotFound) => {
            Some("start the server, or correct the path")
        }
        _ => None,
    };
    let report = Error::new(ErrorKind::Unreachable, format!("cannot reach `{config}`"));
    let report = match error.kind() {
        kind @ (io::ErrorKind::ConnectionRefused
        | io::ErrorKind::NotFound
        | io::ErrorKind::TimedOut) => report.with_io_kind(kind),
        _ => report,
    };
    report.caused_by(error).with_help_if(help)
}

/// Reports that the connection ended, or was no longer RESP, during the handshake of Redis.
pub(super) fn broken(config: &ServerConfig, error: &io::Error) -> Error {
    let cause = io::Error::new(error.kind(), error.to_string());
    if error.kind() == io::ErrorKind::InvalidData {
        let message = format!("`{config}` did not answer as a Redis server does");
        Error::new(ErrorKind::Protocol, message)
            .caused_by(cause)
            .with_help("correct host and port")
    } else {
        let message = format!("`{config}` ended the connection before it was ready");
        #[cfg(feature = "tls")]
        if config.tls().is_some() {
            return Error::new(ErrorKind::Unreachable, message)
                .caused_by(cause)
                .with_help(ENDED_HELP);
        }
        Error::new(ErrorKind::Unreachable, message)
            .caused_by(cause)
            .with_help("read the log of the server, or correct host and port")
    }
}

/// Reports that the connect timeout has passed during `phase`.
pub(super) fn too_late(config: &ServerConfig, phase: Phase) -> Error {
    let limit = config.client().connect_timeout();
    let what = match phase {
        Phase::Resolving => format!("the address of `{config}` was not found"),
        Phase::Connecting => format!("`{config}` did not accept a connection"),
        #[cfg(feature = "tls")]
        Phase::Certificates => return unread(config),
        #[cfg(feature = "tls")]
        Phase::Tls => format!("`{config}` did not answer the TLS handshake"),
        Phase::Handshake => format!("`{config}` did not answer the handshake"),
    };
    let help = match (phase, config.client().protocol()) {
        // Some proxies say nothing to what they do not know.
        (Phase::Handshake, Protocol::Resp3) => {
            "check host and port, allow more time with `?connect_timeout=5s`, or write `?protocol=2`"
        }
        _ => "check host and port, or allow more time with `?connect_timeout=5s`",
    };
    Error::new(ErrorKind::Unreachable, format!("{what} within {limit:?}"))
        .with_io_kind(io::ErrorKind::TimedOut)
        .with_help(help)
}

/// Reports that a file of certificates, or the disk that it is on, did not answer.
#[cfg(feature = "tls")]
fn unread(config: &ServerConfig) -> Error {
    let limit = config.client().connect_timeout();
    let message = format!("the certificates for `{config}` could not be read within {limit:?}");
    Error::new(ErrorKind::Unreachable, message).with_help(
        "check the disk of `tls_ca`, `tls_cert`, `tls_key` and the system's certificates",
    )
}
