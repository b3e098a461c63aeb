//! The program `cargo redis-ready`.

use std::process::ExitCode;

fn main() -> ExitCode {
    redis_ready::cli::run()
}
