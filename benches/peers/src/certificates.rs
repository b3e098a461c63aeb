//! An authority and a certificate of its own for the server, as PEM files, gone when dropped.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::Failure;

pub(crate) struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    pub(crate) fn new() -> Result<Certificates, Failure> {
        let directory =
            std::env::temp_dir().join(format!("redis-ready-peers-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let certificates = Certificates { directory };
        certificates.write()?;
        Ok(certificates)
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub(crate) fn server(&self) -> PathBuf {
        self.path("server.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("server.key")
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(&self.directory, name)
    }

    fn write(&self) -> Result<(), Failure> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::new([])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "authority");
        fs::write(
            self.authority(),
            authority.self_signed(&authority_key)?.pem(),
        )?;
        let key = KeyPair::generate()?;
        let server = CertificateParams::new(["localhost".to_owned()])?;
        let signed = server.signed_by(&key, &Issuer::new(authority, authority_key))?;
        fs::write(self.server(), signed.pem())?;
        fs::write(self.key(), key.serialize_pem())?;
        Ok(())
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        // What is left lies in the directory for temporary files.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
