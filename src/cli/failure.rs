//! [`Failure`]: why the program could not run.

use std::fmt;

use crate::report::printable;

/// A reason why the program could not run, with what to do.
pub(super) struct Failure {
    message: String,
    help: Option<String>,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Failure {
        Failure {
            message: message.into(),
            help: None,
        }
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Failure {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What another program said may have several lines.
        let message: Vec<_> = self.message.trim_end().lines().map(printable).collect();
        writeln!(f, "error: {}", message.join("\n  "))?;
        match &self.help {
            Some(help) => writeln!(f, "  help: {}", printable(help)),
            None => Ok(()),
        }
    }
}
