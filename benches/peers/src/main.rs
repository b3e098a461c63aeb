//! Throughput and latency beside the peers: `cargo run --release` in this folder.
//!
//! A closed loop of GET and SET, half and half, over 10,000 keys with values of 100 bytes, on a
//! throw-away server over TCP on this machine. One process per measurement; the order is shuffled
//! within each repetition, and each repetition is compared with itself, so that a machine that
//! changes its speed does not decide.

mod clients;
mod measure;
mod table;

use std::process::Command;

use redis_ready::testing::Server;

use crate::measure::Sample;

const TASKS: [usize; 5] = [1, 16, 64, 256, 1_000];
const REPETITIONS: usize = 5;
const SECONDS: f64 = 1.5;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["one", client, tasks, url] => {
            println!("{}", clients::run(client, tasks.parse()?, SECONDS, url)?);
            Ok(())
        }
        [] => all(&clients::NAMES),
        ["only", ref names @ ..] => all(names),
        _ => Err("usage: peers [only CLIENT …]".into()),
    }
}

/// Measures every client with every number of tasks, and prints the table.
fn all(names: &[&str]) -> Result<(), Failure> {
    let server = Server::builder().tcp().start()?;
    let mut samples = Vec::new();
    for repetition in 0..REPETITIONS {
        let mut order: Vec<(&str, usize)> = names
            .iter()
            .flat_map(|name| TASKS.map(|tasks| (*name, tasks)))
            .collect();
        fastrand::shuffle(&mut order);
        for (client, tasks) in order {
            let output = Command::new(std::env::current_exe()?)
                .args(["one", client, &tasks.to_string(), server.url()])
                .output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
            }
            let sample: Sample = String::from_utf8(output.stdout)?.parse()?;
            eprintln!(
                "{}/{REPETITIONS} {client} {tasks}: {sample}",
                repetition + 1
            );
            samples.push((repetition, client.to_owned(), tasks, sample));
        }
    }
    print!("{}", table::markdown(names, &TASKS, &samples));
    Ok(())
}
