//! `check`: the findings of the build script, and where sources and document differ.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::drift::{self, CheckedDocument};
use super::mentions;
use super::package::Package;
use super::paths;
use super::sources::Use;
use crate::build::{self, Check, Finding, Inspection, Location};

/// What was checked, and what is wrong.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) files: BTreeMap<PathBuf, CheckedFile>,
    /// Each finding and the file that it is about.
    pub(super) findings: Vec<(PathBuf, Finding)>,
}

/// A file that was read.
#[derive(Default)]
pub(super) struct CheckedFile {
    text: String,
    pub(super) packages: Vec<String>,
    /// The documented variables and their lines.
    pub(super) variables: Vec<(String, usize)>,
    used: Vec<String>,
}

impl Checked {
    pub(super) fn new(packages: &[Package]) -> Checked {
        let mut checked = Checked::default();
        for package in packages {
            let uses = package.uses();
            let mut read = Vec::new();
            for check in &package.checks {
                read.extend(checked.read(package, check));
            }
            for (path, finding) in drift::undocumented(&uses, &read) {
                checked.add_findings(&path, [finding]);
            }
            for document in read {
                checked.add_file(package, document, &uses);
            }
        }
        let scripts = packages.iter().filter_map(|it| it.build_script.as_ref());
        let scripts: Vec<_> = scripts.map(|(path, _)| path.clone()).collect();
        checked.add_unused(&scripts);
        checked
    }

    /// Returns whether there is an error among the findings.
    pub(super) fn fails(&self) -> bool {
        self.findings
            .iter()
            .any(|(_, finding)| !finding.is_warning())
    }

    /// Reads the document of a check, and adds what is wrong with it.
    fn read(&mut self, package: &Package, check: &Check) -> Option<CheckedDocument> {
        let path = match package.locate(check) {
            Location::Found(path) => path,
            Location::Packaged => return None,
            Location::Missing { path, findings, .. } => {
                self.add_findings(&path, findings);
                return None;
            }
        };
        let name = paths::shown(&path);
        let text = match build::read(&path, &name) {
            Ok(text) => text,
            Err(report) => {
                self.add_findings(&path, report.findings().iter().cloned());
                return None;
            }
        };
        let document = CheckedDocument::new(path, text, check);
        let Inspection {
            findings, warnings, ..
        } = &document.inspection;
        self.add_findings(&document.path, findings.iter().chain(warnings).cloned());
        Some(document)
    }

    fn add_file(&mut self, package: &Package, document: CheckedDocument, uses: &[Use]) {
        let file = self.files.entry(document.path).or_default();
        file.text = document.text;
        file.packages.extend(package.name.clone());
        file.packages.dedup();
        file.used.extend(uses.iter().map(|it| it.name.clone()));
        for variable in document.inspection.documented {
            if !file.variables.contains(&variable) {
                file.variables.push(variable);
            }
        }
    }

    /// Adds what is new: packages may share a file.
    fn add_findings(&mut self, path: &Path, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            let is_known = |(known_path, known): &(PathBuf, Finding)| {
                known_path == path
                    && known.code() == finding.code()
                    && known.position() == finding.position()
                    && known.message() == finding.message()
            };
            if !self.findings.iter().any(is_known) {
                self.findings.push((path.to_owned(), finding));
            }
        }
    }

    fn add_unused(&mut self, build_scripts: &[PathBuf]) {
        let mut unused = Vec::new();
        for (path, file) in &self.files {
            // Without the sources of a package there is nothing to compare with.
            if file.packages.is_empty() {
                continue;
            }
            let names: Vec<_> = file
                .variables
                .iter()
                .filter(|(name, _)| !file.used.contains(name))
                .collect();
            let open = names.iter().map(|(name, _)| &**name);
            let mentioned = mentions::mentioned(path, open, build_scripts);
            for (name, line) in names {
                if !mentioned.contains(&&**name) {
                    unused.push((path.clone(), unused_variable(path, file, name, *line)));
                }
            }
        }
        self.findings.extend(unused);
    }
}

fn unused_variable(path: &Path, file: &CheckedFile, name: &str, line: usize) -> Finding {
    let shown = build::redacted_lines(&file.text);
    let shown = shown
        .get(line - 1)
        .map_or("", |line| line.trim_start_matches('\u{feff}'));
    let start = shown.find(name).unwrap_or(0);
    let position = (line, shown[..start].chars().count() + 1);
    let span = start..start + name.len();
    let message = format!("`{name}` is documented and used nowhere");
    let file = paths::shown(path);
    Finding::in_line("unused_variable", &file, position, (shown, span), message)
        .with_help(format!("remove it, or read it: `redis_client!({name})`"))
        .into_warning()
}
