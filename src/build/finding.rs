//! [`Finding`]: one thing that is wrong with `.env.example`, drawn like an error of rustc.

use std::fmt;
use std::ops::Range;

use crate::report::{carets, printable};

/// One thing that is wrong with `.env.example`: what, where, and what to type.
///
/// `{}` is the report, which shows no password: the line of the file is drawn without its secrets. `{:#}` is the
/// same with colours.
#[derive(Clone)]
pub struct Finding {
    code: &'static str,
    message: String,
    file: String,
    place: Option<Place>,
    help: Vec<String>,
    is_warning: bool,
}

/// Where a finding is, and how that line is drawn.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    /// The bytes of `.env.example` that the finding is about.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "`fix` reads it"))]
    pub(super) at: Range<usize>,
    /// The line of the file with every secret replaced.
    pub(super) redacted: String,
    /// The byte range of `redacted` to underline.
    pub(super) span: Range<usize>,
}

impl Finding {
    /// Makes a finding about the whole `file`.
    pub(crate) fn new(code: &'static str, file: &str, message: impl Into<String>) -> Finding {
        Finding {
            code,
            message: message.into(),
            file: file.to_owned(),
            place: None,
            help: Vec::new(),
            is_warning: false,
        }
    }

    /// Makes a finding about a part of a line of another file than `.env.example`, such as a source.
    #[cfg(feature = "cli")]
    pub(crate) fn in_line(
        code: &'static str,
        file: &str,
        (line, column): (usize, usize),
        (text, span): (&str, Range<usize>),
        message: impl Into<String>,
    ) -> Finding {
        Finding::new(code, file, message).at(Place {
            line,
            column,
            at: 0..0,
            redacted: text.to_owned(),
            span,
        })
    }

    /// Makes it a warning, which does not fail a check.
    pub(crate) fn into_warning(mut self) -> Finding {
        self.is_warning = true;
        self
    }

    /// Calls the file by another name.
    #[cfg(feature = "cli")]
    pub(crate) fn in_file(mut self, file: &str) -> Finding {
        file.clone_into(&mut self.file);
        self
    }

    pub(super) fn at(mut self, place: Place) -> Finding {
        self.place = Some(place);
        self
    }

    /// Adds what to type.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Finding {
        self.help.push(help.into());
        self
    }

    /// Returns the stable code of the rule, such as `assigned_twice`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns what is wrong, on one line and without a secret.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the name of the file as the report shows it.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line and the column, both from 1, where the finding is at a place in the file.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| (place.line, place.column))
    }

    /// Returns whether the finding does not fail a check.
    pub(crate) fn is_warning(&self) -> bool {
        self.is_warning
    }

    /// Returns the line that the finding is about, without its secrets.
    #[cfg(feature = "cli")]
    pub(crate) fn source(&self) -> Option<&str> {
        self.place.as_ref().map(|place| &*place.redacted)
    }

    /// Returns the bytes of `.env.example` that the finding is about.
    #[cfg(feature = "cli")]
    pub(super) fn bytes(&self) -> Option<Range<usize>> {
        self.place.as_ref().map(|place| place.at.clone())
    }

    /// Returns what to type; one text may have several lines.
    pub fn help(&self) -> impl Iterator<Item = &str> {
        self.help.iter().map(String::as_str)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding {
            code,
            message,
            file,
            place,
            help,
            is_warning,
        } = self;
        let Palette {
            bold,
            red,
            yellow,
            blue,
            reset,
        } = Palette::new(f.alternate());
        let (level, red) = match is_warning {
            true => ("warning", yellow),
            false => ("error", red),
        };
        let number = place
            .as_ref()
            .map_or(String::new(), |place| place.line.to_string());
        let gutter = " ".repeat(number.len());

        writeln!(
            f,
            "{red}{level}[{code}]{reset}{bold}: {}{reset}",
            printable(message)
        )?;
        write!(f, "{gutter}{blue}-->{reset} {}", printable(file))?;
        match place {
            None => writeln!(f)?,
            Some(Place {
                line,
                column,
                at: _,
                redacted,
                span,
            }) => {
                writeln!(f, ":{line}:{column}")?;
                writeln!(f, "{blue}{gutter} |{reset}")?;
                writeln!(f, "{blue}{number} |{reset} {}", printable(redacted))?;
                let carets = carets(redacted, span.clone());
                writeln!(f, "{blue}{gutter} |{reset} {red}{carets}{reset}")?;
            }
        }
        if !help.is_empty() {
            writeln!(f, "{blue}{gutter} |{reset}")?;
        }
        for text in help {
            let mut lines = text.lines();
            let first = printable(lines.next().unwrap_or(""));
            writeln!(f, "{gutter} {blue}={reset} {bold}help{reset}: {first}")?;
            for line in lines {
                writeln!(f, "{gutter}         {}", printable(line))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The colours of rustc. Cargo strips them where they are not wanted: in a pipe, under `NO_COLOR`,
/// `--color never`, `CARGO_TERM_COLOR` and `term.color`.
struct Palette {
    bold: &'static str,
    red: &'static str,
    yellow: &'static str,
    blue: &'static str,
    reset: &'static str,
}

impl Palette {
    fn new(colours: bool) -> Palette {
        let code = |ansi| if colours { ansi } else { "" };
        Palette {
            bold: code("\x1b[1m"),
            red: code("\x1b[1;91m"),
            yellow: code("\x1b[1;93m"),
            blue: code("\x1b[1;94m"),
            reset: code("\x1b[0m"),
        }
    }
}
