//! [`Outcome`]: what has become of the mails.

use std::collections::HashSet;
use std::path::Path;

use mailer::counts::{Counts, this_hour};
use mailer::queue::DEAD_LETTERS;
use redis_ready::Client;
use redis_ready::redis::AsyncCommands;

use super::producers::{Produced, TENANTS, mail};
use super::work::outbox;
use crate::Result;

/// The line of a worker that finds a mail in the outbox.
const DELIVERED_BEFORE: &str = "was delivered before";

pub struct Outcome {
    mails: u64,
    produced: Produced,
    /// Files of mails in the outbox.
    files: u64,
    /// Confirmed mails without a file.
    missing: u64,
    /// Second deliveries that the outbox has refused.
    refused: u64,
    /// Of all tenants together.
    counts: Counts,
    /// The same from the roll-up by hour.
    of_hours: Counts,
    dead: u64,
}

impl Outcome {
    pub async fn of(
        client: &Client,
        mails: u64,
        produced: Produced,
        directory: &Path,
        logs: &[String],
        since: u64,
    ) -> Result<Outcome> {
        let files = names(&outbox(directory))?;
        let missing = (0..mails).filter(|number| {
            let mail = mail(*number);
            !files.contains(&format!("{}-{}.eml", mail.tenant, mail.id))
        });
        let refused = logs.iter().map(|log| log.matches(DELIVERED_BEFORE).count());
        let (mut counts, mut of_hours) = (Counts::default(), Counts::default());
        for tenant in (0..TENANTS).map(|it| format!("tenant-{it}")) {
            add(&mut counts, Counts::read(client.clone(), &tenant).await?);
            for hour in since..=this_hour() {
                let read = Counts::read_hour(client.clone(), &tenant, hour);
                add(&mut of_hours, read.await?);
            }
        }
        Ok(Outcome {
            mails,
            produced,
            missing: missing.count() as u64,
            files: files.len() as u64,
            refused: refused.sum::<usize>() as u64,
            counts,
            of_hours,
            dead: client.clone().xlen(DEAD_LETTERS).await?,
        })
    }

    /// How many mails a server has confirmed and then lost.
    fn lost(&self) -> u64 {
        self.mails - self.counts.queued.min(self.mails)
    }

    /// Prints a table.
    pub fn print(&self) {
        let Outcome {
            mails,
            produced,
            files,
            missing,
            refused,
            counts,
            of_hours,
            dead,
        } = self;
        println!("\n| | mails |\n|---|---:|");
        println!("| to be queued | {mails} |");
        println!("| confirmed to their producers | {} |", produced.confirmed);
        println!(
            "| … by a call that found them queued | {} |",
            produced.by_repetition
        );
        println!("| delivered: files in the outbox | {files} |");
        println!("| confirmed and not delivered | {missing} |");
        println!("| second deliveries, refused by the outbox | {refused} |");
        println!("| dead letters | {dead} |");
        println!("| counted as queued | {} |", counts.queued);
        println!("| counted as delivered | {} |", counts.delivered);
        println!("| … the same, by hour | {} |", of_hours.delivered);
        println!("| lost by Redis after the confirmation | {} |", self.lost());
        println!(
            "| lost by Redis before it, and queued again | {} |",
            produced.queued_again
        );
        for (error, count) in &produced.errors {
            println!("| calls not confirmed: {error} | {count} |");
        }
    }

    /// Whether every mail was delivered once, and everything counted.
    pub fn is_right(&self) -> bool {
        let all = Counts {
            queued: self.mails,
            delivered: self.mails,
            failed: 0,
        };
        self.is_delivered() && self.counts == all && self.of_hours == all && self.dead == 0
    }

    fn is_delivered(&self) -> bool {
        let Produced { confirmed, .. } = self.produced;
        confirmed == self.mails && self.missing == 0 && self.files == self.mails
    }
}

fn add(all: &mut Counts, more: Counts) {
    let Counts {
        queued,
        delivered,
        failed,
    } = more;
    all.queued += queued;
    all.delivered += delivered;
    all.failed += failed;
}

/// The names of the mails in the outbox.
fn names(outbox: &Path) -> Result<HashSet<String>> {
    let mut names = HashSet::new();
    for entry in outbox.read_dir()? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some() {
            names.insert(name);
        }
    }
    Ok(names)
}
