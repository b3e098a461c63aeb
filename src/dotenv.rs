//! The one reader of `.env` syntax: text → lines and values, as dotenvy reads them.
//!
//! dotenvy decides what the text means. This module adds what dotenvy does not tell: the number of a
//! line, where name and value stand, and why a line cannot be loaded. It also removes byte order marks.
//! The error values of dotenvy carry the text of the line, so none is kept or printed.
//!
//! [`find`] reads one variable of `.env`. What dotenvy does silently and what would change a password
//! is a fault: it expands `$`, and it drops a backslash at the end. A line that dotenvy cannot read does not matter to it when
//! another line assigns the variable: it belongs to another variable. Only when an open quote has
//! swallowed the assignment that is looked for, that is the fault.
//!
//! [`lines`] reads every line of `.env.example`. After a line that dotenvy cannot load it goes on with
//! the next one, so that an open quote does not hide the rest of the file.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::Range;

/// The longest name in a line that may be anything: a longer word before `=` may be a secret.
const MAX_NAME_BYTES: usize = 64;
/// UTF-8's byte order mark, which dotenvy takes for a part of the first name.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The value that [`find`] has found, and the line its assignment starts on, counted from 1.
pub(crate) struct Found {
    pub(crate) value: String,
    pub(crate) line: usize,
}

/// Why the value of an assignment cannot be used, without any of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) kind: FaultKind,
}

/// What is wrong with a line or with the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// dotenvy would replace `$` and what follows it by the value of another variable.
    UnescapedDollar,
    InvalidEscape,
    TextAfterSpace,
    /// This quote is not closed.
    OpenQuote(char),
    /// The assignment stands inside the open quote of another one.
    Swallowed,
    NotUtf8,
    Utf16,
    /// dotenvy rejects the line for a reason that this module does not know.
    Unreadable,
}

/// One line of a file; an assignment in quotes may go on over the lines after it.
pub(crate) struct Line {
    pub(crate) kind: LineKind,
    /// The bytes of the first line in the text, without its end.
    pub(crate) span: Range<usize>,
}

pub(crate) enum LineKind {
    Blank,
    Comment,
    Assignment(Assignment),
    /// dotenvy cannot load it.
    Broken(FaultKind),
}

/// A variable as dotenvy loads it, and where it stands in the text.
pub(crate) struct Assignment {
    /// What dotenvy reads: without quotes, escapes and an inline comment.
    pub(crate) value: String,
    pub(crate) written: Written,
    /// Where dotenvy would replace a `$` and what follows it by the value of a variable.
    pub(crate) expansion: Option<usize>,
    /// Where the `#` of a comment behind the value is.
    pub(crate) comment: Option<usize>,
}

/// Where an assignment has its name and its value, as byte ranges of the text.
///
/// The value is as it is written, with its quotes and an inline comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl Written {
    fn moved_by(self, offset: usize) -> Written {
        let Written { name, value } = self;
        Written {
            name: name.start + offset..name.end + offset,
            value: value.start + offset..value.end + offset,
        }
    }
}

/// Returns the first assignment of `name`, or `None` where there is none.
pub(crate) fn find(text: &[u8], name: &str) -> Result<Option<Found>, Fault> {
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        let kind = FaultKind::Utf16;
        return Err(Fault { line: 1, kind });
    }
    let mut line = 1;
    let mut swallowed = None;
    for block in Blocks::new(text, Resume::AfterBlock) {
        let first = line;
        line += newlines(&text[block.span.clone()]);
        let BlockKind::Statement(loaded) = block.kind else {
            continue;
        };
        let statement = String::from_utf8_lossy(&text[block.span]);
        match assignment(&statement) {
            Some(written) if &statement[written.name.clone()] == name => {
                return usable(loaded, &statement, written)
                    .map(|value| Some(Found { value, line: first }))
                    .map_err(|kind| Fault { line: first, kind });
            }
            _ if swallowed.is_none() && holds(&statement, name) => swallowed = Some(first),
            _ => {}
        }
    }
    swallowed.map_or(Ok(None), |line| {
        let kind = FaultKind::Swallowed;
        Err(Fault { line, kind })
    })
}

fn newlines(text: &[u8]) -> usize {
    text.split(|byte| *byte == b'\n').count() - 1
}

/// Whether a later line of `statement` assigns `name`.
fn holds(statement: &str, name: &str) -> bool {
    let mut lines = statement.lines().skip(1);
    lines.any(|line| assignment(line).is_some_and(|written| &line[written.name] == name))
}

fn usable(loaded: Option<String>, statement: &str, written: Written) -> Result<String, FaultKind> {
    if loaded.is_none() && statement.contains(char::REPLACEMENT_CHARACTER) {
        return Err(FaultKind::NotUtf8);
    }
    let raw = &statement[written.value];
    let dollar = expansion(raw).map(|at| (at, FaultKind::UnescapedDollar));
    let first = dollar
        .into_iter()
        .chain(rejected(raw))
        .min_by_key(|(at, _)| *at);
    match first {
        Some((_, kind)) => Err(kind),
        None => loaded.ok_or(FaultKind::Unreadable),
    }
}

/// Returns every line of `text`, which may start with a byte order mark.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    Blocks::new(text.as_bytes(), Resume::AfterBrokenLine)
        .map(|block| line(text, block))
        .collect()
}

fn line(text: &str, block: Block) -> Line {
    let span = block.first_line;
    let kind = match block.kind {
        BlockKind::Blank => LineKind::Blank,
        BlockKind::Comment => LineKind::Comment,
        BlockKind::Statement(Some(value)) => {
            let start = block.span.start;
            match assignment(&text[block.span]) {
                Some(written) => LineKind::Assignment(loaded(text, value, written.moved_by(start))),
                None => LineKind::Broken(FaultKind::Unreadable),
            }
        }
        BlockKind::Statement(None) => LineKind::Broken(why_broken(&text[span.clone()])),
    };
    Line { kind, span }
}

fn loaded(text: &str, value: String, written: Written) -> Assignment {
    let raw = &text[written.value.clone()];
    let in_text = |at: usize| written.value.start + at;
    Assignment {
        value,
        expansion: expansion(raw).map(in_text),
        comment: inline_comment(raw).map(in_text),
        written,
    }
}

fn why_broken(line: &str) -> FaultKind {
    assignment(line)
        .and_then(|written| rejected(&line[written.value]))
        .map_or(FaultKind::Unreadable, |(_, kind)| kind)
}

/// Returns the assignment in a line that may be broken or commented out.
pub(crate) fn commented_assignment(line: &str) -> Option<Written> {
    let marks = |c: char| c == '#' || c.is_whitespace();
    let start = line.len() - line.trim_start_matches(marks).len();
    let written = assignment(&line[start..])?.moved_by(start);
    (written.name.len() <= MAX_NAME_BYTES).then_some(written)
}

/// Splits `export NAME = value` into name and value, as dotenvy does.
fn assignment(text: &str) -> Option<Written> {
    let (mut name, mut next) = name(text, text.len() - text.trim_start().len())?;
    if &text[name.clone()] == "export" && !text[next..].starts_with('=') {
        (name, next) = self::name(text, next)?;
    }
    let value = text[next..].strip_prefix('=')?;
    let start = text.len() - value.trim_start().len();
    let value = start..start + text[start..].trim_end().len();
    Some(Written { name, value })
}

/// Returns the name that starts at `at`, and where the text goes on after the white space behind it.
fn name(text: &str, at: usize) -> Option<(Range<usize>, usize)> {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if !text[at..].starts_with(starts) {
        return None;
    }
    let end = at + text[at..].find(|c| !is_part(c))?;
    let next = text.len() - text[end..].trim_start().len();
    Some((at..end, next))
}

/// Returns where dotenvy would replace a `$` in a raw value.
fn expansion(raw: &str) -> Option<usize> {
    walk(raw)
        .find(|step| step.token == Token::Text('$') && step.quote != Some('\''))
        .map(|step| step.at)
}

/// Returns where the comment behind a raw value starts.
pub(crate) fn inline_comment(raw: &str) -> Option<usize> {
    let end = walk(raw).last().map_or(0, |step| {
        step.at
            + match step.token {
                Token::Text(c) => c.len_utf8(),
                Token::Escape(c) => 1 + c.map_or(0, char::len_utf8),
            }
    });
    raw[end..].starts_with('#').then_some(end)
}

/// Returns the first thing in a raw value that dotenvy rejects, and where it is.
fn rejected(raw: &str) -> Option<(usize, FaultKind)> {
    let mut open = None;
    for Step { at, token, quote } in walk(raw) {
        open = quote;
        match token {
            Token::Escape(Some('\\' | '\'' | '"' | '$' | ' ' | 'n')) => {}
            Token::Escape(_) => return Some((at, FaultKind::InvalidEscape)),
            Token::Text(' ' | '\t') if quote.is_none() => {
                let rest = raw[at..].trim_start_matches([' ', '\t']);
                let ends = rest.is_empty() || rest.starts_with('#');
                return (!ends).then_some((at, FaultKind::TextAfterSpace));
            }
            Token::Text(_) => {}
        }
    }
    open.map(|quote| (raw.len(), FaultKind::OpenQuote(quote)))
}

/// A character of a raw value, or a backslash and the character that it escapes.
struct Step {
    at: usize,
    token: Token,
    /// The quote that is open after it.
    quote: Option<char>,
}

#[derive(PartialEq, Eq)]
enum Token {
    Text(char),
    Escape(Option<char>),
}

/// Walks over a raw value the way dotenvy does, up to an inline comment.
fn walk(raw: &str) -> impl Iterator<Item = Step> {
    let mut quote = None;
    let mut is_after_space = true;
    let mut characters = raw.char_indices();
    let steps = std::iter::from_fn(move || {
        let (at, c) = characters.next()?;
        if c == '#' && quote.is_none() && is_after_space {
            return None;
        }
        is_after_space = c.is_whitespace();
        let mut token = Token::Text(c);
        match (quote, c) {
            (Some(open), close) if open == close => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => token = Token::Escape(characters.next().map(|(_, escaped)| escaped)),
            (None, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        Some(Step { at, token, quote })
    });
    steps.fuse()
}

/// What dotenvy reads in one go: one line, or several lines that quotes join.
struct Block {
    kind: BlockKind,
    /// The bytes of all its lines, with their ends.
    span: Range<usize>,
    /// The bytes of its first line, without the end.
    first_line: Range<usize>,
}

enum BlockKind {
    Blank,
    Comment,
    /// The value that dotenvy has loaded, if it could.
    Statement(Option<String>),
}

/// Where to go on after a statement that dotenvy cannot load.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resume {
    /// After all that dotenvy has read.
    AfterBlock,
    /// After the first line of it.
    AfterBrokenLine,
}

/// The blocks of a text, in order.
struct Blocks<'a> {
    text: &'a [u8],
    at: usize,
    resume: Resume,
}

impl<'a> Blocks<'a> {
    fn new(text: &'a [u8], resume: Resume) -> Blocks<'a> {
        let mut at = 0;
        while text[at..].starts_with(BYTE_ORDER_MARK) {
            at += BYTE_ORDER_MARK.len();
        }
        Blocks { text, at, resume }
    }
}

impl Iterator for Blocks<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let start = self.at;
        let rest = &self.text[start..];
        if rest.is_empty() {
            return None;
        }
        let line = &rest[..line_len(rest)];
        let shown = String::from_utf8_lossy(line);
        let (kind, length) = match shown.trim_start() {
            "" => (BlockKind::Blank, line.len()),
            comment if comment.starts_with('#') => (BlockKind::Comment, line.len()),
            _ => {
                let (value, length) = load(rest);
                let is_broken = value.is_none() && self.resume == Resume::AfterBrokenLine;
                let length = if is_broken { line.len() } else { length };
                (BlockKind::Statement(value), length)
            }
        };
        self.at = start + length;
        let ends = line
            .iter()
            .rev()
            .take_while(|byte| matches!(byte, b'\n' | b'\r'));
        Some(Block {
            kind,
            span: start..self.at,
            first_line: start..start + line.len() - ends.count(),
        })
    }
}

/// How long the first line of `text` is, with its end.
fn line_len(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| *byte == b'\n');
    end.map_or(text.len(), |at| at + 1)
}

/// Loads the first variable of `text`, and returns how many bytes dotenvy has read.
fn load(text: &[u8]) -> (Option<String>, usize) {
    let taken = Cell::new(0);
    let lines = LineByLine {
        text,
        taken: &taken,
        needs_newline: !text.ends_with(b"\n"),
    };
    let item = dotenvy::from_read_iter(lines).next();
    let value = item.and_then(Result::ok).map(|(_, value)| value);
    (value, taken.get())
}

/// Yields at most one line per call, so that dotenvy's buffer never holds more than the line it is
/// at, and counts the bytes.
struct LineByLine<'a> {
    text: &'a [u8],
    taken: &'a Cell<usize>,
    /// dotenvy rejects a last line that ends in a space and not in a newline, so it gets one.
    needs_newline: bool,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.taken.get();
        let rest = &self.text[taken..];
        if rest.is_empty() && self.needs_newline {
            self.needs_newline = false;
            return b"\n".as_slice().read(buffer);
        }
        let length = (&rest[..line_len(rest)]).read(buffer)?;
        self.taken.set(taken + length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultKind, LineKind, commented_assignment, find, lines};

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
    fn a_broken_line_of_another_variable_does_not_matter() {
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
        check_fault(b"REDIS_URL='a\nB=1\n", 1, FaultKind::OpenQuote('\''));
        check_fault(b"REDIS_URL=\"a\n", 1, FaultKind::OpenQuote('"'));
        check_fault(b"A=it's\nREDIS_URL=a\n", 1, FaultKind::Swallowed);
        check_fault(b"#\nA=it's\nREDIS_URL=a\nB=it's\n", 2, FaultKind::Swallowed);
        check_fault(b"A=1\nREDIS_URL=a\xff\n", 2, FaultKind::NotUtf8);
        check_fault(b"\xff\xfeR\0E\0", 1, FaultKind::Utf16);
    }

    /// One line per line of the text: its kind, and for an assignment name, raw value and value.
    fn drawn(text: &str) -> Vec<String> {
        let draw = |kind| match kind {
            LineKind::Blank => "blank".to_owned(),
            LineKind::Comment => "comment".to_owned(),
            LineKind::Broken(fault) => format!("{fault:?}"),
            LineKind::Assignment(it) => {
                let (name, raw) = (&text[it.written.name], &text[it.written.value]);
                let dollar = it.expansion.map_or("", |at| &text[at..]);
                format!("{name}|{raw}|{}|{dollar}", it.value)
            }
        };
        lines(text)
            .into_iter()
            .map(|line| draw(line.kind))
            .collect()
    }

    #[track_caller]
    fn check_lines(text: &str, expected: &[&str]) {
        assert_eq!(drawn(text), expected, "{text:?}");
    }

    #[test]
    fn tells_what_each_line_is() {
        check_lines("", &[]);
        check_lines("\n # a\r\nA=b", &["blank", "comment", "A|b|b|"]);
        check_lines("\u{feff}export A = 'b' # c\n", &["A|'b' # c|b|"]);
        check_lines("A=\nB= # c\n", &["A|||", "B|# c||"]);
        check_lines("A='b\n# c\n'\nB=1", &["A|'b\n# c\n'|b\n# c\n|", "B|1|1|"]);
        check_lines("A=b ", &["A|b|b|"]);
        check_lines("A='$b' # $c\n", &["A|'$b' # $c|$b|"]);
        check_lines("A=\\$b$a\n", &["A|\\$b$a|$b|$a\n"]);
    }

    #[test]
    fn tells_why_a_line_is_broken_and_goes_on_with_the_next() {
        check_lines("a b\nA=1\n", &["Unreadable", "A|1|1|"]);
        check_lines("A=it's\nB=1\n", &["OpenQuote('\\'')", "B|1|1|"]);
        check_lines("A=\"b\n# c\n", &["OpenQuote('\"')", "comment"]);
        check_lines("A=b c\n", &["TextAfterSpace"]);
        check_lines("A=b $c\n", &["TextAfterSpace"]);
        check_lines("A=b\\c\n", &["InvalidEscape"]);
        check_lines("A='b\\'\n", &["Unreadable"]);
    }

    #[test]
    fn finds_an_assignment_behind_a_number_sign() {
        let parts = |line: &'static str| {
            commented_assignment(line).map(|it| (&line[it.name], &line[it.value]))
        };
        assert_eq!(parts("# A=b c "), Some(("A", "b c")));
        assert_eq!(parts("  ## export A_B = 'c'"), Some(("A_B", "'c'")));
        assert_eq!(parts("# export=b"), Some(("export", "b")));
        assert_eq!(parts("# see A=b"), None);
        assert_eq!(parts("# 1A=b"), None);
        assert_eq!(parts("# A"), None);
    }
}
