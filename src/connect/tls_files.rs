//! The files of `tls_ca`, `tls_cert` and `tls_key`: read, and reported where they are not what they should
//! be.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;
use crate::config::TlsConfig;
use crate::error::{Error, ErrorKind};
use crate::runtime::limit_help;

/// Bytes of a PEM file. All authorities of the web are a quarter of a megabyte.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// A file as it was when it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Version {
    path: PathBuf,
    modified: Option<SystemTime>,
    length: Option<u64>,
    /// Device, inode and the time of its last change, which also tell apart files that were swapped by a
    /// symbolic link, as those of Kubernetes are, or copied with their times.
    #[cfg(unix)]
    identity: Option<(u64, u64, i64, i64)>,
}

impl Version {
    fn of(path: &Path) -> Version {
        let metadata = fs::metadata(path).ok();
        let metadata = metadata.as_ref();
        Version {
            path: path.to_owned(),
            modified: metadata.and_then(|metadata| metadata.modified().ok()),
            length: metadata.map(fs::Metadata::len),
            #[cfg(unix)]
            identity: metadata.map(|metadata| {
                use std::os::unix::fs::MetadataExt;
                (
                    metadata.dev(),
                    metadata.ino(),
                    metadata.ctime(),
                    metadata.ctime_nsec(),
                )
            }),
        }
    }
}

/// Returns the files of `tls` as they are now.
pub(super) fn versions(tls: &TlsConfig) -> Vec<Version> {
    let paths = [&tls.ca, &tls.certificate, &tls.key];
    paths
        .into_iter()
        .flatten()
        .map(|path| Version::of(path))
        .collect()
}

/// Reads the certificates in `path`; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    const WHAT: &str = "certificate";
    let text = read(path).map_err(|error| unreadable(WHAT, path, error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|error| malformed(WHAT, path, &text, &error))?;
    if certificates.is_empty() {
        return Err(malformed(WHAT, path, &text, &pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

/// Reads the certificate with which this client identifies itself, and its key.
pub(super) fn identity(
    certificate: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Error> {
    const WHAT: &str = "private key";
    let chain = certificates(certificate)?;
    let text = read(key).map_err(|error| unreadable(WHAT, key, error))?;
    let private = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|error| malformed(WHAT, key, &text, &error))?;
    let private = provider
        .key_provider
        .load_private_key(private)
        .map_err(|error| {
            invalid(WHAT, key)
                .caused_by(error)
                .with_help("use an RSA key of 2048 bits or more, or one of P-256, P-384 or Ed25519")
        })?;
    let Some(first) = Certificate::read(&chain[0]) else {
        let broken = io::Error::new(io::ErrorKind::InvalidData, "it is not an X.509 certificate");
        return Err(unreadable("certificate", certificate, broken));
    };
    // rustls compares them as well, and cannot read certificates of X.509 version 1.
    let is_other = private
        .public_key()
        .is_some_and(|public| public.as_ref() != first.public_key_info);
    if is_other {
        let (key, certificate) = (key.display(), certificate.display());
        let message =
            format!("the private key in `{key}` is not that of the certificate in `{certificate}`");
        return Err(Error::new(ErrorKind::InvalidFile, message).with_help(
            "give `tls_key` the key of the first certificate in the file of `tls_cert`",
        ));
    }
    Ok(CertifiedKey::new(chain, private))
}

/// Reports that `path` cannot be used as `what`.
pub(super) fn invalid(what: &str, path: &Path) -> Error {
    let message = format!("cannot use the {what} in `{}`", path.display());
    Error::new(ErrorKind::InvalidFile, message)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        let message = format!("it has more than {MAX_FILE} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    if text.starts_with(b"\xef\xbb\xbf") {
        // A byte order mark would hide the line that begins the first certificate.
        text.drain(..3);
    }
    Ok(text)
}

fn unreadable(what: &str, path: &Path, error: io::Error) -> Error {
    // All file descriptors are in use, which passes.
    if let Some(help) = limit_help(&error) {
        let message = format!("cannot open `{}`", path.display());
        return Error::new(ErrorKind::Unreachable, message)
            .caused_by(error)
            .with_help(help);
    }
    invalid(what, path)
        .caused_by(error)
        .with_help("give the path of a PEM file that this process can read")
}

/// Reports what the file holds instead of a `what` in PEM. Nothing of its content is shown.
fn malformed(what: &str, path: &Path, text: &[u8], error: &pem::Error) -> Error {
    let holds = |words: &str| {
        let words = words.as_bytes();
        text.windows(words.len()).any(|window| window == words)
    };
    let file = path.display();
    let (cause, help) = if text.iter().all(u8::is_ascii_whitespace) {
        ("it is empty", None)
    } else if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        ("it is UTF-16", Some("save it as ASCII or UTF-8".to_owned()))
    } else if text[0] == 0x30 && text.get(1).is_some_and(|length| *length >= 0x80) {
        let tool = if what == "certificate" {
            "x509"
        } else {
            "pkey"
        };
        let help = format!("write `openssl {tool} -inform der -in {file} -out <PEM file>`");
        ("it is binary (DER), and not PEM", Some(help))
    } else if what == "private key" && holds("ENCRYPTED") {
        let help = format!("write `openssl pkey -in {file} -out <key without a passphrase>`");
        ("it is encrypted", Some(help))
    } else if what == "private key" && holds("-----BEGIN CERTIFICATE") {
        let help = "give `tls_key` the path of the private key";
        (
            "it holds a certificate and no private key",
            Some(help.to_owned()),
        )
    } else if what == "certificate" && holds("PRIVATE KEY-----") {
        let help = "give the path of the certificate, and that of the key as `tls_key` alone";
        (
            "it holds a private key and no certificate",
            Some(help.to_owned()),
        )
    } else if holds("-----BEGIN CERTIFICATE REQUEST") {
        let help = "give the path of the certificate that an authority made of the request";
        (
            "it holds a request for a certificate",
            Some(help.to_owned()),
        )
    } else if matches!(error, pem::Error::NoItemsFound) {
        ("it holds nothing of that kind in PEM", None)
    } else {
        ("it is cut short or damaged", None)
    };
    let help = help.unwrap_or_else(|| "give the path of a PEM file with a ".to_owned() + what);
    let cause = io::Error::new(io::ErrorKind::InvalidData, cause);
    invalid(what, path).caused_by(cause).with_help(help)
}

/// Reads `path` as [`certificates`] does, for a store of authorities.
pub(super) fn authorities(
    path: &Path,
    store: &mut rustls::RootCertStore,
) -> Result<Arc<[CertificateDer<'static>]>, Error> {
    let certificates = certificates(path)?;
    for certificate in &certificates {
        store.add(certificate.clone()).map_err(|error| {
            invalid("certificate", path)
                .caused_by(error)
                .with_help("give the path of a PEM file with certificates of X.509")
        })?;
    }
    Ok(certificates.into())
}
