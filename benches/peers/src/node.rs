//! The clients of Node.js: a process of node's, which takes and prints what ours do.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::Failure;
use crate::process::printed;
use crate::sample::Sample;

pub(crate) const CLIENTS: [&str; 2] = ["ioredis", "node-redis"];

/// Installs the clients, at the versions of `node/package.json`, beside our own program.
pub(crate) fn install() -> Result<(), Failure> {
    let directory = directory()?;
    fs::create_dir_all(&directory)?;
    fs::write(
        directory.join("package.json"),
        include_str!("../node/package.json"),
    )?;
    fs::write(directory.join("load.mjs"), include_str!("../node/load.mjs"))?;
    printed(
        Command::new("npm")
            .args(["install", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(directory),
    )?;
    Ok(())
}

/// Measures what `words` say, as our own program does.
pub(crate) fn run(words: &[String]) -> Result<Sample, Failure> {
    let mut process = Command::new("node");
    process.arg("load.mjs").args(words);
    printed(process.current_dir(directory()?))?.parse()
}

fn directory() -> Result<PathBuf, Failure> {
    Ok(std::env::current_exe()?.with_file_name("node"))
}
