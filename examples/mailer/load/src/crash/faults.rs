//! What ends while mails are queued and delivered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis_ready::testing::Sentinels;

use super::producers::Progress;
use super::work::Workers;
use crate::Result;

/// Time between two looks at how many mails are confirmed.
const POLL: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The primary is killed and started again, before the Sentinels call it down.
    PrimaryKilled,
    WorkerKilled,
    /// The replica becomes the primary, and the primary a replica.
    Failover,
}

/// The faults in their order: half of the kills come before the failover, the others after it.
fn faults(kills: u64) -> Vec<Fault> {
    let before = usize::try_from(kills.div_ceil(2)).unwrap_or(usize::MAX);
    let after = usize::try_from(kills / 2).unwrap_or(usize::MAX);
    let mut faults = vec![Fault::PrimaryKilled; before];
    faults.extend([Fault::WorkerKilled, Fault::Failover]);
    faults.extend(vec![Fault::PrimaryKilled; after]);
    faults
}

/// Lets all faults happen, evenly spread over the mails, and prints them.
pub async fn happen(
    mut sentinels: Sentinels,
    workers: &mut Workers,
    mails: u64,
    kills: u64,
    progress: &Arc<Progress>,
) -> Result<Sentinels> {
    let faults = faults(kills);
    let step = mails / (faults.len() as u64 + 1);
    for (fault, number) in faults.into_iter().zip(1..) {
        while progress.confirmed() < number * step {
            tokio::time::sleep(POLL).await;
        }
        let (confirmed, start) = (progress.confirmed(), Instant::now());
        let what = match fault {
            Fault::WorkerKilled => workers.kill_one().await?,
            Fault::PrimaryKilled | Fault::Failover => {
                // It waits for processes, not as a task does.
                let done = tokio::task::spawn_blocking(move || of_servers(sentinels, fault));
                let what;
                (sentinels, what) = done.await??;
                what
            }
        };
        let took = start.elapsed();
        println!(
            "{confirmed:>7} mails confirmed: {what} ({} ms)",
            took.as_millis()
        );
    }
    Ok(sentinels)
}

fn of_servers(mut sentinels: Sentinels, fault: Fault) -> Result<(Sentinels, String)> {
    let primary = sentinels.primary()?;
    let what = if matches!(fault, Fault::Failover) {
        let new = sentinels.failover()?;
        format!("failover from server {primary} to {new}")
    } else {
        let server = sentinels.server_mut(primary);
        server.kill()?;
        server.restart()?;
        sentinels.wait_until_ready()?;
        format!("primary, server {primary}, killed and started again")
    };
    Ok((sentinels, what))
}
