//! What the tests share: servers, faults, certificates, and a limit on everything.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod certificates;
pub(crate) mod child;
#[cfg(feature = "testing")]
pub(crate) mod cluster;
pub(crate) mod echo;
pub(crate) mod errors;
pub(crate) mod fake_server;
pub(crate) mod load;
pub(crate) mod measure;
#[cfg(feature = "testing")]
pub(crate) mod not_run;
pub(crate) mod ports;
#[cfg(feature = "testing")]
pub(crate) mod process;
#[cfg(feature = "testing")]
pub(crate) mod proxy;
pub(crate) mod scenario;
#[cfg(feature = "testing")]
pub(crate) mod sentinel;
#[cfg(all(feature = "testing", unix))]
pub(crate) mod subscriber;
#[cfg(feature = "tls")]
pub(crate) mod tls_peer;

use std::future::Future;
use std::time::Duration;

use redis_ready::Client;
#[cfg(feature = "testing")]
use redis_ready::testing::{Server, ServerBuilder};

/// Longer than any test takes on a slow machine: what takes longer hangs.
pub(crate) const NEVER: Duration = Duration::from_secs(300);

/// Opens a client for `url` with these parameters more.
#[track_caller]
pub(crate) fn open(url: &str, parameters: &str) -> Client {
    let mark = match (parameters.is_empty(), url.contains('?')) {
        (true, _) => "",
        (false, true) => "&",
        (false, false) => "?",
    };
    let url = format!("{url}{mark}{parameters}");
    Client::open(&url).unwrap_or_else(|error| panic!("{url}: {error:?}"))
}

/// Starts a server, or fails with the line that installs one.
#[cfg(feature = "testing")]
pub(crate) fn start(builder: ServerBuilder) -> Server {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

/// Where a server listens on TCP.
#[cfg(feature = "testing")]
pub(crate) fn address(server: &Server) -> String {
    format!("127.0.0.1:{}", server.port().expect("it listens on TCP"))
}

/// Makes the user `app` with the password `pw`, these rights and no others.
pub(crate) fn set_user(connection: &mut impl redis::ConnectionLike, rights: &[&str]) {
    let mut setuser = redis::cmd("ACL");
    setuser.arg("SETUSER").arg("app").arg("reset");
    setuser.arg("on").arg(">pw").arg(rights);
    errors::ok(setuser.exec(connection));
}

/// A server that takes DEBUG commands.
#[cfg(feature = "testing")]
pub(crate) fn with_debug(builder: ServerBuilder) -> ServerBuilder {
    builder.arg("--enable-debug-command").arg("local")
}

/// Runs `future` in a multi-threaded runtime and fails if it hangs.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        tokio::time::timeout(NEVER, future)
            .await
            .expect("it ends within the limit of a test")
    })
}
