//! [`ServerBuilder`]: the settings of a server.

use std::path::PathBuf;
use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::certificate::Certificate;

/// Holds the settings of a [`Server`](super::Server); made by
/// [`Server::builder`](super::Server::builder).
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct ServerBuilder {
    pub(super) transport: Transport,
    pub(super) password: Option<String>,
    pub(super) user: Option<User>,
    /// The port of the server that this one is a replica of.
    pub(super) primary: Option<u16>,
    pub(super) arguments: Vec<String>,
}

/// A user of the access control list.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) rules: String,
}

#[derive(Debug, Clone)]
pub(super) enum Transport {
    Unix,
    Tcp,
    Tls {
        certificate: PathBuf,
        key: PathBuf,
        authority: PathBuf,
        clients_need_certificates: bool,
    },
    /// TLS with a certificate that is made when the first of several servers starts.
    SelfSigned(Arc<OnceCell<Certificate>>),
}

impl Transport {
    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Transport::Tls { .. } | Transport::SelfSigned(_))
    }
}

impl Default for ServerBuilder {
    fn default() -> ServerBuilder {
        ServerBuilder {
            transport: if cfg!(unix) {
                Transport::Unix
            } else {
                Transport::Tcp
            },
            password: None,
            user: None,
            primary: None,
            arguments: Vec::new(),
        }
    }
}

impl ServerBuilder {
    /// Listens on a free port of 127.0.0.1 instead of a Unix socket.
    pub fn tcp(mut self) -> ServerBuilder {
        self.transport = Transport::Tcp;
        self
    }

    /// Listens on a free port of 127.0.0.1 with TLS. The three PEM files hold the server's certificate
    /// for `localhost`, its key, and the authority that signed it.
    ///
    /// The URL names the authority as `tls_ca`.
    pub fn tls(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        authority: impl Into<PathBuf>,
    ) -> ServerBuilder {
        self.transport = Transport::Tls {
            certificate: certificate.into(),
            key: key.into(),
            authority: authority.into(),
            clients_need_certificates: false,
        };
        self
    }

    /// Listens on a free port of 127.0.0.1 with TLS and a certificate of its own for `localhost` and
    /// 127.0.0.1, which the URL names as `tls_ca`. It is made by the program `openssl`.
    pub fn tls_self_signed(mut self) -> ServerBuilder {
        self.transport = Transport::SelfSigned(Arc::default());
        self
    }

    /// Refuses clients without a certificate signed by the authority given to
    /// [`tls`](ServerBuilder::tls).
    ///
    /// # Panics
    ///
    /// If it is called before `tls`.
    pub fn client_certificates(mut self) -> ServerBuilder {
        match &mut self.transport {
            Transport::Tls {
                clients_need_certificates,
                ..
            } => *clients_need_certificates = true,
            Transport::Unix | Transport::Tcp | Transport::SelfSigned(_) => {
                panic!("`client_certificates` needs `tls` first")
            }
        }
        self
    }

    /// Asks clients for this password, which the URL has unless it has a [`user`](ServerBuilder::user). Without a password every client may connect.
    pub fn password(mut self, password: impl Into<String>) -> ServerBuilder {
        self.password = Some(password.into());
        self
    }

    /// Makes a user of the access control list, and has the URL log in as this one. `rules` are those of
    /// `ACL SETUSER`, such as `~app:* +@all -@dangerous`.
    ///
    /// The default user stays, with [`password`](ServerBuilder::password) if there is one.
    pub fn user(
        mut self,
        name: impl Into<String>,
        password: impl Into<String>,
        rules: impl Into<String>,
    ) -> ServerBuilder {
        self.user = Some(User {
            name: name.into(),
            password: password.into(),
            rules: rules.into(),
        });
        self
    }

    /// Adds one argument to the server's command line, such as `--maxclients` and, in a second call, `10`.
    pub fn arg(mut self, argument: impl Into<String>) -> ServerBuilder {
        self.arguments.push(argument.into());
        self
    }
}
