//! `.env` text → the value of one variable and the line it stands on, as dotenvy reads it.
//!
//! dotenvy decides what the text means. What it does in silence, and what would change a password,
//! is an error here: it expands `$`, and it drops a backslash at the end. What it does not do is done
//! here: counting lines and removing a byte order mark. Its errors carry the whole line, so none of
//! them is kept.
//!
//! A line that dotenvy cannot read stops nobody from using another one: it is somebody else's
//! variable. Only when an open quote has swallowed the line that was asked for, that is the error.

use std::cell::Cell;
use std::io::{self, Read};

/// A value and the line its assignment starts on, counted from 1.
pub(super) struct Assignment {
    pub(super) value: String,
    pub(super) line: usize,
}

/// Why the value of an assignment cannot be used, without any of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) kind: FaultKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    UnescapedDollar,
    InvalidEscape,
    TextAfterSpace,
    OpenQuote,
    /// The assignment stands inside the open quote of another one.
    Swallowed,
    NotUtf8,
    Utf16,
    Unreadable,
}

/// Returns the first assignment of `name`, or `None` where there is none.
pub(super) fn find(text: &[u8], name: &str) -> Result<Option<Assignment>, Fault> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        let kind = FaultKind::Utf16;
        return Err(Fault { line: 1, kind });
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let taken = Cell::new(0);
    let mut items = dotenvy::from_read_iter(LineByLine::new(&lines, &taken));
    let mut swallowed = None;
    loop {
        let before = taken.get();
        let Some(item) = items.next() else { break };
        let Some((line, block)) = statement(&lines, before, taken.get()) else {
            continue;
        };
        match assignment(&block) {
            Some((assigned, raw)) if assigned == name => {
                let value = usable(item, raw, &block).map_err(|kind| Fault { line, kind })?;
                return Ok(Some(Assignment { value, line }));
            }
            _ if swallowed.is_none() && holds(&block, name) => swallowed = Some(line),
            _ => {}
        }
    }
    swallowed.map_or(Ok(None), |line| {
        let kind = FaultKind::Swallowed;
        Err(Fault { line, kind })
    })
}

/// Returns what dotenvy has read between two calls, without the comments and blank lines before it,
/// and the number of its first line.
fn statement(lines: &[&[u8]], from: usize, to: usize) -> Option<(usize, String)> {
    let is_statement = |line: &&[u8]| {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#')
    };
    let start = from + lines[from..to].iter().position(is_statement)?;
    let block = lines[start..to].concat();
    Some((start + 1, String::from_utf8_lossy(&block).into_owned()))
}

/// Splits `export NAME = value` into name and value, as dotenvy does.
fn assignment(statement: &str) -> Option<(&str, &str)> {
    let (name, rest) = split_name(statement.trim_start())?;
    if let Some(value) = rest.strip_prefix('=') {
        return Some((name, value));
    }
    let (name, rest) = split_name(rest).filter(|_| name == "export")?;
    Some((name, rest.strip_prefix('=')?))
}

fn split_name(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let (name, rest) = text.split_at(text.find(|c| !is_part(c))?);
    (!name.is_empty()).then_some((name, rest.trim_start()))
}

/// Whether a later line of `block` assigns `name`.
fn holds(block: &str, name: &str) -> bool {
    let mut lines = block.lines().skip(1);
    lines.any(|line| assignment(line).is_some_and(|(assigned, _)| assigned == name))
}

fn usable(
    item: dotenvy::Result<(String, String)>,
    raw: &str,
    block: &str,
) -> Result<String, FaultKind> {
    if block.contains(char::REPLACEMENT_CHARACTER) && item.is_err() {
        return Err(FaultKind::NotUtf8);
    }
    match fault(raw.trim()) {
        Some(kind) => Err(kind),
        None => item
            .map(|(_, value)| value)
            .map_err(|_| FaultKind::Unreadable),
    }
}

/// Walks a raw value the way dotenvy does, up to the first thing that must not be there.
fn fault(raw: &str) -> Option<FaultKind> {
    if raw.starts_with('#') {
        return None;
    }
    let mut quote = None;
    let mut characters = raw.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), close) if open == close => quote = None,
            (Some('\''), _) => {}
            (_, '$') => return Some(FaultKind::UnescapedDollar),
            (_, '\\') => match characters.next() {
                Some('\\' | '\'' | '"' | '$' | ' ' | 'n') => {}
                _ => return Some(FaultKind::InvalidEscape),
            },
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ' | '\t') => {
                let rest = characters.as_str().trim_start_matches([' ', '\t']);
                let ends = rest.is_empty() || rest.starts_with('#');
                return (!ends).then_some(FaultKind::TextAfterSpace);
            }
            _ => {}
        }
    }
    quote.map(|_| FaultKind::OpenQuote)
}

/// Yields at most one line per call and counts the lines it has given out: dotenvy's buffer then
/// never holds more than the line it is at.
struct LineByLine<'a> {
    lines: &'a [&'a [u8]],
    taken: &'a Cell<usize>,
    offset: usize,
    ended: bool,
}

impl<'a> LineByLine<'a> {
    fn new(lines: &'a [&'a [u8]], taken: &'a Cell<usize>) -> Self {
        LineByLine {
            lines,
            taken,
            offset: 0,
            ended: lines.last().is_none_or(|line| line.ends_with(b"\n")),
        }
    }
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(line) = self.lines.get(self.taken.get()) else {
            return Ok(0);
        };
        let rest = &line[self.offset..];
        if rest.is_empty() {
            // dotenvy rejects a last line that ends in a space and not in a newline, so it gets one.
            buffer[0] = b'\n';
            self.taken.set(self.lines.len());
            return Ok(1);
        }
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.offset += length;
        let is_last = self.taken.get() + 1 == self.lines.len();
        if self.offset == line.len() && (self.ended || !is_last) {
            self.offset = 0;
            self.taken.set(self.taken.get() + 1);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultKind, find};

    fn check(text: &str, expected: Option<(&str, usize)>) {
        let found = find(text.as_bytes(), "REDIS_URL").expect("no fault");
        let found = found.as_ref().map(|it| (it.value.as_str(), it.line));
        assert_eq!(found, expected, "{text:?}");
    }

    fn check_fault(text: &[u8], line: usize, kind: FaultKind) {
        let fault = find(text, "REDIS_URL")
            .map(|_| "no fault")
            .expect_err("a fault");
        let text = String::from_utf8_lossy(text);
        assert_eq!(fault, Fault { line, kind }, "{text:?}");
    }

    #[test]
    fn reads_as_dotenvy_does_and_counts_lines() {
        check("", None);
        check("\n# REDIS_URL=a\n\n", None);
        check("REDIS_URL=a", Some(("a", 1)));
        check("REDIS_URL=a ", Some(("a", 1)));
        check("REDIS_URL=", Some(("", 1)));
        check("REDIS_URL= # later", Some(("", 1)));
        check("A=1\n\n# it's\n  REDIS_URL = a # b\n", Some(("a", 4)));
        check("A=1\r\nREDIS_URL=a\r\nB=2\r\n", Some(("a", 2)));
        check("\u{feff}REDIS_URL=a\n", Some(("a", 1)));
        check("export REDIS_URL=\"a b\"\n", Some(("a b", 1)));
        check("REDIS_URL='a$b\"c'\n", Some(("a$b\"c", 1)));
        check("REDIS_URL=a\\$b\n", Some(("a$b", 1)));
        check("REDIS_URL=a#b\n", Some(("a#b", 1)));
        check("MY_REDIS_URL=b\nREDIS_URL=a\n", Some(("a", 2)));
        check("KEY='one\ntwo\n'\nREDIS_URL=a\n", Some(("a", 4)));
        let long = "x".repeat(20_000);
        check(&format!("A={long}\nREDIS_URL={long}"), Some((&long, 2)));
    }

    #[test]
    fn the_first_assignment_wins() {
        check("REDIS_URL=a\nREDIS_URL=b\n", Some(("a", 1)));
    }

    #[test]
    fn a_line_of_another_variable_stops_nobody() {
        check(
            "not an assignment\nA=$B\nC=\\q\nREDIS_URL=a\n",
            Some(("a", 4)),
        );
        check("REDIS_URL=a\nA='open\n", Some(("a", 1)));
        let latin_1 = b"# f\xfcr\nA=\xfc\nREDIS_URL=a\n";
        let found = find(latin_1, "REDIS_URL").expect("no fault");
        assert_eq!(found.expect("an assignment").line, 3);
    }

    #[test]
    fn points_at_the_line_that_cannot_be_used() {
        check_fault(b"\nREDIS_URL=a$b\n", 2, FaultKind::UnescapedDollar);
        check_fault(b"REDIS_URL=\"a$b\"\n", 1, FaultKind::UnescapedDollar);
        check_fault(b"REDIS_URL=${A}\n", 1, FaultKind::UnescapedDollar);
        check_fault(b"REDIS_URL=a\\b\n", 1, FaultKind::InvalidEscape);
        check_fault(b"REDIS_URL=a\\\n", 1, FaultKind::InvalidEscape);
        check_fault(b"REDIS_URL=a b\n", 1, FaultKind::TextAfterSpace);
        check_fault(b"REDIS_URL='a' b\n", 1, FaultKind::TextAfterSpace);
        check_fault(b"REDIS_URL='a\nB=1\n", 1, FaultKind::OpenQuote);
        check_fault(b"REDIS_URL=\"a\n", 1, FaultKind::OpenQuote);
        check_fault(b"A=it's\nREDIS_URL=a\n", 1, FaultKind::Swallowed);
        check_fault(b"#\nA=it's\nREDIS_URL=a\nB=it's\n", 2, FaultKind::Swallowed);
        check_fault(b"A=1\nREDIS_URL=a\xff\n", 2, FaultKind::NotUtf8);
        check_fault(b"\xff\xfeR\0E\0", 1, FaultKind::Utf16);
    }
}
