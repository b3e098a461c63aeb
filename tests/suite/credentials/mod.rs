//! Credentials that stand apart from the URL, and credentials that change while the client lives.

mod files;
mod providers;
mod renewal;
mod subscriptions;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::{ConnectionLike, cmd};
use redis_ready::testing::Server;
use redis_ready::{Client, Config, CredentialsProvider};

use crate::support::errors::ok;
use crate::support::{address, start};

/// A server whose user `app` has these passwords, and the operator's connection.
struct Stage {
    server: Server,
    operator: redis_ready::BlockingClient,
}

impl Stage {
    fn new(passwords: &[&str]) -> Stage {
        let server = start(Server::builder().tcp());
        let operator = server.client().blocking();
        let mut stage = Stage { server, operator };
        stage.set_passwords(passwords);
        stage
    }

    /// The user `app` has these passwords from now on, and no others.
    fn set_passwords(&mut self, passwords: &[&str]) {
        set_passwords(&mut self.operator, passwords);
    }

    /// Ends all connections but that of the operator.
    fn cut_off(&mut self) {
        let mut kill = cmd("CLIENT");
        kill.arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]);
        let _: u32 = ok(kill.query(&mut self.operator));
    }

    fn url(&self) -> String {
        format!("redis://{}", address(&self.server))
    }

    fn client(&self, provider: impl CredentialsProvider) -> Client {
        client(&self.url(), provider)
    }

    /// How often the server has been sent `AUTH`, other than in the handshake.
    fn auths(&mut self) -> u64 {
        self.auth_statistic("calls=")
    }

    /// How often it has refused it.
    fn refused_auths(&mut self) -> u64 {
        self.auth_statistic("failed_calls=")
    }

    fn auth_statistic(&mut self, name: &str) -> u64 {
        let statistics: String = ok(cmd("INFO").arg("commandstats").query(&mut self.operator));
        let mut lines = statistics.lines();
        let Some(auth) = lines.find_map(|line| line.strip_prefix("cmdstat_auth:")) else {
            return 0;
        };
        let number = auth.split(',').find_map(|field| field.strip_prefix(name));
        let number = number.expect("it has one");
        number.parse().expect("a number")
    }
}

fn set_passwords(connection: &mut impl ConnectionLike, passwords: &[&str]) {
    let mut setuser = cmd("ACL");
    setuser.arg(&["SETUSER", "app", "on", "resetpass", "~*", "&*", "+@all"]);
    for password in passwords {
        setuser.arg(format!(">{password}"));
    }
    ok(setuser.exec(connection));
}

fn client(url: &str, provider: impl CredentialsProvider) -> Client {
    let config: Config = url.parse().unwrap_or_else(|error| panic!("{error:?}"));
    Client::with_config(config.with_credentials(provider))
}

/// Counts calls.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicU32>);

impl Counter {
    /// Returns how many there were before.
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Waits until `is_so`.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
