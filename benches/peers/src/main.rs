//! Throughput, latency and cost beside the peers; README.md says what and how.

mod allocations;
mod clients;
mod cpu;
mod instructions;
mod load;
mod measurement;
mod sample;
mod server;
mod table;

use std::process::ExitCode;

use crate::load::{Length, Load};
use crate::measurement::Measurement;
use crate::server::Server;

const TASKS: [usize; 5] = [1, 16, 64, 256, 1_000];
const REPETITIONS: usize = 5;
const SECONDS: f64 = 1.5;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments.split_first() {
        None => all(&clients::NAMES),
        Some((first, rest)) => match first.as_str() {
            "one" => {
                println!("{}", clients::run(&Measurement::parse(rest)?)?);
                Ok(())
            }
            "allocations" => {
                allocations::start();
                clients::run(&Measurement::parse(rest)?)?;
                println!("{}", allocations::count());
                Ok(())
            }
            "instructions" if rest.is_empty() => instructions::gate(&["redis-ready", "redis-rs"]),
            "instructions" => instructions::gate(&names(rest)),
            "only" => all(&names(rest)),
            _ => Err("usage: peers [only CLIENT … | instructions [CLIENT …]]".into()),
        },
    }
}

fn names(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// Measures every client with every number of tasks, and prints the table.
fn all(names: &[&str]) -> Result<(), Failure> {
    let server = Server::tcp()?;
    let mut samples = Vec::new();
    for repetition in 0..REPETITIONS {
        let mut order: Vec<(&str, usize)> = names
            .iter()
            .flat_map(|name| TASKS.map(|tasks| (*name, tasks)))
            .collect();
        fastrand::shuffle(&mut order);
        for (client, tasks) in order {
            let sample = Measurement {
                client: client.to_owned(),
                url: server.url().to_owned(),
                current_thread: false,
                load: Load {
                    tasks,
                    pipeline: 1,
                    value: 100,
                    length: Length::Seconds(SECONDS),
                    server: server.process(),
                },
            }
            .run()?;
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
