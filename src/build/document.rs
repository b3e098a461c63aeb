//! [`Document`]: a `.env.example` as read, with what it says about the required variables.

use std::ops::Range;

use super::documented_url::{self, DocumentedUrl};
use super::finding::{Finding, Place};
use super::format::Format;
use super::redact::redacted;
use crate::dotenv::{self, Assignment, FaultKind, Line, LineKind, commented_assignment};
use crate::url::{RedisUrl, UrlError};

/// What a `.env.example` has to document.
pub(super) struct Requirements<'a> {
    /// The name of the file in the report.
    pub(super) file: &'a str,
    /// The variables beside those whose name ends in `REDIS_URL`.
    pub(super) variables: &'a [String],
    pub(super) formats: &'a [Format],
}

impl Requirements<'_> {
    fn include(&self, name: &str) -> bool {
        name.ends_with("REDIS_URL") || self.variables.iter().any(|required| required == name)
    }
}

/// A `.env.example`, its lines, and what they say about the variables that [`Requirements`] include.
pub(super) struct Document<'a> {
    pub(super) requirements: &'a Requirements<'a>,
    text: &'a str,
    /// The offset of each line's first byte.
    line_starts: Vec<usize>,
    pub(super) lines: Vec<Line>,
    /// Every name that is assigned, also by a line that cannot be loaded, in the order of the file.
    pub(super) assigned_names: Vec<Name>,
    /// Every name that is assigned in a comment.
    pub(super) commented_names: Vec<Name>,
    /// The assignments that can be loaded.
    pub(super) variables: Vec<Variable>,
    /// The values of required variables in lines that cannot be loaded.
    pub(super) unloadable_values: Vec<Range<usize>>,
    /// The URLs in comments.
    pub(super) documented_urls: Vec<DocumentedUrl>,
    /// The Redis URLs of variables that are not required.
    pub(super) other_urls: Vec<DocumentedUrl>,
}

/// The name of a required variable at one place of the file.
#[derive(PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// An assignment of a required variable.
pub(super) struct Variable {
    pub(super) name: Name,
    /// Its index in the lines of the document.
    pub(super) index: usize,
    /// The value as it is written, with its quotes and an inline comment.
    pub(super) written: Range<usize>,
    pub(super) placeholder: Placeholder,
}

/// The value of a required variable, which stands for the one of a real environment.
pub(super) enum Placeholder {
    Missing,
    /// dotenvy replaces the `$` at this offset by a variable.
    Expanded(usize),
    Url(Box<RedisUrl>),
    Invalid {
        error: UrlError,
        /// The bytes of the file that the error is about.
        at: Range<usize>,
    },
}

impl<'a> Document<'a> {
    pub(super) fn read(text: &'a str, requirements: &'a Requirements<'a>) -> Document<'a> {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let mut document = Document {
            requirements,
            text,
            line_starts: std::iter::once(0).chain(ends).collect(),
            lines: Vec::new(),
            assigned_names: Vec::new(),
            commented_names: Vec::new(),
            variables: Vec::new(),
            unloadable_values: Vec::new(),
            documented_urls: Vec::new(),
            other_urls: Vec::new(),
        };
        let lines = dotenv::lines(text);
        for (index, line) in lines.iter().enumerate() {
            match &line.kind {
                LineKind::Blank => {}
                LineKind::Comment => document.read_comment(line.span.clone()),
                LineKind::Broken(_) => document.read_broken_line(&line.span),
                LineKind::Assignment(assignment) => document.read_assignment(index, assignment),
            }
        }
        document.lines = lines;
        document
    }

    fn read_comment(&mut self, line: Range<usize>) {
        let text = &self.text[line.clone()];
        let urls = match commented_assignment(text) {
            Some(written) if !self.requirements.include(&text[written.name.clone()]) => {
                let others = self.prose_urls(line);
                return self.other_urls.extend(others);
            }
            Some(written) => {
                let name = self.name(offset(written.name, line.start));
                self.commented_names.push(name);
                documented_url::value_url(text, written.value)
                    .map(|url| DocumentedUrl::read(self.text, offset(url, line.start)))
                    .into_iter()
                    .collect()
            }
            None => self.prose_urls(line),
        };
        self.documented_urls.extend(urls);
    }

    fn read_broken_line(&mut self, line: &Range<usize>) {
        let Some(written) = commented_assignment(&self.text[line.clone()]) else {
            return;
        };
        let name = self.name(offset(written.name, line.start));
        if self.requirements.include(&name.text) {
            self.assigned_names.push(name);
            let value = offset(written.value, line.start);
            self.unloadable_values.push(value);
        }
    }

    fn read_assignment(&mut self, index: usize, assignment: &Assignment) {
        let written = assignment.written.clone();
        let name = self.name(written.name.clone());
        if !self.requirements.include(&name.text) {
            let others = self.prose_urls(written.value);
            return self.other_urls.extend(others);
        }
        self.assigned_names.push(self.name(written.name));
        self.variables.push(Variable {
            name,
            index,
            written: written.value,
            placeholder: self.placeholder(assignment),
        });
    }

    fn placeholder(&self, assignment: &Assignment) -> Placeholder {
        let Assignment {
            value,
            written,
            expansion,
        } = assignment;
        if value.trim().is_empty() {
            return Placeholder::Missing;
        }
        if let Some(dollar) = expansion {
            return Placeholder::Expanded(*dollar);
        }
        match RedisUrl::parse(value) {
            Ok(url) => Placeholder::Url(Box::new(url)),
            Err(error) => {
                // With an escape in it, the value is not in the file as it is.
                let start = self.text[written.value.clone()].find(value.as_str());
                let at = start.map_or(written.value.clone(), |start| {
                    offset(error.span(), written.value.start + start)
                });
                Placeholder::Invalid { error, at }
            }
        }
    }

    fn prose_urls(&self, span: Range<usize>) -> Vec<DocumentedUrl> {
        documented_url::prose_urls(&self.text[span.clone()])
            .into_iter()
            .map(|url| DocumentedUrl::read(self.text, offset(url, span.start)))
            .collect()
    }

    fn name(&self, span: Range<usize>) -> Name {
        Name {
            text: self.text[span.clone()].to_owned(),
            span,
        }
    }

    /// Returns the text of the file at `span`.
    pub(super) fn text(&self, span: &Range<usize>) -> &'a str {
        &self.text[span.clone()]
    }

    /// Returns the first assignment of `name`, also in a line that cannot be loaded.
    pub(super) fn first_assigned(&self, name: &str) -> Option<&Name> {
        self.assigned_names.iter().find(|it| it.text == name)
    }

    /// Returns the first place where `name` is assigned in a comment.
    pub(super) fn first_commented(&self, name: &str) -> Option<&Name> {
        self.commented_names.iter().find(|it| it.text == name)
    }

    /// Returns the names that have to be assigned and are not.
    pub(super) fn missing_names(&self) -> Vec<&str> {
        let required = self.requirements.variables.iter().map(String::as_str);
        let missing: Vec<_> = required
            .filter(|name| self.first_assigned(name).is_none())
            .collect();
        if !missing.is_empty() || !self.assigned_names.is_empty() {
            return missing;
        }
        let commented = self.commented_names.first();
        vec![commented.map_or("REDIS_URL", |name| &name.text)]
    }

    /// Returns the valid URLs that document a required variable: in comments and as placeholders.
    pub(super) fn shown_urls(&self) -> impl Iterator<Item = (&RedisUrl, &Range<usize>)> {
        let placeholders = self
            .variables
            .iter()
            .filter_map(|it| match &it.placeholder {
                Placeholder::Url(url) => Some((&**url, &it.written)),
                _ => None,
            });
        placeholders.chain(valid(&self.documented_urls))
    }

    /// Returns every valid Redis URL of the file.
    pub(super) fn all_urls(&self) -> impl Iterator<Item = (&RedisUrl, &Range<usize>)> {
        self.shown_urls().chain(valid(&self.other_urls))
    }

    /// Makes a finding about the file as a whole.
    pub(super) fn finding(&self, code: &'static str, message: impl Into<String>) -> Finding {
        Finding::new(code, self.requirements.file, message)
    }

    /// Makes a finding about the bytes `at` of the file.
    pub(super) fn finding_at(
        &self,
        at: &Range<usize>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Finding {
        self.finding(code, message).at(self.place(at))
    }

    /// Returns the number of the line that holds an offset, from 1.
    pub(super) fn line_number(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Returns where a report points to, and the line as it may show it.
    fn place(&self, at: &Range<usize>) -> Place {
        let line = self.line_number(at.start);
        let start = self.line_starts[line - 1];
        let end = self
            .line_starts
            .get(line)
            .map_or(self.text.len(), |next| next - 1);
        let whole = self.text[start..end].trim_end_matches('\r');
        // A byte order mark takes no column and is not drawn.
        let drawn = whole.trim_start_matches('\u{feff}');
        let start = start + (whole.len() - drawn.len());
        let holder = self
            .lines
            .iter()
            .rev()
            .find(|line| line.span.start <= at.start);
        let unknown = LineKind::Broken(FaultKind::Unreadable);
        let kind = holder.map_or(&unknown, |line| &line.kind);
        let redacted = redacted(drawn, kind);
        let from = at.start.max(start);
        let to = at.end.min(end).max(from);
        let span = redacted.to_edited(from - start..to - start);
        Place {
            line,
            column: self.text[start..from].chars().count() + 1,
            redacted: redacted.text,
            span,
        }
    }
}

fn valid(urls: &[DocumentedUrl]) -> impl Iterator<Item = (&RedisUrl, &Range<usize>)> {
    urls.iter()
        .filter_map(|url| Some((url.parsed.as_ref().ok()?, &url.span)))
}

fn offset(span: Range<usize>, by: usize) -> Range<usize> {
    span.start + by..span.end + by
}
