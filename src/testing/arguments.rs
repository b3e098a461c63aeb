//! The settings of a server as lines of its configuration file, and as a URL.

use std::fmt::Write as _;
use std::path::Path;

use super::builder::{ServerBuilder, Transport, User};
use super::certificate::{CERTIFICATE, KEY};
use crate::config::{encoded_component, encoded_path};

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
                let files = [certificate, key, authority].map(|it| path(it.as_path()));
                lines.extend(tls_directives(port, files, answer));
            }
            Transport::SelfSigned(_) => {
                let files = [CERTIFICATE, KEY, CERTIFICATE].map(quoted);
                lines.extend(tls_directives(port, files, "no"));
            }
        }
        if let Some(password) = &self.password {
            lines.push(format!("requirepass {}", quoted(password)));
        }
        if let Some(User {
            name,
            password,
            rules,
        }) = &self.user
        {
            let password = format!(">{password}");
            let words = ["on", &password]
                .into_iter()
                .chain(rules.split_whitespace());
            let words: Vec<String> = words.map(quoted).collect();
            lines.push(format!("user {} {}", quoted(name), words.join(" ")));
        }
        if let Some(primary) = self.primary {
            lines.push(format!("replicaof 127.0.0.1 {primary}"));
            if self.transport.is_tls() {
                lines.push("tls-replication yes".to_owned());
            }
            if let Some(password) = &self.password {
                lines.push(format!("masterauth {}", quoted(password)));
            }
        }
        lines.push(String::new());
        lines.join("\n")
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    pub(super) fn url(&self, port: Option<u16>, directory: &Path) -> String {
        let port = port.unwrap_or(0);
        let userinfo = self.userinfo();
        match &self.transport {
            Transport::Unix => {
                let credentials = self.credentials().map(|(user, password)| {
                    let user = user.map(|user| format!("user={user}&"));
                    format!("?{}pass={password}", user.unwrap_or_default())
                });
                unix_url(directory, &credentials.unwrap_or_default())
            }
            Transport::Tcp => format!("redis://{userinfo}127.0.0.1:{port}"),
            Transport::Tls { .. } | Transport::SelfSigned(_) => format!(
                "rediss://{userinfo}localhost:{port}?{}",
                self.tls_parameter(directory)
            ),
        }
    }

    /// What stands before the host of a URL, with its `@`.
    pub(super) fn userinfo(&self) -> String {
        let credentials = self.credentials().map(|(user, password)| {
            let user = user.unwrap_or_default();
            format!("{user}:{password}@")
        });
        credentials.unwrap_or_default()
    }

    /// The parameter of a URL that names the authority.
    pub(super) fn tls_parameter(&self, directory: &Path) -> String {
        let authority = match &self.transport {
            Transport::Unix | Transport::Tcp => return String::new(),
            Transport::Tls { authority, .. } => absolute(authority),
            Transport::SelfSigned(_) => directory.join(CERTIFICATE).display().to_string(),
        };
        format!("tls_ca={}", encoded_path(Path::new(&authority)))
    }

    /// Username and password as a URL has them.
    fn credentials(&self) -> Option<(Option<String>, String)> {
        let encoded = encoded_component;
        match (&self.user, &self.password) {
            (Some(user), _) => Some((Some(encoded(&user.name)), encoded(&user.password))),
            (None, Some(password)) => Some((None, encoded(password))),
            (None, None) => None,
        }
    }

    /// A URL of the default user, for redis-rs: over the Unix socket, which every server has on Unix.
    pub(super) fn control_url(&self, port: Option<u16>, directory: &Path) -> String {
        let password = self.password.as_deref();
        let password = password.map(encoded_component);
        if cfg!(unix) {
            let password = password.map_or(String::new(), |it| format!("?pass={it}"));
            unix_url(directory, &password)
        } else {
            let password = password.map_or(String::new(), |it| format!(":{it}@"));
            format!("redis://{password}127.0.0.1:{}", port.unwrap_or(0))
        }
    }
}

/// The password stands in the query, where redis-rs finds it too.
fn unix_url(directory: &Path, query: &str) -> String {
    let path = encoded_path(&directory.join("redis.sock"));
    format!("unix://{path}{query}")
}

fn tls_directives(port: u16, files: [String; 3], clients_need_certificates: &str) -> [String; 6] {
    let [certificate, key, authority] = files;
    [
        "port 0".to_owned(),
        format!("tls-port {port}"),
        format!("tls-cert-file {certificate}"),
        format!("tls-key-file {key}"),
        format!("tls-ca-cert-file {authority}"),
        format!("tls-auth-clients {clients_need_certificates}"),
    ]
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
                ServerBuilder::default().tcp().user("u@", "p", ""),
                Some(7000)
            ),
            "redis://u%40:p@127.0.0.1:7000"
        );
        assert_eq!(
            url(ServerBuilder::default().tls_self_signed(), Some(7000)),
            "rediss://localhost:7000?tls_ca=/tmp/dir/certificate.pem"
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
            assert_eq!(
                url(
                    ServerBuilder::default().password("a").user("u", "p", ""),
                    None
                ),
                "unix:///tmp/dir/redis.sock?user=u&pass=p"
            );
        }
    }
}
