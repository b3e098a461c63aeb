//! The settings of a server as lines of its configuration file, and as a URL.

use std::fmt::Write as _;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::builder::{ServerBuilder, Transport};

impl ServerBuilder {
    /// The lines of the configuration file.
    pub(super) fn directives(&self, port: Option<u16>) -> String {
        let port = port.unwrap_or(0);
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            "save \"\"".to_owned(),
            "appendonly no".to_owned(),
            "daemonize no".to_owned(),
        ];
        if cfg!(unix) {
            // TLS and TCP servers have one too, to be asked whether they are ready.
            lines.push("unixsocket redis.sock".to_owned());
            lines.push("unixsocketperm 700".to_owned());
        }
        match &self.transport {
            Transport::Unix => lines.push("port 0".to_owned()),
            Transport::Tcp => lines.push(format!("port {port}")),
            Transport::Tls {
                certificate,
                key,
                authority,
                clients_need_certificates,
            } => {
                let path = |path| quoted(&absolute(path));
                let answer = if *clients_need_certificates {
                    "yes"
                } else {
                    "no"
                };
                lines.push("port 0".to_owned());
                lines.push(format!("tls-port {port}"));
                lines.push(format!("tls-cert-file {}", path(certificate)));
                lines.push(format!("tls-key-file {}", path(key)));
                lines.push(format!("tls-ca-cert-file {}", path(authority)));
                lines.push(format!("tls-auth-clients {answer}"));
            }
        }
        if let Some(password) = &self.password {
            lines.push(format!("requirepass {}", quoted(password)));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    pub(super) fn url(&self, port: Option<u16>, directory: &Path) -> String {
        let port = port.unwrap_or(0);
        let password = self
            .password
            .as_deref()
            .map(|word| percent_encoded(word, COMPONENT));
        let userinfo = password
            .as_deref()
            .map_or(String::new(), |password| format!(":{password}@"));
        match &self.transport {
            Transport::Tcp => format!("redis://{userinfo}127.0.0.1:{port}"),
            Transport::Tls { authority, .. } => format!(
                "rediss://{userinfo}localhost:{port}?tls_ca={}",
                percent_encoded(&absolute(authority), PATH)
            ),
            // The password stands in the query, where redis-rs finds it too.
            Transport::Unix => {
                let path = percent_encoded(&directory.join("redis.sock").to_string_lossy(), PATH);
                let query = password.map_or(String::new(), |password| format!("?pass={password}"));
                format!("unix://{path}{query}")
            }
        }
    }
}

/// Returns the absolute path: the server runs in its own directory, where a relative path would name
/// another file.
fn absolute(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.to_string_lossy().into_owned()
}

/// Quotes a word for the server's configuration file.
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

/// Characters that are percent-encoded in a component of a URL: all but the unreserved ones (RFC 3986,
/// section 2.3).
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'_')
    .remove(b'-')
    .remove(b'~');
/// The same for a path of several components.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

fn percent_encoded(text: &str, escaped: &'static AsciiSet) -> String {
    utf8_percent_encode(text, escaped).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_has_everything_but_a_client_certificate() {
        let directory = Path::new("/tmp/dir");
        let url = |builder: ServerBuilder, port| builder.url(port, directory);
        assert_eq!(
            url(ServerBuilder::default().tcp(), Some(7000)),
            "redis://127.0.0.1:7000"
        );
        assert_eq!(
            url(ServerBuilder::default().tcp().password("a@b/ü"), Some(7000)),
            "redis://:a%40b%2F%C3%BC@127.0.0.1:7000"
        );
        assert_eq!(
            url(
                ServerBuilder::default().tls("c", "k", "/tmp/c a.pem"),
                Some(7000)
            ),
            "rediss://localhost:7000?tls_ca=/tmp/c%20a.pem"
        );
        if cfg!(unix) {
            assert_eq!(
                url(ServerBuilder::default().password("a+b"), None),
                "unix:///tmp/dir/redis.sock?pass=a%2Bb"
            );
        }
    }
}
