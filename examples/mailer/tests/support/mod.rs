//! A platform with a server of its own, and a browser that is good enough for it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mailer::counts::Counts;
use mailer::directory::{Directory, Profile};
use mailer::mail::Mail;
use mailer::platform;
use mailer::settings::Settings;
use redis_ready::Client;
use redis_ready::testing::Server;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub mod http;
pub mod network;
pub mod webdriver;

/// How long a test waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A platform that runs in this process, until the end of the test.
pub struct Platform {
    pub address: SocketAddr,
    pub outbox: PathBuf,
    stop: CancellationToken,
    running: JoinHandle<io::Result<()>>,
}

impl Platform {
    /// Starts one whose worker takes over after `abandoned_after`, on the server of this client.
    pub async fn start(client: Client, abandoned_after: Duration) -> Platform {
        Platform::with_directory(client, abandoned_after, directory()).await
    }

    pub async fn with_directory(
        client: Client,
        abandoned_after: Duration,
        directory: Directory,
    ) -> Platform {
        let outbox = temporary_directory();
        let settings = Settings {
            outbox: outbox.clone(),
            secure_cookie: false,
            abandoned_after,
            ..Settings::default()
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let stop = CancellationToken::new();
        let running = platform::run(client, directory, settings, listener, stop.clone());
        Platform {
            address,
            outbox,
            stop,
            running: tokio::spawn(running),
        }
    }

    /// The files that were delivered.
    pub fn delivered(&self) -> Vec<PathBuf> {
        files(&self.outbox)
    }

    /// Stops it in an orderly way.
    pub async fn stop(self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(PATIENCE, self.running).await;
        ended
            .expect("it ends")
            .expect("it does not panic")
            .expect("it has served");
        std::fs::remove_dir_all(&self.outbox).expect("it can be removed");
    }
}

/// Tenants whose profiles are read at once: `acme` with a wide limit, `globex` with two mails at once.
pub fn directory() -> Directory {
    let profile = |mails_per_minute, burst| Profile {
        sender: "Test <test@mailer.example>".to_owned(),
        mails_per_minute,
        burst,
    };
    Directory::new(Duration::ZERO)
        .with_tenant("acme", profile(60_000, 1000))
        .with_tenant("globex", profile(20, 2))
        .with_user("ada", "analytical-engine", "acme")
        .with_user("grace", "compiler", "globex")
}

pub fn server() -> Server {
    Server::start().unwrap_or_else(|error| panic!("{error}"))
}

/// A server that has written down what it has acknowledged, and has it again after a crash.
pub fn durable_server() -> Server {
    let builder = Server::builder().arg("--appendonly").arg("yes");
    let started = builder.arg("--appendfsync").arg("always").start();
    started.unwrap_or_else(|error| panic!("{error}"))
}

pub fn mail(id: &str) -> Mail {
    Mail {
        id: id.to_owned(),
        tenant: "acme".to_owned(),
        from: "Test <test@mailer.example>".to_owned(),
        to: "ann@mail.example".to_owned(),
        subject: "Hello".to_owned(),
        text: "How do you do?".to_owned(),
    }
}

/// The mails in an outbox.
pub fn files(outbox: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(outbox).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths
        .filter(|path| path.extension().is_some_and(|it| it == "eml"))
        .collect()
}

/// A new directory below target.
pub fn temporary_directory() -> PathBuf {
    let name = format!("mailer-{}-{}", std::process::id(), fastrand::u64(..));
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).expect("it can be made");
    directory
}

/// Waits until so many mails of `acme` are queued and delivered, and none has failed.
#[track_caller]
pub fn all_delivered(client: &Client, mails: usize) -> impl Future<Output = ()> {
    let all = u64::try_from(mails).expect("it fits");
    let expected = Counts {
        queued: all,
        delivered: all,
        failed: 0,
    };
    let client = client.clone();
    eventually("all are delivered", async move || {
        Counts::read(client.clone(), "acme").await == Ok(expected)
    })
}

/// Waits until it is so.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let start = Instant::now();
        while !is_so().await {
            assert!(
                start.elapsed() < PATIENCE,
                "{caller}: not within {PATIENCE:?}: {what}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
