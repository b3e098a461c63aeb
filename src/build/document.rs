//! [`Document`]: a `.env.example` as read, with what it says about the required variables.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::documented_url::DocumentedUrl;
use super::finding::{Finding, Place};
use super::format::Format;
use super::names::Names;
use super::redact::redacted;
use crate::dotenv::{FaultKind, Line, LineKind};
use crate::url::{RedisUrl, UrlError};

/// What a `.env.example` has to document.
pub(super) struct Requirements<'a> {
    /// The name of the file in the report.
    pub(super) file: &'a str,
    /// Which variables.
    pub(super) names: &'a Names,
    pub(super) formats: &'a [Format],
}

/// A `.env.example`, its lines, and what they say about the variables of the application.
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
    /// Redis URLs of other services.
    pub(super) foreign_variables: Vec<Variable>,
    /// The assignments of other variables, also those in comments.
    pub(super) others: Vec<Other>,
    /// The values of variables in lines that cannot be loaded.
    pub(super) unloadable_values: Vec<Range<usize>>,
    /// The URLs in comments.
    pub(super) documented_urls: Vec<DocumentedUrl>,
    /// The Redis URLs of other variables.
    pub(super) other_urls: Vec<Range<usize>>,
    /// The comments, also those behind values, without commented assignments.
    pub(super) prose: Vec<Range<usize>>,
    /// The names that a comment begins with: `# REDIS_URL: the cache`.
    pub(super) explained_names: HashSet<&'a str>,
    /// The index of the first of each name in `assigned_names`.
    first_assigned: HashMap<String, usize>,
    /// A comment says that TLS has a scheme of its own.
    pub(super) names_tls: bool,
    pub(super) suggested: Suggested<'a>,
}

/// What suggestions are made of, which is looked for once.
#[derive(Default)]
pub(super) struct Suggested<'a> {
    pub(super) local_url: OnceCell<Option<String>>,
    pub(super) url_of_parts: OnceCell<Option<String>>,
    /// The values of variables that are not checked.
    pub(super) others: OnceCell<HashMap<String, &'a str>>,
}

/// The name of a variable at one place of the file.
#[derive(PartialEq, Eq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) span: Range<usize>,
    /// The index of its line in the lines of the document.
    pub(super) index: usize,
}

/// An assignment of a variable of the application.
pub(super) struct Variable {
    pub(super) name: Name,
    /// The value as it is written, without an inline comment.
    pub(super) written: Range<usize>,
    pub(super) placeholder: Placeholder,
}

/// An assignment of a variable that is not checked.
pub(super) struct Other {
    pub(super) name: Name,
    /// The value as it is written, without an inline comment.
    pub(super) written: Range<usize>,
    /// The line is neither a comment nor one that cannot be loaded.
    pub(super) is_loaded: bool,
}

/// The value of a variable, which stands for the one of a real environment.
pub(super) enum Placeholder {
    Missing,
    /// dotenvy replaces the `$` at this offset by a variable.
    Expanded(usize),
    Url(Box<RedisUrl>),
    /// The host is a placeholder, at these bytes of the file.
    WordForHost(Range<usize>),
    Invalid {
        error: UrlError,
        /// The bytes of the file that the error is about.
        at: Range<usize>,
    },
}

impl<'a> Document<'a> {
    /// Makes a document of `text` that says nothing yet.
    pub(super) fn new(text: &'a str, requirements: &'a Requirements<'a>) -> Document<'a> {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Document {
            requirements,
            text,
            line_starts: std::iter::once(0).chain(ends).collect(),
            lines: Vec::new(),
            assigned_names: Vec::new(),
            commented_names: Vec::new(),
            variables: Vec::new(),
            foreign_variables: Vec::new(),
            others: Vec::new(),
            unloadable_values: Vec::new(),
            documented_urls: Vec::new(),
            other_urls: Vec::new(),
            prose: Vec::new(),
            explained_names: HashSet::new(),
            first_assigned: HashMap::new(),
            names_tls: false,
            suggested: Suggested::default(),
        }
    }

    /// Adds a name that is assigned, also by a line that cannot be loaded.
    pub(super) fn add_assigned(&mut self, name: Name) {
        let first = self.first_assigned.entry(name.text.clone());
        first.or_insert(self.assigned_names.len());
        self.assigned_names.push(name);
    }

    /// Returns the text of the file at `span`.
    pub(super) fn text(&self, span: &Range<usize>) -> &'a str {
        &self.text[span.clone()]
    }

    /// Returns where a written value is without its quotes.
    pub(super) fn bare(&self, written: &Range<usize>) -> Range<usize> {
        const QUOTES: [char; 2] = ['"', '\''];
        let bare = self.text(written).trim_start_matches(QUOTES);
        let start = written.end - bare.len();
        start..start + bare.trim_end_matches(QUOTES).len()
    }

    /// Returns the first assignment of `name`, also in a line that cannot be loaded.
    pub(super) fn first_assigned(&self, name: &str) -> Option<&Name> {
        let index = self.first_assigned.get(name)?;
        self.assigned_names.get(*index)
    }

    /// Returns the first place where `name` is assigned in a comment.
    pub(super) fn first_commented(&self, name: &str) -> Option<&Name> {
        self.commented_names.iter().find(|it| it.text == name)
    }

    /// Returns the names that have to be assigned, or for optional ones documented, and are not.
    pub(super) fn missing_names(&self) -> Vec<&str> {
        let names = self.requirements.names;
        if names.asked_for().next().is_some() {
            let is_missing = |name: &&str| {
                let is_commented = || self.first_commented(name).is_some();
                let may_be_commented = names.is_optional(name);
                self.first_assigned(name).is_none() && !(may_be_commented && is_commented())
            };
            return names
                .asked_for()
                .map(String::as_str)
                .filter(is_missing)
                .collect();
        }
        if !self.assigned_names.is_empty() {
            return Vec::new();
        }
        let commented = self.commented_names.first();
        vec![commented.map_or("REDIS_URL", |name| &name.text)]
    }

    /// Returns the names that the application may use, where the file has no finding.
    pub(super) fn documented_names(&self) -> Vec<&Name> {
        let optional = self.requirements.names.optional.iter();
        let commented = optional.filter(|name| self.first_assigned(name).is_none());
        let commented = commented.filter_map(|name| self.first_commented(name));
        let mut names: Vec<_> = self.assigned_names.iter().chain(commented).collect();
        // A valid variable of another service may be used, too.
        let is_valid = |it: &&Variable| matches!(it.placeholder, Placeholder::Url(_));
        let foreign = self.foreign_variables.iter().filter(is_valid);
        names.extend(foreign.map(|variable| &variable.name));
        names.sort_by_key(|name| name.span.start);
        let mut known = HashSet::new();
        names.retain(|name| known.insert(&*name.text));
        names
    }

    /// Returns the valid URLs that document the variables: in comments and as placeholders.
    pub(super) fn shown_urls(&self) -> impl Iterator<Item = (&RedisUrl, &Range<usize>)> {
        let placeholders = self
            .variables
            .iter()
            .filter_map(|it| match &it.placeholder {
                Placeholder::Url(url) => Some((&**url, &it.written)),
                _ => None,
            });
        let documented = self.documented_urls.iter();
        let documented = documented.filter_map(|url| Some((url.parsed.as_ref().ok()?, &url.span)));
        placeholders.chain(documented)
    }

    /// Returns where every Redis URL of the file is, and every value that was meant to be one.
    pub(super) fn all_urls(&self) -> impl Iterator<Item = Range<usize>> {
        let values = self
            .variables
            .iter()
            .map(|variable| self.bare(&variable.written));
        let documented = self.documented_urls.iter().map(|url| url.span.clone());
        values
            .chain(documented)
            .chain(self.other_urls.iter().cloned())
    }

    /// Returns whether the file documents a password that stands apart from the URL.
    pub(super) fn has_password_apart(&self) -> bool {
        let urls = self.assigned_names.iter().chain(&self.commented_names);
        let mut names: Vec<_> = urls.map(|url| &*url.text).collect();
        names.dedup();
        self.others.iter().any(|other| {
            let mut ends = ["_PASSWORD", "_PASSWORD_FILE"].iter();
            ends.any(|end| {
                let url = other.name.text.strip_suffix(end);
                url.is_some_and(|url| names.contains(&url))
            })
        })
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
        let holders = self
            .lines
            .partition_point(|line| line.span.start <= at.start);
        let holder = self.lines[..holders].last();
        let unknown = LineKind::Broken(FaultKind::Unreadable);
        let kind = holder.map_or(&unknown, |line| &line.kind);
        let redacted = redacted(drawn, kind);
        let from = at.start.max(start);
        let to = at.end.min(end).max(from);
        let span = redacted.to_edited(from - start..to - start);
        Place {
            line,
            column: self.text[start..from].chars().count() + 1,
            at: at.clone(),
            redacted: redacted.text,
            span,
        }
    }
}
