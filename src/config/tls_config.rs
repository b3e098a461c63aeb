//! [`TlsConfig`]: how a server is verified, and how this client identifies itself to it.

use std::path::{Path, PathBuf};

use crate::url::{RedisUrl, TlsVerify};

/// The TLS parameters of the URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    pub(crate) verify: TlsVerify,
    /// A PEM file of certificate authorities to trust besides the system's.
    pub(crate) ca: Option<PathBuf>,
    /// The PEM files of the client certificate and its private key.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// The name for which the certificate has to be valid instead of the host.
    pub(crate) server_name: Option<String>,
}

impl TlsConfig {
    /// Takes the TLS parameters of `url`; `None` where it does not ask for TLS.
    pub(super) fn of(url: &RedisUrl) -> Option<TlsConfig> {
        url.kind().is_tls().then(|| TlsConfig {
            verify: url.tls_verify(),
            ca: url.tls_ca().map(Path::to_owned),
            certificate: url.tls_cert().map(Path::to_owned),
            key: url.tls_key().map(Path::to_owned),
            server_name: url.tls_server_name().map(str::to_owned),
        })
    }
}
