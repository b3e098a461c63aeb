//! Throughput, latency and cost beside the peers; README.md says what and how.

mod allocations;
mod certificates;
mod clients;
mod cpu;
mod histogram;
mod instructions;
mod length;
mod load;
mod measurement;
mod node;
mod plan;
mod plot;
mod process;
mod records;
mod relay;
mod sample;
mod scenario;
mod server;
mod soak;
mod table;
mod work;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::measurement::Measurement;
use crate::plan::Plan;

const USAGE: &str = "\
usage: peers [repetitions=5] [seconds=1.25] [scenarios=NAME,…] [clients=NAME,…]
       peers instructions [CLIENT …]
       peers soak [seconds=60]";

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
    let (first, rest) = match arguments.split_first() {
        Some((first, rest)) => (first.as_str(), rest),
        None => ("", arguments),
    };
    match first {
        "instructions" => instructions::gate(rest),
        "soak" => soak::run(rest),
        // What follows is for the processes that we start.
        "relay" => relay::run(rest),
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
        _ => compare(&Plan::parse(arguments)?),
    }
}

/// Prints the tables, and writes them and the plot if nothing is left out.
fn compare(plan: &Plan) -> Result<(), Failure> {
    let records = plan.run()?;
    let tables = table::markdown(plan, &records);
    print!("{tables}");
    if plan.is_complete() {
        // Cargo says where this package lies.
        let directory = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
        fs::write(directory.join("RESULTS.md"), tables)?;
        let plot = plot::svg(plan, &plan.scenarios[0], &records);
        fs::write(directory.join("throughput.svg"), plot)?;
    }
    Ok(())
}
