//! The gate that noise does not reach: what a command costs the client in user-space instructions,
//! as callgrind counts them, and in allocations.
//!
//! Each client runs twice, with few commands and with many; the difference of the two, divided by
//! the commands that one has more, is free of the start and the end of the process. What the loop
//! around the client takes, measured with a client that does nothing, is not counted.
//!
//! The budget is for callers on several threads, as applications have them. Where all of them share
//! one, a client that drives its connection on that same thread saves what it takes to wake another;
//! these figures are shown, and not judged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::clients::NOTHING;
use crate::length::Length;
use crate::load::Load;
use crate::measurement::Measurement;
use crate::process::printed;
use crate::server::Server;

const FEW: usize = 6_400;
const MANY: usize = 38_400;
const TASKS: usize = 64;
/// Bytes of a value.
const VALUE: usize = 100;
/// On several threads the least of so many runs counts: other work on the machine makes threads fall
/// asleep and wake each other more often, never less.
const RUNS: usize = 3;
/// At most so many times the instructions of redis-rs.
const BUDGET: f64 = 0.5;

/// Counts for `clients`, or the two that matter; an error where redis-ready is over its budget.
pub(crate) fn gate(clients: &[String]) -> Result<(), Failure> {
    let clients = match clients {
        [] => vec!["redis-ready", "redis-rs"],
        chosen => chosen.iter().map(String::as_str).collect(),
    };
    let server = Server::tcp()?;
    server.fill(VALUE)?;
    let directory = std::env::current_exe()?.with_file_name("callgrind");
    fs::create_dir_all(&directory)?;
    println!("| client | runtime | instructions per command | allocations per command |");
    println!("|---|---|---|---|");
    let mut verdicts = Vec::new();
    for current_thread in [true, false] {
        let measurement =
            |client: &str, commands| measurement(client, &server, current_thread, commands);
        let instructions = |client: &str| {
            let count = |commands| count_instructions(&measurement(client, commands), &directory);
            let runs = if current_thread { 1 } else { RUNS };
            let mut least = per_command(count)?;
            for _ in 1..runs {
                least = least.min(per_command(count)?);
            }
            Ok::<_, Failure>(least)
        };
        let of_the_loop = instructions(NOTHING)?;
        let mut counts = Vec::new();
        for client in &clients {
            let instructions = instructions(client)? - of_the_loop;
            let allocations =
                per_command(|commands| count_allocations(&measurement(client, commands)))?;
            let runtime = runtime(current_thread);
            println!("| {client} | {runtime} | {instructions:.0} | {allocations:.1} |");
            counts.push((*client, instructions));
        }
        if !current_thread {
            verdicts.push(judge(&counts));
        }
    }
    println!("\nprofiles for callgrind_annotate: {}", directory.display());
    verdicts.into_iter().collect()
}

fn runtime(current_thread: bool) -> &'static str {
    if current_thread {
        "current-thread"
    } else {
        "multi-thread"
    }
}

fn judge(counts: &[(&str, f64)]) -> Result<(), Failure> {
    let find = |name| counts.iter().find(|(client, _)| *client == name);
    let (Some((_, ours)), Some((_, theirs))) = (find("redis-ready"), find("redis-rs")) else {
        return Ok(());
    };
    let ratio = ours / theirs;
    let verdict = format!("{ratio:.3} × redis-rs, budget {BUDGET} ×");
    if ratio > BUDGET {
        return Err(format!("too many instructions per command, {verdict}").into());
    }
    println!("{verdict}: kept");
    Ok(())
}

fn measurement(
    client: &str,
    server: &Server,
    current_thread: bool,
    commands: usize,
) -> Measurement {
    Measurement {
        client: client.to_owned(),
        url: server.url().to_owned(),
        current_thread,
        load: Load {
            tasks: TASKS,
            pipeline: 1,
            value: VALUE,
            work: 0,
            length: Length::Commands(commands),
            server: server.process(),
        },
    }
}

fn per_command(count: impl Fn(usize) -> Result<u64, Failure>) -> Result<f64, Failure> {
    let (few, many) = (count(FEW)?, count(MANY)?);
    Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
}

fn count_allocations(measurement: &Measurement) -> Result<u64, Failure> {
    let mut process = Command::new(std::env::current_exe()?);
    process.envs(measurement.environment());
    let count = printed(process.arg("allocations").args(measurement.words()))?;
    Ok(count.trim().parse()?)
}

fn count_instructions(measurement: &Measurement, directory: &Path) -> Result<u64, Failure> {
    let profile = profile(measurement, directory);
    printed(
        Command::new("valgrind")
            .envs(measurement.environment())
            .args(["--tool=callgrind", "--fair-sched=yes"])
            .arg(format!("--callgrind-out-file={}", profile.display()))
            .arg(std::env::current_exe()?)
            .arg("one")
            .args(measurement.words()),
    )
    .map_err(|error| format!("{error}\n(apt-get install -y valgrind)"))?;
    let text = fs::read_to_string(&profile)?;
    let totals = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))
        .ok_or("callgrind gives no totals")?;
    Ok(totals.trim().parse()?)
}

fn profile(measurement: &Measurement, directory: &Path) -> PathBuf {
    let Measurement {
        client,
        current_thread,
        load,
        ..
    } = measurement;
    let size = match load.length {
        Length::Commands(FEW) => "few",
        _ => "many",
    };
    directory.join(format!("{client}-{}-{size}.out", runtime(*current_thread)))
}
