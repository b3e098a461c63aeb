//! Runs the mailer under load, and through crashes. `USAGE` in `options.rs` says how.

use std::error::Error;
use std::process::ExitCode;

use crate::options::Task;

mod child;
mod crash;
mod load;
mod options;
mod peers;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Fails if a check of the run fails: then the table says which one.
#[tokio::main]
async fn main() -> ExitCode {
    let task = options::parse(std::env::args().skip(1)).unwrap_or_else(|mistake| {
        eprintln!("{mistake}");
        std::process::exit(2);
    });
    let passed = match task {
        Task::Load(size) => load::run(size).await,
        Task::Crash(size) => crash::run(size).await,
        Task::Serve { variant, url } => load::serve(variant, &url).await.map(|()| true),
        Task::Work { name, url, outbox } => crash::work(name, &url, outbox).await.map(|()| true),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
