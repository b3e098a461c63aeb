//! [`SentinelsBuilder`]: the settings of [`Sentinels`](super::Sentinels).

use super::builder::{ServerBuilder, Transport};

/// Holds the settings of [`Sentinels`](super::Sentinels); made by
/// [`Sentinels::builder`](super::Sentinels::builder).
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct SentinelsBuilder {
    pub(super) replicas: usize,
    pub(super) sentinels: usize,
    servers: ServerBuilder,
    sentinel_password: Option<String>,
}

impl Default for SentinelsBuilder {
    fn default() -> SentinelsBuilder {
        SentinelsBuilder {
            replicas: 1,
            sentinels: 3,
            servers: ServerBuilder::default(),
            sentinel_password: None,
        }
    }
}

impl SentinelsBuilder {
    /// Starts this many replicas of the primary, 1 unless set.
    pub fn replicas(mut self, replicas: usize) -> SentinelsBuilder {
        self.replicas = replicas;
        self
    }

    /// Starts this many Sentinels, 3 unless set. Two have to agree that the primary is down.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn sentinels(mut self, sentinels: usize) -> SentinelsBuilder {
        assert!(
            sentinels > 0,
            "a primary is watched by one Sentinel at least"
        );
        self.sentinels = sentinels;
        self
    }

    /// Starts the primary and its replicas with these settings, such as a password, a user or TLS. They
    /// listen on ports in any case.
    ///
    /// With TLS the Sentinels have it too, and the certificate has to be one for 127.0.0.1, as that of
    /// [`tls_self_signed`](ServerBuilder::tls_self_signed) is.
    pub fn servers(mut self, servers: ServerBuilder) -> SentinelsBuilder {
        self.servers = servers;
        self
    }

    /// Has the Sentinels ask for this password, which the URL has.
    pub fn sentinel_password(mut self, password: impl Into<String>) -> SentinelsBuilder {
        self.sentinel_password = Some(password.into());
        self
    }

    pub(super) fn server(&self) -> ServerBuilder {
        let mut server = self.servers.clone().on_a_port().in_a_set();
        if let Some(password) = server.password.clone() {
            // Any of them may be a replica one day.
            server = server.arg("--masterauth").arg(password);
        }
        server
    }

    pub(super) fn sentinel(&self) -> ServerBuilder {
        let mut sentinel = ServerBuilder {
            transport: self.servers.transport.clone(),
            password: self.sentinel_password.clone(),
            ..ServerBuilder::default()
        }
        .on_a_port();
        if sentinel.transport.is_tls() {
            sentinel = sentinel.arg("--tls-replication").arg("yes");
        }
        sentinel.arg("--sentinel")
    }
}

impl ServerBuilder {
    /// Listens on a port instead of a Unix socket alone.
    pub(super) fn on_a_port(mut self) -> ServerBuilder {
        if matches!(self.transport, Transport::Unix) {
            self.transport = Transport::Tcp;
        }
        self
    }

    /// Synchronizes at once, and over TLS where clients are served over it.
    pub(super) fn in_a_set(self) -> ServerBuilder {
        let server = self.arg("--repl-diskless-sync-delay").arg("0");
        if server.transport.is_tls() {
            server.arg("--tls-replication").arg("yes")
        } else {
            server
        }
    }
}
