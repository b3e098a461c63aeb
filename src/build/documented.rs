//! [`Documented`]: what a `.env.example` documents, and what cargo has to know about it.

use std::path::{Path, PathBuf};

/// The variable of the environment that skips the check.
pub(super) const SKIP_VARIABLE: &str = "REDIS_READY_SKIP_ENV_EXAMPLE";

/// What a `.env.example` documents.
#[derive(Debug, Clone)]
pub struct Documented {
    package: String,
    /// `None` where nothing was checked.
    variables: Option<Vec<DocumentedVariable>>,
    file: Option<PathBuf>,
    warnings: Vec<String>,
}

/// A documented variable and the line that assigns it, from 1.
#[derive(Debug, Clone)]
pub(super) struct DocumentedVariable {
    pub(super) name: String,
    pub(super) line: usize,
}

impl Documented {
    pub(super) fn new(
        package: String,
        file: PathBuf,
        variables: Vec<DocumentedVariable>,
        warnings: Vec<String>,
    ) -> Documented {
        Documented {
            package,
            variables: Some(variables),
            file: Some(file),
            warnings,
        }
    }

    /// Makes the result where nothing was checked.
    pub(super) fn unchecked(package: String, warning: Option<String>) -> Documented {
        Documented {
            package,
            variables: None,
            file: None,
            warnings: warning.into_iter().collect(),
        }
    }

    /// Returns the documented variables, each with its line, from 1: those that are assigned, optional ones that
    /// are commented out, and valid ones of other services.
    ///
    /// There are none where nothing was checked: in a packaged application without the file, and
    /// under `REDIS_READY_SKIP_ENV_EXAMPLE=1`.
    pub fn variables(&self) -> impl Iterator<Item = (&str, usize)> {
        let all = self.variables.iter().flatten();
        all.map(|variable| (variable.name.as_str(), variable.line))
    }

    /// Returns the file that was checked, if one was.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns what deserves a look and does not fail the build: documented URLs that are valid and cannot
    /// work, or that do without a protection, and that the check was skipped. Each is one line without a secret.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.warnings.iter().map(String::as_str)
    }

    /// Prints what cargo must know: which names `redis_client!` accepts, when to check again, and the warnings.
    pub fn tell_cargo(&self) {
        print!("{}", self.instructions());
    }

    fn instructions(&self) -> String {
        let Documented {
            package,
            variables,
            file,
            warnings,
        } = self;
        let names = match variables {
            None => "*".to_owned(),
            Some(variables) => {
                let names: Vec<_> = variables
                    .iter()
                    .map(|DocumentedVariable { name, line }| format!("{name}@{line}"))
                    .collect();
                names.join(",")
            }
        };
        let mut lines = vec![format!("rerun-if-env-changed={SKIP_VARIABLE}")];
        // Only what exists: cargo builds again and again for a path that does not.
        lines.extend(
            file.iter()
                .map(|file| format!("rerun-if-changed={}", file.display())),
        );
        lines.extend(warnings.iter().map(|warning| format!("warning={warning}")));
        lines.push(format!(
            "rustc-env=REDIS_READY_DOCUMENTED={package}:{names}"
        ));
        format!("cargo::{}\n", lines.join("\ncargo::"))
    }
}
