//! [`TlsConnector`]: starts TLS by rustls, with a crypto provider of our own choice instead of the process
//! default, and reads the files that the URL names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use once_cell::sync::OnceCell;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::Connect;

use super::tls_verifier::CertificateVerifier;
use crate::config::{ServerConfig, TlsConfig};
use crate::error::{Error, ErrorKind};
use crate::url::TlsVerify;

/// The TLS settings of the connections to one server. The files are read again when they have changed.
#[derive(Default)]
pub(super) struct TlsConnector {
    prepared: Option<(Vec<Version>, Arc<ClientConfig>)>,
}

/// A file as it was when it was read.
#[derive(PartialEq, Eq)]
struct Version {
    path: PathBuf,
    modified: Option<SystemTime>,
    length: Option<u64>,
}

impl TlsConnector {
    /// Reads what is needed, and returns the handshake on `socket`, which has not begun.
    pub(super) async fn start_handshake(
        &mut self,
        socket: TcpStream,
        config: &ServerConfig,
        tls: &TlsConfig,
    ) -> Result<Connect<TcpStream>, Error> {
        let mut names = config.tls_names().into_iter();
        let first = names.next();
        // A server in a Unix socket is the only one without a name.
        let name = server_name(first.expect("a server with TLS has a host"))?;
        let other_names = match tls.verify {
            TlsVerify::Full => names.map(server_name).collect::<Result<_, _>>()?,
            TlsVerify::Ca | TlsVerify::None => Vec::new(),
        };
        let client_config = self.prepare(tls, other_names).await?;
        Ok(tokio_rustls::TlsConnector::from(client_config).connect(name, socket))
    }

    async fn prepare(
        &mut self,
        tls: &TlsConfig,
        other_names: Vec<ServerName<'static>>,
    ) -> Result<Arc<ClientConfig>, Error> {
        let tls = tls.clone();
        let known = self.prepared.take();
        // Reading the files and the system's certificates can block.
        let prepared = tokio::task::spawn_blocking(move || {
            let versions = versions(&tls);
            match known {
                Some(known) if known.0 == versions => Ok::<_, Error>(known),
                _ => Ok((versions, Arc::new(client_config(&tls, other_names)?))),
            }
        });
        let prepared = prepared
            .await
            .map_err(|error| unusable("TLS could not be set up", error))??;
        Ok(Arc::clone(&self.prepared.insert(prepared).1))
    }
}

fn versions(tls: &TlsConfig) -> Vec<Version> {
    [&tls.ca, &tls.certificate, &tls.key]
        .into_iter()
        .flatten()
        .map(|path| {
            let metadata = fs::metadata(path).ok();
            Version {
                path: path.clone(),
                modified: metadata
                    .as_ref()
                    .and_then(|metadata| metadata.modified().ok()),
                length: metadata.map(|metadata| metadata.len()),
            }
        })
        .collect()
}

/// Returns the name of a host as TLS has it: without the trailing dot, which makes a name absolute for
/// DNS (RFC 6066, section 3).
fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    let name = host.trim_end_matches('.');
    ServerName::try_from(name.to_owned()).map_err(|error| {
        let message = format!("the host `{name}` is not a name that a certificate can have");
        Error::new(ErrorKind::Tls, message)
            .caused_by(error)
            .with_help("add `?tls_server_name=` with the name in the certificate")
    })
}

fn client_config(
    tls: &TlsConfig,
    other_names: Vec<ServerName<'static>>,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS could not be set up", error))?;
    let no_verifier = |error| unusable("no certificate to verify servers with", error);
    let verifier = match tls.verify {
        TlsVerify::Full if other_names.is_empty() => None,
        TlsVerify::Full => {
            let roots = roots(tls)?;
            Some(
                CertificateVerifier::of_one_name(roots, other_names, provider)
                    .map_err(no_verifier)?,
            )
        }
        TlsVerify::Ca => {
            Some(CertificateVerifier::of_any_name(roots(tls)?, provider).map_err(no_verifier)?)
        }
        TlsVerify::None => Some(CertificateVerifier::of_any_certificate(provider)),
    };
    let builder = match verifier {
        None => builder.with_root_certificates(roots(tls)?),
        Some(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier)),
    };
    let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(certificate)?;
    let private_key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| invalid_file("private key", key, error))?;
    builder
        .with_client_auth_cert(chain, private_key)
        .map_err(|error| invalid_file("client certificate", certificate, error))
}

/// Returns the certificate authorities to trust: the system's, and those of `tls_ca`.
fn roots(tls: &TlsConfig) -> Result<Arc<RootCertStore>, Error> {
    static SYSTEM: OnceCell<Arc<RootCertStore>> = OnceCell::new();
    let system = SYSTEM.get_or_init(|| Arc::new(system_roots()));
    let Some(ca) = &tls.ca else {
        return Ok(Arc::clone(system));
    };
    let mut roots = RootCertStore::clone(system);
    for certificate in certificates(ca)? {
        roots
            .add(certificate)
            .map_err(|error| invalid_file("certificate", ca, error))?;
    }
    Ok(Arc::new(roots))
}

/// Returns the system's certificate authorities, or Mozilla's where the system has none.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| invalid_file("certificate", path, error))?;
    if certificates.is_empty() {
        let none = io::Error::new(io::ErrorKind::InvalidData, "it holds no PEM certificate");
        return Err(invalid_file("certificate", path, none));
    }
    Ok(certificates)
}

fn invalid_file(
    what: &str,
    path: &Path,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::new(
        ErrorKind::InvalidFile,
        format!("cannot use the {what} in `{}`", path.display()),
    )
    .caused_by(cause)
    .with_help("give the path of a PEM file that this process can read")
}

fn unusable(what: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unsupported, what).caused_by(cause)
}
