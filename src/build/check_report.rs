//! [`Report`]: what the check prints when it fails.

use std::fmt;

use super::finding::Finding;
use crate::report::see;

/// Everything that is wrong with a `.env.example`.
///
/// `{}` is what [`check`](fn@super::check) prints, and shows no password; `{:#}` is the same with colours. The last
/// line leads to [the explanation](crate::guide::errors#findings-in-envexample) of the codes.
#[derive(Clone)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(findings: Vec<Finding>) -> Report {
        Report { findings }
    }

    /// Returns the findings in the order of the file; there is at least one.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.findings.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            fmt::Display::fmt(finding, f)?;
        }
        let codes = self.findings.iter().map(Finding::code);
        writeln!(f, "\nhelp: {}", see(codes))
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Report {}
