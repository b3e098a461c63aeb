//! [`read`]: the text of a `.env.example` becomes a [`Document`], line by line.

use std::ops::Range;

use super::document::{Document, Name, Other, Placeholder, Requirements, Variable};
use super::documented_url::{self, DocumentedUrl};
use super::names::Owner;
use super::prose;
use super::secret;
use super::unloadable;
use super::words::{self, Field};
use crate::dotenv::{self, Assignment, LineKind, commented_assignment};
use crate::url::RedisUrl;

/// How many URLs of one comment are read, and secrets of one line reported: each finding shows the line.
pub(super) const MOST_IN_A_LINE: usize = 100;

/// Reads what `text` says about the required variables.
pub(super) fn read<'a>(text: &'a str, requirements: &'a Requirements<'a>) -> Document<'a> {
    let lines = dotenv::lines(text);
    let written = lines.iter().filter_map(|line| {
        let text = &text[line.span.clone()];
        Some(&text[commented_assignment(text)?.name])
    });
    let mut reader = Reader {
        text,
        requirements,
        adopted: requirements.names.adopted(written),
        document: Document::new(text, requirements),
    };
    for (index, line) in lines.iter().enumerate() {
        match &line.kind {
            LineKind::Blank => {}
            LineKind::Comment => reader.read_comment(index, line.span.clone()),
            LineKind::Broken(_) => reader.read_broken_line(index, &line.span),
            LineKind::Assignment(assignment) => reader.read_assignment(index, assignment),
        }
    }
    reader.document.lines = lines;
    reader.document
}

/// A document that is being read.
struct Reader<'a> {
    text: &'a str,
    requirements: &'a Requirements<'a>,
    /// The one variable with the beginning of another service that is the application's own.
    adopted: Option<&'a str>,
    document: Document<'a>,
}

impl Reader<'_> {
    fn owner(&self, name: &str) -> Owner {
        let names = self.requirements.names;
        if self.adopted == Some(name) {
            return Owner::Ours;
        }
        names.owner(name)
    }

    fn read_comment(&mut self, index: usize, line: Range<usize>) {
        let text = &self.text[line.clone()];
        let Some(written) = commented_assignment(text) else {
            self.document
                .explained_names
                .extend(prose::explained_name(text));
            return self.read_prose(line);
        };
        let name = self.name(index, offset(written.name, line.start));
        let value = offset(written.value, line.start);
        if self.owner(&name.text) != Owner::Ours {
            return self.read_other(name, value, false);
        }
        self.document.commented_names.push(name);
        self.read_commented_value(value);
    }

    /// Reads the value of a commented assignment: one URL, and prose behind it.
    fn read_commented_value(&mut self, value: Range<usize>) {
        let text = &self.text[value.clone()];
        let at_start = prose::urls(text).into_iter().find(|url| url.start == 0);
        let span = at_start.or_else(|| {
            let quote = text.chars().next().filter(|c| "\"'`".contains(*c));
            let start = quote.map_or(0, char::len_utf8);
            let length = match quote {
                Some(quote) => text[1..].find(quote).unwrap_or(text.len() - 1),
                None => prose::word(text),
            };
            let written = &text[start..start + length];
            // `leave empty for in-memory` is prose.
            let is_prose = quote.is_none()
                && length < text.trim_end().len()
                && !written.contains([':', '.', '@', '=']);
            let is_url = !written.trim().is_empty()
                && !is_prose
                && !words::stands_for_a_url(text.trim())
                && !words::stands_for_a_url(written);
            is_url.then_some(start..start + length)
        });
        let end = span.as_ref().map_or(0, |span| span.end);
        if let Some(span) = span {
            let url = DocumentedUrl::read(self.text, offset(span, value.start));
            self.document.documented_urls.push(url);
        }
        self.document.names_tls |= prose::names_the_scheme_of_tls(text);
        self.read_prose(value.start + end..value.end);
    }

    fn read_prose(&mut self, span: Range<usize>) {
        let text = &self.text[span.clone()];
        self.document.names_tls |= prose::names_the_scheme_of_tls(text);
        let mut urls = prose::urls(text)
            .into_iter()
            .map(|url| offset(url, span.start));
        for url in urls.by_ref().take(MOST_IN_A_LINE) {
            self.document
                .documented_urls
                .push(DocumentedUrl::read(self.text, url));
        }
        self.document.other_urls.extend(urls);
        self.document.prose.push(span);
    }

    fn read_other_urls(&mut self, span: Range<usize>) {
        let urls = prose::urls(&self.text[span.clone()]).into_iter();
        self.document
            .other_urls
            .extend(urls.map(|url| offset(url, span.start)));
    }

    fn read_broken_line(&mut self, index: usize, line: &Range<usize>) {
        let text = &self.text[line.clone()];
        let written = commented_assignment(text).map(|it| (it.name, it.value));
        let meant = || unloadable::meant(text).map(|it| (it.name, it.value));
        let Some((name, value)) = written.or_else(meant) else {
            return;
        };
        let name = self.name(index, offset(name, line.start));
        let value = offset(value, line.start);
        if self.owner(&name.text) == Owner::Ours {
            self.document.add_assigned(name);
            self.document.unloadable_values.push(value);
        } else {
            self.read_other(name, value, false);
        }
    }

    /// Reads an assignment that is not checked, for the secrets and the parts of a URL in it.
    fn read_other(&mut self, name: Name, written: Range<usize>, is_loaded: bool) {
        self.read_other_urls(written.clone());
        self.document.others.push(Other {
            name,
            written,
            is_loaded,
        });
    }

    fn read_assignment(&mut self, index: usize, assignment: &Assignment) {
        let Assignment {
            written, comment, ..
        } = assignment;
        let name = self.name(index, written.name.clone());
        let end = comment.unwrap_or(written.value.end);
        let value = written.value.start..end;
        let value = value.start..value.start + self.text[value].trim_end().len();
        match self.owner(&name.text) {
            Owner::Ours => {
                self.document
                    .add_assigned(self.name(index, written.name.clone()));
                let placeholder = self.placeholder(assignment);
                self.document.variables.push(Variable {
                    name,
                    written: value,
                    placeholder,
                });
                self.read_prose(end..written.value.end);
            }
            owner => {
                if owner == Owner::OtherService {
                    let (name, placeholder) = (
                        self.name(index, written.name.clone()),
                        self.placeholder(assignment),
                    );
                    let variable = Variable {
                        name,
                        written: value.clone(),
                        placeholder,
                    };
                    self.document.foreign_variables.push(variable);
                }
                self.read_other(name, value, true);
                self.read_other_urls(end..written.value.end);
                // JSON and options may hold a secret as comments do.
                let is_of_redis = secret::is_of_redis(&self.text[written.name.clone()]);
                let start = if is_of_redis {
                    written.value.start
                } else {
                    end
                };
                self.document.prose.push(start..written.value.end);
            }
        }
    }

    fn placeholder(&self, assignment: &Assignment) -> Placeholder {
        let Assignment {
            value,
            written,
            expansion,
            ..
        } = assignment;
        // First, because what it is replaced by depends on the environment of the build.
        if let Some(dollar) = expansion {
            return Placeholder::Expanded(*dollar);
        }
        if value.trim().is_empty() {
            return Placeholder::Missing;
        }
        match RedisUrl::parse(value) {
            Ok(url) => match self.word_for_host(written.value.clone(), value) {
                Some(at) => Placeholder::WordForHost(at),
                None => Placeholder::Url(Box::new(url)),
            },
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

    /// Returns where an assigned URL has `host` or `your-host` for a host.
    fn word_for_host(&self, written: Range<usize>, url: &str) -> Option<Range<usize>> {
        let start = written.start + self.text[written].find(url)?;
        let is_word = |host: &str| {
            let host = host.to_ascii_lowercase();
            let is_yours = ["your", "my"].iter().any(|it| host.starts_with(it));
            host == "host" || host == "hostname" || is_yours && Field::Host.is_named_by(&host)
        };
        let parts = documented_url::parts(url).into_iter();
        let mut hosts = parts.filter(|(_, field)| *field == Some(Field::Host));
        let (span, _) = hosts.find(|(span, _)| is_word(&url[span.clone()]))?;
        Some(offset(span, start))
    }

    fn name(&self, index: usize, span: Range<usize>) -> Name {
        let text = self.text[span.clone()].to_owned();
        Name { text, span, index }
    }
}

fn offset(span: Range<usize>, by: usize) -> Range<usize> {
    span.start + by..span.end + by
}
