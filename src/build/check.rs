//! [`Check`]: from the settings of a build script to the result.

use std::path::{Path, PathBuf};
use std::{env, process};

use super::annotation::annotation;
use super::check_report::Report;
use super::document::Requirements;
use super::document_reader;
use super::documented::{Documented, DocumentedVariable, SKIP_VARIABLE};
#[cfg(feature = "cli")]
use super::finding::Finding;
use super::format::Format;
use super::names::Names;
#[cfg(feature = "cli")]
use super::names::Owner;
use super::rules;
use super::search::{self, FoundFile, Search};
use super::warnings;

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

/// A check of `.env.example` with other settings than those of [`check`].
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
    names: Names,
    formats: Vec<Format>,
}

/// Where the file of a package is.
#[cfg(feature = "cli")]
pub(crate) enum Location {
    Found(PathBuf),
    Missing {
        /// Where a report says that it is missing: the last directory that was searched.
        path: PathBuf,
        /// Where it is the package's own.
        in_package: PathBuf,
        findings: Vec<Finding>,
    },
    /// The package is a published or vendored copy, which builds without the file.
    Packaged,
}

impl Default for Check {
    fn default() -> Check {
        Check::new()
    }
}

impl Check {
    /// Makes a check of `.env.example` for every variable of the application whose name ends in
    /// `REDIS_URL`.
    ///
    /// Such a variable is the application's own if what stands before `REDIS_URL`
    ///
    /// - is empty, or consists of words for what Redis is for, such as `CACHE_`, `SESSION_`, `QUEUE_`, `JOBS_`,
    ///   `RATE_LIMIT_`, `LOCK_`, `PUBSUB_`, `EVENTS_`, `BROKER_`, `STORE_`,
    /// - for which environment or part, such as `TEST_`, `DEV_`, `STAGING_`, `PROD_`, `PRIMARY_`, `REPLICA_`, `APP_`,
    /// - or of words of the package's name.
    ///
    /// Any other beginning, such as `UPSTASH_` or `AI_`, shows a provider or another service of the
    /// repository: no finding is reported about it, except for a committed secret, and `redis_client!`
    /// accepts it if its value is a valid URL. [`variable`](Check::variable) asks for it all the same. If such a variable
    /// is the only Redis URL of the file, it is checked as the application's own.
    pub fn new() -> Check {
        Check {
            file: PathBuf::from(".env.example"),
            names: Names::default(),
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

    /// Asks for a variable whatever its name is, such as `CACHE` or `AI_REDIS_URL`.
    ///
    /// Variables whose name ends in `REDIS_URL` are checked as well, but no longer have to be there. A name
    /// that is already asked for stays what it is: required, or optional.
    pub fn variable(mut self, name: impl Into<String>) -> Check {
        let name = name.into();
        if !self.asks_for(&name) {
            self.names.required.push(name);
        }
        self
    }

    /// Asks for a variable that the application can do without: it is documented, but its line may be
    /// commented out, or its value empty. A value that is there is checked like any other, the formats are asked
    /// for, and `redis_client!` accepts the name. A name that is already asked for stays what it is.
    ///
    /// ```no_run
    /// // build.rs; in `.env.example`:
    /// //     # Optional: without it, sessions are kept in memory
    /// //     # REDIS_URL=redis://localhost:6379
    /// redis_ready::build::Check::new().optional("REDIS_URL").run();
    /// ```
    pub fn optional(mut self, name: impl Into<String>) -> Check {
        let name = name.into();
        if !self.asks_for(&name) {
            self.names.optional.push(name);
        }
        self
    }

    /// Checks this variable, and no others than those that are asked for by name. Call it once for each.
    ///
    /// A committed secret in any other variable is still reported.
    pub fn only(mut self, name: impl Into<String>) -> Check {
        self.names.is_closed = true;
        self.variable(name)
    }

    /// Does not check variables whose name matches `pattern`, in which `*` stands for any text, as in
    /// `WORKER_*`. A name that is given to `variable`, `optional` or `only` is checked all the same.
    ///
    /// A committed secret in them is still reported.
    pub fn ignore(mut self, pattern: impl Into<String>) -> Check {
        self.names.ignored.push(pattern.into());
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
                // colours where they are not wanted.
                eprint!("{report:#}{}", annotations(&report));
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
        let is_skipped = !matches!(&*variable(SKIP_VARIABLE), "" | "0");
        let mut check = self;
        check.names.package.clone_from(&package);
        check.check(package, &directory, is_skipped)
    }

    fn check(
        &self,
        package: String,
        directory: &Path,
        is_skipped: bool,
    ) -> Result<Documented, Report> {
        if is_skipped {
            let file = self.file.display();
            let warning = format!(
                "{file} is not checked: {SKIP_VARIABLE} is set; the value still is, at start-up"
            );
            return Ok(Documented::unchecked(package, Some(warning)));
        }
        let search = Search::new(directory);
        let Some(FoundFile { path, name }) = search.find(&self.file) else {
            if search.is_packaged() {
                return Ok(Documented::unchecked(package, None));
            }
            return Err(self.missing_file(&search));
        };
        let text = search::read(&path, &name)?;
        let requirements = self.requirements(&name);
        let document = document_reader::read(&text, &requirements);
        let findings = rules::apply(&document);
        if !findings.is_empty() {
            return Err(Report::new(findings));
        }
        let names = document.documented_names().into_iter();
        let variables = names.map(|name| DocumentedVariable {
            name: name.text.clone(),
            line: document.line_number(name.span.start),
        });
        let variables = variables.collect();
        Ok(Documented::new(
            package,
            path,
            variables,
            warnings::lines(&document),
        ))
    }

    /// Returns whether the application may use a variable of this name as soon as it is documented.
    #[cfg(feature = "cli")]
    pub(crate) fn accepts(&self, name: &str) -> bool {
        self.names.owner(name) != Owner::Unrelated
    }

    /// Checks the file of this package, whose own variables may begin with its name.
    #[cfg(feature = "cli")]
    pub(crate) fn of_package(mut self, name: &str) -> Check {
        name.clone_into(&mut self.names.package);
        self
    }

    /// Looks for the file as a build script of the package in `directory` of `workspace` does.
    #[cfg(feature = "cli")]
    pub(crate) fn locate(&self, directory: &Path, workspace: &Path) -> Location {
        let search = Search::new(directory).up_to(workspace);
        match search.find(&self.file) {
            Some(FoundFile { path, .. }) => Location::Found(path),
            None if search.is_packaged() => Location::Packaged,
            None => Location::Missing {
                path: search.path(&self.file.to_string_lossy()),
                in_package: directory.join(&self.file),
                findings: self.missing_file(&search).findings().to_vec(),
            },
        }
    }

    fn asks_for(&self, name: &str) -> bool {
        self.names.asked_for().any(|asked| asked == name)
    }

    fn missing_file(&self, search: &Search) -> Report {
        let asked = self.names.asked_for().next();
        search.missing_file(&self.file, asked.map_or("REDIS_URL", String::as_str))
    }

    pub(super) fn requirements<'a>(&'a self, file: &'a str) -> Requirements<'a> {
        Requirements {
            file,
            names: &self.names,
            formats: &self.formats,
        }
    }
}

/// Returns what shows the findings at their lines on GitHub, in a build that runs there.
fn annotations(report: &Report) -> String {
    if env::var_os("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        return String::new();
    }
    let variable = |name| PathBuf::from(env::var_os(name).unwrap_or_default());
    let search = Search::new(&variable("CARGO_MANIFEST_DIR"));
    let checkout = variable("GITHUB_WORKSPACE");
    let lines = report.findings().iter().map(|finding| {
        let path = search.path(finding.file());
        let path = path.strip_prefix(&checkout).unwrap_or(&path);
        annotation(finding, &path.to_string_lossy())
    });
    lines.collect()
}
