//! Finds the value of a variable, and where it came from: process environment, `NAME_FILE`, `.env`.
//!
//! The first source that has the variable decides, even if its value cannot be used: the next source does
//! not replace a broken value. Only [`process_value`] reads from the process; everything else is a
//! function of [`Places`].

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::variable::{Holds, Source, Value, Variable};
use crate::dotenv;
use crate::error::{Error, ErrorKind};

/// Size limit of the file that `NAME_FILE` names, in bytes.
const SECRET_LIMIT: u64 = 64 * 1024;
/// Size limit of `.env`, in bytes.
const DOT_ENV_LIMIT: u64 = 1024 * 1024;

/// The places where values are looked for.
pub(crate) struct Places<'a> {
    /// Looks a variable up in the process environment.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Reads a file up to one byte beyond the limit.
    pub(crate) read: &'a dyn Fn(&Path, u64) -> io::Result<Vec<u8>>,
    /// The directory of `.env` and of relative paths.
    pub(crate) directory: &'a Path,
}

/// Finds `variable` in the environment and the files of this process.
pub(crate) fn process_value(variable: Variable<'_>) -> Result<Value, Error> {
    let directory = env::current_dir().unwrap_or_default();
    find(variable, &process_places(&directory))
}

/// Returns the environment and the files of this process, relative to `directory`.
pub(super) fn process_places(directory: &Path) -> Places<'_> {
    Places {
        variable: &|name| env::var_os(name),
        read: &read,
        directory,
    }
}

/// The value that a test gives `variable`, or the error where it gives none.
#[cfg(feature = "testing")]
pub(crate) fn overridden(variable: Variable<'_>, text: Option<&str>) -> Result<Value, Error> {
    match text {
        Some(text) => variable.value(text.to_owned(), Source::Override, None),
        None => Err(variable.not_set("unset by an override of this test".to_owned())),
    }
}

fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(limit + 1)
        .read_to_end(&mut content)?;
    Ok(content)
}

/// Finds `variable`, whose name was checked before, in `places`.
pub(crate) fn find(variable: Variable<'_>, places: &Places<'_>) -> Result<Value, Error> {
    let found = find_if_set(variable, places)?;
    found.ok_or_else(|| variable.missing(places.directory))
}

/// Finds `variable` in `places`, if it is set in any.
pub(super) fn find_if_set(
    variable: Variable<'_>,
    places: &Places<'_>,
) -> Result<Option<Value>, Error> {
    if let Some(value) = in_process(variable, places)? {
        return Ok(Some(value));
    }
    match in_file(variable, places)? {
        Some(value) => Ok(Some(value)),
        None => in_dot_env(variable, places),
    }
}

fn in_process(variable: Variable<'_>, places: &Places<'_>) -> Result<Option<Value>, Error> {
    let Some(value) = (places.variable)(variable.name) else {
        return Ok(None);
    };
    let source = Source::Process;
    let text = value
        .into_string()
        .map_err(|_| variable.not_utf8(&source))?;
    let named = variable.file_variable();
    let ignored = (places.variable)(&named).map(|path| Source::File {
        variable: named,
        path: variable.shown(&path.to_string_lossy()),
    });
    variable.value(text, source, ignored).map(Some)
}

fn in_file(variable: Variable<'_>, places: &Places<'_>) -> Result<Option<Value>, Error> {
    let named = variable.file_variable();
    let Some(path) = (places.variable)(&named) else {
        return Ok(None);
    };
    let text = path.to_string_lossy();
    if text.is_empty() {
        let message = format!("`{named}` is set, but empty");
        return Err(variable.error(ErrorKind::InvalidFile, message));
    }
    if text.contains("://") {
        let message = format!("`{named}` holds a URL, expected the path of a file");
        let error = variable.error(ErrorKind::InvalidFile, message);
        let help = format!("set `{}` to the URL", variable.name);
        return Err(error.with_help_if((variable.holds == Holds::Url).then_some(help)));
    }
    let shown = |path: &str| variable.shown(path);
    let source = Source::File {
        variable: named,
        path: shown(&text),
    };
    let file = format!("the file `{}` for `{}`", shown(&text), variable.name);
    let problem = |message: String| {
        let note = format!("named by {source}");
        variable.report(ErrorKind::InvalidFile, message, note)
    };
    let content = (places.read)(&places.directory.join(&path), SECRET_LIMIT)
        .map_err(|cause| problem(format!("cannot read {file}")).caused_by(cause))?;
    if content.len() as u64 > SECRET_LIMIT {
        return Err(problem(format!("{file} is larger than 64 KiB")));
    }
    let content =
        String::from_utf8(content).map_err(|_| problem(format!("{file} is not valid UTF-8")))?;
    let line = content.strip_suffix('\n').unwrap_or(&content);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(problem(format!("{file} is empty")));
    }
    variable.value(line.to_owned(), source, None).map(Some)
}

fn in_dot_env(variable: Variable<'_>, places: &Places<'_>) -> Result<Option<Value>, Error> {
    use io::ErrorKind::{IsADirectory, NotFound};
    let content = match (places.read)(&places.directory.join(".env"), DOT_ENV_LIMIT) {
        Ok(content) => content,
        // Some projects keep a Python environment in a directory of this name.
        Err(cause) if matches!(cause.kind(), NotFound | IsADirectory) => return Ok(None),
        Err(cause) => {
            let message = format!("cannot read `.env` for `{}`", variable.name);
            let error = variable.error(ErrorKind::InvalidFile, message);
            return Err(error.caused_by(cause));
        }
    };
    if content.len() as u64 > DOT_ENV_LIMIT {
        let message = format!("`.env` for `{}` is larger than 1 MiB", variable.name);
        return Err(variable.error(ErrorKind::InvalidFile, message));
    }
    let assignment = dotenv::find(&content, variable.name).map_err(|it| variable.fault(it))?;
    assignment
        .map(|found| {
            let source = Source::DotEnv { line: found.line };
            variable.value(found.value, source, None)
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const VARIABLE: Variable<'_> = Variable {
        name: "REDIS_URL",
        documented: Some(6),
        holds: Holds::Url,
    };

    fn look(environment: &[(&str, &str)], files: &[(&str, &[u8])]) -> Result<Value, Error> {
        let environment: HashMap<&str, &str> = environment.iter().copied().collect();
        let files: HashMap<&Path, &[u8]> = files
            .iter()
            .map(|(path, it)| (Path::new(*path), *it))
            .collect();
        find(
            VARIABLE,
            &Places {
                variable: &|name| environment.get(name).map(OsString::from),
                read: &|path, _| match files.get(path) {
                    Some(content) => Ok(content.to_vec()),
                    None => Err(io::ErrorKind::NotFound.into()),
                },
                directory: Path::new("/app"),
            },
        )
    }

    fn check(environment: &[(&str, &str)], files: &[(&str, &[u8])], expected: (&str, &str)) {
        let value = look(environment, files).expect("a value");
        assert_eq!((value.text.as_str(), &*value.source.to_string()), expected);
    }

    fn check_error(
        environment: &[(&str, &str)],
        files: &[(&str, &[u8])],
        kind: ErrorKind,
        message: &str,
    ) {
        let error = look(environment, files)
            .map(|_| "a value")
            .expect_err("an error");
        assert_eq!((error.kind(), &*error.to_string()), (kind, message));
        assert_eq!(error.variable(), Some("REDIS_URL"));
        assert!(format!("{error:?}").contains("documented in `.env.example:6`"));
    }

    const SECRET: &str = "/run/secrets/redis";
    const NAMED: (&str, &str) = ("REDIS_URL_FILE", SECRET);

    #[test]
    fn the_process_comes_before_the_file_and_the_file_before_dot_env() {
        let files: &[(&str, &[u8])] = &[(SECRET, b"file"), ("/app/.env", b"\nREDIS_URL=env")];
        let process = ("REDIS_URL", "process");
        check(
            &[process, NAMED],
            files,
            ("process", "the process environment"),
        );
        check(
            &[NAMED],
            files,
            ("file", "`REDIS_URL_FILE=/run/secrets/redis`"),
        );
        check(&[], files, ("env", "`.env:2`"));
    }

    #[test]
    fn names_the_file_that_the_process_environment_overrides() {
        let value = look(&[("REDIS_URL", "a"), NAMED], &[]).expect("a value");
        let (variable, path) = ("REDIS_URL_FILE".to_owned(), SECRET.to_owned());
        assert_eq!(value.ignored, Some(Source::File { variable, path }));
    }

    #[test]
    fn trims_exactly_one_newline_from_a_file() {
        let text = |content: &[u8]| {
            let value = look(&[NAMED], &[(SECRET, content)]);
            value.expect("a value").text
        };
        assert_eq!(text(b"a"), "a");
        assert_eq!(text(b"a\n"), "a");
        assert_eq!(text(b"a\r\n"), "a");
        assert_eq!(text(b"a\n\n"), "a\n");
        assert_eq!(text(b" a \n"), " a ");
        assert_eq!(text(&vec![b'a'; 64 * 1024]).len(), 64 * 1024);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let invalid = ErrorKind::InvalidFile;
        let check = |content: &[u8], message: &str| {
            check_error(&[NAMED], &[(SECRET, content)], invalid, message);
        };
        let file = "the file `/run/secrets/redis` for `REDIS_URL`";
        check(b"", &format!("{file} is empty"));
        check(b"\r\n", &format!("{file} is empty"));
        check(b"a\xff", &format!("{file} is not valid UTF-8"));
        let large = vec![b'a'; 64 * 1024 + 1];
        check(&large, &format!("{file} is larger than 64 KiB"));
        check_error(&[NAMED], &[], invalid, &format!("cannot read {file}"));
        let message = "`REDIS_URL_FILE` is set, but empty";
        check_error(&[("REDIS_URL_FILE", "")], &[], invalid, message);
    }

    #[test]
    fn a_secret_in_the_place_of_a_path_is_not_shown() {
        for secret in ["redis://:hunter2@cache", ":hunter2@cache:6379"] {
            let error = look(&[("REDIS_URL_FILE", secret)], &[]).map(|_| "a value");
            let report = format!("{0:?}{0:#}", error.expect_err("an error"));
            assert!(!report.contains("hunter2"), "{report}");
        }
    }

    #[test]
    fn a_broken_value_does_not_fall_through() {
        let files: &[(&str, &[u8])] = &[("/app/.env", b"REDIS_URL=env")];
        let message = "`REDIS_URL` is set, but empty";
        let invalid = ErrorKind::InvalidUrl;
        check_error(&[("REDIS_URL", "")], files, invalid, message);
        check_error(&[], &[("/app/.env", b"REDIS_URL=")], invalid, message);
    }

    #[test]
    fn a_relative_path_is_relative_to_the_directory() {
        let files: &[(&str, &[u8])] = &[("/app/secret", b"file")];
        let named = ("REDIS_URL_FILE", "secret");
        check(&[named], files, ("file", "`REDIS_URL_FILE=secret`"));
    }
}
