//! [`Attempt`]: one attempt at one address of a server, from the socket to the answers to the first
//! questions.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::Level;
use redis::{Cmd, Value};

use super::connect_errors::{Phase, broken, too_late, unanswered, unreachable};
use super::connected::Connected;
use super::dial::{dial, dial_unix};
use super::exchange::ask;
use super::handshake::{Failure, has_named_user, shake_hands};
#[cfg(feature = "tls")]
use super::registered_socket::RegisteredSocket;
use super::stream::Stream;
#[cfg(feature = "tls")]
use super::tls::TlsConnector;
#[cfg(feature = "tls")]
use super::tls_errors::{is_by_tls_peer, is_not_tls};
#[cfg(feature = "tls")]
use super::tls_probe::{TLS_PROBE_AFTER, expects_plain};
use super::tls_probe::{TlsProbe, expects_tls};
#[cfg(feature = "tls")]
use crate::config::TlsConfig;
use crate::config::{Dialect, Endpoint, ServerConfig, ServerRole};
use crate::error::{Error, ErrorKind};
use crate::runtime::log;

/// How long an address may leave a connection unaccepted before the next one is tried as well
/// (RFC 8305, section 5).
const NEXT_ADDRESS_DELAY: Duration = Duration::from_millis(250);

/// What the attempts at all addresses of a server have in common.
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) config: &'a ServerConfig,
    /// Commands to ask once the server has let us in.
    pub(super) questions: &'a [Cmd],
    pub(super) probe: &'a TlsProbe,
    #[cfg(feature = "tls")]
    pub(super) tls: &'a TlsConnector,
}

/// One attempt at one address.
pub(super) struct Attempt<'a> {
    setup: Setup<'a>,
    /// `None` for a Unix socket.
    address: Option<SocketAddr>,
    progress: Mutex<Progress>,
}

/// Why there is no connection.
enum AttemptError {
    Failed(Error),
    /// The server has ended it during the handshake.
    Ended {
        error: Error,
        /// Whether it has answered any command before.
        has_answered: bool,
    },
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> AttemptError {
        AttemptError::Failed(error)
    }
}

/// Warns that the connection uses less of the protocol than the URL asks for.
fn log_fallback(config: &ServerConfig) {
    log(Level::Warn, || {
        format!(
            "`{config}` ends connections that begin with `HELLO` or `CLIENT`; using RESP2 without them"
        )
    });
}

/// Warns of a refusal that may be about a simpler dialect only.
fn log_refusal(refusal: &Error) {
    log(Level::Warn, || {
        format!("after a connection that ended in the handshake, RESP2 without `HELLO`: {refusal}")
    });
}

/// How far an attempt has come.
#[derive(Default)]
struct Progress {
    /// `None` before it has started.
    phase: Option<Phase>,
    /// Why it has failed, or will have unless a probe finds a better reason.
    failure: Option<Error>,
}

impl Attempt<'_> {
    pub(super) fn new(setup: Setup<'_>, address: Option<SocketAddr>) -> Attempt<'_> {
        Attempt {
            setup,
            address,
            progress: Mutex::default(),
        }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Returns the connection, and the answers to the questions.
    pub(super) async fn run(&self) -> Result<(Connected, Vec<Value>), Error> {
        let outcome = self.connect_and_ask().await;
        if let Err(error) = &outcome {
            self.fail(error);
        }
        outcome
    }

    /// Returns how much longer to wait for this attempt alone, which has run for `elapsed`. `share` is
    /// its part of the time of all.
    pub(super) fn time_alone(&self, elapsed: Duration, share: Duration) -> Duration {
        let time = match self.progress().phase {
            None | Some(Phase::Connecting) => share.min(NEXT_ADDRESS_DELAY),
            Some(_) => share,
        };
        time.saturating_sub(elapsed)
    }

    /// Returns why it has failed, or how far it had come when its time was up; `None` if it had not
    /// started.
    pub(super) fn failure(&self) -> Option<Error> {
        let Progress { phase, failure } = &*self.progress();
        let phase = (*phase)?;
        let Setup {
            config, questions, ..
        } = self.setup;
        Some(match failure {
            Some(failure) => failure.clone(),
            None => too_late(config, phase, questions),
        })
    }

    async fn connect_and_ask(&self) -> Result<(Connected, Vec<Value>), Error> {
        let Setup {
            config, questions, ..
        } = self.setup;
        let mut connected = self.connect().await?;
        if questions.is_empty() {
            return Ok((connected, Vec::new()));
        }
        self.enter(Phase::Question);
        let answers = ask(&mut connected, questions).await;
        let answers = answers.map_err(|error| unanswered(config, questions, error))?;
        Ok((connected, answers))
    }

    /// Connects; to a server that ends the connection in the handshake again, in other dialects.
    async fn connect(&self) -> Result<Connected, Error> {
        let config = self.setup.config;
        let dialects = config.dialects();
        let first = dialects.first(config.client().protocol(), Instant::now());
        let error = match self.connect_in(first).await {
            Ok(connected) => return Ok(connected),
            Err(AttemptError::Failed(error)) => return Err(error),
            Err(AttemptError::Ended { error, .. }) => error,
        };
        // No proxy stands before a Sentinel, and each question to it is an attempt of its own.
        if config.role() == ServerRole::Sentinel || !dialects.may_descend(Instant::now()) {
            return Err(error);
        }
        self.descend(first, error).await
    }

    /// Connects in simpler and simpler dialects, after the server has ended the connection in `first`. If
    /// that is not the one of the URL, it begins there: what the server needs may be less, or more.
    ///
    /// A refusal of the login in a simpler one is not reported: the handshake that ended first may have been a blip of a
    /// server that refuses only what these dialects send, such as a password where it wants none.
    async fn descend(&self, first: Dialect, mut error: Error) -> Result<Connected, Error> {
        let config = self.setup.config;
        let preferred = Dialect::of(config.client().protocol());
        // The password of a user is not for the account that a password alone stands for, unless the server
        // is there and has ended the connection on the username.
        let mut may_drop_user = !has_named_user(config);
        let mut next = if first == preferred {
            first.simpler()
        } else {
            Some(preferred)
        };
        while let Some(dialect) = next {
            error = match self.connect_in(dialect).await {
                Ok(connected) => {
                    config.dialects().remember(dialect, Instant::now());
                    if dialect != preferred && dialect != first {
                        log_fallback(config);
                    }
                    return Ok(connected);
                }
                Err(AttemptError::Failed(refusal))
                    if refusal.kind() == ErrorKind::Authentication && dialect != preferred =>
                {
                    log_refusal(&refusal);
                    return Err(error);
                }
                Err(AttemptError::Failed(error)) => return Err(error),
                Err(AttemptError::Ended {
                    error,
                    has_answered,
                }) => {
                    may_drop_user |= has_answered && dialect == Dialect::Bare;
                    error
                }
            };
            next = dialect
                .simpler()
                .filter(|simpler| *simpler != Dialect::Oldest || may_drop_user);
        }
        Err(error)
    }

    async fn connect_in(&self, dialect: Dialect) -> Result<Connected, AttemptError> {
        let config = self.setup.config;
        self.enter(Phase::Connecting);
        let mut stream = self.open().await?;
        self.enter(Phase::Handshake);
        let (error, has_answered) = match shake_hands(&mut stream, config, dialect).await {
            Ok((input, greeting)) => {
                return Ok(Connected {
                    stream,
                    input,
                    greeting,
                });
            }
            Err(Failure::Refused(error)) => return Err(error.into()),
            // What TLS 1.3 has against a client certificate arrives here.
            #[cfg(feature = "tls")]
            Err(Failure::Broken(error) | Failure::Ended { error, .. })
                if is_by_tls_peer(&error) =>
            {
                return Err(self.setup.tls.report(&error, config).into());
            }
            Err(Failure::Ended {
                said: Some(error),
                has_answered,
                ..
            }) => {
                return Err(AttemptError::Ended {
                    error,
                    has_answered,
                });
            }
            Err(Failure::Ended {
                error,
                has_answered,
                ..
            }) => (error, has_answered),
            Err(Failure::Broken(error)) => (error, false),
        };
        let report = broken(config, &error);
        self.fail(&report);
        match self.address {
            Some(address)
                if config.tls().is_none() && self.setup.probe.speaks_tls(address).await =>
            {
                Err(expects_tls(config).into())
            }
            _ if error.kind() == io::ErrorKind::InvalidData => Err(report.into()),
            _ => Err(AttemptError::Ended {
                error: report,
                has_answered,
            }),
        }
    }

    /// Opens the stream, with TLS if the URL says so.
    async fn open(&self) -> Result<Stream, Error> {
        let config = self.setup.config;
        let dialled = match (self.address, config.endpoint()) {
            (Some(address), _) => dial(address, config.client().keepalive()).await,
            (None, Endpoint::Unix(path)) => dial_unix(path).await,
            (None, Endpoint::Tcp(_)) => Err(io::ErrorKind::AddrNotAvailable.into()),
        };
        let socket = dialled.map_err(|error| unreachable(config, error))?;
        #[cfg(feature = "tls")]
        if let (Some(address), Some(tls)) = (self.address, config.tls()) {
            return self.secure(socket, address, tls).await;
        }
        Ok(Stream::Plain(socket))
    }

    /// Sets up TLS on `socket`. Asks the port whether it speaks plain RESP where the failure, or a long
    /// silence, does not tell.
    #[cfg(feature = "tls")]
    async fn secure(
        &self,
        socket: RegisteredSocket,
        address: SocketAddr,
        tls: &TlsConfig,
    ) -> Result<Stream, Error> {
        let Setup { config, probe, .. } = self.setup;
        self.enter(Phase::Certificates);
        let handshake = self.setup.tls.start_handshake(socket, config, tls).await?;
        self.enter(Phase::Tls);
        let mut handshake = std::pin::pin!(handshake);
        let outcome = match tokio::time::timeout(TLS_PROBE_AFTER, &mut handshake).await {
            Ok(outcome) => outcome,
            Err(_) if probe.speaks_plain(address).await => return Err(expects_plain(config)),
            Err(_) => handshake.await,
        };
        let error = match outcome {
            Ok(stream) => return Ok(Stream::Tls(Box::new(stream))),
            Err(error) if is_not_tls(&error) => return Err(expects_plain(config)),
            Err(error) => error,
        };
        let report = self.setup.tls.report(&error, config);
        self.fail(&report);
        if !is_by_tls_peer(&error) && probe.speaks_plain(address).await {
            return Err(expects_plain(config));
        }
        Err(report)
    }

    fn enter(&self, phase: Phase) {
        self.progress().phase = Some(phase);
    }

    fn fail(&self, error: &Error) {
        self.progress().failure = Some(error.clone());
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
