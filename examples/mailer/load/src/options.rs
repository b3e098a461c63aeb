//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::load::Variant;

const USAGE: &str = "\
mailer-load load  [--users NUMBER] [--seconds NUMBER] [--rounds NUMBER] [--pause MILLISECONDS] [--variant NAME]...
mailer-load crash [--mails NUMBER] [--kills NUMBER] [--without-wait] [--min-replicas]
  --users         default 1000
  --seconds       for each variant, in all rounds together; default 60
  --rounds        default 5
  --pause         of a user between two mails, on average; default 0
  --variant       application, redis-ready, connection-manager or deadpool; default: all of them
  --mails         default 100000
  --kills         how often the primary is killed and started again; default 2
  --without-wait  a mail counts as confirmed when the primary has it
  --min-replicas  a primary without a replica takes no mails";

/// The size of a load run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadSize {
    pub users: usize,
    /// For each variant, in all rounds together.
    pub time: Duration,
    pub rounds: u32,
    /// Of a user between two mails, on average.
    pub pause: Duration,
    pub variants: Vec<Variant>,
}

/// The size of a crash run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashSize {
    pub mails: u64,
    pub kills: u64,
    /// Whether a mail is confirmed only when it is on the replica.
    pub waits: bool,
    /// Whether a primary without a replica takes no mails: `min-replicas-to-write`.
    pub min_replicas: bool,
}

/// What a process of this program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    Load(LoadSize),
    Crash(CrashSize),
    /// A process that a load run starts.
    Serve {
        variant: Variant,
        url: String,
    },
    /// A process that a crash run starts.
    Work {
        name: String,
        url: String,
        outbox: PathBuf,
    },
}

/// Reads the arguments that follow the name of the program.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Task, String> {
    let mut arguments = arguments.into_iter();
    match arguments.next().as_deref() {
        Some("load") => load(arguments).map(Task::Load),
        Some("crash") => crash(arguments).map(Task::Crash),
        Some("serve") => Ok(Task::Serve {
            variant: value("serve", arguments.next())?,
            url: value("serve", arguments.next())?,
        }),
        Some("work") => Ok(Task::Work {
            name: value("work", arguments.next())?,
            url: value("work", arguments.next())?,
            outbox: value("work", arguments.next())?,
        }),
        _ => Err(USAGE.to_owned()),
    }
}

fn load(mut arguments: impl Iterator<Item = String>) -> Result<LoadSize, String> {
    let mut size = LoadSize {
        users: 1000,
        time: Duration::from_mins(1),
        rounds: 5,
        pause: Duration::ZERO,
        variants: Vec::new(),
    };
    while let Some(name) = arguments.next() {
        match &*name {
            "--users" => size.users = value(&name, arguments.next())?,
            "--seconds" => size.time = Duration::from_secs(value(&name, arguments.next())?),
            "--rounds" => size.rounds = value(&name, arguments.next())?,
            "--pause" => size.pause = Duration::from_millis(value(&name, arguments.next())?),
            "--variant" => size.variants.push(value(&name, arguments.next())?),
            _ => return Err(format!("unknown argument `{name}`\n{USAGE}")),
        }
    }
    if size.variants.is_empty() {
        size.variants = Variant::ALL.to_vec();
    }
    Ok(size)
}

fn crash(mut arguments: impl Iterator<Item = String>) -> Result<CrashSize, String> {
    let mut size = CrashSize {
        mails: 100_000,
        kills: 2,
        waits: true,
        min_replicas: false,
    };
    while let Some(name) = arguments.next() {
        match &*name {
            "--mails" => size.mails = value(&name, arguments.next())?,
            "--kills" => size.kills = value(&name, arguments.next())?,
            "--without-wait" => size.waits = false,
            "--min-replicas" => size.min_replicas = true,
            _ => return Err(format!("unknown argument `{name}`\n{USAGE}")),
        }
    }
    Ok(size)
}

fn value<T: FromStr>(name: &str, text: Option<String>) -> Result<T, String> {
    let parsed = text.and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| format!("invalid value of `{name}`\n{USAGE}"))
}
