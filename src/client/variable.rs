//! [`Variable`]: an environment variable, its [`Value`], and the reports about it.

use std::fmt;
use std::path::Path;

use crate::dotenv::{Fault, FaultKind};
use crate::error::{Error, ErrorKind};

/// The value that the help lines propose.
const EXAMPLE: &str = "redis://localhost:6379";

/// A variable to look for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variable<'a> {
    pub(crate) name: &'a str,
    /// The line of `.env.example` that documents it.
    pub(crate) documented: Option<u32>,
    pub(crate) holds: Holds,
}

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Url,
    /// A username or a password, as it is.
    Text,
}

/// The value of a variable. It has no `Debug`, because it holds the password.
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) source: Source,
    /// Another source that is set as well and was not used.
    pub(crate) ignored: Option<Source>,
}

/// The source of a value; `Display` names it in the middle of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Process,
    File {
        variable: String,
        path: String,
    },
    DotEnv {
        line: usize,
    },
    #[cfg(feature = "testing")]
    Override,
}

impl Source {
    /// Returns whether a test has given the value.
    pub(crate) fn is_override(&self) -> bool {
        match self {
            Source::Process | Source::File { .. } | Source::DotEnv { .. } => false,
            #[cfg(feature = "testing")]
            Source::Override => true,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Process => f.write_str("the process environment"),
            Source::File { variable, path } => write!(f, "`{variable}={path}`"),
            Source::DotEnv { line } => write!(f, "`.env:{line}`"),
            #[cfg(feature = "testing")]
            Source::Override => f.write_str("an override of this test"),
        }
    }
}

/// Rejects a text that cannot be a name. No report shows that text, because it may be a URL.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.starts_with(starts) && name.chars().all(is_part) {
        return Ok(());
    }
    let message = "invalid name of an environment variable: expected one such as `REDIS_URL`";
    let error = Error::new(ErrorKind::InvalidName, message);
    Err(if name.contains("://") {
        error.with_help("`Client::open` takes a URL")
    } else {
        error
    })
}

/// Returns a path as a report may show it: a secret may have been put in its place.
fn shown(path: &str) -> String {
    if path.contains("://") || path.contains('@') {
        return "***".to_owned();
    }
    path.escape_debug().to_string()
}

impl Variable<'_> {
    /// Returns a path as a report may show it. Where it stands for a password, one that is not clearly a path
    /// may be the password itself.
    pub(super) fn shown(self, path: &str) -> String {
        let is_path = path.starts_with(['/', '.', '~']) || path.contains(":\\");
        match self.holds {
            Holds::Text if !is_path => "***".to_owned(),
            _ => shown(path),
        }
    }

    pub(super) fn file_variable(self) -> String {
        format!("{}_FILE", self.name)
    }

    pub(super) fn value(
        self,
        text: String,
        source: Source,
        ignored: Option<Source>,
    ) -> Result<Value, Error> {
        if text.is_empty() {
            let message = format!("`{}` is set, but empty", self.name);
            let error = self.error_in(ErrorKind::InvalidUrl, message, &source);
            return Err(error.with_help(match self.holds {
                Holds::Url => format!("write `{}={EXAMPLE}`", self.name),
                Holds::Text => "give it a value, or remove it".to_owned(),
            }));
        }
        Ok(Value {
            text,
            source,
            ignored,
        })
    }

    pub(super) fn missing(self, directory: &Path) -> Error {
        let name = self.name;
        let place = directory.join(".env");
        let looked = format!(
            "looked in the process environment, for `{name}_FILE`, and in `{}`",
            place.display(),
        );
        self.not_set(looked)
    }

    pub(super) fn not_set(self, note: String) -> Error {
        let name = self.name;
        let error = Error::new(ErrorKind::MissingVariable, format!("`{name}` is not set"));
        error
            .about(name)
            .note(self.with_documents(note))
            .with_help(format!(
                "add `{name}={EXAMPLE}` to `.env`, or `export {name}={EXAMPLE}`"
            ))
    }

    pub(super) fn not_utf8(self, source: &Source) -> Error {
        let message = format!("`{}` is not valid UTF-8", self.name);
        self.error_in(ErrorKind::InvalidUrl, message, source)
    }

    pub(super) fn fault(self, Fault { line, kind }: Fault) -> Error {
        let name = self.name;
        let source = Source::DotEnv { line };
        let error = |message| self.error_in(ErrorKind::InvalidFile, message, &source);
        let quote = format!("put the value in single quotes: `{name}='…'`");
        match kind {
            FaultKind::UnescapedDollar => error(format!("unescaped `$` in the value of `{name}`"))
                .note("in `.env`, `$` and what follows stand for the value of another variable")
                .with_help(quote),
            FaultKind::InvalidEscape => error(format!("invalid escape in the value of `{name}`"))
                .note("in `.env`, a backslash outside single quotes starts an escape")
                .with_help(quote),
            FaultKind::TextAfterSpace => {
                error(format!("text after a space in the value of `{name}`"))
                    .note("in `.env`, an unquoted value ends at a space; only ` #` may follow")
            }
            FaultKind::OpenQuote(_) => error(format!("unclosed quote in the value of `{name}`")),
            FaultKind::Swallowed => {
                error(format!("`{name}` is inside the open quote of another line"))
                    .with_help(format!("close the quote that `.env:{line}` opens"))
            }
            FaultKind::NotUtf8 => self.not_utf8(&source),
            FaultKind::Utf16 => error("`.env` is UTF-16, expected UTF-8".to_owned()),
            FaultKind::Unreadable => error(format!("the line of `{name}` cannot be read")),
        }
    }

    pub(super) fn error(self, kind: ErrorKind, message: String) -> Error {
        self.report(kind, message, String::new())
    }

    fn error_in(self, kind: ErrorKind, message: String, source: &Source) -> Error {
        self.report(kind, message, format!("read from {source}"))
    }

    pub(super) fn report(self, kind: ErrorKind, message: String, note: String) -> Error {
        let error = Error::new(kind, message).about(self.name);
        match self.with_documents(note) {
            note if note.is_empty() => error,
            note => error.note(note),
        }
    }

    /// Adds to `note` where the variable is documented.
    pub(crate) fn with_documents(self, note: String) -> String {
        match self.documented {
            None => note,
            Some(line) if note.is_empty() => format!("documented in `.env.example:{line}`"),
            Some(line) => format!("{note}; documented in `.env.example:{line}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_in_the_place_of_a_name_is_not_shown() {
        let error = check_name("redis://:hunter2@cache").expect_err("an error");
        assert_eq!(error.help(), Some("`Client::open` takes a URL"));
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
