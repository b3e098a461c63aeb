//! Certificates as PEM files: good ones and every kind of wrong one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
#[cfg(feature = "testing")]
use redis_ready::testing::{Server, ServerBuilder};

/// An authority and the directory its files are in, gone when dropped.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: PathBuf,
    certificate: PathBuf,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Validity {
    Now,
    Past,
    Future,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("certificates-{}-{number}", std::process::id());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&directory).expect("the target directory is ours");

        let mut params = CertificateParams::new([]).expect("it has no names yet");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let common_name = format!("authority {number}");
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params.self_signed(&key).expect("the parameters are sound");
        let certificate = directory.join("ca.pem");
        fs::write(&certificate, signed.pem()).expect("the directory is ours");
        Authority {
            issuer: Issuer::new(params, key),
            directory,
            certificate,
        }
    }

    /// The file of the authority's own certificate.
    pub(crate) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// A server certificate for these host names and addresses.
    pub(crate) fn server(&self, names: &[&str], validity: Validity) -> Identity {
        let params = server_params(names, validity);
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params
            .signed_by(&key, &self.issuer)
            .expect("the parameters are sound");
        self.write("server", &signed.pem(), &key)
    }

    /// A server certificate that no authority has signed.
    pub(crate) fn self_signed(&self, names: &[&str]) -> Identity {
        let params = server_params(names, Validity::Now);
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params.self_signed(&key).expect("the parameters are sound");
        self.write("self-signed", &signed.pem(), &key)
    }

    /// A server with this certificate, whose URL trusts this authority.
    #[cfg(feature = "testing")]
    pub(crate) fn serve(&self, identity: &Identity) -> ServerBuilder {
        let Identity { certificate, key } = identity;
        Server::builder().tls(certificate, key, self.certificate())
    }

    /// A client certificate.
    pub(crate) fn client(&self) -> Identity {
        let mut params = CertificateParams::new([]).expect("it has no names yet");
        params
            .distinguished_name
            .push(DnType::CommonName, "application");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params
            .signed_by(&key, &self.issuer)
            .expect("the parameters are sound");
        self.write("client", &signed.pem(), &key)
    }

    fn write(&self, name: &str, certificate: &str, key: &KeyPair) -> Identity {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let identity = Identity {
            certificate: self.directory.join(format!("{name}-{number}.pem")),
            key: self.directory.join(format!("{name}-{number}.key")),
        };
        fs::write(&identity.certificate, certificate).expect("the directory is ours");
        fs::write(&identity.key, key.serialize_pem()).expect("the directory is ours");
        identity
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn server_params(names: &[&str], validity: Validity) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).expect("the names are names");
    params.distinguished_name.push(DnType::CommonName, "server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    match validity {
        Validity::Now => {}
        Validity::Past => {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        Validity::Future => {
            params.not_before = date_time_ymd(2990, 1, 1);
            params.not_after = date_time_ymd(2999, 1, 1);
        }
    }
    params
}
