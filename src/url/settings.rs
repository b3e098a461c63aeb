//! What the parameters of a URL set.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::warning::Warnings;

/// Names a version of the Redis protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RESP2.
    Resp2,
    /// RESP3.
    Resp3,
}

/// Says what of the server's certificate is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsVerify {
    /// The chain up to a trusted authority, and the host name.
    #[default]
    Full,
    /// The chain, not the host name.
    Ca,
    /// Nothing: anyone in between can read and change everything.
    None,
}

/// Says which node reads are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadFrom {
    /// The primary.
    Primary,
    /// A replica.
    Replica,
    /// A replica, the primary where there is none.
    PreferReplica,
}

/// The values of the parameters, `None` where the URL does not set one.
#[derive(Clone, Default)]
pub(super) struct Settings {
    pub(super) protocol: Option<Protocol>,
    pub(super) client_name: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) response_timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) keepalive: Option<Duration>,
    pub(super) max_in_flight: Option<NonZeroUsize>,
    pub(super) tls_ca: Option<PathBuf>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) tls_verify: TlsVerify,
    pub(super) tls_server_name: Option<String>,
    pub(super) sentinel_username: Option<String>,
    pub(super) sentinel_password: Option<String>,
    pub(super) read_from: Option<ReadFrom>,
}

impl Settings {
    /// Weakens the verification; of two parameters the weaker one holds.
    pub(super) fn verify_with(&mut self, verify: TlsVerify, warnings: &mut Warnings) {
        match verify {
            TlsVerify::Full => return,
            TlsVerify::Ca => warnings.add(
                "tls_hostname_off",
                "the host name in the server's certificate is not verified",
            ),
            TlsVerify::None => warnings.add(
                "tls_verify_off",
                "the server's certificate is not verified: anyone in between can read the password",
            ),
        }
        if self.tls_verify != TlsVerify::None {
            self.tls_verify = verify;
        }
    }
}
