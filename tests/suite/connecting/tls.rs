//! TLS: every certificate that must not be trusted is named as what it is.

use std::path::Path;

use redis::cmd;
use redis_ready::ErrorKind;
use redis_ready::testing::Server;

use super::failure::{ENCODED, PASSWORD, fails_at_once};
use crate::support::certificates::{Authority, Identity, Validity};
use crate::support::fake_server::Recorder;
use crate::support::not_run::without_tls;
use crate::support::{open, run, start};

/// A server with this certificate, whose URL trusts `authority`.
fn server(authority: &Authority, identity: &Identity) -> Server {
    start(authority.serve(identity))
}

/// A server whose certificate is `authority`'s, right in every way.
fn good(authority: &Authority) -> Server {
    server(authority, &authority.server(&["localhost"], Validity::Now))
}

fn works(url: &str) {
    run(open(url, "").ping()).unwrap_or_else(|error| panic!("{url}: {error:?}"));
}

fn url(host: &str, server: &Server, parameters: &str) -> String {
    let port = server.port().expect("it listens on TCP");
    format!("rediss://:{ENCODED}@{host}:{port}?{parameters}")
}

fn ca(path: &Path) -> String {
    format!("tls_ca={}", path.display())
}

#[test]
fn a_certificate_of_the_given_authority_is_trusted() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    works(good(&authority).url());
    let identity = authority.server(&["127.0.0.1"], Validity::Now);
    let server = server(&authority, &identity);
    let port = server.port().unwrap();
    works(&format!(
        "rediss://127.0.0.1:{port}?{}",
        ca(authority.certificate())
    ));
}

#[test]
fn a_password_travels_over_tls() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let identity = authority.server(&["localhost"], Validity::Now);
    let server = start(authority.serve(&identity).password(PASSWORD));
    works(server.url());
    let wrong = server.url().replace(ENCODED, "wrong");
    fails_at_once(&wrong, ErrorKind::Authentication, "localhost");
}

#[test]
fn a_certificate_that_no_trusted_authority_has_signed_is_refused() {
    if without_tls() {
        return;
    }
    let (ours, foreign) = (Authority::new(), Authority::new());
    let good = ours.server(&["localhost"], Validity::Now);
    for (identity, trusted) in [
        // The system's authorities alone.
        (&good, String::new()),
        (&good, ca(foreign.certificate())),
        (&ours.self_signed(&["localhost"]), ca(ours.certificate())),
    ] {
        let server = server(&ours, identity);
        let url = url("localhost", &server, &trusted);
        fails_at_once(&url, ErrorKind::Tls, "localhost");
        assert_eq!(introductions(&server), 0, "{url}");
    }
}

#[test]
fn a_certificate_for_another_host_is_named() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let identity = authority.server(&["redis.example"], Validity::Now);
    let server = server(&authority, &identity);
    let trusted = ca(authority.certificate());
    fails_at_once(
        &url("localhost", &server, &trusted),
        ErrorKind::Tls,
        "redis.example",
    );
    assert_eq!(introductions(&server), 0);

    let port = server.port().unwrap();
    works(&format!(
        "rediss://localhost:{port}?{trusted}&tls_server_name=redis.example"
    ));
}

#[test]
fn a_certificate_of_another_time_is_named() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let trusted = ca(authority.certificate());
    for (validity, about) in [
        (Validity::Past, "expired"),
        (Validity::Future, "not valid yet"),
    ] {
        let server = server(&authority, &authority.server(&["localhost"], validity));
        fails_at_once(&url("localhost", &server, &trusted), ErrorKind::Tls, about);
        assert_eq!(introductions(&server), 0);
    }
}

#[test]
fn a_missing_client_certificate_is_named() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let identity = authority.server(&["localhost"], Validity::Now);
    let server = start(authority.serve(&identity).client_certificates());
    let with = |client: &Identity| {
        format!(
            "{}&tls_cert={}&tls_key={}",
            server.url(),
            client.certificate.display(),
            client.key.display()
        )
    };
    works(&with(&authority.client()));
    fails_at_once(server.url(), ErrorKind::Tls, "certificate");
    let foreign = Authority::new();
    fails_at_once(&with(&foreign.client()), ErrorKind::Tls, "certificate");
    assert_eq!(introductions(&server), 1);
}

#[test]
fn verification_can_be_narrowed() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let trusted = ca(authority.certificate());
    let identity = authority.server(&["redis.example"], Validity::Now);
    let wrong_host = server(&authority, &identity);
    let past = server(
        &authority,
        &authority.server(&["localhost"], Validity::Past),
    );
    let port = |server: &Server| server.port().unwrap();

    let url = |server: &Server, verify: &str| {
        format!(
            "rediss://localhost:{}?{trusted}&tls_verify={verify}",
            port(server)
        )
    };
    works(&url(&wrong_host, "ca"));
    works(&url(&wrong_host, "none"));
    works(&url(&past, "none"));
    works(&format!(
        "rediss://localhost:{}?tls_verify=none",
        port(&wrong_host)
    ));
    fails_at_once(&url(&past, "ca"), ErrorKind::Tls, "expired");
    let unknown = format!("rediss://localhost:{}?tls_verify=ca", port(&wrong_host));
    fails_at_once(&unknown, ErrorKind::Tls, "localhost");
}

#[test]
fn files_without_a_certificate_are_named() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let server = good(&authority);
    let key = authority.client().key;
    fails_at_once(
        &url("localhost", &server, &ca(&key)),
        ErrorKind::InvalidFile,
        &key.display().to_string(),
    );
    fails_at_once(
        &url("localhost", &server, "tls_ca=/no/such/file.pem"),
        ErrorKind::InvalidFile,
        "/no/such/file.pem",
    );
}

#[test]
fn tls_to_a_plain_port_is_named_at_once() {
    let plain = start(Server::builder().tcp().password(PASSWORD));
    fails_at_once(&url("127.0.0.1", &plain, ""), ErrorKind::Tls, "redis://");
    assert_eq!(introductions(&plain), 0);
}

#[test]
fn no_password_is_sent_before_tls_is_there() {
    let recorder = Recorder::start(b"-ERR this server does not speak TLS\r\n");
    let url = format!("rediss://app:{ENCODED}@127.0.0.1:{}", recorder.port());
    fails_at_once(&url, ErrorKind::Tls, "redis://");
    let bytes = String::from_utf8_lossy(&recorder.bytes()).into_owned();
    for secret in [PASSWORD, ENCODED, "AUTH", "app"] {
        assert!(!bytes.contains(secret), "{bytes}");
    }
}

#[test]
fn a_plain_url_to_a_tls_port_is_named_at_once() {
    if without_tls() {
        return;
    }
    let authority = Authority::new();
    let server = good(&authority);
    let port = server.port().unwrap();
    fails_at_once(
        &format!("redis://:{ENCODED}@127.0.0.1:{port}"),
        ErrorKind::Tls,
        "rediss://",
    );
}

/// Asks the server, through its socket, how many clients have sent `HELLO`, with which they tell who
/// they are.
fn introductions(server: &Server) -> usize {
    let socket = server.directory().join("redis.sock");
    let mut connection = redis::Client::open(format!("unix://{}?pass={ENCODED}", socket.display()))
        .and_then(|client| client.get_connection())
        .or_else(|_| {
            redis::Client::open(format!("unix://{}", socket.display()))
                .and_then(|client| client.get_connection())
        })
        .expect("the server is there");
    let log: String = cmd("INFO")
        .arg("commandstats")
        .query(&mut connection)
        .unwrap();
    // This connection is redis-rs's, which says nothing of itself in RESP2 without a password.
    log.lines()
        .filter(|line| line.starts_with("cmdstat_hello"))
        .filter_map(|line| line.split(&['=', ','][..]).nth(1)?.parse::<usize>().ok())
        .sum()
}
