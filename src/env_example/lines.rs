//! `.env.example` text → its lines, each understood as dotenvy understands it.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::Range;

/// One line of the file; an assignment in quotes may go over several.
pub(super) struct Line {
    pub(super) kind: Kind,
    /// The bytes of the first line in the file, without its end.
    pub(super) span: Range<usize>,
}

pub(super) enum Kind {
    Blank,
    Comment,
    Assignment(Assignment),
    /// dotenvy cannot load it. Its own error is dropped at once: it carries the whole line.
    Broken,
}

pub(super) struct Assignment {
    pub(super) name: String,
    /// What dotenvy reads: without quotes, escapes and an inline comment.
    pub(super) value: String,
    pub(super) name_span: Range<usize>,
    /// The value as it is written, with its quotes and an inline comment.
    pub(super) written: Range<usize>,
}

/// Reads `text`, a byte order mark included, into its lines.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut rest = text.len() - text.trim_start_matches('\u{feff}').len();
    while rest < text.len() {
        let end = text[rest..]
            .find('\n')
            .map_or(text.len(), |at| rest + at + 1);
        let span = rest..rest + text[rest..end].trim_end_matches(['\n', '\r']).len();
        let line = text[span.clone()].trim_start();
        let (kind, length) = if line.is_empty() || line.starts_with('#') {
            let comment = !line.is_empty();
            (
                if comment { Kind::Comment } else { Kind::Blank },
                end - rest,
            )
        } else {
            match load(&text[rest..]) {
                Some((name, value, length)) => {
                    (assignment(text, rest..rest + length, name, value), length)
                }
                None => (Kind::Broken, end - rest),
            }
        };
        lines.push(Line { kind, span });
        rest += length;
    }
    lines
}

/// The first variable of `text` as dotenvy loads it, and how many bytes it takes.
fn load(text: &str) -> Option<(String, String, usize)> {
    let taken = Cell::new(0);
    let by_line = LineByLine {
        text,
        taken: &taken,
    };
    let (name, value) = dotenvy::from_read_iter(by_line).next()?.ok()?;
    Some((name, value, taken.get()))
}

fn assignment(text: &str, span: Range<usize>, name: String, value: String) -> Kind {
    let line = &text[span.clone()];
    let equals = line.find('=').unwrap_or(line.len());
    let before = line[..equals].trim_end();
    let name_end = span.start + before.len();
    let after = line.get(equals + 1..).unwrap_or("");
    let start =
        span.start + equals + 1 + (after.len() - after.trim_start_matches([' ', '\t']).len());
    let end = (span.start + line.trim_end().len()).max(start);
    Kind::Assignment(Assignment {
        name_span: name_end - name.len()..name_end,
        written: start..end,
        name,
        value,
    })
}

/// Where dotenvy would replace a `$` and what follows it by the value of a variable.
pub(super) fn expansion(written: &str) -> Option<usize> {
    walk(written)
        .find(|(_, c, quote)| *c == '$' && *quote != Some('\''))
        .map(|(at, ..)| at)
}

/// Why dotenvy does not load the value of `name`, and what to type.
pub(super) fn fault(name: &str, value: &str) -> (&'static str, String) {
    let open = walk(value).last().and_then(|(_, _, quote)| quote);
    match open {
        Some(quote) => (
            "a quote is not closed",
            format!("write `{quote}` at its end"),
        ),
        None if walk(value).any(|(_, c, quote)| quote.is_none() && c.is_whitespace()) => (
            "a value with spaces needs quotes",
            format!("write `{name}=\"…\"`"),
        ),
        None => (
            "unknown escape after a backslash",
            format!("write `{name}='…'`"),
        ),
    }
}

/// The characters of a value as dotenvy walks over them, with the quote that is open after each;
/// escaped characters are left out, and an inline comment ends it.
fn walk(value: &str) -> impl Iterator<Item = (usize, char, Option<char>)> {
    let mut quote = None;
    let mut escaped = false;
    let mut spaced = false;
    let characters = value.char_indices().map_while(move |(at, c)| {
        if spaced && c == '#' {
            return None;
        }
        if escaped {
            escaped = false;
            return Some(None);
        }
        match c {
            '\\' if quote != Some('\'') => escaped = true,
            '"' | '\'' if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ => {}
        }
        spaced = quote.is_none() && c.is_whitespace();
        Some(Some((at, c, quote)))
    });
    characters.flatten()
}

/// Gives out one line per call, so that it is known how many of them dotenvy has taken.
struct LineByLine<'a> {
    text: &'a str,
    taken: &'a Cell<usize>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.text.as_bytes()[self.taken.get()..];
        let line = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let length = line.min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.taken.set(self.taken.get() + length);
        Ok(length)
    }
}
