//! [`run`]: producers, workers and faults at the same time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mailer::counts::this_hour;
use mailer::queue::STREAM;
use redis_ready::Client;
use redis_ready::redis::AsyncCommands;
use redis_ready::testing::{Sentinels, Server};

use super::faults;
use super::producers::{Progress, produce};
use super::result::Outcome;
use super::work::Workers;
use crate::Result;
use crate::options::CrashSize;

/// How long nothing may be delivered while mails wait.
const PATIENCE: Duration = Duration::from_mins(1);

/// Prints a table, and returns whether every mail was delivered once.
///
/// A mail is confirmed when the replica has it (`WAIT`): that is what a failover needs, where a primary that has
/// confirmed it alone may be gone, or have been replaced without noticing. `min-replicas-to-write` would only limit how
/// much is lost. A primary that is killed and started again needs that its log is on the disk before it confirms, which
/// is `appendfsync always`.
pub async fn run(size: CrashSize) -> Result<bool> {
    let CrashSize {
        mails,
        kills,
        waits,
        min_replicas,
    } = size;
    let by = if waits { "replica" } else { "primary" };
    println!("{mails} mails, each confirmed when the {by} has it");
    let start = Instant::now();
    let directory = Directory::make()?;
    let sentinels = tokio::task::spawn_blocking(move || sentinels(min_replicas)).await??;
    let client = sentinels.client();
    let mut workers = Workers::start(sentinels.url(), directory.0.clone()).await?;
    let since = this_hour();

    let progress = Arc::new(Progress::default());
    let happening = faults::happen(sentinels, &mut workers, mails, kills, &progress);
    let producing = produce(&client, mails, waits, &progress);
    let (happened, produced) = tokio::join!(happening, producing);
    let _sentinels = happened?;
    println!(
        "{mails:>7} mails confirmed, after {} s",
        start.elapsed().as_secs()
    );

    wait_until_delivered(&client).await?;
    println!(
        "{mails:>7} mails delivered, after {} s",
        start.elapsed().as_secs()
    );
    let logs = workers.stop().await?;
    let outcome = Outcome::of(&client, mails, produced, &directory.0, &logs, since).await?;
    outcome.print();
    Ok(outcome.is_right())
}

fn sentinels(min_replicas: bool) -> std::io::Result<Sentinels> {
    let server = Server::builder().tcp();
    let server = server.arg("--appendonly").arg("yes");
    let mut server = server.arg("--appendfsync").arg("always");
    if min_replicas {
        server = server.arg("--min-replicas-to-write").arg("1");
    }
    Sentinels::builder().servers(server).start()
}

/// Waits until no mail is in the stream, where those are, too, that a worker holds.
async fn wait_until_delivered(client: &Client) -> Result<()> {
    let (mut client, mut left, mut since) = (client.clone(), u64::MAX, Instant::now());
    while left > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now: u64 = client.xlen(STREAM).await?;
        if now < left {
            (left, since) = (now, Instant::now());
        } else if since.elapsed() > PATIENCE {
            return Err(format!("{left} mails are not delivered").into());
        }
    }
    Ok(())
}

/// A directory that is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn make() -> Result<Directory> {
        let name = format!("mailer-crash-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory)?;
        Ok(Directory(directory))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
