//! A long run with many tasks: memory stays flat, and p99 at or below that of redis-rs.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::Failure;
use crate::length::Length;
use crate::load::Load;
use crate::measurement::Measurement;
use crate::sample::Sample;
use crate::server::Server;

const TASKS: usize = 1_000;
/// Bytes of a value.
const VALUE: usize = 100;
const SECONDS: f64 = 60.0;
/// From the third quarter of the run to the last one, memory grows by no more, in KiB.
const FLAT: u64 = 1024;

struct Soaked {
    sample: Sample,
    /// Resident memory in KiB, once a second.
    memory: Vec<u64>,
}

/// Runs redis-ready and redis-rs, one after the other; an error where a promise is not kept.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let seconds = match words {
        [] => SECONDS,
        [word] => word
            .strip_prefix("seconds=")
            .ok_or("expected `seconds=`")?
            .parse()?,
        _ => return Err(crate::USAGE.into()),
    };
    let server = Server::tcp()?;
    server.fill(VALUE)?;
    println!(
        "| client | commands per s | p50 / p99 in µs | memory after 25 % / 75 % / 100 % in KiB |"
    );
    println!("|---|---|---|---|");
    let ours = soak("redis-ready", seconds, &server)?;
    let theirs = soak("redis-rs", seconds, &server)?;
    ours.judge(&theirs)
}

fn soak(client: &str, seconds: f64, server: &Server) -> Result<Soaked, Failure> {
    let measurement = Measurement {
        client: client.to_owned(),
        url: server.url().to_owned(),
        current_thread: false,
        load: Load {
            tasks: TASKS,
            pipeline: 1,
            value: VALUE,
            work: 0,
            length: Length::Seconds(seconds),
            server: server.process(),
        },
    };
    let mut process = Command::new(std::env::current_exe()?)
        .arg("one")
        .args(measurement.words())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut memory = Vec::new();
    while process.try_wait()?.is_none() {
        thread::sleep(Duration::from_secs(1));
        memory.extend(resident(process.id()));
    }
    let output = process.wait_with_output()?;
    let sample: Sample = String::from_utf8(output.stdout)?.parse()?;
    let soaked = Soaked { sample, memory };
    let Sample { rate, p50, p99, .. } = sample;
    let [early, late, last] = [0.25, 0.75, 1.0].map(|share| soaked.memory_at(share));
    println!("| {client} | {rate:.0} | {p50:.0} / {p99:.0} | {early} / {late} / {last} |");
    Ok(soaked)
}

/// `None` once the process has ended.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

impl Soaked {
    fn memory_at(&self, share: f64) -> u64 {
        let place = (self.memory.len() as f64 * share) as usize;
        let last = self.memory.len().saturating_sub(1);
        self.memory.get(place.min(last)).copied().unwrap_or(0)
    }

    /// How much the greatest of the last quarter is above the greatest of the third.
    fn growth(&self) -> u64 {
        let half = self.memory.len() / 2;
        let three_quarters = self.memory.len() * 3 / 4;
        let greatest = |part: &[u64]| part.iter().max().copied().unwrap_or(0);
        greatest(&self.memory[three_quarters..])
            .saturating_sub(greatest(&self.memory[half..three_quarters]))
    }

    fn judge(&self, theirs: &Soaked) -> Result<(), Failure> {
        if self.memory.len() < 8 {
            return Err("too short to tell whether memory is flat".into());
        }
        let growth = self.growth();
        if growth > FLAT {
            return Err(format!("memory grew by {growth} KiB at the end").into());
        }
        let (ours, theirs) = (self.sample.p99, theirs.sample.p99);
        if ours > theirs {
            return Err(format!("p99 is {ours:.0} µs, that of redis-rs {theirs:.0} µs").into());
        }
        println!(
            "\nmemory is flat; p99 is {:.2} × that of redis-rs",
            ours / theirs
        );
        Ok(())
    }
}
