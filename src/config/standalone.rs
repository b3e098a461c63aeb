//! [`Standalone`]: the one server of a client, for a form of redis-rs that knows one server only.

use std::sync::Arc;

use super::client_config::Config;
use super::servers::{Endpoint, Servers};
use super::tls_config::TlsConfig;
use crate::error::{Error, ErrorKind};
use crate::login::Issued;
use crate::url::TlsVerify;

/// A server that one address leads to, with or without TLS, and the login that was used last.
#[derive(Debug)]
pub(crate) struct Standalone<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) transport: Transport,
    pub(crate) login: Arc<Issued>,
}

/// How a [`Standalone`] server is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    /// TLS, with a certificate that the system's authorities have to vouch for.
    Tls,
    /// TLS with any certificate.
    TlsUnverified,
}

impl Config {
    /// Returns the one server of these settings; fails where `form` cannot hold it.
    pub(crate) fn standalone(&self, form: &str) -> Result<Standalone<'_>, Error> {
        match self.servers() {
            Servers::Standalone(endpoint) => {
                let transport = self.tls().map_or(Some(Transport::Plain), transport);
                let transport = transport.ok_or_else(|| tls_parameters(form))?;
                let login = self.credentials().last();
                Ok(Standalone {
                    endpoint,
                    transport,
                    login: login.ok_or_else(|| no_login_yet(form))?,
                })
            }
            Servers::Sentinel(_) => {
                let holds = "one server, and the Sentinels name another one after a failover";
                Err(give_the_client(
                    form,
                    holds,
                    "use `redis::sentinel::SentinelClient`",
                ))
            }
            Servers::Cluster(_) => {
                let holds = "one server, and a cluster has several";
                Err(give_the_client(
                    form,
                    holds,
                    "use `redis::cluster::ClusterClient`",
                ))
            }
        }
    }
}

/// Returns what redis-rs does as well; `None` where it would verify the server in another way.
fn transport(tls: &TlsConfig) -> Option<Transport> {
    let verify = tls.verify;
    let only_verify = TlsConfig {
        verify,
        ..TlsConfig::default()
    };
    match verify {
        _ if *tls != only_verify => None,
        TlsVerify::Full => Some(Transport::Tls),
        TlsVerify::None => Some(Transport::TlsUnverified),
        TlsVerify::Ca => None,
    }
}

fn tls_parameters(form: &str) -> Error {
    let holds = "an address, and not the files and names of the TLS parameters";
    give_the_client(
        form,
        holds,
        "call `redis::Client::build_with_tls` with the same files",
    )
}

/// Reports what `form` does not hold of a client, which other libraries may be able to take as it is.
fn give_the_client(form: &str, holds: &str, or: &str) -> Error {
    let help = format!("give the client itself where a `ConnectionLike` is taken, or {or}");
    unsupported(form, holds).with_help(help)
}

fn no_login_yet(form: &str) -> Error {
    let error = unsupported(
        form,
        "a login, and credentials that change were not asked for yet",
    );
    error.with_help("connect first, as with `Client::ready`")
}

fn unsupported(form: &str, holds: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{form} holds {holds}"))
}
