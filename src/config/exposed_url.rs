//! The URL of a server as other clients read it, password included.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::client_config::Config;
use super::servers::Endpoint;
use super::standalone::Transport;
use crate::error::Error;
use crate::login::Credentials;

/// Characters that are percent-encoded in a component of a URL: all but the unreserved ones (RFC 3986,
/// section 2.3).
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'_')
    .remove(b'-')
    .remove(b'~');
/// The same for a path of several components.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// Encodes a username, a password or the value of a parameter.
pub(crate) fn encoded_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// Encodes a path and keeps its `/`.
pub(crate) fn encoded_path(path: &Path) -> String {
    utf8_percent_encode(&path.to_string_lossy(), PATH).to_string()
}

impl Config {
    /// Returns the URL under which redis-rs finds the same server with the same login.
    pub(crate) fn expose_url(&self) -> Result<String, Error> {
        let server = self.standalone("a URL of redis-rs")?;
        let credentials = &server.login.credentials;
        Ok(match server.endpoint {
            Endpoint::Tcp(address) => {
                let (scheme, fragment) = match server.transport {
                    Transport::Plain => ("redis", ""),
                    Transport::Tls => ("rediss", ""),
                    Transport::TlsUnverified => ("rediss", "#insecure"),
                };
                let login = userinfo(credentials);
                format!("{scheme}://{login}{address}/{}{fragment}", self.database())
            }
            Endpoint::Unix(path) => {
                // redis-rs finds a login in the query alone.
                let mut url = format!("unix://{}?db={}", encoded_path(path), self.database());
                for (name, value) in [
                    ("user", &credentials.username),
                    ("pass", &credentials.password),
                ] {
                    if let Some(value) = value {
                        url.extend(["&", name, "=", &encoded_component(value)]);
                    }
                }
                url
            }
        })
    }
}

fn userinfo(credentials: &Credentials) -> String {
    let encoded = |text: &Option<String>| text.as_deref().map(encoded_component);
    match (
        encoded(&credentials.username),
        encoded(&credentials.password),
    ) {
        (None, None) => String::new(),
        (Some(username), None) => format!("{username}@"),
        (username, Some(password)) => format!("{}:{password}@", username.unwrap_or_default()),
    }
}
