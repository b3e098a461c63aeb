//! Connections with TLS that end before they are ready, as a balancer ends them while the server behind it
//! restarts: they are waited for, as those without TLS are.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use redis_ready::testing::Server;
use redis_ready::{Error, ErrorKind};
use rustls::version::{TLS12, TLS13};

use super::failure::{fails_at_once, fails_in_time};
use crate::support::certificates::{Authority, Identity, Validity};
use crate::support::fake_server::listen;
use crate::support::not_run::without_tls;
use crate::support::tls_peer::{TlsPeer, pass_through};
use crate::support::{open, run, start};

/// How a balancer treats a connection while its server is down.
type Fault = Box<dyn Fn(TcpStream) + Send + Sync>;

/// A balancer before a server that starts during the test.
struct Balancer {
    port: u16,
    faults: Arc<AtomicUsize>,
    is_up: Arc<AtomicBool>,
}

impl Balancer {
    fn before(server: u16, fault: Fault) -> Balancer {
        let faults = Arc::new(AtomicUsize::new(0));
        let is_up = Arc::new(AtomicBool::new(false));
        let (count, up) = (Arc::clone(&faults), Arc::clone(&is_up));
        let port = listen(move |client| {
            if up.load(Ordering::SeqCst) {
                let _ = pass_through(&client, server);
            } else {
                count.fetch_add(1, Ordering::SeqCst);
                fault(client);
            }
        });
        Balancer {
            port,
            faults,
            is_up,
        }
    }

    fn down(fault: Fault) -> Balancer {
        Balancer::before(1, fault)
    }

    /// Lets the server start once this many connections more have ended.
    fn start_after(&self, faults: usize) {
        let last = self.faults.load(Ordering::SeqCst) + faults;
        let (count, up) = (Arc::clone(&self.faults), Arc::clone(&self.is_up));
        thread::spawn(move || {
            while count.load(Ordering::SeqCst) < last {
                thread::sleep(Duration::from_millis(5));
            }
            up.store(true, Ordering::SeqCst);
        });
    }
}

fn read_some(stream: &mut impl Read) {
    let _ = stream.read(&mut [0; 4096]);
}

fn reset(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    let _ = socket.set_linger(Some(Duration::ZERO));
}

/// The ends of connections that balancers and servers make, each with what is said of it.
fn faults(identity: &Identity) -> Vec<(&'static str, Fault)> {
    const IN_HANDSHAKE: &str = "ended the TLS handshake";
    const AFTER_HANDSHAKE: &str = "ended the connection before it was ready";
    let mut faults: Vec<(&'static str, Fault)> = vec![
        (IN_HANDSHAKE, Box::new(drop)),
        (IN_HANDSHAKE, Box::new(|stream| reset(&stream))),
        (IN_HANDSHAKE, Box::new(|mut stream| read_some(&mut stream))),
        (
            IN_HANDSHAKE,
            Box::new(|mut stream| {
                read_some(&mut stream);
                reset(&stream);
            }),
        ),
        (
            // Warning: close_notify.
            IN_HANDSHAKE,
            Box::new(|mut stream| {
                read_some(&mut stream);
                let _ = stream.write_all(b"\x15\x03\x03\x00\x02\x01\x00");
            }),
        ),
        (
            // Fatal: internal_error.
            "could not go on with the TLS handshake",
            Box::new(|mut stream| {
                read_some(&mut stream);
                let _ = stream.write_all(b"\x15\x03\x03\x00\x02\x02\x50");
            }),
        ),
    ];
    for version in [&TLS12, &TLS13] {
        let peer = TlsPeer::new(identity, version);
        let [before_hello, after_hello, cut_short] = [(); 3].map(|()| peer.clone());
        faults.push((
            IN_HANDSHAKE,
            Box::new(move |stream| {
                let _ = cut_short.answer_once(&stream);
            }),
        ));
        faults.push((
            AFTER_HANDSHAKE,
            Box::new(move |stream| {
                let Ok(mut stream) = before_hello.accept(stream) else {
                    return;
                };
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }),
        ));
        faults.push((
            AFTER_HANDSHAKE,
            Box::new(move |stream| {
                if let Ok(mut stream) = after_hello.accept(stream) {
                    read_some(&mut stream);
                }
            }),
        ));
    }
    faults
}

#[test]
fn a_server_that_restarts_behind_a_balancer_is_waited_for() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let identity = authority.server(&["localhost"], Validity::Now);
    let server = start(authority.serve(&identity));
    let port = server.port().expect("it listens on TCP");
    for (number, (about, fault)) in faults(&identity).into_iter().enumerate() {
        let balancer = Balancer::before(port, fault);
        let url = url("rediss", &balancer, &authority, "deadline=60s");
        let mut client = open(&url, "connect_timeout=10s");
        let limit = Duration::from_secs(1);
        let begun = Instant::now();
        let error = run(client.ready(limit)).expect_err("there is no server");
        check(&error, about, number);
        assert!(begun.elapsed() >= limit, "fault {number}: {error:?}");

        balancer.start_after(2);
        let set: redis::RedisResult<()> = run(client.set("key", number));
        set.unwrap_or_else(|error| panic!("fault {number}: {error}"));
    }
}

#[test]
fn every_way_to_connect_waits_for_a_tls_server() {
    for (begins, about) in [
        (false, "ended the TLS handshake"),
        (true, "before it was ready"),
    ] {
        let authority = Authority::new();
        let identity = authority.server(&["localhost"], Validity::Now);
        let peer = TlsPeer::new(&identity, &TLS13);
        let fault: Fault = Box::new(move |stream| {
            if begins {
                let _ = peer.accept(stream).map(|mut stream| read_some(&mut stream));
            }
        });
        let balancer = Balancer::down(fault);
        let url = url("rediss", &balancer, &authority, "");
        fails_in_time(&url, ErrorKind::Unreachable, about);
    }
}

#[test]
fn sentinels_and_clusters_with_tls_are_waited_for() {
    let authority = Authority::new();
    for (scheme, path) in [("rediss-sentinel", "/main"), ("rediss-cluster", "")] {
        let balancer = Balancer::down(Box::new(drop));
        let url = url(scheme, &balancer, &authority, "deadline=60s");
        let url = url.replacen('?', &format!("{path}?"), 1);
        let limit = Duration::from_millis(600);
        let begun = Instant::now();
        let error = run(open(&url, "").ready(limit)).expect_err("there is no server");
        check(&error, "ended the TLS handshake", 0);
        assert!(begun.elapsed() >= limit, "{scheme}: {error:?}");
        assert!(balancer.faults.load(Ordering::SeqCst) > 1, "{scheme}");
    }
}

#[test]
fn a_refused_client_certificate_is_told_at_once_with_every_version_of_tls() {
    if without_tls() {
        return;
    }
    let (authority, foreign) = (Authority::new(), Authority::new());
    let identity = authority.server(&["localhost"], Validity::Now);
    let Identity { certificate, key } = foreign.client();
    let client = format!(
        "tls_cert={}&tls_key={}",
        certificate.display(),
        key.display()
    );
    for version in ["TLSv1.2", "TLSv1.3"] {
        let builder = authority.serve(&identity).client_certificates();
        let server: Server = start(builder.arg("--tls-protocols").arg(version));
        fails_at_once(server.url(), ErrorKind::Tls, "client certificate");
        let url = format!("{}&{client}", server.url());
        fails_at_once(&url, ErrorKind::Tls, "client certificate");
    }
}

fn url(scheme: &str, balancer: &Balancer, authority: &Authority, parameters: &str) -> String {
    let ca = authority.certificate().display();
    let mark = if parameters.is_empty() { "" } else { "&" };
    let port = balancer.port;
    format!("{scheme}://localhost:{port}?tls_ca={ca}{mark}{parameters}")
}

fn check(error: &Error, about: &str, number: usize) {
    assert_eq!(
        error.kind(),
        ErrorKind::Unreachable,
        "fault {number}: {error:?}"
    );
    let report = format!("{error:?}");
    // A reset right after the connection was accepted may come before the system reports the connection.
    let is_early_reset = number < 2
        && report.contains("cannot reach")
        && report.contains("Connection reset by peer");
    assert!(
        report.contains(about) || is_early_reset,
        "fault {number}: {report}"
    );
    assert!(
        error.help().is_some() || is_early_reset,
        "fault {number}: {report}"
    );
}
