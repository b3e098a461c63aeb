//! The program itself: it is killed, and it is stopped.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mailer::counts::Counts;
use mailer::handles::Handles;
use mailer::queue::Queue;
use redis_ready::Client;
use redis_ready::testing::Server;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::http::Browser;
use crate::support::{all_delivered, eventually, files, mail, server, temporary_directory};

const MAILS: usize = 300;

/// Starts the program on this server.
async fn start(server: &Server, outbox: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailer"));
    command.env("REDIS_URL", server.url());
    listen(command, outbox).await.0
}

/// Starts the program, and waits until it listens.
async fn listen(mut command: Command, outbox: &Path) -> (Child, SocketAddr) {
    let mut child = command
        .args(["--listen", "127.0.0.1:0", "--outbox"])
        .arg(outbox)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it can be started");
    let output = child.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(output).lines();
    loop {
        let line = lines.next_line().await.expect("it can be read");
        let line = line.expect("it tells its address");
        if let Some(address) = line.strip_prefix("http://") {
            return (child, address.parse().expect("an address"));
        }
    }
}

async fn enqueue(client: &Client) {
    let queue = Queue::new(&Handles::of(client));
    for number in 0..MAILS {
        let mail = mail(&format!("mail-{number:04}"));
        assert!(queue.enqueue(&mail).await.expect("it is queued"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_mail_is_lost_or_doubled_when_the_program_is_killed() {
    let server = server();
    let client = server.client();
    let outbox = temporary_directory();
    let mut delivered = 0;
    enqueue(&client).await;
    while delivered < MAILS - 50 {
        let mut child = start(&server, &outbox).await;
        let some = delivered + 50;
        eventually("it delivers", async || files(&outbox).len() >= some).await;
        child.kill().await.expect("it can be killed");
        delivered = files(&outbox).len();
    }
    let _child = start(&server, &outbox).await;
    all_delivered(&client, MAILS).await;
    assert_eq!(files(&outbox).len(), MAILS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_needs_no_redis_url() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailer"));
    command.env_remove("REDIS_URL").arg("--demo");
    let (mut child, address) = listen(command, &temporary_directory()).await;
    let mut browser = Browser::signed_in(address, "ada", "analytical-engine").await;
    assert_eq!(
        browser.send("mail-0000-1", "ann@mail.example").await.status,
        202
    );

    let mut keyboard = child.stdin.take().expect("it is piped");
    keyboard.write_all(b"\n").await.expect("it is read");
    eventually("Redis is gone", async || {
        Browser::new(address).get("/ready").await.status == 503
    })
    .await;
    keyboard.write_all(b"\n").await.expect("it is read");
    eventually("Redis is back", async || {
        Browser::new(address).get("/ready").await.status == 200
    })
    .await;
    assert_eq!(
        browser.get("/account").await.status,
        200,
        "the session is kept"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_stops_the_program_and_no_worker_holds_a_mail() {
    let server = server();
    let client = server.client();
    let outbox = temporary_directory();
    enqueue(&client).await;
    let mut child = start(&server, &outbox).await;
    eventually("it delivers", async || !files(&outbox).is_empty()).await;
    let id = child.id().expect("it runs").to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().await;
    assert!(sent.expect("there is `kill`").success());
    let ended = tokio::time::timeout(Duration::from_secs(10), child.wait()).await;
    let status = ended.expect("it ends in time").expect("it has run");
    assert!(status.success(), "{status}");
    let counts = Counts::read(client, "acme")
        .await
        .expect("they can be read");
    assert_eq!(u64::try_from(files(&outbox).len()), Ok(counts.delivered));
}
