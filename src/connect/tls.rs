//! [`TlsConnector`]: starts TLS by rustls, with a crypto provider of our own choice instead of the process
//! default, and reads the files that the URL names.

use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::sync::Mutex;
use tokio_rustls::Connect;

use super::registered_socket::RegisteredSocket;
use super::tls_errors::{Evidence, tls_error};
use super::tls_files::{Version, identity, versions};
use super::tls_identity::ClientIdentity;
use super::tls_roots::{Authorities, Roots, SystemRoots};
use super::tls_verifier::{CertificateVerifier, Names};
use crate::config::{ServerConfig, TlsConfig};
use crate::error::{Error, ErrorKind};
use crate::url::TlsVerify;

/// The TLS settings of the connections to one server. The files are read again when they have changed.
#[derive(Default)]
pub(super) struct TlsConnector {
    /// Held while files are read, even if the attempt has ended meanwhile: a file that hangs keeps one
    /// thread, not one for each attempt.
    prepared: Arc<Mutex<Option<Prepared>>>,
    /// Those of the last attempt.
    settings: std::sync::Mutex<Option<Settings>>,
}

/// What was read, and from what.
struct Prepared {
    versions: Vec<Version>,
    system: Option<Arc<Roots>>,
    settings: Settings,
}

/// What a handshake needs, and the report about one.
#[derive(Clone)]
struct Settings {
    client_config: Arc<ClientConfig>,
    verifier: Arc<CertificateVerifier>,
    identity: Arc<ClientIdentity>,
    notes: Vec<String>,
}

impl TlsConnector {
    /// Reads what is needed, and returns the handshake on `socket`, which has not begun.
    pub(super) async fn start_handshake(
        &self,
        socket: RegisteredSocket,
        config: &ServerConfig,
        tls: &TlsConfig,
    ) -> Result<Connect<RegisteredSocket>, Error> {
        let mut names = config.tls_names().into_iter();
        let first = names.next();
        // A server in a Unix socket is the only one without a name.
        let name = server_name(first.expect("a server with TLS has a host"))?;
        let other_names = match tls.verify {
            TlsVerify::Full => Names::Expected(names.map(server_name).collect::<Result<_, _>>()?),
            TlsVerify::Ca | TlsVerify::None => Names::Any,
        };
        let settings = self.prepare(tls, other_names).await?;
        // What an earlier attempt has left there would be told of this one.
        settings.verifier.take_refused();
        settings.identity.take_is_asked_for();
        let client_config = Arc::clone(&settings.client_config);
        *self.settings() = Some(settings);
        Ok(tokio_rustls::TlsConnector::from(client_config).connect(name, socket))
    }

    /// Reports about the last attempt, which has failed before the connection was ready.
    pub(super) fn report(&self, error: &io::Error, config: &ServerConfig) -> Error {
        let evidence = self.settings().as_ref().map(|settings| Evidence {
            refused: settings.verifier.take_refused(),
            notes: settings.notes.clone(),
            asks_for_certificate: settings.identity.take_is_asked_for(),
        });
        tls_error(error, config, &evidence.unwrap_or_default())
    }

    async fn prepare(&self, tls: &TlsConfig, names: Names) -> Result<Settings, Error> {
        let tls = tls.clone();
        let mut prepared = Arc::clone(&self.prepared).lock_owned().await;
        let system = match tls.verify {
            TlsVerify::None => None,
            TlsVerify::Full | TlsVerify::Ca => Some(SystemRoots::lock().await),
        };
        // Reading the files and the system's certificates can block.
        let settings = tokio::task::spawn_blocking(move || {
            let system = system.map(|mut system| system.read());
            let versions = versions(&tls);
            let known = prepared.take();
            let known = known.filter(|known| known.is_of(&versions, system.as_deref()));
            let settings = match known {
                Some(known) => known.settings,
                None => Settings::new(&tls, system.as_deref(), names)?,
            };
            *prepared = Some(Prepared {
                versions,
                system,
                settings: settings.clone(),
            });
            Ok(settings)
        });
        settings
            .await
            .map_err(|error| unusable("TLS could not be set up", error))?
    }

    fn settings(&self) -> MutexGuard<'_, Option<Settings>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prepared {
    /// Returns whether nothing has changed since.
    fn is_of(&self, versions: &[Version], system: Option<&Roots>) -> bool {
        let is_same_system = match (&self.system, system) {
            (Some(one), Some(other)) => one.is_same_as(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        is_same_system && self.versions == versions
    }
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

impl Settings {
    fn new(tls: &TlsConfig, system: Option<&Roots>, names: Names) -> Result<Settings, Error> {
        let provider = Arc::new(ring::default_provider());
        let authorities = system.map(|system| system.with_those_of(tls)).transpose()?;
        let verifier = match &authorities {
            None => CertificateVerifier::of_any_certificate(Arc::clone(&provider)),
            Some(authorities) => {
                CertificateVerifier::new(authorities, names, Arc::clone(&provider))
                    .map_err(|error| unusable("no certificate to verify servers with", error))?
            }
        };
        let verifier = Arc::new(verifier);
        let certificate = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => Some(identity(certificate, key, &provider)?),
            _ => None,
        };
        let identity = Arc::new(ClientIdentity::new(certificate));
        let client_config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable("TLS could not be set up", error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_cert_resolver(identity.clone());
        Ok(Settings {
            client_config: Arc::new(client_config),
            verifier,
            identity,
            notes: authorities.map_or_else(Vec::new, |Authorities { notes, .. }| notes),
        })
    }
}

fn unusable(what: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unsupported, what).caused_by(cause)
}
