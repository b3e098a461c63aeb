//! What `check` prints: text, JSON or annotations of GitHub.

use std::env;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::check::Checked;
use super::command_line::OutputFormat;
use super::paths;
use crate::build::{Finding, annotation};
use crate::report::see;

/// The version of the JSON that [`crate::cli`] documents.
const JSON_VERSION: u32 = 1;

impl Checked {
    pub(super) fn print(&self, format: OutputFormat, in_colour: bool) -> String {
        match format {
            OutputFormat::Text => self.text(in_colour),
            OutputFormat::Json => format!("{:#}\n", self.json()),
            OutputFormat::Github => self.annotations(),
        }
    }

    fn text(&self, in_colour: bool) -> String {
        let mut text = String::new();
        for (_, finding) in &self.findings {
            text += &drawn(finding, in_colour);
            text.push('\n');
        }
        text += &explanation(self.findings.iter().map(|(_, finding)| finding));
        let errors = self
            .findings
            .iter()
            .filter(|(_, it)| !it.is_warning())
            .count();
        let warnings = self.findings.len() - errors;
        let files = count(self.files.len(), "file");
        let errors = count(errors, "error");
        let _ = write!(text, "checked {files}: {errors}");
        if warnings > 0 {
            let _ = write!(text, ", {}", count(warnings, "warning"));
        }
        text + "\n"
    }

    fn json(&self) -> Value {
        let files = self.files.iter().map(|(path, file)| {
            let variables = file.variables.iter();
            let variables = variables.map(|(name, line)| json!({ "name": name, "line": line }));
            json!({
                "path": paths::shown(path),
                "packages": file.packages,
                "variables": variables.collect::<Vec<_>>(),
            })
        });
        let findings = self.findings.iter().map(|(path, finding)| {
            let (line, column) = finding.position().unzip();
            json!({
                "level": if finding.is_warning() { "warning" } else { "error" },
                "code": finding.code(),
                "message": finding.message(),
                "path": paths::shown(path),
                "line": line,
                "column": column,
                "source": finding.source(),
                "help": finding.help().collect::<Vec<_>>(),
            })
        });
        json!({
            "version": JSON_VERSION,
            "files": files.collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
        })
    }

    fn annotations(&self) -> String {
        let checkout = env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
        let lines = self.findings.iter().map(|(path, finding)| {
            let below = checkout
                .as_ref()
                .and_then(|root| path.strip_prefix(root).ok());
            let path =
                below.map_or_else(|| paths::shown(path), |it: &Path| it.display().to_string());
            annotation(finding, &path)
        });
        lines.collect()
    }
}

/// Returns a finding as the build script prints it.
pub(super) fn drawn(finding: &Finding, in_colour: bool) -> String {
    if in_colour {
        format!("{finding:#}")
    } else {
        format!("{finding}")
    }
}

/// Returns the line that leads to the explanation of what was drawn.
pub(super) fn explanation<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let codes: Vec<_> = findings.into_iter().map(Finding::code).collect();
    if codes.is_empty() {
        return String::new();
    }
    format!("help: {}\n", see(codes))
}

fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}
