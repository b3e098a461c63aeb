//! TLS by rustls, with a crypto provider of our own choice instead of the process default.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use once_cell::sync::OnceCell;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::probe;
use super::stream::Stream;
use crate::config::TlsConfig;
use crate::error::{Error, ErrorKind};
use crate::url::TlsVerify;

/// After so much silence the port is asked whether it speaks plain RESP.
const SILENCE: Duration = Duration::from_millis(400);

/// The TLS settings of one link; its files are read again when they have changed.
#[derive(Default)]
pub(super) struct Connector {
    prepared: Option<(Vec<Version>, Arc<ClientConfig>)>,
}

/// A file as it was when it was read.
#[derive(PartialEq, Eq)]
struct Version {
    path: PathBuf,
    modified: Option<SystemTime>,
    length: Option<u64>,
}

impl Connector {
    pub(super) async fn shake_hands(
        &mut self,
        socket: TcpStream,
        host: &str,
        tls: &TlsConfig,
        peer: &str,
    ) -> Result<Stream, Error> {
        let name = server_name(host, tls)?;
        let port = socket.peer_addr().map_or(0, |address| address.port());
        let connector = TlsConnector::from(self.prepare(tls).await?);
        let mut handshake = std::pin::pin!(connector.connect(name, socket));
        let outcome = match tokio::time::timeout(SILENCE, &mut handshake).await {
            Ok(outcome) => outcome,
            Err(_) if probe::speaks_plain(host, port).await => {
                return Err(probe::wants_plain(peer));
            }
            Err(_) => handshake.await,
        };
        match outcome {
            Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
            Err(error) if is_no_tls(&error) || probe::speaks_plain(host, port).await => {
                Err(probe::wants_plain(peer))
            }
            Err(error) => Err(failure(&error, peer)),
        }
    }

    async fn prepare(&mut self, tls: &TlsConfig) -> Result<Arc<ClientConfig>, Error> {
        let tls = tls.clone();
        let known = self.prepared.take();
        // Files, and the system's certificates, are read where they may block.
        let prepared = tokio::task::spawn_blocking(move || {
            let versions = versions(&tls);
            match known {
                Some(known) if known.0 == versions => Ok::<_, Error>(known),
                _ => Ok((versions, Arc::new(client_config(&tls)?))),
            }
        });
        let prepared = prepared.await.map_err(|error| {
            Error::new(ErrorKind::Unsupported, "TLS could not be set up").caused_by(error)
        })??;
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

fn server_name(host: &str, tls: &TlsConfig) -> Result<ServerName<'static>, Error> {
    // A trailing dot makes a name absolute for DNS; TLS knows no such dot (RFC 6066, section 3).
    let name = tls.server_name.as_deref().unwrap_or(host);
    named(name)
}

fn named(name: &str) -> Result<ServerName<'static>, Error> {
    let name = name.trim_end_matches('.');
    ServerName::try_from(name.to_owned()).map_err(|error| {
        Error::new(
            ErrorKind::Tls,
            format!("no certificate can name the host `{name}`"),
        )
        .caused_by(error)
        .with_help("add `?tls_server_name=` with the name in the certificate")
    })
}

fn client_config(tls: &TlsConfig) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS could not be set up", error))?;
    let builder = match tls.verify {
        TlsVerify::Full if tls.other_names.is_empty() => {
            builder.with_root_certificates(roots(tls)?)
        }
        TlsVerify::Full | TlsVerify::Ca | TlsVerify::None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Lenient::new(tls, provider)?)),
    };
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)?;
            let key_file = key;
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| invalid_file("private key", key_file, error))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| invalid_file("client certificate", certificate, error))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

/// The certificates that may vouch for the server: the system's, and those of `tls_ca`.
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

/// The system's certificates; Mozilla's where it has none.
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
        let none = io::Error::new(io::ErrorKind::InvalidData, "no PEM certificate in it");
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

/// Verifies less than everything, as `tls_verify` asks: `ca` leaves out the name, `none` the
/// certificate. For a node of a cluster it takes one of several names. That the server has the key of
/// its certificate is verified always.
#[derive(Debug)]
struct Lenient {
    /// `None` accepts every certificate.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// The other names that will do; `None` accepts every name.
    names: Option<Vec<ServerName<'static>>>,
    provider: Arc<CryptoProvider>,
}

impl Lenient {
    fn new(tls: &TlsConfig, provider: Arc<CryptoProvider>) -> Result<Lenient, Error> {
        let chain = match tls.verify {
            TlsVerify::None => None,
            _ => Some(
                WebPkiServerVerifier::builder_with_provider(roots(tls)?, Arc::clone(&provider))
                    .build()
                    .map_err(|error| unusable("no certificate to verify servers with", error))?,
            ),
        };
        let names = tls.other_names.iter().map(|name| named(name));
        let names = match tls.verify {
            TlsVerify::Full => Some(names.collect::<Result<_, _>>()?),
            _ => None,
        };
        Ok(Lenient {
            chain,
            names,
            provider,
        })
    }
}

impl ServerCertVerifier for Lenient {
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
        match (verify(server_name), &self.names) {
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

fn by_rustls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether what came back is no TLS at all.
fn is_no_tls(error: &io::Error) -> bool {
    matches!(by_rustls(error), Some(rustls::Error::InvalidMessage(_)))
}

/// The report about a TLS connection that failed before it was ready.
pub(super) fn failure(error: &io::Error, peer: &str) -> Error {
    let Some(cause) = by_rustls(error) else {
        return Error::new(ErrorKind::Tls, format!("`{peer}` ended the TLS handshake"))
            .caused_by(io::Error::new(error.kind(), error.to_string()));
    };
    let report = |message: String, help: &str| {
        Error::new(ErrorKind::Tls, message)
            .caused_by(cause.clone())
            .with_help(help)
    };
    match cause {
        rustls::Error::InvalidCertificate(invalid) => match invalid {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => report(
                format!("the certificate of `{peer}` has expired"),
                "renew the certificate of the server",
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => report(
                format!("the certificate of `{peer}` is not valid yet"),
                "set the clock of this machine or of the one that issued the certificate",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                report(
                    format!("the certificate of `{peer}` is for another host"),
                    "connect to the name in the certificate, or add `?tls_server_name=` with it",
                )
            }
            _ => report(
                format!("the certificate of `{peer}` is not trusted"),
                "add `?tls_ca=` with the path of the certificate authority, in PEM",
            ),
        },
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::HandshakeFailure
            | AlertDescription::DecryptError,
        ) => report(
            format!("`{peer}` did not accept the client certificate, or asks for one"),
            "add `?tls_cert=` and `&tls_key=` with the paths of certificate and key, in PEM",
        ),
        _ => Error::new(
            ErrorKind::Tls,
            format!("the TLS handshake with `{peer}` failed"),
        )
        .caused_by(cause.clone()),
    }
}
