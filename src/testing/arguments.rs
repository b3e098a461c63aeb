//! A server's settings in the words of its configuration file, and in those of a URL.

use std::fmt::Write as _;
use std::path::Path;

use super::{ServerBuilder, Transport};

impl ServerBuilder {
    /// The lines of the configuration file.
    pub(super) fn directives(&self, port: Option<u16>) -> String {
        let port = port.unwrap_or(0);
        let mut lines = String::from("bind 127.0.0.1\nsave \"\"\nappendonly no\ndaemonize no\n");
        if cfg!(unix) {
            // TLS and TCP servers have one too: it is how we ask whether they are ready.
            lines.push_str("unixsocket redis.sock\nunixsocketperm 700\n");
        }
        match &self.transport {
            Transport::Unix => lines.push_str("port 0\n"),
            Transport::Tcp => lines.push_str(&format!("port {port}\n")),
            Transport::Tls {
                certificate,
                key,
                authority,
                clients_need_certificates,
            } => {
                lines.push_str(&format!("port 0\ntls-port {port}\n"));
                for (name, path) in [
                    ("tls-cert-file", certificate),
                    ("tls-key-file", key),
                    ("tls-ca-cert-file", authority),
                ] {
                    lines.push_str(&format!("{name} {}\n", quoted(&absolute(path))));
                }
                let answer = if *clients_need_certificates {
                    "yes"
                } else {
                    "no"
                };
                lines.push_str(&format!("tls-auth-clients {answer}\n"));
            }
        }
        if let Some(password) = &self.password {
            lines.push_str(&format!("requirepass {}\n", quoted(password)));
        }
        lines
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    pub(super) fn url(&self, port: Option<u16>, directory: &Path) -> String {
        let port = port.unwrap_or(0);
        let password = self
            .password
            .as_deref()
            .map(|word| percent_encoded(word, b""));
        let userinfo = password
            .as_deref()
            .map_or(String::new(), |password| format!(":{password}@"));
        match &self.transport {
            Transport::Tcp => format!("redis://{userinfo}127.0.0.1:{port}"),
            Transport::Tls { authority, .. } => format!(
                "rediss://{userinfo}localhost:{port}?tls_ca={}",
                percent_encoded(&absolute(authority), b"/")
            ),
            // In the query, where redis-rs finds it too.
            Transport::Unix => {
                let path = percent_encoded(&directory.join("redis.sock").to_string_lossy(), b"/");
                let query = password.map_or(String::new(), |password| format!("?pass={password}"));
                format!("unix://{path}{query}")
            }
        }
    }
}

/// The server runs in its own directory, so a relative path means another file there.
fn absolute(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.to_string_lossy().into_owned()
}

/// A word of the server's configuration file.
fn quoted(word: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in word.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            write!(quoted, "\\x{byte:02x}").expect("a String takes every write");
        }
    }
    quoted.push('"');
    quoted
}

/// `text` for a URL, where `kept` needs no escape in its place.
fn percent_encoded(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-~".contains(&byte) || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes every write");
        }
    }
    encoded
}
