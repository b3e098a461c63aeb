//! From the arguments to the packages that they mean.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::command_line::Selection;
use super::failure::Failure;
use super::package::Package;

impl Selection {
    /// Returns the packages that are meant, at least one.
    pub(super) fn packages(&self) -> Result<Vec<Package>, Failure> {
        let current = env::current_dir()
            .map_err(|error| Failure::new(format!("cannot read the current directory: {error}")))?;
        let mut packages = match self.manifest(&current)? {
            Some(manifest) => self.of_cargo(&manifest)?,
            None if self.workspace || !self.packages.is_empty() => {
                return Err(Failure::new("no `Cargo.toml` here or above")
                    .with_help("`--manifest-path <PATH>` names one"));
            }
            None => vec![Package::of_directory(current.clone())],
        };
        if let Some(file) = &self.file {
            let file = current.join(file);
            packages = packages.into_iter().map(|it| it.with_file(&file)).collect();
        }
        Ok(packages)
    }

    /// Returns the nearest `Cargo.toml`, or the one of the arguments.
    fn manifest(&self, current: &Path) -> Result<Option<PathBuf>, Failure> {
        match &self.manifest_path {
            None => {
                let mut manifests = current.ancestors().map(|it| it.join("Cargo.toml"));
                Ok(manifests.find(|it| it.is_file()))
            }
            Some(path) => {
                let path = current.join(path);
                let path = if path.is_dir() {
                    path.join("Cargo.toml")
                } else {
                    path
                };
                if !path.is_file() {
                    let message = format!("no file `{}`", path.display());
                    return Err(Failure::new(message).with_help("name a `Cargo.toml`"));
                }
                Ok(Some(path))
            }
        }
    }

    fn of_cargo(&self, manifest: &Path) -> Result<Vec<Package>, Failure> {
        let metadata = metadata(manifest)?;
        let root = PathBuf::from(metadata["workspace_root"].as_str().unwrap_or_default());
        let all = metadata["packages"].as_array();
        let mut all: Vec<_> = all
            .into_iter()
            .flatten()
            .filter_map(|package| Package::read(package, &root))
            .collect();
        if !self.packages.is_empty() {
            let is_named = |package: &Package, name: &str| package.name.as_deref() == Some(name);
            for name in &self.packages {
                if !all.iter().any(|package| is_named(package, name)) {
                    let message = format!("no package `{name}` in the workspace");
                    return Err(Failure::new(message)
                        .with_help("`cargo metadata --no-deps` lists the packages"));
                }
            }
            all.retain(|package| self.packages.iter().any(|name| is_named(package, name)));
            return Ok(all);
        }
        let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let manifest = canonical(manifest);
        let own = all
            .iter()
            .position(|it| canonical(&it.manifest()) == manifest);
        if let Some(own) = own.filter(|_| !self.workspace) {
            return Ok(vec![all.swap_remove(own)]);
        }
        all.retain(|package| !package.dependencies.is_empty());
        if all.is_empty() {
            all.push(Package::of_directory(root));
        }
        Ok(all)
    }
}

/// Returns what `cargo metadata` prints about the packages of a workspace, without their dependencies.
fn metadata(manifest: &Path) -> Result<Value, Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .arg("--manifest-path")
        .arg(manifest)
        .output()
        .map_err(|error| {
            Failure::new(format!("cannot run `cargo metadata`: {error}"))
                .with_help("install cargo, or set `CARGO` to its path")
        })?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let message = stderr.trim().trim_start_matches("error: ").to_owned();
        return Err(Failure::new(format!("`cargo metadata` failed: {message}")));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|_| Failure::new("expected JSON from `cargo metadata`"))
}
