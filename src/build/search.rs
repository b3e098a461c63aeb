//! [`Search`]: where the file is.

use std::fs;
use std::path::{Path, PathBuf};

use super::check_report::Report;
use super::finding::Finding;
use super::suggestion;

/// The search for the file of one package.
pub(super) struct Search {
    /// The directory of its `Cargo.toml`.
    package: PathBuf,
    /// Where to look: that directory, then upwards until the one with `Cargo.lock` or `.git`.
    directories: Vec<PathBuf>,
    is_packaged: bool,
}

/// The file, and its name as the report shows it.
pub(super) struct FoundFile {
    pub(super) path: PathBuf,
    pub(super) name: String,
}

impl Search {
    pub(super) fn new(package: &Path) -> Search {
        // A packaged copy lies in the tree of another project, whose file belongs to that project.
        let is_packaged = package.join("Cargo.toml.orig").exists();
        let is_root = |at: &Path| at.join("Cargo.lock").exists() || at.join(".git").exists();
        let depth = package.ancestors().position(is_root);
        let depth = depth.filter(|_| !is_packaged).unwrap_or(0);
        let directories = package.ancestors().take(depth + 1);
        Search {
            package: package.to_owned(),
            directories: directories.map(Path::to_owned).collect(),
            is_packaged,
        }
    }

    /// Looks no higher than in the root of the workspace, where a build will write `Cargo.lock`.
    #[cfg(feature = "cli")]
    pub(super) fn up_to(mut self, workspace: &Path) -> Search {
        let root = self.directories.iter().position(|at| at == workspace);
        self.directories
            .truncate(root.unwrap_or(usize::MAX).saturating_add(1));
        self
    }

    /// Returns whether the package is a published or vendored copy, which builds without the file.
    pub(super) fn is_packaged(&self) -> bool {
        self.is_packaged
    }

    /// Returns the nearest `file`; an absolute path is that file.
    pub(super) fn find(&self, file: &Path) -> Option<FoundFile> {
        let mut paths = self.directories.iter().map(|at| at.join(file));
        let path = paths.find(|path| path.is_file())?;
        let root = self.directories.last();
        let name = root.and_then(|root| path.strip_prefix(root).ok());
        let name = name.unwrap_or(&path).display().to_string();
        Some(FoundFile { path, name })
    }

    /// Returns the path of the file that a report calls `name`.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        let root = self.directories.last();
        root.map_or_else(|| PathBuf::from(name), |root| root.join(name))
    }

    /// Returns the name of a file that other projects call the same thing by.
    fn similar_file(&self) -> Option<&'static str> {
        const NAMES: [&str; 12] = [
            ".env.sample",
            ".env.dist",
            ".env.template",
            "env.example",
            "example.env",
            ".env.defaults",
            ".env-example",
            ".env_example",
            ".env.example.txt",
            "env.sample",
            "sample.env",
            ".env.local.example",
        ];
        let is_there = |name: &&&str| self.directories.iter().any(|at| at.join(name).is_file());
        NAMES.iter().find(is_there).copied()
    }

    /// Reports that `file` was not found, with the lines that document `variable`.
    pub(super) fn missing_file(&self, file: &Path, variable: &str) -> Report {
        let above = match &*self.directories {
            [_, .., last] => format!(" and above it up to `{}`", last.display()),
            _ => String::new(),
        };
        let name = file.display().to_string();
        let message = format!("no `{name}` in `{}`{above}", self.package.display());
        let lines = suggestion::whole_file(variable);
        let mut finding = Finding::new("missing_file", &name, message);
        if let Some(like) = self.similar_file() {
            finding = finding.with_help(format!(
                "if `{like}` is that file: rename it, or write \
                 `Check::new().file(\"{like}\").run()` in `build.rs`"
            ));
        }
        let finding = finding
            .with_help(format!("write these lines into it:\n{lines}"))
            .with_help(format!(
                "in a Docker build copy it too: `!{name}` in `.dockerignore` after `.env*`"
            ));
        Report::new(vec![finding])
    }
}

/// Reads the file that the report calls `name`.
pub(crate) fn read(path: &Path, name: &str) -> Result<String, Report> {
    let unreadable = |message: &str, help| {
        let finding = Finding::new("unreadable_file", name, message);
        Report::new(vec![finding.with_help(help)])
    };
    let bytes = fs::read(path)
        .map_err(|error| unreadable(&format!("cannot read it: {error}"), "make it readable"))?;
    String::from_utf8(bytes).map_err(|_| unreadable("expected UTF-8", "save it as UTF-8"))
}
