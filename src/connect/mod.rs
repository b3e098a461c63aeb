//! One attempt to connect to one server: name, socket, TLS and handshake, under one time limit.

mod attempt;
mod backoff;
#[cfg(feature = "tls")]
mod certificate;
mod connect_errors;
mod connected;
mod connector;
mod dial;
mod dns;
mod exchange;
mod first_success;
mod greeting;
mod handshake;
mod login;
mod login_errors;
mod reconnection;
mod registered_socket;
mod socket;
mod socket_options;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod tls_certificate_errors;
#[cfg(feature = "tls")]
mod tls_errors;
#[cfg(feature = "tls")]
mod tls_files;
#[cfg(feature = "tls")]
mod tls_identity;
mod tls_probe;
#[cfg(feature = "tls")]
mod tls_roots;
#[cfg(feature = "tls")]
mod tls_verifier;

pub(crate) use self::backoff::random_below;
pub(crate) use self::connected::Connected;
pub(crate) use self::connector::Connector;
pub(crate) use self::first_success::first_success;
pub(crate) use self::greeting::Greeting;
pub(crate) use self::login::LoggedIn;
pub(crate) use self::reconnection::{Ended, Reconnection};
pub(crate) use self::socket::Socket;
pub(crate) use self::stream::Stream;
