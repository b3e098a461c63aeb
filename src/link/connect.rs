//! One attempt to connect: name, socket, TLS and handshake under one deadline.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::handshake;
use super::probe;
use super::resolve::Resolver;
use super::sentinel::{self, Candidate};
use super::stream::{Socket, Stream};
use crate::config::{Config, Endpoint, Sentinels};
use crate::error::{Error, ErrorKind};

/// After so long without an answer the next address is tried as well (RFC 8305, section 5).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// Keepalive probes: how far apart, and how many without an answer end the connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
#[cfg(not(windows))]
const KEEPALIVE_PROBES: u32 = 2;
/// How long sent data may stay unacknowledged. Keepalive is silent while data is in flight, and this
/// is while there is none: a connection needs both.
#[cfg(any(target_os = "linux", target_os = "android"))]
const USER_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that is ready for commands.
pub(super) struct Connected {
    pub(super) stream: Stream,
    /// What the server has sent beyond its answers to the handshake.
    pub(super) input: Vec<u8>,
}

impl Connected {
    /// Waits for more input.
    pub(super) async fn read_more(&mut self) -> io::Result<()> {
        let mut chunk = [0; 1024];
        match self.stream.read(&mut chunk).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.input.extend_from_slice(&chunk[..read]);
                Ok(())
            }
        }
    }
}

type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Connected, Error>> + Send + 'a>>;

/// Makes the connections of one link, one after the other.
pub(super) struct Connector<'a> {
    config: &'a Config,
    resolver: Resolver,
    /// What it has found out of a port that ends plain connections, in this outage.
    wants_tls: Option<bool>,
    server: Option<Candidate>,
    #[cfg(feature = "tls")]
    tls: super::tls::Connector,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Asking,
    Resolving,
    Connecting,
    #[cfg(feature = "tls")]
    Tls,
    Handshake,
}

impl<'a> Connector<'a> {
    pub(super) fn new(config: &'a Config) -> Connector<'a> {
        Connector {
            config,
            resolver: Resolver::default(),
            wants_tls: None,
            server: None,
            #[cfg(feature = "tls")]
            tls: super::tls::Connector::default(),
        }
    }

    /// As [`connect`](Connector::connect), for use within an attempt to connect.
    pub(super) fn connect_within(&mut self) -> Attempt<'_> {
        Box::pin(self.connect())
    }

    /// Attempts once, within the connect timeout.
    pub(super) async fn connect(&mut self) -> Result<Connected, Error> {
        let config = self.config;
        let limit = config.connect_timeout();
        let mut phase = Phase::Resolving;
        let mut broken = None;
        let attempt = self.attempt(&mut phase, &mut broken);
        let attempt = tokio::time::timeout(limit, attempt).await;
        attempt.unwrap_or_else(|_| Err(broken.unwrap_or_else(|| too_late(config, phase))))
    }

    /// Keeps in `broken` how the connection ended while it finds out why.
    async fn attempt(
        &mut self,
        phase: &mut Phase,
        broken: &mut Option<Error>,
    ) -> Result<Connected, Error> {
        let config = self.config;
        let mut stream = match &config.endpoint {
            Endpoint::Sentinel(sentinels) => {
                *phase = Phase::Asking;
                return self.by_sentinels(sentinels, broken).await;
            }
            Endpoint::Tcp { host, port } => self.tcp(host, *port, phase).await?,
            Endpoint::Unix(path) => {
                *phase = Phase::Connecting;
                unix(path)
                    .await
                    .map_err(|error| unreachable(config, error))?
            }
        };
        *phase = Phase::Handshake;
        match handshake::shake_hands(&mut stream, config).await {
            Ok(input) => {
                self.wants_tls = None;
                Ok(Connected { stream, input })
            }
            Err(handshake::Failure::Refused(error)) => Err(error),
            Err(handshake::Failure::Broken(error)) => {
                let error = self.broken(&error);
                *broken = Some(error.clone());
                Err(self.speaks_tls().await.unwrap_or(error))
            }
        }
    }

    /// Connects to the first server that the Sentinels name and that has the role they say.
    async fn by_sentinels(
        &mut self,
        sentinels: &Sentinels,
        broken: &mut Option<Error>,
    ) -> Result<Connected, Error> {
        let mut failure = None;
        for candidate in sentinel::candidates(self.config, sentinels).await? {
            let (host, port) = &candidate.address;
            let config = self.config.at_server(host, *port);
            let mut connector = Connector::new(&config);
            let connected = connector.connect_within().await;
            let verified = match connected {
                Ok(mut connected) => sentinel::verify(&mut connected, &candidate, &config)
                    .await
                    .map(|()| connected),
                Err(error) => Err(error),
            };
            match verified {
                Ok(connected) => {
                    self.server = Some(candidate);
                    return Ok(connected);
                }
                Err(error) => {
                    // Should the time be up during the next one, this is why.
                    *broken = Some(error.clone());
                    failure.get_or_insert(error);
                }
            }
        }
        let nobody = || Error::new(ErrorKind::Unreachable, "the Sentinels name no server");
        Err(failure.unwrap_or_else(nobody))
    }

    /// Returns the server that the Sentinels have named for the last connection.
    pub(super) fn server(&self) -> Option<&Candidate> {
        self.server.as_ref()
    }

    async fn tcp(&mut self, host: &str, port: u16, phase: &mut Phase) -> Result<Stream, Error> {
        let config = self.config;
        let addresses = self.resolver.resolve(host, port).await.map_err(|error| {
            Error::new(
                ErrorKind::Unreachable,
                format!("cannot find the address of `{host}`"),
            )
            .caused_by(error)
            .with_help("correct the host")
        })?;
        *phase = Phase::Connecting;
        let socket = dial(addresses)
            .await
            .map_err(|error| unreachable(config, error))?;
        set_options(&socket, config.keepalive()).map_err(|error| unreachable(config, error))?;
        let Some(tls_config) = &config.tls else {
            return Ok(Stream::Plain(Arc::new(Socket::Tcp(socket))));
        };
        #[cfg(feature = "tls")]
        {
            *phase = Phase::Tls;
            self.tls
                .shake_hands(socket, host, tls_config, &config.peer())
                .await
        }
        #[cfg(not(feature = "tls"))]
        {
            let _ = (socket, tls_config);
            Err(Error::new(
                ErrorKind::Unsupported,
                "this build leaves TLS out",
            ))
        }
    }

    /// Explains a connection that ended during the handshake.
    fn broken(&self, error: &io::Error) -> Error {
        let peer = self.config.peer();
        #[cfg(feature = "tls")]
        if self.config.tls.is_some() {
            return super::tls::failure(error, &peer);
        }
        let cause = io::Error::new(error.kind(), error.to_string());
        if error.kind() == io::ErrorKind::InvalidData {
            Error::new(ErrorKind::Protocol, format!("`{peer}` is no Redis server"))
                .caused_by(cause)
                .with_help("correct host and port")
        } else {
            let message = format!("`{peer}` ended the connection before it was ready");
            Error::new(ErrorKind::Unreachable, message)
                .caused_by(cause)
                .with_help("look into the log of the server, or correct host and port")
        }
    }

    /// Asks a port that has ended a plain connection whether it wants TLS, once in an outage: a server
    /// in trouble has better things to do than to refuse twice as many connections.
    async fn speaks_tls(&mut self) -> Option<Error> {
        let Endpoint::Tcp { host, port } = &self.config.endpoint else {
            return None;
        };
        let wants_tls = match self.wants_tls {
            Some(known) => known,
            None => self.config.tls.is_none() && probe::speaks_tls(host, *port).await,
        };
        self.wants_tls = Some(wants_tls);
        wants_tls.then(|| probe::wants_tls(&self.config.peer()))
    }
}

/// Dials the addresses one after the other, and the next one as well when one keeps silent.
async fn dial(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = JoinSet::new();
    let mut addresses = addresses.into_iter();
    let mut failure = None;
    loop {
        match addresses.next() {
            Some(address) => {
                attempts.spawn(TcpStream::connect(address));
            }
            None if attempts.is_empty() => {
                let none = || io::Error::new(io::ErrorKind::NotFound, "no address to connect to");
                return Err(failure.unwrap_or_else(none));
            }
            None => {}
        }
        let wait = if addresses.len() == 0 {
            Duration::MAX
        } else {
            NEXT_ADDRESS
        };
        match tokio::time::timeout(wait, attempts.join_next()).await {
            Ok(Some(Ok(Ok(socket)))) => return Ok(socket),
            Ok(Some(Ok(Err(error)))) => failure = Some(error),
            Ok(Some(Err(error))) => failure = Some(io::Error::other(error)),
            Ok(None) | Err(_) => {}
        }
    }
}

fn set_options(socket: &TcpStream, keepalive: Duration) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new()
        .with_time(keepalive)
        .with_interval(KEEPALIVE_INTERVAL);
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> io::Result<Stream> {
    let socket = tokio::net::UnixStream::connect(path).await?;
    Ok(Stream::Plain(Arc::new(Socket::Unix(socket))))
}

#[cfg(not(unix))]
async fn unix(_path: &std::path::Path) -> io::Result<Stream> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has no Unix sockets",
    ))
}

fn unreachable(config: &Config, error: io::Error) -> Error {
    let help = match (&config.endpoint, error.kind()) {
        (_, io::ErrorKind::ConnectionRefused) => Some("start the server, or correct host and port"),
        (Endpoint::Unix(_), io::ErrorKind::NotFound) => {
            Some("start the server, or correct the path")
        }
        _ => None,
    };
    let error = Error::new(
        ErrorKind::Unreachable,
        format!("cannot reach `{}`", config.peer()),
    )
    .caused_by(error);
    match help {
        Some(help) => error.with_help(help),
        None => error,
    }
}

fn too_late(config: &Config, phase: Phase) -> Error {
    let peer = config.peer();
    let limit = config.connect_timeout();
    let what = match phase {
        Phase::Asking => format!("no connection to `{peer}` was made"),
        Phase::Resolving => format!("the address of `{peer}` was not found"),
        Phase::Connecting => format!("`{peer}` did not accept a connection"),
        #[cfg(feature = "tls")]
        Phase::Tls => format!("`{peer}` did not answer the TLS handshake"),
        Phase::Handshake => format!("`{peer}` did not answer the handshake"),
    };
    Error::new(ErrorKind::Unreachable, format!("{what} within {limit:?}"))
        .with_help("check host and port, or allow more time with `?connect_timeout=5s`")
}
