//! R8: a connection whose peer has gone without a word is noticed and replaced, by our own rule, by
//! the kernel's, and while it is idle.
//!
//! Packets are dropped for real: client and server are in network namespaces of their own, with a
//! cable between them that is pulled. That takes a Linux that lets users make namespaces, `unshare`
//! and `nsenter` (util-linux) and `ip` (iproute2). Where these are missing the tests fail, unless
//! `REDIS_READY_SKIP_NETNS=1` says that they need not.
//!
//! The connect timeout is 400 ms here: an attempt that began while the cable was out ends by then,
//! and the next one begins within a second. With the default of 2 s an attempt whose second packet
//! (after a second) was dropped too goes on for another second, and the way back can take 2 s.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use redis::{AsyncCommands, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, ErrorKind};

use crate::support::errors::ours;
use crate::support::measure::{Lateness, Times, assert_within, timed};
use crate::support::not_run::{not_run, server_program};
use crate::support::{child, open, run, start};

const RESPONSE_TIMEOUT: Duration = Duration::from_millis(500);
const SLACK: Duration = Duration::from_millis(100);
const BY_OUR_RULE: Duration = Duration::from_millis(3 * 500 + 100);
const BY_THE_KERNEL: Duration = Duration::from_millis(6_500);
const WHILE_IDLE: Duration = Duration::from_secs(12);
const PATIENCE: Duration = Duration::from_secs(30);
const BACK: Duration = Duration::from_millis(1_500);
const CALLERS: usize = 8;
/// For what has no limit here: longer than any test of this module takes.
const LONG: Duration = Duration::from_secs(60);

/// Runs a test of this module as root of its own small world.
fn run_in_namespaces(name: &str) {
    for tool in [
        &["unshare", "--user", "--map-root-user", "--net", "true"][..],
        &["nsenter", "--version"],
        &["ip", "-Version"],
    ] {
        let mut probe = Command::new(tool[0]);
        let probe = probe.args(&tool[1..]).stdout(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            not_run(&format!("`{}` does not work", tool.join(" ")));
            let skip = std::env::var("REDIS_READY_SKIP_NETNS");
            assert_eq!(skip.as_deref(), Ok("1"), "install it, or skip on purpose");
            return;
        }
    }
    let wrapper = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("netns-{name}"));
    let server = server_program();
    // `unshare` becomes the server, so that its process id is the server's.
    let script = format!("#!/bin/sh\nexec unshare --net '{server}' \"$@\"\n");
    fs::write(&wrapper, script).expect("the target directory is ours");
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--user", "--map-root-user", "--net"])
        .env("REDIS_READY_SERVER", wrapper);
    child::add_ignored_test(&mut unshare, &format!("half_open::{name}"));
    child::finish(&mut unshare);
}

/// A server at the other end of a cable.
struct Cable {
    server: Server,
    process: String,
}

fn execute(words: &str) {
    let mut words = words.split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    let status = command.args(words).status().expect("it was there before");
    assert!(status.success(), "{command:?}");
}

impl Cable {
    fn plug_in() -> Cable {
        let to_all = [("--bind", "0.0.0.0"), ("--protected-mode", "no")];
        let builder = to_all
            .into_iter()
            .fold(Server::builder().tcp(), |builder, (name, value)| {
                builder.arg(name).arg(value)
            });
        let server = start(builder);
        // Sockets in the file system are the same in all networks.
        let socket = format!("unix://{}/redis.sock", server.directory().display());
        let operator = open(&socket, "");
        let info: String = cmd("INFO")
            .arg("server")
            .query(&mut operator.blocking())
            .expect("it runs");
        let process = info
            .lines()
            .find_map(|line| line.strip_prefix("process_id:"));
        let process = process.expect("INFO has it").to_owned();
        let cable = Cable { server, process };
        execute("ip link add va type veth peer name vb");
        execute(&format!("ip link set vb netns {}", cable.process));
        execute("ip addr add 10.99.0.1/24 dev va");
        execute("ip link set va up");
        cable.there("ip addr add 10.99.0.2/24 dev vb");
        cable.push();
        cable
    }

    /// Executes in the network of the server.
    fn there(&self, words: &str) {
        execute(&format!("nsenter --target {} --net {words}", self.process));
    }

    /// The cable is out from some time between the two on: it takes as long to start a program.
    fn pull(&self) -> [Instant; 2] {
        let before = Instant::now();
        self.there("ip link set vb down");
        [before, Instant::now()]
    }

    /// Returns when packets were last seen not to pass: it can take the kernel more than a second to
    /// use a cable that is in, and to find the address at its other end.
    fn push(&self) -> Instant {
        self.there("ip link set vb up");
        let address = ([10, 99, 0, 2], self.port()).into();
        let mut out = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_millis(50)).is_err() {
            out = Instant::now();
        }
        out
    }

    fn port(&self) -> u16 {
        self.server.port().expect("it listens on one")
    }

    fn client(&self, response_timeout: Duration) -> Client {
        let response_timeout = response_timeout.as_millis();
        open(
            &format!("redis://10.99.0.2:{}", self.port()),
            &format!("connect_timeout=400ms&response_timeout={response_timeout}ms&deadline=60s"),
        )
    }

    /// The local end of the connection to the server, as far as the kernel knows.
    fn connection(&self) -> Option<String> {
        const ESTABLISHED: &str = "01";
        let table = fs::read_to_string("/proc/self/net/tcp").expect("Linux has it");
        let server = format!(":{:04X}", self.port());
        let local = table.lines().find_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
            (remote.ends_with(&server) && state == ESTABLISHED).then_some(local)
        });
        local.map(str::to_owned)
    }

    /// Waits until this connection is closed, and says when that was.
    async fn until_given_up(&self, connection: &str) -> Instant {
        let start = Instant::now();
        while self.connection().as_deref() == Some(connection) {
            assert!(start.elapsed() < PATIENCE, "never given up");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Instant::now()
    }
}

/// How long each call took that failed, and when the others were answered.
struct Asked {
    failures: Vec<(ErrorKind, Duration)>,
    answers: Vec<Instant>,
}

/// Asks until told to stop.
async fn ask(mut client: Client, stop: Arc<AtomicBool>) -> Asked {
    let mut asked = Asked {
        failures: Vec::new(),
        answers: Vec::new(),
    };
    while !stop.load(Ordering::SeqCst) {
        let (reply, took) = timed(client.get_del::<_, Option<String>>("k")).await;
        match reply {
            Ok(_) => asked.answers.push(Instant::now()),
            Err(error) => asked.failures.push((ours(&error).kind(), took)),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    asked
}

/// Pulls the cable while many ask, and pushes it in again once the connection has been given up.
async fn while_busy(
    response_timeout: Duration,
    limit: Duration,
    failure_limit: Duration,
) -> Duration {
    let cable = Cable::plug_in();
    let client = cable.client(response_timeout);
    client.ping().await.expect("the cable is in");
    let connection = cable.connection().expect("there is one");
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(ask(client.clone(), Arc::clone(&stop))))
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let lateness = Lateness::watch();
    let pulled = cable.pull();
    let given_up_at = cable.until_given_up(&connection).await;
    let [at_most, given_up] = pulled.map(|pulled| given_up_at.saturating_duration_since(pulled));
    // Some attempts to connect get no answer.
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let pushed = cable.push();
    client.ping().await.expect("the cable is in");
    stop.store(true, Ordering::SeqCst);
    let asked: Vec<Asked> = join_all(callers)
        .await
        .into_iter()
        .map(|caller| caller.expect("no panic"))
        .collect();
    let answers = asked.iter().flat_map(|asked| &asked.answers);
    let back = answers.filter(|answer| **answer > given_up_at).min();
    let back = back.expect("they asked on");
    let back = back.saturating_duration_since(pushed);
    let failures = asked.iter().flat_map(|asked| &asked.failures);
    let times: Times = failures.clone().map(|(_, took)| *took).collect();
    println!(
        "given up after {given_up:.2?} to {at_most:.2?}; back after {back:.2?}; callers failed, \
         {times}; {lateness}"
    );
    for (kind, took) in failures {
        let expected = [ErrorKind::TimedOut, ErrorKind::ConnectionLost];
        assert!(expected.contains(kind), "{kind:?} after {took:?}");
    }
    assert_within("given up", given_up, limit, &lateness);
    assert_within("a call", times.max(), failure_limit, &lateness);
    assert_within("back", back, BACK, &lateness);
    at_most
}

#[test]
#[ignore = "runs in a child process of another test"]
fn our_rule() {
    run(while_busy(
        RESPONSE_TIMEOUT,
        BY_OUR_RULE,
        RESPONSE_TIMEOUT + SLACK,
    ));
}

#[test]
#[ignore = "runs in a child process of another test"]
fn the_kernels_rule() {
    let at_most = run(while_busy(LONG, BY_THE_KERNEL, BY_THE_KERNEL));
    // Sooner, and it was not the kernel.
    assert!(at_most > Duration::from_secs(4), "{at_most:?}");
}

#[test]
#[ignore = "runs in a child process of another test"]
fn idle() {
    run(async {
        let cable = Cable::plug_in();
        let client = cable.client(RESPONSE_TIMEOUT);
        client.ping().await.expect("the cable is in");
        let connection = cable.connection().expect("there is one");
        let lateness = Lateness::watch();
        let [_, pulled] = cable.pull();
        let given_up = cable.until_given_up(&connection).await;
        let given_up = given_up.saturating_duration_since(pulled);
        let pushed = cable.push();
        client.ping().await.expect("the cable is in");
        let back = pushed.elapsed();
        println!("idle: given up after {given_up:.2?}; back after {back:.2?}");
        assert_within("given up", given_up, WHILE_IDLE, &lateness);
        assert_within("back", back, BACK, &lateness);
    });
}

#[test]
fn a_busy_connection_without_replies_is_given_up_after_three_response_timeouts() {
    run_in_namespaces("our_rule");
}

#[test]
fn a_busy_connection_without_acknowledgements_is_given_up_by_the_kernel() {
    run_in_namespaces("the_kernels_rule");
}

#[test]
fn an_idle_connection_without_a_peer_is_noticed() {
    run_in_namespaces("idle");
}
