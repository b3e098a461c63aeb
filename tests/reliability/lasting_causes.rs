//! R13: what looks permanent is reported at once, and over as soon as its cause is, without a
//! restart of the process.
//!
//! Each cause lasts 8 s: longer than the deadline of a call, shorter than the 10 s after which the
//! client takes up to 5 s between two attempts. The 5 attempts per second are counted over any two
//! seconds, for with full jitter one run of fifty has a single second with six.
#![cfg(feature = "tls")]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Value, cmd};
use redis_ready::testing::Server;
use redis_ready::{BlockingClient, Client, ErrorKind};

use crate::support::certificates::{Authority, Identity, Validity};
use crate::support::measure::{Lateness, assert_within};
use crate::support::not_run::without_tls;
use crate::support::{open, run, start};

const LASTS: Duration = Duration::from_secs(8);
/// From the end of the cause to the first success.
const RECOVERY: Duration = Duration::from_millis(1_500);
/// From a call to its error: the deadline, 3 s, is not waited for.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Attempts to connect, in two seconds.
const MOST_ATTEMPTS: u64 = 2 * 5;
const TWO_SECONDS: Duration = Duration::from_secs(2);

/// A server, its client, and an operator who changes what the server lets in.
struct Stage {
    server: Server,
    client: Client,
    operator: BlockingClient,
}

impl Stage {
    fn new(server: Server, url: &str) -> Stage {
        // Through the socket, which knows no TLS.
        let socket = format!("unix://{}/redis.sock", server.directory().display());
        let password = server.url().split_once("redis://:");
        let password = password.and_then(|(_, rest)| rest.split_once('@'));
        let operator = match password {
            Some((password, _)) => format!("{socket}?pass={password}"),
            None => socket,
        };
        let (operator, client) = (open(&operator, ""), open(url, ""));
        let mut stage = Stage {
            server,
            client,
            operator: operator.blocking(),
        };
        stage.order("PING");
        stage
    }

    fn order(&mut self, words: &str) -> Value {
        let mut words = words.split(' ').map(|word| word.replace("''", ""));
        let mut order = cmd(&words.next().expect("there is a first"));
        order.arg(words.collect::<Vec<_>>());
        let reply = order.query(&mut self.operator);
        reply.unwrap_or_else(|error| panic!("{error}"))
    }

    fn cut_off(&mut self) {
        self.order("CLIENT KILL TYPE normal SKIPME yes");
    }

    /// How many connections the server has accepted, or refused because there were too many.
    fn attempts(&mut self) -> u64 {
        let Value::BulkString(statistics) = self.order("INFO stats") else {
            // RESP3 gives it as text with a format.
            let text: String = cmd("INFO")
                .arg("stats")
                .query(&mut self.operator)
                .expect("it answers");
            return sum_of_attempts(&text);
        };
        sum_of_attempts(&String::from_utf8_lossy(&statistics))
    }

    /// Lets `begin` make a cause and `end` take it away; each caller is told `kind` meanwhile.
    fn play(
        mut self,
        name: &str,
        kind: ErrorKind,
        begin: impl FnOnce(&mut Stage),
        end: impl FnOnce(&mut Stage),
    ) {
        run(self.client.ping()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        begin(&mut self);
        let lateness = Lateness::watch();
        let started = Instant::now();
        let mut told = Duration::ZERO;
        let mut calls = 0;
        let mut attempts = vec![(started, self.attempts())];
        while started.elapsed() < LASTS {
            let call = Instant::now();
            let error = run(self.client.ping()).expect_err(name);
            told = told.max(call.elapsed());
            // The loss of the connection itself may be the first thing that one is told.
            let lost = calls == 0 && error.kind() == ErrorKind::ConnectionLost;
            assert!(error.kind() == kind || lost, "{name}: {error:?}");
            calls += 1;
            thread::sleep(Duration::from_millis(20));
            if started.elapsed() > Duration::from_secs(attempts.len() as u64) {
                attempts.push((Instant::now(), self.attempts()));
            }
        }
        let in_two_seconds = attempts.windows(3).map(|samples| {
            let late = (samples[2].0 - samples[0].0).saturating_sub(TWO_SECONDS);
            // Five a second are one in 200 ms.
            let more = u64::try_from(late.as_millis() / 200).expect("it ends some day");
            (samples[2].1 - samples[0].1).saturating_sub(more)
        });
        let most = in_two_seconds.max().expect("it lasted for seconds");
        end(&mut self);
        let ended = Instant::now();
        while run(self.client.ping()).is_err() {
            assert!(ended.elapsed() < 10 * RECOVERY, "{name}: wedged");
            thread::sleep(Duration::from_millis(2));
        }
        let recovered = ended.elapsed();
        println!(
            "{name}: {calls} calls told within {told:?}, {most} attempts in two seconds at \
             most, recovered after {recovered:?}; {lateness}"
        );
        assert_within(&format!("{name}, told"), told, AT_ONCE, &lateness);
        assert!(most <= MOST_ATTEMPTS, "{name}: {attempts:?}");
        assert_within(name, recovered, RECOVERY, &lateness);
        assert!(calls > 50, "{name}: {calls}");
        drop(self.server);
    }
}

fn sum_of_attempts(statistics: &str) -> u64 {
    ["total_connections_received:", "rejected_connections:"]
        .into_iter()
        .map(|name| {
            let value = statistics.lines().find_map(|line| line.strip_prefix(name));
            value.and_then(|value| value.trim().parse::<u64>().ok())
        })
        .map(|value| value.expect("the server counts them"))
        .sum()
}

#[test]
fn what_looks_permanent_is_told_at_once_and_over_with_its_cause() {
    // Side by side, for each of them takes its 8 s.
    thread::scope(|scope| {
        scope.spawn(a_rotated_password_is_over_when_it_is_back);
        scope.spawn(a_password_that_the_url_has_not_is_over_when_it_is_gone);
        scope.spawn(a_deleted_user_is_over_when_it_is_there_again);
        scope.spawn(|| too_many_clients_are_over_when_there_is_room("protocol=3"));
        scope.spawn(|| too_many_clients_are_over_when_there_is_room("protocol=2"));
        if !without_tls() {
            scope.spawn(an_expired_certificate_is_over_when_it_is_replaced);
            scope.spawn(a_new_authority_is_trusted_when_the_file_has_it);
        }
    });
}

fn a_rotated_password_is_over_when_it_is_back() {
    let server = start(Server::builder().tcp().password("old"));
    let url = server.url().to_owned();
    Stage::new(server, &url).play(
        "WRONGPASS",
        ErrorKind::Authentication,
        |stage| {
            stage.order("CONFIG SET requirepass new");
            stage.cut_off();
        },
        |stage| {
            stage.order("CONFIG SET requirepass old");
        },
    );
}

fn a_password_that_the_url_has_not_is_over_when_it_is_gone() {
    let server = start(Server::builder().tcp());
    let url = server.url().to_owned();
    Stage::new(server, &url).play(
        "NOAUTH",
        ErrorKind::Authentication,
        |stage| {
            stage.order("CONFIG SET requirepass new");
            stage.cut_off();
        },
        |stage| {
            stage.order("CONFIG SET requirepass ''");
        },
    );
}

fn a_deleted_user_is_over_when_it_is_there_again() {
    let server = start(Server::builder().tcp());
    let url = server.url().replace("redis://", "redis://app:pw@");
    let mut stage = Stage::new(server, &url);
    stage.order("ACL SETUSER app on >pw ~* +@all");
    stage.play(
        "user deleted",
        ErrorKind::Authentication,
        |stage| {
            // It kills the user's connections, too.
            stage.order("ACL DELUSER app");
        },
        |stage| {
            stage.order("ACL SETUSER app on >pw ~* +@all");
        },
    );
}

fn too_many_clients_are_over_when_there_is_room(protocol: &str) {
    let server = start(Server::builder().tcp());
    let url = format!("{}?{protocol}", server.url());
    Stage::new(server, &url).play(
        &format!("maxclients, {protocol}"),
        ErrorKind::ConnectionRefused,
        |stage| {
            stage.order("CONFIG SET maxclients 1");
            stage.cut_off();
        },
        |stage| {
            stage.order("CONFIG SET maxclients 100");
        },
    );
}

/// A server with a good certificate of `authority`, which the file `trusted` names.
fn with_certificate(authority: &Authority, trusted: &Path) -> (Server, String) {
    let identity = authority.server(&["localhost"], Validity::Now);
    let server = start(authority.serve(&identity));
    let port = server.port().expect("it listens on TCP");
    let url = format!("rediss://localhost:{port}?tls_ca={}", trusted.display());
    (server, url)
}

fn present(stage: &mut Stage, identity: &Identity) {
    let Identity { certificate, key } = identity;
    let (certificate, key) = (certificate.display(), key.display());
    stage.order(&format!(
        "CONFIG SET tls-cert-file {certificate} tls-key-file {key}"
    ));
}

fn an_expired_certificate_is_over_when_it_is_replaced() {
    let authority = Authority::new();
    let (server, url) = with_certificate(&authority, authority.certificate());
    let [expired, good] =
        [Validity::Past, Validity::Now].map(|validity| authority.server(&["localhost"], validity));
    Stage::new(server, &url).play(
        "TLS, expired certificate",
        ErrorKind::Tls,
        |stage| {
            present(stage, &expired);
            stage.cut_off();
        },
        |stage| present(stage, &good),
    );
}

fn a_new_authority_is_trusted_when_the_file_has_it() {
    let (old, new) = (Authority::new(), Authority::new());
    let trusted = old.certificate().with_file_name("trusted.pem");
    fs::copy(old.certificate(), &trusted).expect("the directory is ours");
    let (server, url) = with_certificate(&old, &trusted);
    let identity = new.server(&["localhost"], Validity::Now);
    Stage::new(server, &url).play(
        "TLS, new authority",
        ErrorKind::Tls,
        |stage| {
            present(stage, &identity);
            stage.cut_off();
        },
        |_| {
            fs::copy(new.certificate(), &trusted).expect("the directory is ours");
        },
    );
}
