//! [`Page`]: the rules of `.env.example`, applied line by line and then to the whole.

use std::ops::Range;

use super::comment;
use super::finding::{Finding, Place};
use super::format::Format;
use super::lines::{self, Assignment, Kind, Line};
use super::{Asked, Variable, mask, secret};
use crate::url::{RedisUrl, UrlError};

/// A `.env.example` while it is read.
pub(super) struct Page<'a> {
    text: &'a str,
    lines: &'a [Line],
    asked: &'a Asked<'a>,
    documented: Vec<Variable>,
    /// Where a variable is assigned in a comment.
    commented: Vec<(&'a str, Range<usize>)>,
    urls: Vec<RedisUrl>,
    /// Formats of URLs that do not parse.
    meant: Vec<Format>,
    findings: Vec<(usize, Finding)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(text: &'a str, lines: &'a [Line], asked: &'a Asked<'a>) -> Page<'a> {
        Page {
            text,
            lines,
            asked,
            documented: Vec::new(),
            commented: Vec::new(),
            urls: Vec::new(),
            meant: Vec::new(),
            findings: Vec::new(),
        }
    }

    pub(super) fn is_asked(&self, name: &str) -> bool {
        name.ends_with("REDIS_URL") || self.asked.variables.iter().any(|asked| asked == name)
    }

    pub(super) fn comment(&mut self, line: &Line) {
        let text = &self.text[line.span.clone()];
        let urls = match comment::assigned(text) {
            Some((name, _)) if !self.is_asked(name) => return self.secrets(line.span.clone()),
            Some((name, value)) => {
                let start = line.span.start + text.find(name).unwrap_or(0);
                self.commented.push((name, start..start + name.len()));
                comment::value_url(text, value).into_iter().collect()
            }
            None => comment::prose_urls(text),
        };
        for url in urls {
            self.documented_url(line.span.start + url.start..line.span.start + url.end);
        }
    }

    fn documented_url(&mut self, span: Range<usize>) {
        let (url, parsed) = comment::parse(&self.text[span.clone()]);
        match parsed {
            Ok(parsed) => self.url(parsed, span),
            Err(error) => {
                self.meant.push(Format::meant_by(&url.text));
                let part = url.before(error.span());
                let at = span.start + part.start..span.start + part.end;
                self.url_error("invalid_url", at, "this URL", &error);
            }
        }
    }

    fn url_error(&mut self, code: &'static str, at: Range<usize>, subject: &str, error: &UrlError) {
        let help = error.help().map(str::to_owned);
        self.report(code, at, error.message(subject), help);
    }

    fn url(&mut self, url: RedisUrl, span: Range<usize>) {
        self.secret(&url, span);
        self.urls.push(url);
    }

    /// Looks for secrets in URLs that belong to somebody else.
    pub(super) fn secrets(&mut self, span: Range<usize>) {
        for url in comment::prose_urls(&self.text[span.clone()]) {
            let span = span.start + url.start..span.start + url.end;
            if let (_, Ok(url)) = comment::parse(&self.text[span.clone()]) {
                self.secret(&url, span);
            }
        }
    }

    fn secret(&mut self, url: &RedisUrl, span: Range<usize>) {
        if !url
            .password()
            .is_some_and(|password| secret::is_committed(password, url.hosts()))
        {
            return;
        }
        let text = &self.text[span.clone()];
        let password = text
            .find("://")
            .zip(text.rfind('@'))
            .and_then(|(scheme, at)| {
                let colon = text[scheme + 3..at].find(':')?;
                Some(span.start + scheme + 3 + colon + 1..span.start + at)
            });
        self.report(
            "committed_secret",
            password.unwrap_or(span),
            "this password looks like a real one",
            [
                "write `password` instead",
                "change the password on the server: the history of the repository keeps it",
            ],
        );
    }

    pub(super) fn assignment(&mut self, above: &[Line], assignment: &Assignment) {
        let Assignment {
            name,
            value,
            name_span,
            written,
        } = assignment;
        if let Some((_, first)) = self.documented.iter().find(|(known, _)| known == name) {
            let message = format!("`{name}` is assigned twice");
            let help =
                format!("remove this line, or write `# ` before it: line {first} assigns it");
            self.report("assigned_twice", name_span.clone(), message, [help]);
        } else {
            self.documented
                .push((name.clone(), self.position(name_span.start).0));
            if !self.is_explained(above) {
                let message = format!("`{name}` has no comment above it");
                let help =
                    "add a line above it, such as `# Redis: what this application keeps in it`";
                self.report("no_comment", name_span.clone(), message, [help]);
            }
        }
        let raw = &self.text[written.clone()];
        let start = raw.find(value.as_str()).map(|at| written.start + at);
        if value.trim().is_empty() {
            let message = format!("`{name}` has no placeholder");
            let help = format!("write `{name}=redis://localhost:6379`");
            self.meant.push(Format::Local);
            self.report("no_placeholder", name_span.clone(), message, [help]);
        } else if let Some(dollar) = lines::expansion(raw) {
            let at = written.start + dollar..written.start + dollar + 1;
            let message =
                format!("`$` in the placeholder of `{name}`: dotenvy replaces it by a variable");
            let help = format!(
                "write a URL that works as it is, such as `{name}=redis://:password@localhost:6379`"
            );
            self.meant.push(Format::meant_by(raw));
            self.report("invalid_placeholder", at, message, [help]);
        } else {
            match RedisUrl::parse(value) {
                Ok(url) => self.url(url, written.clone()),
                Err(error) => {
                    self.meant.push(Format::meant_by(raw));
                    let Range {
                        start: from,
                        end: to,
                    } = error.span();
                    let at = start.map_or(written.clone(), |start| start + from..start + to);
                    self.url_error("invalid_placeholder", at, &format!("`{name}`"), &error);
                }
            }
        }
    }

    /// Whether there are words in the comment right above, blank lines left aside.
    fn is_explained(&self, above: &[Line]) -> bool {
        above
            .iter()
            .rev()
            .take_while(|line| matches!(line.kind, Kind::Comment | Kind::Blank))
            .map(|line| &self.text[line.span.clone()])
            .any(|text| text.contains(char::is_alphabetic) && comment::assigned(text).is_none())
    }

    pub(super) fn broken(&mut self, line: &Line) {
        let text = &self.text[line.span.clone()];
        let (at, message, help) = match comment::assigned(text) {
            None => {
                let indent = text.len() - text.trim_start().len();
                let help = "write `# ` before it if it is a comment".to_owned();
                (indent..text.trim_end().len(), "expected `NAME=value`", help)
            }
            Some((name, value)) => {
                let line_number = self.position(line.span.start).0;
                if self.is_asked(name) {
                    self.meant.push(Format::meant_by(&text[value.clone()]));
                    self.documented.push((name.to_owned(), line_number));
                }
                let (message, help) = lines::fault(name, &text[value.clone()]);
                (value, message, help)
            }
        };
        let at = line.span.start + at.start..line.span.start + at.end;
        self.report(
            "unloadable_line",
            at,
            format!("dotenvy cannot load this line: {message}"),
            [help],
        );
    }

    pub(super) fn variables(&mut self) {
        let is_there = |name: &str| self.documented.iter().any(|(known, _)| known == name);
        let mut missing: Vec<String> = self
            .asked
            .variables
            .iter()
            .filter(|name| !is_there(name))
            .cloned()
            .collect();
        if missing.is_empty() && self.documented.is_empty() {
            let commented = self.commented.first().map_or("REDIS_URL", |(name, _)| name);
            missing.push(commented.to_owned());
        }
        for name in missing {
            if let Some((_, span)) = self.commented.iter().find(|(known, _)| *known == name) {
                let message = format!("`{name}` is only commented out");
                let help = format!("write `{name}=redis://localhost:6379` without `#`");
                self.report("commented_out", span.clone(), message, [help]);
            } else {
                let message = format!("`{name}` is missing");
                let help = format!(
                    "add these lines:\n# Redis: what this application keeps in it\n{name}=redis://localhost:6379"
                );
                self.report("missing_variable", None, message, [help]);
            }
        }
    }

    pub(super) fn formats(&mut self) {
        let name = self.documented.first().map(|(name, _)| name.as_str());
        let name = name
            .or(self.asked.variables.first().map(String::as_str))
            .unwrap_or("REDIS_URL");
        let name = name.to_owned();
        let at = self.lines.iter().find_map(|line| match &line.kind {
            Kind::Assignment(assignment) if assignment.name == name => {
                Some(assignment.name_span.clone())
            }
            _ => None,
        });
        // Whoever follows the help of a missing variable documents the local one.
        if self.documented.is_empty() {
            self.meant.push(Format::Local);
        }
        for format in self.asked.formats {
            let is_shown = self.urls.iter().any(|url| format.is_shown_by(url));
            if !is_shown && !self.meant.contains(format) {
                let (what, help) = format.lesson(&name);
                let message = format!("no URL {what} is documented");
                self.report("missing_format", at.clone(), message, [help]);
            }
        }
    }

    fn report(
        &mut self,
        code: &'static str,
        at: impl Into<Option<Range<usize>>>,
        message: impl Into<String>,
        help: impl IntoIterator<Item = impl Into<String>>,
    ) {
        let at = at.into();
        let order = at.as_ref().map_or(usize::MAX, |at| at.start);
        let finding = Finding {
            code,
            message: message.into(),
            file: self.asked.file.to_owned(),
            place: at.map(|at| self.place(at)),
            help: help.into_iter().map(Into::into).collect(),
        };
        self.findings.push((order, finding));
    }

    fn place(&self, at: Range<usize>) -> Place {
        let (line, column) = self.position(at.start);
        let start = self.text[..at.start].rfind('\n').map_or(0, |at| at + 1);
        let holder = self
            .lines
            .iter()
            .rev()
            .find(|line| line.span.start <= at.start);
        let kind = holder.map_or(&Kind::Broken, |line| &line.kind);
        let end = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |end| start + end);
        let drawn = self.text[start..end].trim_end_matches('\r');
        let hidden = drawn.len() - drawn.trim_start_matches('\u{feff}').len();
        let masked = mask::masked(&drawn[hidden..], kind);
        let start = start + hidden;
        let span = masked.after(at.start - start..at.end.min(end).max(at.start) - start);
        Place {
            line,
            column,
            masked: masked.text,
            span,
        }
    }

    /// The line and the column of an offset, both from 1; a byte order mark takes no column.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or("")
            .trim_start_matches('\u{feff}');
        (line, column.chars().count() + 1)
    }

    pub(super) fn finish(self) -> Result<Vec<Variable>, Vec<Finding>> {
        let Page {
            mut findings,
            documented,
            ..
        } = self;
        if findings.is_empty() {
            return Ok(documented);
        }
        findings.sort_by_key(|(order, _)| *order);
        Err(findings.into_iter().map(|(_, finding)| finding).collect())
    }
}
