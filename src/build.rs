//! What the build script of an application calls: it checks that `.env.example` documents Redis.
//!
//! ```toml
//! [build-dependencies]
//! redis-ready = { version = "0.1", default-features = false, features = ["build"] }
//! ```
//!
//! ```no_run
//! // build.rs
//! fn main() {
//!     redis_ready::build::check();
//! }
//! ```
//!
//! `cargo build` then fails while the file is missing, does not say what the variable is for, has no
//! placeholder that works, shows no URL for a local server, with a password and with TLS, or holds a
//! real secret. What passes is what `redis_client!` accepts, at compile time.
//!
//! The build asks for the documents, never for the value: neither `REDIS_URL` nor `.env` is read.
//!
//! # The file
//!
//! `.env.example` is looked for beside the application's `Cargo.toml`, then upwards until the directory
//! that holds `Cargo.lock` or `.git`: a workspace may have one for all its members. Every assigned
//! variable whose name ends in `REDIS_URL` is checked. The smallest one that passes:
//!
//! ```env
//! # Redis Configuration
//! REDIS_URL=redis://localhost:6379
//! # Or for Redis with password:
//! # REDIS_URL=redis://:password@localhost:6379
//! # Or for Redis Cloud:
//! # REDIS_URL=rediss://:password@host:port
//! ```
//!
//! # Where there is no file
//!
//! - A packaged application (`cargo install`, `cargo package`, a vendored copy: `Cargo.toml.orig` lies
//!   beside `Cargo.toml`) builds without it.
//! - In a Docker build copy it, and write `!.env.example` after `.env*` in `.dockerignore`.
//! - `REDIS_READY_SKIP_ENV_EXAMPLE=1` skips the check with a warning of cargo. It never skips the
//!   check of the value at start-up.
#![expect(clippy::needless_doctest_main, reason = "a build script has one")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::{env, fs, process};

pub use crate::env_example::{Finding, Format};

use crate::env_example::{self, Asked, Variable};

const SKIP: &str = "REDIS_READY_SKIP_ENV_EXAMPLE";

/// Checks `.env.example`, and ends the build with a report where it does not document Redis.
///
/// The same as [`Check::new()`](Check::new)`.`[`run()`](Check::run).
///
/// ```no_run
/// // build.rs
/// fn main() {
///     redis_ready::build::check();
/// }
/// ```
pub fn check() {
    Check::new().run();
}

/// A check of `.env.example` with other wishes than [`check`] has.
///
/// ```no_run
/// // build.rs
/// use redis_ready::build::{Check, Format};
///
/// fn main() {
///     Check::new()
///         .variable("CACHE")
///         .formats([Format::Local, Format::Tls])
///         .run();
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a check does nothing until `run` or `try_run`"]
pub struct Check {
    file: PathBuf,
    variables: Vec<String>,
    formats: Vec<Format>,
}

impl Default for Check {
    fn default() -> Check {
        Check::new()
    }
}

impl Check {
    /// Makes a check of `.env.example` for every variable whose name ends in `REDIS_URL`.
    pub fn new() -> Check {
        Check {
            file: PathBuf::from(".env.example"),
            variables: Vec::new(),
            formats: Format::ALL.to_vec(),
        }
    }

    /// Checks another file than `.env.example`.
    ///
    /// A relative path is looked for as `.env.example` is: beside `Cargo.toml`, then upwards.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Check {
        self.file = path.into();
        self
    }

    /// Asks for a variable whatever its name ends in, such as `CACHE`.
    ///
    /// Variables whose name ends in `REDIS_URL` are checked as well, but none is asked for any more.
    pub fn variable(mut self, name: impl Into<String>) -> Check {
        self.variables.push(name.into());
        self
    }

    /// Asks for these formats of URL and no others. The default is all three.
    pub fn formats(mut self, formats: impl IntoIterator<Item = Format>) -> Check {
        self.formats = formats.into_iter().collect();
        self
    }

    /// Checks the file, tells cargo the result, and ends the build with the report on an error.
    pub fn run(self) {
        match self.try_run() {
            Ok(documented) => documented.tell_cargo(),
            Err(report) => {
                // Nothing on stdout: cargo would print that too, above the report. Cargo strips the
                // colours where nobody wants them.
                eprint!("{report:#}");
                process::exit(1);
            }
        }
    }

    /// Checks the file and prints nothing, for a build script that decides itself.
    ///
    /// ```no_run
    /// use redis_ready::build::Check;
    ///
    /// match Check::new().try_run() {
    ///     Ok(documented) => documented.tell_cargo(),
    ///     Err(report) => println!("cargo::warning={} findings", report.findings().len()),
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file, in its order.
    pub fn try_run(self) -> Result<Documented, Report> {
        let variable = |name| env::var(name).unwrap_or_default();
        let package = variable("CARGO_PKG_NAME");
        let directory = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
        let is_skipped = !matches!(&*variable(SKIP), "" | "0");
        self.check(package, &directory, is_skipped)
    }

    fn check(
        self,
        package: String,
        directory: &Path,
        is_skipped: bool,
    ) -> Result<Documented, Report> {
        let Check {
            file,
            variables,
            formats,
        } = self;
        let unchecked = |warning: Option<String>| Documented {
            package: package.clone(),
            variables: None,
            file: None,
            warning,
        };
        if is_skipped {
            let file = file.display();
            let warning =
                format!("{file} is not checked: {SKIP} is set; the value still is, at start-up");
            return Ok(unchecked(Some(warning)));
        }
        // A packaged copy lies in somebody else's tree: their file is not ours.
        let is_packaged = directory.join("Cargo.toml.orig").exists();
        let searched = search(directory, is_packaged);
        let Some(path) = searched
            .iter()
            .map(|at| at.join(&file))
            .find(|path| path.is_file())
        else {
            if is_packaged {
                return Ok(unchecked(None));
            }
            return Err(missing_file(&file, directory, &searched, &variables));
        };

        let root = searched.last().map_or(directory, PathBuf::as_path);
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string();
        let text = read(&path, &name)?;
        let asked = Asked {
            file: &name,
            variables: &variables,
            formats: &formats,
        };
        match env_example::check(&text, &asked) {
            Ok(variables) => Ok(Documented {
                package,
                variables: Some(variables),
                file: Some(path),
                warning: None,
            }),
            Err(findings) => Err(Report { findings }),
        }
    }
}

/// The directories to look in: `directory`, then upwards until the one with `Cargo.lock` or `.git`.
fn search(directory: &Path, is_packaged: bool) -> Vec<PathBuf> {
    let is_root = |at: &Path| at.join("Cargo.lock").exists() || at.join(".git").exists();
    let depth = directory.ancestors().position(is_root);
    let depth = depth.filter(|_| !is_packaged).unwrap_or(0);
    directory
        .ancestors()
        .take(depth + 1)
        .map(Path::to_owned)
        .collect()
}

fn missing_file(
    file: &Path,
    directory: &Path,
    searched: &[PathBuf],
    variables: &[String],
) -> Report {
    let name = file.display();
    let above = match searched {
        [_, .., last] => format!(" and above it up to `{}`", last.display()),
        _ => String::new(),
    };
    let message = format!("no `{name}` in `{}`{above}", directory.display());
    let model = env_example::model(variables.first().map_or("REDIS_URL", String::as_str));
    Report::of(Finding {
        code: "missing_file",
        message,
        file: name.to_string(),
        place: None,
        help: vec![
            format!("write these lines into it:\n{model}"),
            format!("in a Docker build copy it too: `!{name}` in `.dockerignore` after `.env*`"),
        ],
    })
}

fn read(path: &Path, name: &str) -> Result<String, Report> {
    let unreadable = |message: String, help: &str| {
        Report::of(Finding {
            code: "unreadable_file",
            message,
            file: name.to_owned(),
            place: None,
            help: vec![help.to_owned()],
        })
    };
    let bytes = fs::read(path)
        .map_err(|error| unreadable(format!("cannot read it: {error}"), "make it readable"))?;
    String::from_utf8(bytes)
        .map_err(|_| unreadable("expected UTF-8".to_owned(), "save it as UTF-8"))
}

/// What a `.env.example` documents.
#[derive(Debug, Clone)]
pub struct Documented {
    package: String,
    /// `None` where nothing was checked.
    variables: Option<Vec<Variable>>,
    file: Option<PathBuf>,
    warning: Option<String>,
}

impl Documented {
    /// Returns the documented variables, each with the line that assigns it, from 1.
    ///
    /// There are none where nothing was checked: in a packaged application without the file, and
    /// under `REDIS_READY_SKIP_ENV_EXAMPLE=1`.
    pub fn variables(&self) -> impl Iterator<Item = (&str, usize)> {
        let all = self.variables.iter().flatten();
        all.map(|(name, line)| (name.as_str(), *line))
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
                    .map(|(name, line)| format!("{name}@{line}"))
                    .collect();
                names.join(",")
            }
        };
        let mut lines = vec![format!("rerun-if-env-changed={SKIP}")];
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

/// Everything that is wrong with a `.env.example`.
///
/// `{}` is what [`check`] prints, and shows no password; `{:#}` is the same with colours.
#[derive(Clone)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn of(finding: Finding) -> Report {
        Report {
            findings: vec![finding],
        }
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
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Report {}
