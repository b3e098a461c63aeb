//! Certificates as PEM files: good ones and every kind of wrong one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SigningKey, date_time_ymd,
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
        Authority::with(|_| {})
    }

    /// An authority whose certificate `change` has changed.
    pub(crate) fn with(change: impl FnOnce(&mut CertificateParams)) -> Authority {
        let mut params = authority_params();
        change(&mut params);
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params.self_signed(&key).expect("the parameters are sound");
        Authority::write_new(params, key, &signed.pem())
    }

    /// Another authority, which this one has signed.
    pub(crate) fn intermediate(&self) -> Authority {
        let params = authority_params();
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params.signed_by(&key, &self.issuer);
        Authority::write_new(
            params,
            key,
            &signed.expect("the parameters are sound").pem(),
        )
    }

    fn write_new(params: CertificateParams, key: KeyPair, certificate: &str) -> Authority {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("certificates-{}-{number}", std::process::id());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&directory).expect("the target directory is ours");
        let path = directory.join("ca.pem");
        fs::write(&path, certificate).expect("the directory is ours");
        Authority {
            issuer: Issuer::new(params, key),
            directory,
            certificate: path,
        }
    }

    /// A directory that is gone with the authority.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
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

    /// A server certificate for `localhost`, or with what `change` makes of it.
    pub(crate) fn server_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = server_params(&["localhost"], Validity::Now);
        change(&mut params);
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params.signed_by(&key, &self.issuer);
        self.write(
            "server",
            &signed.expect("the parameters are sound").pem(),
            &key,
        )
    }

    /// As [`server_with`](Authority::server_with), signed by its own key.
    pub(crate) fn self_signed_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = server_params(&["localhost"], Validity::Now);
        change(&mut params);
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params.self_signed(&key).expect("the parameters are sound");
        self.write("self-signed", &signed.pem(), &key)
    }

    /// A certificate of X.509 version 1, as `openssl x509 -req` makes it without extensions.
    pub(crate) fn version_1(&self) -> Identity {
        let params = server_params(&["localhost"], Validity::Now);
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params.signed_by(&key, &self.issuer);
        let signed = signed.expect("the parameters are sound");
        let (certificate, _) = element(signed.der());
        let (fields, rest) = element(certificate.content);
        let (algorithm, _) = element(rest);
        let mut fields = fields.content;
        let mut kept = Vec::new();
        while !fields.is_empty() {
            let (field, rest) = element(fields);
            // Neither the version, which is 1 where it is left out, nor extensions.
            if !matches!(field.whole[0], 0xa0 | 0xa3) {
                kept.extend(field.whole);
            }
            fields = rest;
        }
        let mut der = sequence(0x30, &kept);
        let signature = self.issuer.key().sign(&der).expect("it is a key");
        der.extend(algorithm.whole);
        der.extend(sequence(0x03, &[&[0], &signature[..]].concat()));
        self.write("version-1", &pem(&sequence(0x30, &der)), &key)
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

fn authority_params() -> CertificateParams {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut params = CertificateParams::new([]).expect("it has no names yet");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let common_name = format!("authority {number}");
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}

/// An element of DER.
struct Element<'a> {
    content: &'a [u8],
    whole: &'a [u8],
}

/// The first element of `der`, and what follows it.
fn element(der: &[u8]) -> (Element<'_>, &[u8]) {
    let (head, length) = match der[1] {
        length @ 0..=0x7f => (2, usize::from(length)),
        0x81 => (3, usize::from(der[2])),
        _ => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
    };
    let (whole, rest) = der.split_at(head + length);
    let content = &whole[head..];
    (Element { content, whole }, rest)
}

/// An element of DER with this tag.
fn sequence(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    [&[tag, 0x82, high, low], content].concat()
}

/// The certificate in PEM.
pub(crate) fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in der.chunks(48) {
        for three in line.chunks(3) {
            let mut bytes = [0; 4];
            bytes[1..=three.len()].copy_from_slice(three);
            let bits = u32::from_be_bytes(bytes);
            for digit in 0..4 {
                let index = bits >> (18 - 6 * digit) & 0x3f;
                let is_there = digit <= three.len();
                text.push(if is_there {
                    char::from(DIGITS[index as usize])
                } else {
                    '='
                });
            }
        }
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
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
