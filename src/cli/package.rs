//! [`Package`]: what the program has to know of a package of cargo.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::build_script::{BuildScript, Unread};
use super::dependency::{Dependency, Section};
use super::paths;
use super::sources::{self, Use};
use crate::build::{Check, Location};

/// A package of cargo, or a directory that is not one.
pub(super) struct Package {
    /// `None` for a directory that is not one: without a `Cargo.toml`, or the root of a workspace.
    pub(super) name: Option<String>,
    pub(super) directory: PathBuf,
    /// The root of its workspace; empty for a directory without a `Cargo.toml`.
    workspace: PathBuf,
    /// What it depends on this crate for, and how.
    pub(super) dependencies: Vec<Dependency>,
    /// The path of its build script, and what it says.
    pub(super) build_script: Option<(PathBuf, String)>,
    pub(super) checks: Vec<Check>,
    /// What its build script says and cannot be read.
    pub(super) unread: Vec<Unread>,
}

impl Package {
    /// Makes what stands for a directory that is not a package.
    pub(super) fn of_directory(directory: PathBuf) -> Package {
        Package {
            name: None,
            directory,
            workspace: PathBuf::new(),
            dependencies: Vec::new(),
            build_script: None,
            checks: vec![Check::new()],
            unread: Vec::new(),
        }
    }

    /// Reads one package of what `cargo metadata` prints about a workspace.
    pub(super) fn read(metadata: &Value, workspace: &Path) -> Option<Package> {
        let manifest = Path::new(metadata["manifest_path"].as_str()?);
        let dependencies = Dependency::read(metadata);
        let build_script = build_script(metadata);
        let text = build_script.as_ref().map_or("", |(_, text)| text);
        let script = BuildScript::read(text, &names(&dependencies, &[Section::Build]));
        let name = metadata["name"].as_str()?;
        let checks = script.checks.into_iter();
        Some(Package {
            name: Some(name.to_owned()),
            directory: manifest.parent()?.to_owned(),
            workspace: workspace.to_owned(),
            dependencies,
            build_script,
            checks: checks.map(|check| check.of_package(name)).collect(),
            unread: script.unread,
        })
    }

    /// Returns what its sources, or its build script, call this crate; at least one name.
    pub(super) fn names_of_crate(&self, sections: &[Section]) -> Vec<String> {
        names(&self.dependencies, sections)
    }

    /// Finds where its sources name a variable.
    pub(super) fn uses(&self) -> Vec<Use> {
        match self.name {
            Some(_) => {
                let names = self.names_of_crate(&[Section::Normal, Section::Dev]);
                sources::uses(&self.directory, &names)
            }
            None => Vec::new(),
        }
    }

    /// Checks this file and no other.
    pub(super) fn with_file(mut self, file: &Path) -> Package {
        let checks = self.checks.into_iter();
        self.checks = checks.map(|check| check.file(file)).collect();
        self
    }

    /// Finds the file of one of its checks.
    pub(super) fn locate(&self, check: &Check) -> Location {
        match check.locate(&self.directory, &self.workspace) {
            Location::Missing {
                path,
                in_package,
                findings,
            } => {
                let name = paths::shown(&path);
                let findings = findings.into_iter().map(|it| it.in_file(&name));
                Location::Missing {
                    findings: findings.collect(),
                    path,
                    in_package,
                }
            }
            location => location,
        }
    }

    /// Returns whether it stands for a workspace in which no package depends on this crate.
    pub(super) fn is_workspace_root(&self) -> bool {
        self.name.is_none() && self.manifest().exists()
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.directory.join("Cargo.toml")
    }
}

fn build_script(metadata: &Value) -> Option<(PathBuf, String)> {
    let targets = metadata["targets"].as_array()?;
    let target = targets.iter().find(|target| {
        let kinds = target["kind"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "custom-build"))
    })?;
    let path = PathBuf::from(target["src_path"].as_str()?);
    let text = fs::read(&path).unwrap_or_default();
    Some((path, String::from_utf8_lossy(&text).into_owned()))
}

fn names(dependencies: &[Dependency], sections: &[Section]) -> Vec<String> {
    let all = dependencies
        .iter()
        .filter(|it| sections.contains(&it.section));
    let mut names: Vec<_> = all.map(Dependency::name_in_code).collect();
    if names.is_empty() {
        names.push("redis_ready".to_owned());
    }
    names
}
