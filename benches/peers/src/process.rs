//! Processes whose output is a result.

use std::process::{Command, Output};

use crate::Failure;

/// Runs `process` and returns what it prints; what it complains about is the error.
pub(crate) fn printed(process: &mut Command) -> Result<String, Failure> {
    let Output {
        status,
        stdout,
        stderr,
    } = process
        .output()
        .map_err(|error| format!("{}: {error}", process.get_program().display()))?;
    if !status.success() {
        let complaint = String::from_utf8_lossy(&stderr).into_owned();
        return Err(format!("{process:?}: {status}\n{complaint}").into());
    }
    Ok(String::from_utf8(stdout)?)
}
