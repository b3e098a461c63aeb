//! A certificate that a server signs itself, made by the program `openssl`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// The files in the directory of the server.
pub(super) const CERTIFICATE: &str = "certificate.pem";
pub(super) const KEY: &str = "key.pem";

const INSTALL: &str = if cfg!(target_os = "macos") {
    "brew install openssl"
} else {
    "apt-get install -y openssl"
};

/// A certificate and its key, in PEM. The authority is the certificate itself.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    certificate: String,
    key: String,
}

impl Certificate {
    /// Makes one, for `localhost` and 127.0.0.1, and leaves its files in `directory`.
    pub(super) fn make(directory: &Path) -> io::Result<Certificate> {
        let output = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            ])
            .args([
                "-subj",
                "/CN=localhost",
                "-keyout",
                KEY,
                "-out",
                CERTIFICATE,
            ])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .current_dir(directory)
            .stdin(Stdio::null())
            .output()
            .map_err(not_there)?;
        if !output.status.success() {
            let problem = String::from_utf8_lossy(&output.stderr);
            let status = output.status;
            return Err(io::Error::other(format!(
                "`openssl` ended with {status}:\n{problem}"
            )));
        }
        Ok(Certificate {
            certificate: fs::read_to_string(directory.join(CERTIFICATE))?,
            key: fs::read_to_string(directory.join(KEY))?,
        })
    }

    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        fs::write(directory.join(CERTIFICATE), &self.certificate)?;
        fs::write(directory.join(KEY), &self.key)
    }
}

fn not_there(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::NotFound {
        return error;
    }
    let message = format!("cannot find `openssl` in `PATH`\n  help: {INSTALL}");
    io::Error::new(error.kind(), message)
}
