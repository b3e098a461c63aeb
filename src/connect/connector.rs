//! [`Connector`]: attempts to connect to one server, each within the connect timeout.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use redis::{Cmd, Value};

use super::attempt::{Attempt, Setup};
use super::connect_errors::{Phase, all_failed, too_late, unresolved};
use super::connected::Connected;
use super::dns::Resolver;
use super::first_success::first_success;
#[cfg(feature = "tls")]
use super::tls::TlsConnector;
use super::tls_probe::TlsProbe;
use crate::config::{Endpoint, ServerConfig};
use crate::error::Error;
use crate::runtime::while_running;

/// The shortest part of the connect timeout that an address has for itself, if that is less than half:
/// a server far away takes a few round trips to let us in.
const MIN_SHARE: Duration = Duration::from_millis(250);

/// Makes the connections to one server, one after the other.
pub(crate) struct Connector {
    pub(super) config: ServerConfig,
    resolver: Resolver,
    probe: TlsProbe,
    #[cfg(feature = "tls")]
    tls: TlsConnector,
    /// The address of the last connection.
    last: Option<SocketAddr>,
}

impl Connector {
    pub(crate) fn new(config: ServerConfig) -> Connector {
        Connector {
            config,
            resolver: Resolver::default(),
            probe: TlsProbe::default(),
            #[cfg(feature = "tls")]
            tls: TlsConnector::default(),
            last: None,
        }
    }

    /// Attempts once, within the connect timeout.
    pub(crate) async fn connect(&mut self) -> Result<Connected, Error> {
        let (connected, _) = self.connect_and_ask(&[]).await?;
        Ok(connected)
    }

    /// Attempts once, and asks the server `questions`; all within the connect timeout.
    pub(crate) async fn connect_and_ask(
        &mut self,
        questions: &[Cmd],
    ) -> Result<(Connected, Vec<Value>), Error> {
        let limit = self.config.client().connect_timeout();
        self.connect_and_ask_within(limit, questions).await
    }

    /// Attempts once with the credentials at hand, and asks the server `questions`; all within `limit`, which
    /// is what is left of the connect timeout.
    ///
    /// Several addresses of a name are tried in turn: the next one once one has failed, and as well once
    /// one has used up its share of the time in silence.
    pub(super) async fn attempt_within(
        &mut self,
        limit: Duration,
        questions: &[Cmd],
    ) -> Result<(Connected, Vec<Value>), Error> {
        let start = Instant::now();
        let late = |phase| too_late(&self.config, phase, questions);
        let addresses = while_running(limit, self.addresses()).await;
        let addresses = addresses.unwrap_or_else(|| Err(late(Phase::Resolving)))?;
        let setup = Setup {
            config: &self.config,
            questions,
            probe: &self.probe,
            #[cfg(feature = "tls")]
            tls: &self.tls,
        };
        let attempts: Vec<Attempt> = addresses
            .into_iter()
            .map(|address| Attempt::new(setup, address))
            .collect();
        let share = share(limit, attempts.len());
        let numbered = attempts.iter().enumerate();
        let runs = numbered.map(|(number, attempt)| async move {
            let (connected, answers) = attempt.run().await?;
            Ok::<_, Error>((number, connected, answers))
        });
        let first = first_success(runs, |number, elapsed| {
            attempts[number].time_alone(elapsed, share)
        });
        let outcome = while_running(limit.saturating_sub(start.elapsed()), Box::pin(first)).await;
        if let Some(Ok((number, connected, answers))) = outcome {
            self.last = attempts[number].address();
            // Those before it have failed, or are slower although they have started earlier.
            let slower: Vec<_> = attempts[..number].iter().map(Attempt::address).collect();
            self.succeeded(&slower);
            return Ok((connected, answers));
        }
        let tried = attempts.iter();
        let failures: Vec<_> = tried
            .filter_map(|attempt| Some((attempt.address(), attempt.failure()?)))
            .collect();
        for address in failures.iter().filter_map(|(address, _)| *address) {
            self.config.failed().add(address, Instant::now());
        }
        // Without time for a first attempt, the look-up has taken it.
        Err(all_failed(&failures).unwrap_or_else(|| late(Phase::Resolving)))
    }

    /// Records that the last connection was of no use: the next attempt begins with another address.
    pub(crate) fn mark_failed(&self) {
        if let Some(address) = self.last {
            self.config.failed().add(address, Instant::now());
        }
    }

    fn succeeded(&self, slower: &[Option<SocketAddr>]) {
        let now = Instant::now();
        for address in slower.iter().flatten() {
            self.config.failed().add(*address, now);
        }
        if let Some(address) = self.last {
            self.config.failed().remove(address);
        }
        self.probe.forget();
    }

    /// Returns the addresses to try, in this order; `None` stands for a Unix socket.
    async fn addresses(&self) -> Result<Vec<Option<SocketAddr>>, Error> {
        let Endpoint::Tcp(address) = self.config.endpoint() else {
            return Ok(vec![None]);
        };
        let found = self.resolver.resolve(address).await;
        let mut found = found.map_err(|error| unresolved(&self.config, error))?;
        self.config.failed().sort(&mut found, Instant::now());
        Ok(found.into_iter().map(Some).collect())
    }
}

/// Returns the part of `limit` that each of `addresses` addresses has for itself.
fn share(limit: Duration, addresses: usize) -> Duration {
    let addresses = u32::try_from(addresses).unwrap_or(u32::MAX).max(1);
    (limit / addresses).max(MIN_SHARE.min(limit / 2))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::net::TcpSocket;

    use super::*;
    use crate::address::Address;
    use crate::config::{Config, ServerRole};
    use crate::error::ErrorKind;

    /// The answers to the handshake of a server that lets us in.
    const HELLO: &[u8] = b"%1\r\n+proto\r\n:3\r\n+OK\r\n+OK\r\n";

    /// A listener that counts connections and treats each as `serve` does.
    struct FakeServer {
        address: SocketAddr,
        accepted: Arc<AtomicUsize>,
        /// Keeps a port on which nothing listens.
        _bound: Option<TcpSocket>,
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
            FakeServer {
                address,
                accepted,
                _bound: None,
            }
        }

        /// Nothing listens there as long as this lives, no other test either.
        fn closed() -> FakeServer {
            let socket = TcpSocket::new_v4().expect("there is IPv4");
            let any = ([127, 0, 0, 1], 0).into();
            socket.bind(any).expect("a port is free");
            FakeServer {
                address: socket.local_addr().expect("it is bound"),
                accepted: Arc::default(),
                _bound: Some(socket),
            }
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

    /// A connector to a name whose addresses are these servers, with this connect timeout.
    fn connector_within(connect_timeout: &str, servers: &[&FakeServer]) -> Connector {
        let connector = connector_to("redis", servers);
        let config: Config = format!("redis://h?connect_timeout={connect_timeout}")
            .parse()
            .expect("valid");
        let endpoint = connector.config.endpoint().clone();
        let config = ServerConfig::new(Arc::new(config), endpoint, ServerRole::Standalone);
        Connector {
            config,
            ..connector
        }
    }

    /// A connector to a name whose addresses are these servers.
    fn connector_to(scheme: &str, servers: &[&FakeServer]) -> Connector {
        let ports = servers.iter().map(|it| it.address.port().to_string());
        let name = ports.collect::<Vec<_>>().join(".");
        let mut connector = connector(scheme, &format!("{name}.test"), servers[0]);
        connector.resolver = Resolver::by(|name| {
            let ports = name.host.split('.').filter_map(|it| it.parse().ok());
            Ok(ports
                .map(|port: u16| ([127, 0, 0, 1], port).into())
                .collect())
        });
        connector
    }

    /// Lets each connection in.
    fn serving() -> FakeServer {
        FakeServer::answering(|_| HELLO)
    }

    /// Keeps each connection without an answer.
    fn frozen() -> FakeServer {
        let kept = std::sync::Mutex::new(Vec::new());
        FakeServer::start(move |stream| kept.lock().expect("it does not panic").push(stream))
    }

    async fn failure(connector: &mut Connector) -> Error {
        let outcome = connector.connect().await;
        outcome.err().expect("it cannot connect")
    }

    fn is_tls(input: &[u8]) -> bool {
        input.first() == Some(&0x16)
    }

    #[tokio::test]
    async fn the_next_address_is_tried_whatever_is_wrong_with_the_first() {
        let refusing = FakeServer::answering(|_| b"-WRONGPASS no\r\n");
        let ending = FakeServer::answering(|_| b"");
        let other = FakeServer::answering(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let closed = FakeServer::closed();
        for first in [&refusing, &ending, &other, &closed, &frozen()] {
            let second = serving();
            let mut connector = connector_to("redis", &[first, &second]);
            connector.connect().await.expect("the second one serves");
            assert_eq!(connector.last, Some(second.address));
            // It has served, so it is the first one now.
            let before = first.accepted();
            connector.connect().await.expect("the second one serves");
            assert_eq!((first.accepted(), second.accepted()), (before, 2));
        }
    }

    #[tokio::test]
    async fn an_address_that_is_only_slow_is_not_given_up() {
        let slow = FakeServer::answering(|_| {
            std::thread::sleep(Duration::from_millis(2_300));
            HELLO
        });
        let mut connector = connector_within("4s", &[&slow, &frozen()]);
        connector.connect().await.expect("the first one serves");
        assert_eq!(connector.last, Some(slow.address));
    }

    #[tokio::test]
    async fn a_connection_of_no_use_makes_the_next_attempt_begin_with_another_address() {
        let (first, second) = (serving(), serving());
        let mut connector = connector_to("redis", &[&first, &second]);
        for expected in [&first, &first] {
            connector.connect().await.expect("both serve");
            assert_eq!(connector.last, Some(expected.address));
        }
        for expected in [&second, &first, &second] {
            connector.mark_failed();
            connector.connect().await.expect("both serve");
            assert_eq!(connector.last, Some(expected.address));
        }
        assert_eq!((first.accepted(), second.accepted()), (3, 2));
    }

    #[tokio::test]
    async fn the_error_of_several_addresses_tells_what_happened_at_each() {
        let [one, other] = [(); 2].map(|()| FakeServer::closed());
        let error = failure(&mut connector_to("redis", &[&one, &other])).await;
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
        let text = error.to_string();
        assert_eq!(text.matches("cannot reach").count(), 1, "{text}");
        assert!(text.contains("(at 127.0.0.1, 127.0.0.1)"), "{text}");

        // What lasts decides, wherever it is.
        let refusing = FakeServer::answering(|_| b"-WRONGPASS no\r\n");
        let frozen = frozen();
        let mut connector = connector_within("1s", &[&frozen, &one, &refusing]);
        let error = failure(&mut connector).await;
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        for part in [
            "WRONGPASS",
            "cannot reach",
            "did not answer the handshake within 1s",
        ] {
            assert!(error.to_string().contains(part), "{error:?}");
        }
        assert_eq!(refusing.accepted(), 1, "the password is sent once");

        // Of a single address the name says enough.
        let error = failure(&mut connector_to("redis", &[&one])).await;
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
    }

    #[tokio::test]
    async fn questions_are_part_of_an_attempt() {
        let asked = FakeServer::start(|mut stream| {
            for answer in [HELLO, b"+PONG\r\n"] {
                let mut input = [0; 4096];
                let length = stream.read(&mut input).unwrap_or(0);
                assert!(length > 0, "the client is there");
                stream.write_all(answer).expect("the client is there");
            }
        });
        let question = [redis::cmd("PING")];
        let mut connector = connector_within("600ms", &[&frozen(), &asked]);
        let (_, answers) = connector
            .connect_and_ask(&question)
            .await
            .expect("the second answers");
        assert_eq!(answers, [Value::SimpleString("PONG".to_owned())]);

        let silent = FakeServer::start(|mut stream| {
            stream.write_all(HELLO).expect("the client is there");
            std::mem::forget(stream);
        });
        let mut connector = connector_within("300ms", &[&silent]);
        let outcome = connector.connect_and_ask(&question).await;
        let error = outcome.err().expect("there is no answer");
        let name = format!("`{}` did not answer `PING` within 300ms", connector.config);
        assert_eq!(error.to_string(), name);
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

    /// A proxy that answers what begins with one command, and ends a connection on anything else. The number
    /// says which of the commands that is.
    fn proxy(
        commands: &'static [(&'static [u8], &'static [u8])],
    ) -> (FakeServer, Arc<AtomicUsize>) {
        let serving = Arc::new(AtomicUsize::new(0));
        let at = Arc::clone(&serving);
        let server = FakeServer::answering(move |input| {
            let known = commands.get(at.load(Ordering::SeqCst));
            let known = known.filter(|(command, _)| input.starts_with(command));
            known.map_or(b"", |(_, answer)| answer)
        });
        (server, serving)
    }

    #[tokio::test]
    async fn a_proxy_that_needs_less_is_reached_again_after_one_ended_handshake() {
        let (server, serving) = proxy(&[(b"*1\r\n$4\r\nPING", b"+PONG\r\n")]);
        let mut connector = connector("redis", "127.0.0.1", &server);
        connector.connect().await.expect("it takes `PING`");
        serving.store(usize::MAX, Ordering::SeqCst);
        let error = failure(&mut connector).await;
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
        serving.store(0, Ordering::SeqCst);
        let before = server.accepted();
        connector.connect().await.expect("it is as before");
        assert_eq!(server.accepted(), before + 1);
    }

    /// A connector that logs in with `userinfo`.
    fn connector_with(userinfo: &str, server: &FakeServer) -> Connector {
        let connector = connector("redis", "127.0.0.1", server);
        let config: Config = format!("redis://{userinfo}@h").parse().expect("valid");
        let endpoint = connector.config.endpoint().clone();
        let config = ServerConfig::new(Arc::new(config), endpoint, ServerRole::Standalone);
        Connector {
            config,
            ..connector
        }
    }

    #[tokio::test]
    async fn the_password_of_a_user_is_not_tried_alone_while_the_server_is_down() {
        for (userinfo, expected) in [("app:secret", 3), ("default:secret", 4), (":secret", 4)] {
            let server = FakeServer::answering(|_| b"");
            let error = failure(&mut connector_with(userinfo, &server)).await;
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
            // One of them asks for TLS.
            assert_eq!(server.accepted(), expected, "{userinfo}");
        }
    }

    #[tokio::test]
    async fn a_login_that_is_refused_only_after_an_ended_handshake_does_not_last() {
        let (server, _) = proxy(&[(b"*2\r\n$4\r\nAUTH", b"-WRONGPASS no\r\n")]);
        let error = failure(&mut connector_with(":secret", &server)).await;
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    }

    #[tokio::test]
    async fn a_server_that_takes_more_than_the_one_before_it_is_used_at_once() {
        let (server, serving) = proxy(&[
            (b"*1\r\n$4\r\nPING", b"+PONG\r\n"),
            (b"*2\r\n$5\r\nHELLO", HELLO),
        ]);
        let mut connector = connector("redis", "127.0.0.1", &server);
        connector.connect().await.expect("it takes `PING`");
        serving.store(1, Ordering::SeqCst);
        connector.connect().await.expect("it takes `HELLO`");
        let before = server.accepted();
        connector.connect().await.expect("it takes `HELLO`");
        assert_eq!(server.accepted(), before + 1);
    }

    #[tokio::test]
    async fn a_tls_port_is_named_at_the_address_that_was_dialled() {
        let server = FakeServer::answering(|input| if is_tls(input) { b"\x15" } else { b"" });
        let mut connector = connector_to("redis", &[&server]);
        for connections in [2, 3] {
            let error = failure(&mut connector).await;
            assert!(error.to_string().contains("speaks TLS"), "{error:?}");
            assert_eq!(server.accepted(), connections);
        }
    }

    #[tokio::test]
    async fn the_answer_of_one_address_does_not_stand_for_another() {
        let ending = FakeServer::answering(|_| b"");
        let tls = FakeServer::answering(|input| if is_tls(input) { b"\x15" } else { b"" });
        let error = failure(&mut connector_to("redis", &[&ending, &tls])).await;
        assert!(error.to_string().contains("speaks TLS"), "{error:?}");
    }

    #[tokio::test]
    #[cfg(feature = "tls")]
    async fn a_plain_port_is_named_at_the_address_that_was_dialled() {
        let server = FakeServer::answering(|input| if is_tls(input) { b"" } else { b"+PONG\r\n" });
        let mut connector = connector_to("rediss", &[&server]);
        for connections in [2, 3] {
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
        let server = FakeServer::answering(move |input| {
            if up.load(Ordering::SeqCst) && !is_tls(input) {
                b"+PONG\r\n"
            } else {
                b""
            }
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
