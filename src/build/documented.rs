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
    warning: Option<String>,
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
    ) -> Documented {
        Documented {
            package,
            variables: Some(variables),
            file: Some(file),
            warning: None,
        }
    }

    /// Makes the result where nothing was checked.
    pub(super) fn unchecked(package: String, warning: Option<String>) -> Documented {
        Documented {
            package,
            variables: None,
            file: None,
            warning,
        }
    }

    /// Returns the documented variables, each with the line that assigns it, from 1.
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

    /// Prints what cargo must know: which names `redis_client!` accepts, and when to check again.
    pub fn tell_cargo(&self) {
        print!("{}", self.instructions());
    }

    fn instructions(&self) -> String {
        let Documented {
            package,
            variables,
            file,
            warning,
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
        lines.extend(warning.iter().map(|warning| format!("warning={warning}")));
        lines.push(format!(
            "rustc-env=REDIS_READY_DOCUMENTED={package}:{names}"
        ));
        format!("cargo::{}\n", lines.join("\ncargo::"))
    }
}
