//! [`Connector`]: attempts to connect to one server, each within the connect timeout.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::connect_errors::{Phase, broken, too_late, unreachable, unresolved};
use super::connected::Connected;
use super::dial::{dial, dial_unix};
use super::dns::Resolver;
use super::handshake::{Failure, shake_hands};
use super::socket_options::set_options;
use super::stream::{Socket, Stream};
#[cfg(feature = "tls")]
use super::tls::TlsConnector;
#[cfg(feature = "tls")]
use super::tls_errors::{is_by_tls_peer, is_not_tls};
#[cfg(feature = "tls")]
use super::tls_probe::{TLS_PROBE_AFTER, expects_plain};
use super::tls_probe::{TlsProbe, expects_tls};
use crate::address::Address;
#[cfg(feature = "tls")]
use crate::config::TlsConfig;
use crate::config::{Dialect, Endpoint, ServerConfig, ServerRole};
use crate::error::Error;

/// Makes the connections to one server, one after the other.
pub(crate) struct Connector {
    config: ServerConfig,
    resolver: Resolver,
    probe: TlsProbe,
    #[cfg(feature = "tls")]
    tls: TlsConnector,
}

/// How far an attempt has come, for the report if its time is up.
struct Progress {
    phase: Phase,
    /// Why the attempt has failed, while a probe looks for a better reason.
    failure: Option<Error>,
}

/// Why there is no connection.
enum AttemptError {
    Failed(Error),
    /// The server has ended it during the handshake.
    Ended(Error),
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> AttemptError {
        AttemptError::Failed(error)
    }
}

/// A client that uses less than the URL asks for does not do so silently.
fn log_fallback(config: &ServerConfig) {
    log::warn!(
        target: "redis_ready",
        "`{config}` ends connections that begin with `HELLO` or `CLIENT`; using RESP2 without them"
    );
}

impl Connector {
    pub(crate) fn new(config: ServerConfig) -> Connector {
        Connector {
            config,
            resolver: Resolver::default(),
            probe: TlsProbe::default(),
            #[cfg(feature = "tls")]
            tls: TlsConnector::default(),
        }
    }

    /// Attempts once, within the connect timeout.
    pub(crate) async fn connect(&mut self) -> Result<Connected, Error> {
        let config = self.config.clone();
        let mut progress = Progress {
            phase: Phase::Resolving,
            failure: None,
        };
        let attempt = self.attempt(&config, &mut progress);
        let outcome = tokio::time::timeout(config.client().connect_timeout(), attempt).await;
        outcome.unwrap_or_else(|_| {
            let Progress { phase, failure } = progress;
            Err(failure.unwrap_or_else(|| too_late(&config, phase)))
        })
    }

    /// Attempts once; with a server that ends the connection in the handshake again, in a simpler dialect.
    async fn attempt(
        &mut self,
        config: &ServerConfig,
        progress: &mut Progress,
    ) -> Result<Connected, Error> {
        let dialects = config.dialects();
        let first = dialects.first(config.client().protocol(), Instant::now());
        let mut dialect = first;
        loop {
            let error = match self.attempt_in(dialect, config, progress).await {
                Ok(connected) => {
                    if dialect != first {
                        dialects.remember(dialect, Instant::now());
                        log_fallback(config);
                    }
                    return Ok(connected);
                }
                Err(AttemptError::Failed(error)) => return Err(error),
                Err(AttemptError::Ended(error)) => error,
            };
            // No proxy stands before a Sentinel, and each question to it is an attempt of its own.
            let may_descend = config.role() != ServerRole::Sentinel
                && (dialect != first || dialects.may_descend(Instant::now()));
            dialect = match dialect.simpler() {
                Some(simpler) if may_descend => simpler,
                _ => return Err(error),
            };
        }
    }

    async fn attempt_in(
        &mut self,
        dialect: Dialect,
        config: &ServerConfig,
        progress: &mut Progress,
    ) -> Result<Connected, AttemptError> {
        let (mut stream, address) = match config.endpoint() {
            Endpoint::Tcp(address) => {
                let (stream, address) = self.open_tcp(config, address, progress).await?;
                (stream, Some(address))
            }
            Endpoint::Unix(path) => {
                progress.phase = Phase::Connecting;
                let socket = dial_unix(path).await;
                let socket = socket.map_err(|error| unreachable(config, error))?;
                (Stream::Plain(Arc::new(socket)), None)
            }
        };
        progress.phase = Phase::Handshake;
        let error = match shake_hands(&mut stream, config, dialect).await {
            Ok(input) => {
                self.probe.forget();
                return Ok(Connected { stream, input });
            }
            Err(Failure::Refused(error)) => return Err(error.into()),
            // What TLS 1.3 has against a client certificate arrives here.
            #[cfg(feature = "tls")]
            Err(Failure::Broken(error) | Failure::Ended(error, _)) if is_by_tls_peer(&error) => {
                return Err(self.tls.report(&error, config).into());
            }
            Err(Failure::Ended(_, Some(said))) => return Err(AttemptError::Ended(said)),
            Err(Failure::Ended(error, None) | Failure::Broken(error)) => error,
        };
        let report = broken(config, &error);
        progress.failure = Some(report.clone());
        match address {
            Some(address) if config.tls().is_none() && self.probe.speaks_tls(address).await => {
                Err(expects_tls(config).into())
            }
            _ if error.kind() == io::ErrorKind::InvalidData => Err(report.into()),
            _ => Err(AttemptError::Ended(report)),
        }
    }

    /// Opens the stream, with TLS if the URL says so. Returns also the address that was dialled.
    async fn open_tcp(
        &mut self,
        config: &ServerConfig,
        Address { host, port }: &Address,
        progress: &mut Progress,
    ) -> Result<(Stream, SocketAddr), Error> {
        let addresses = self.resolver.resolve(host, *port).await;
        let addresses = addresses.map_err(|error| unresolved(host, error))?;
        progress.phase = Phase::Connecting;
        let dialled = dial(&addresses).await;
        let (socket, address) = dialled.map_err(|error| unreachable(config, error))?;
        set_options(&socket, config.client().keepalive());
        #[cfg(feature = "tls")]
        if let Some(tls) = config.tls() {
            let stream = self.secure(socket, address, config, tls, progress).await?;
            return Ok((stream, address));
        }
        let socket = Arc::new(Socket::Tcp(socket));
        Ok((Stream::Plain(socket), address))
    }

    /// Sets up TLS on `socket`. Asks the port whether it speaks plain RESP where the failure, or a long
    /// silence, does not tell.
    #[cfg(feature = "tls")]
    async fn secure(
        &mut self,
        socket: tokio::net::TcpStream,
        address: SocketAddr,
        config: &ServerConfig,
        tls: &TlsConfig,
        progress: &mut Progress,
    ) -> Result<Stream, Error> {
        progress.phase = Phase::Certificates;
        let handshake = self.tls.start_handshake(socket, config, tls).await?;
        progress.phase = Phase::Tls;
        let mut handshake = std::pin::pin!(handshake);
        let outcome = match tokio::time::timeout(TLS_PROBE_AFTER, &mut handshake).await {
            Ok(outcome) => outcome,
            Err(_) if self.probe.speaks_plain(address).await => return Err(expects_plain(config)),
            Err(_) => handshake.await,
        };
        let error = match outcome {
            Ok(stream) => return Ok(Stream::Tls(Box::new(stream))),
            Err(error) if is_not_tls(&error) => return Err(expects_plain(config)),
            Err(error) => error,
        };
        let report = self.tls.report(&error, config);
        progress.failure = Some(report.clone());
        if !is_by_tls_peer(&error) && self.probe.speaks_plain(address).await {
            return Err(expects_plain(config));
        }
        Err(report)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::config::Config;
    use crate::error::ErrorKind;

    /// A listener that counts connections and treats each as `serve` does.
    struct FakeServer {
        address: SocketAddr,
        accepted: Arc<AtomicUsize>,
    }

    impl FakeServer {
        fn start(serve: impl Fn(TcpStream) + Send + 'static) -> FakeServer {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let address = listener.local_addr().expect("it is bound");
            let accepted = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&accepted);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    count.fetch_add(1, Ordering::SeqCst);
                    serve(stream);
                }
            });
            FakeServer { address, accepted }
        }

        /// Answers the first bytes of each connection and closes it.
        fn answering(answer: impl Fn(&[u8]) -> &'static [u8] + Send + 'static) -> FakeServer {
            FakeServer::start(move |mut stream| {
                let mut input = [0; 4096];
                let length = stream.read(&mut input).unwrap_or(0);
                // The client may have gone.
                let _ = stream.write_all(answer(&input[..length]));
            })
        }

        fn accepted(&self) -> usize {
            self.accepted.load(Ordering::SeqCst)
        }
    }

    fn connector(scheme: &str, host: &str, server: &FakeServer) -> Connector {
        let port = server.address.port();
        let url = format!("{scheme}://{host}:{port}?connect_timeout=10s");
        let config: Config = url.parse().expect("valid");
        let endpoint = Endpoint::Tcp(Address::new(host, port));
        let config = ServerConfig::new(Arc::new(config), endpoint, ServerRole::Standalone);
        Connector::new(config)
    }

    async fn failure(connector: &mut Connector) -> Error {
        let outcome = connector.connect().await;
        outcome.err().expect("it cannot connect")
    }

    fn is_tls(input: &[u8]) -> bool {
        input.first() == Some(&0x16)
    }

    #[tokio::test]
    async fn a_port_that_ends_plain_connections_is_asked_otherwise_once_in_an_outage() {
        let server = FakeServer::answering(|_| b"");
        let mut connector = connector("redis", "127.0.0.1", &server);
        // The first attempt has tried two simpler dialects as well.
        for connections in [4, 5, 6] {
            let error = failure(&mut connector).await;
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
            assert_eq!(server.accepted(), connections);
        }
    }

    #[tokio::test]
    async fn a_tls_port_is_named_at_the_address_that_was_dialled() {
        let server = FakeServer::answering(|input| if is_tls(input) { b"\x15" } else { b"" });
        let mut connector = connector("redis", "redis.invalid", &server);
        for connections in [2, 3] {
            connector.resolver = Resolver::finding(server.address);
            let error = failure(&mut connector).await;
            assert!(error.to_string().contains("speaks TLS"), "{error:?}");
            assert_eq!(server.accepted(), connections);
        }
    }

    #[tokio::test]
    #[cfg(feature = "tls")]
    async fn a_plain_port_is_named_at_the_address_that_was_dialled() {
        let server = FakeServer::answering(|input| if is_tls(input) { b"" } else { b"+PONG\r\n" });
        let mut connector = connector("rediss", "redis.invalid", &server);
        for connections in [2, 3] {
            connector.resolver = Resolver::finding(server.address);
            let error = failure(&mut connector).await;
            assert!(
                error.to_string().contains("does not speak TLS"),
                "{error:?}"
            );
            assert_eq!(server.accepted(), connections);
        }
    }

    #[tokio::test]
    #[cfg(feature = "tls")]
    async fn a_port_that_ends_tls_handshakes_is_probed_at_every_eighth_attempt() {
        let server = FakeServer::answering(|_| b"");
        let mut connector = connector("rediss", "127.0.0.1", &server);
        for connections in [2, 3, 4, 5, 6, 7, 8, 9, 11, 12] {
            let error = failure(&mut connector).await;
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
            assert!(
                error.to_string().contains("ended the TLS handshake"),
                "{error:?}"
            );
            assert_eq!(server.accepted(), connections);
        }
    }

    #[tokio::test]
    #[cfg(feature = "tls")]
    async fn a_plain_server_that_starts_behind_a_balancer_is_named_later() {
        let is_up = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let up = Arc::clone(&is_up);
        let server = FakeServer::answering(move |input| match up.load(Ordering::SeqCst) {
            true if !is_tls(input) => b"+PONG\r\n",
            _ => b"",
        });
        let mut connector = connector("rediss", "127.0.0.1", &server);
        let error = failure(&mut connector).await;
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
        is_up.store(true, Ordering::SeqCst);
        let mut attempts = 0;
        while failure(&mut connector).await.kind() != ErrorKind::Tls {
            attempts += 1;
            assert!(attempts < 8, "it is not named");
        }
    }

    #[tokio::test]
    #[cfg(feature = "tls")]
    async fn an_alert_needs_no_second_connection() {
        // Fatal: handshake failure.
        let server = FakeServer::answering(|_| b"\x15\x03\x03\x00\x02\x02\x28");
        let mut connector = connector("rediss", "127.0.0.1", &server);
        let error = failure(&mut connector).await;
        assert!(error.to_string().contains("in common"), "{error:?}");
        assert_eq!(server.accepted(), 1);
    }

    #[tokio::test]
    #[cfg(feature = "tls")]
    async fn an_answer_that_is_not_tls_needs_no_second_connection() {
        let server = FakeServer::answering(|_| b"-ERR unknown command\r\n");
        let mut connector = connector("rediss", "127.0.0.1", &server);
        let error = failure(&mut connector).await;
        assert!(
            error.to_string().contains("does not speak TLS"),
            "{error:?}"
        );
        assert_eq!(server.accepted(), 1);
    }

    #[tokio::test]
    #[cfg(feature = "tls")]
    async fn a_certificate_that_is_not_trusted_needs_no_second_connection() {
        let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
        let certified = certified.expect("a valid name");
        let key =
            rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring knows them")
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.into())
            .expect("the key is that of the certificate");
        let config = Arc::new(config);
        let server = FakeServer::start(move |mut stream| {
            let session = rustls::ServerConnection::new(Arc::clone(&config));
            let mut session = session.expect("the configuration is valid");
            while session.is_handshaking() && session.complete_io(&mut stream).is_ok() {}
        });
        let mut connector = connector("rediss", "127.0.0.1", &server);
        for connections in [1, 2] {
            let error = failure(&mut connector).await;
            assert!(error.to_string().contains("is not trusted"), "{error:?}");
            assert_eq!(server.accepted(), connections);
        }
    }
}
