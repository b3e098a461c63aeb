//! [`Documents`]: the changes that `init` and `fix` make, and what remains to be done.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::completion::{asking_for, completed};
use super::diff::Change;
use super::drift::{self, CheckedDocument};
use super::fix::fixed;
use super::output::{drawn, explanation};
use super::package::Package;
use super::paths;
use super::sources::Use;
use crate::build::{self, Check, Finding, Location};

/// The new texts of all documents, and the checks that they have to pass.
#[derive(Default)]
pub(super) struct Documents {
    /// The findings of files that are missing or cannot be read.
    unchanged: Vec<Finding>,
    changes: BTreeMap<PathBuf, (Change, Vec<Check>)>,
    packages: Vec<OpenedPackage>,
}

/// What the sources of a package name, and what is to document it.
struct OpenedPackage {
    uses: Vec<Use>,
    documents: Vec<(PathBuf, Check)>,
}

impl Documents {
    /// Adds to every document what its packages need.
    pub(super) fn completed(packages: &[Package]) -> Documents {
        let mut documents = Documents::default();
        for package in packages {
            let mut opened = Vec::new();
            for check in &package.checks {
                let path = match package.locate(check) {
                    Location::Found(path) => path,
                    // One file for all members.
                    Location::Missing { path, .. } if packages.len() > 1 => path,
                    Location::Missing { in_package, .. } => in_package,
                    Location::Packaged => continue,
                };
                opened.extend(documents.open(&path, check).then(|| (path, check.clone())));
            }
            let uses = package.uses();
            let names = names_to_add(&uses, &documents.read(&opened));
            for (index, (path, check)) in opened.iter().enumerate() {
                let names = if index == 0 { &*names } else { &[] };
                documents.edit(path, |text| completed(text, &asking_for(check, names)));
            }
            documents.packages.push(OpenedPackage {
                uses,
                documents: opened,
            });
        }
        documents
    }

    /// Corrects what is certain in every document.
    pub(super) fn fixed(packages: &[Package]) -> Documents {
        let mut documents = Documents::default();
        for package in packages {
            for check in &package.checks {
                match package.locate(check) {
                    Location::Found(path) => {
                        if documents.open(&path, check) {
                            documents.edit(&path, |text| fixed(text, check));
                        }
                    }
                    Location::Packaged => {}
                    Location::Missing { findings, .. } => documents.unchanged.extend(findings),
                }
            }
        }
        documents
    }

    /// Reads a file, which is empty where there is none, and returns whether it can be changed.
    fn open(&mut self, path: &Path, check: &Check) -> bool {
        if !self.changes.contains_key(path) {
            let read = if path.exists() {
                build::read(path, &paths::shown(path))
            } else {
                Ok(String::new())
            };
            let before = match read {
                Ok(text) => text,
                Err(report) => {
                    self.unchanged.extend(report.findings().iter().cloned());
                    return false;
                }
            };
            let change = Change {
                path: path.to_owned(),
                after: before.clone(),
                before,
                holds_values: true,
            };
            self.changes.insert(path.to_owned(), (change, Vec::new()));
        }
        if let Some((_, checks)) = self.changes.get_mut(path) {
            checks.push(check.clone());
        }
        true
    }

    fn edit(&mut self, path: &Path, edit: impl Fn(&str) -> String) {
        if let Some((change, _)) = self.changes.get_mut(path) {
            change.after = edit(&change.after);
        }
    }

    /// Checks the new texts of some documents.
    fn read(&self, opened: &[(PathBuf, Check)]) -> Vec<CheckedDocument> {
        let read = |(path, check): &(PathBuf, Check)| {
            let (change, _) = self.changes.get(path)?;
            Some(CheckedDocument::new(
                path.clone(),
                change.after.clone(),
                check,
            ))
        };
        opened.iter().filter_map(read).collect()
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.values().map(|(change, _)| change)
    }

    /// Returns whether a real password is in the old texts and no longer in the new ones.
    pub(super) fn replaces_a_password(&self) -> bool {
        let secrets = |check: &Check, text: &str| {
            let findings = check.inspect(text, "").findings;
            findings
                .iter()
                .filter(|it| it.code() == "committed_secret")
                .count()
        };
        self.changes.values().any(|(change, checks)| {
            let mut checks = checks.iter();
            checks.any(|check| secrets(check, &change.before) > secrets(check, &change.after))
        })
    }

    /// Returns whether `fix` would change the new texts.
    pub(super) fn can_be_fixed(&self) -> bool {
        self.changes.values().any(|(change, checks)| {
            let mut checks = checks.iter();
            checks.any(|check| fixed(&change.after, check) != change.after)
        })
    }

    /// Returns the findings that remain, drawn, and whether one is an error.
    pub(super) fn remaining(&self, in_colour: bool) -> (String, bool) {
        let mut findings = self.unchanged.clone();
        for (change, checks) in self.changes.values() {
            let name = paths::shown(&change.path);
            for check in checks {
                findings.extend(check.inspect(&change.after, &name).findings);
            }
        }
        for OpenedPackage { uses, documents } in &self.packages {
            let undocumented = drift::undocumented(uses, &self.read(documents));
            findings.extend(undocumented.into_iter().map(|(_, finding)| finding));
        }
        let mut known: Vec<String> = Vec::new();
        let mut text = String::new();
        for finding in &findings {
            let drawn = drawn(finding, in_colour);
            if !known.contains(&drawn) {
                let _ = writeln!(text, "{drawn}");
                known.push(drawn);
            }
        }
        text += &explanation(&findings);
        (text, findings.iter().any(|finding| !finding.is_warning()))
    }
}

/// Returns the names that the sources use and that the first document is to have: no other check knows them.
fn names_to_add(uses: &[Use], documents: &[CheckedDocument]) -> Vec<String> {
    let Some((first, others)) = documents.split_first() else {
        return Vec::new();
    };
    let unknown = drift::unknown(uses, others).into_iter();
    let undocumented = unknown.filter(|it| !first.documents(&it.name));
    undocumented.map(|it| it.name.clone()).collect()
}
