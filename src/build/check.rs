//! [`Check`]: from the settings of a build script to the result.

use std::path::{Path, PathBuf};
use std::{env, process};

use super::check_report::Report;
use super::document::{Document, Requirements};
use super::documented::{Documented, DocumentedVariable, SKIP_VARIABLE};
use super::format::Format;
use super::rules;
use super::search::{self, FoundFile, Search};

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
                // colours where they are not wanted.
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
        let is_skipped = !matches!(&*variable(SKIP_VARIABLE), "" | "0");
        self.check(package, &directory, is_skipped)
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
            let variable = self.variables.first().map_or("REDIS_URL", String::as_str);
            return Err(search.missing_file(&self.file, variable));
        };
        let text = search::read(&path, &name)?;
        let variables = self.check_text(&text, &name)?;
        Ok(Documented::new(package, path, variables))
    }

    /// Checks the text of the file that the report calls `file`.
    fn check_text(&self, text: &str, file: &str) -> Result<Vec<DocumentedVariable>, Report> {
        let requirements = Requirements {
            file,
            variables: &self.variables,
            formats: &self.formats,
        };
        let document = Document::read(text, &requirements);
        let findings = rules::apply(&document);
        if !findings.is_empty() {
            return Err(Report::new(findings));
        }
        let names = document.assigned_names.iter();
        let variables = names.map(|name| DocumentedVariable {
            name: name.text.clone(),
            line: document.line_number(name.span.start),
        });
        Ok(variables.collect())
    }
}
