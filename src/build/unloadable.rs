//! Why dotenvy cannot load a line, and what to type.

use std::ops::Range;

use super::randomness;
use crate::dotenv::{FaultKind, commented_assignment};
use crate::url::RedisUrl;

/// What is wrong with a line.
pub(super) struct Problem {
    /// The bytes of the line that it is about.
    pub(super) at: Range<usize>,
    pub(super) why: &'static str,
    pub(super) help: String,
}

/// What stands before a name in other formats than that of `.env`.
const PREFIXES: [&str; 7] = ["ENV ", "ARG ", "EXPORT ", "SET ", "set ", "- ", "$env:"];

/// A line that was meant to be an assignment.
pub(super) struct Meant {
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
}

/// Reads a line in which something else stands before the name or for the `=`: `ENV REDIS_URL=…`,
/// `- REDIS_URL=…`, `REDIS_URL: …`, `REDIS_URL ?= …`.
pub(super) fn meant(line: &str) -> Option<Meant> {
    let indent = line.len() - line.trim_start().len();
    let prefix = PREFIXES.iter().find(|it| line[indent..].starts_with(**it));
    let start = indent + prefix.map_or(0, |prefix| prefix.len());
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let end = start + line[start..].find(|c| !is_part(c))?;
    let sign = line[end..].trim_start();
    let after = ["?=", ":=", "=", ": ", ":", "redis", "valkey"]
        .iter()
        .find_map(|it| {
            let is_value = it.starts_with(char::is_alphabetic) && sign.len() < line[end..].len();
            if is_value {
                return sign.starts_with(it).then_some(sign);
            }
            sign.strip_prefix(it)
                .filter(|_| !it.starts_with(char::is_alphabetic))
        })?;
    let value = line.len() - after.trim_start().len()..line.trim_end().len();
    let name = &line[start..end];
    let is_name = name.contains(|c: char| c.is_ascii_uppercase())
        && !name.starts_with(|c: char| c.is_ascii_digit());
    (is_name && value.start <= value.end && !randomness::looks_random(&line[start..end])).then_some(
        Meant {
            name: start..end,
            value,
        },
    )
}

/// Explains the fault of a line; it is read as assignment before it is read as anything else.
pub(super) fn explain(line: &str, fault: FaultKind) -> Problem {
    if let Some(written) = commented_assignment(line) {
        let (why, help) = value(fault, &line[written.value.clone()]);
        let at = written.value;
        return Problem { at, why, help };
    }
    let indent = line.len() - line.trim_start().len();
    Problem {
        at: indent..line.trim_end().len(),
        why: "expected `NAME=value`",
        help: other_line(line),
    }
}

/// A value over several lines that has no quotes, such as a private key or JSON.
pub(super) struct Block {
    /// The index of its last line.
    pub(super) last: usize,
    start: &'static str,
    quote: char,
}

impl Block {
    /// Returns the block that starts at the line `first`, if its end is there.
    pub(super) fn starting(lines: &[&str], first: usize) -> Option<Block> {
        const LONGEST: usize = 200;
        let value = &lines[first][commented_assignment(lines[first])?.value];
        let starts = [
            ("-----BEGIN", "-----END", '"'),
            ("{", "}", '\''),
            ("[", "]", '\''),
        ];
        let (start, end, quote) = starts.into_iter().find(|(start, ..)| {
            let rest = value.strip_prefix(start);
            rest.is_some_and(|rest| start.len() > 1 || rest.is_empty())
        })?;
        let later = lines[first + 1..].iter().take(LONGEST);
        let last = first
            + 1
            + later
                .clone()
                .position(|line| line.trim_start().starts_with(end))?;
        Some(Block { last, start, quote })
    }

    pub(super) fn explain(&self, line: &str) -> Problem {
        let Block { start, quote, .. } = self;
        let from = line.len() - line.trim_start().len();
        Problem {
            at: from..line.trim_end().len(),
            why: "a value with several lines needs quotes",
            help: format!("write `{quote}` before `{start}` and behind the last line of the value"),
        }
    }
}

fn value(fault: FaultKind, raw: &str) -> (&'static str, String) {
    let quoted = |quote: char| format!("write `{quote}` before the value and behind it");
    match fault {
        // `it's fine`
        FaultKind::OpenQuote('\'') if !raw.starts_with('\'') && !raw.contains('"') => {
            ("a quote is not closed", quoted('"'))
        }
        FaultKind::OpenQuote(quote) => (
            "a quote is not closed",
            format!("write `{quote}` at its end"),
        ),
        FaultKind::TextAfterSpace => {
            let first = raw.find(char::is_whitespace).unwrap_or(raw.len());
            let rest = raw[first..].trim_start();
            let help = if rest.starts_with("//") {
                "write ` #` for ` //`".to_owned()
            } else if raw[..first].ends_with('#') && RedisUrl::parse(&raw[..first - 1]).is_ok() {
                "write ` #` for `#`".to_owned()
            } else if RedisUrl::parse(&raw[..first]).is_ok() {
                "write `# ` before what follows the URL".to_owned()
            } else if raw.contains(['"', '\\', '$']) {
                quoted('\'')
            } else {
                quoted('"')
            };
            ("a value with spaces needs quotes", help)
        }
        FaultKind::InvalidEscape => ("unknown escape after a backslash", quoted('\'')),
        FaultKind::UnescapedDollar
        | FaultKind::Swallowed
        | FaultKind::NotUtf8
        | FaultKind::Utf16
        | FaultKind::Unreadable => (
            "invalid use of quotes, backslashes or `$`",
            format!("{}, without `'` in the value", quoted('\'')),
        ),
    }
}

/// Returns what to do about a line without the form of an assignment. It never proposes to comment a
/// setting out.
fn other_line(line: &str) -> String {
    let text = line.trim();
    let mark = ["//", "--", ";"]
        .into_iter()
        .find(|mark| text.starts_with(mark));
    if let Some(mark) = mark.filter(|_| !text.starts_with("---")) {
        return format!("write `#` for `{mark}`");
    }
    if let Some(meant) = meant(line) {
        let start = line.len() - line.trim_start().len();
        let name = &line[meant.name];
        return format!("write `{name}=` for `{}`", &line[start..meant.value.start]);
    }
    let name = text.split('=').next().unwrap_or_default().trim();
    let is_part = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_.- ".contains(&b);
    let has_letter = name.contains(|c: char| c.is_ascii_uppercase());
    let is_name = has_letter
        && name.len() <= 64
        && name.bytes().all(is_part)
        && !randomness::looks_random(name);
    if is_name && text.contains('=') {
        let mut valid = name.replace(['-', ' '], "_");
        if valid.starts_with(|c: char| !c.is_ascii_uppercase() && c != '_') {
            valid.insert(0, '_');
        }
        return format!("write `{valid}=` for `{name}=`: a name has letters, digits and `_`");
    }
    "write `# ` before it if it is a comment".to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Block, FaultKind, explain, meant, other_line};

    #[test]
    fn what_was_meant_to_be_an_assignment_has_a_name_and_a_value() {
        for (line, expected) in [
            ("REDIS_URL redis://h", Some(("REDIS_URL", "redis://h"))),
            ("REDIS_URL ?= redis://h", Some(("REDIS_URL", "redis://h"))),
            ("- REDIS_URL: redis://h", Some(("REDIS_URL", "redis://h"))),
            ("REDIS_URLredis://h", None),
            ("REDIS_URL is there", None),
        ] {
            let found = meant(line).map(|it| (&line[it.name], &line[it.value]));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_block_starts_at_a_bracket_that_stands_alone() {
        for (lines, expected) in [
            (&["A=b", "KEY={", "x", "}", "}"], Some(3)),
            (&["A=b", "KEY={x", "x", "}", "}"], None),
            (&["A=b", "KEY={", "x", "x", "]"], None),
        ] {
            let last = Block::starting(lines, 1).map(|block| block.last);
            assert_eq!(last, expected, "{lines:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_assignment_is_one_or_a_comment() {
        let comment = "write `# ` before it if it is a comment";
        for (line, help) in [
            ("-- a note", "write `#` for `--`"),
            ("--- a note", comment),
            ("  - REDIS_URL: x", "write `REDIS_URL=` for `- REDIS_URL: `"),
            (
                "REDIS-URL=x",
                "write `REDIS_URL=` for `REDIS-URL=`: a name has letters, digits and `_`",
            ),
            (
                "1A=x",
                "write `_1A=` for `1A=`: a name has letters, digits and `_`",
            ),
            ("12=x", comment),
            ("Ab=x", comment),
        ] {
            assert_eq!(other_line(line), help, "{line}");
        }
    }

    #[test]
    fn a_hash_behind_a_url_begins_a_comment_that_lacks_its_space() {
        for (line, help) in [
            ("A=redis://h# the cache", "write ` #` for `#`"),
            ("A=x# y", "write `\"` before the value and behind it"),
        ] {
            assert_eq!(
                explain(line, FaultKind::TextAfterSpace).help,
                help,
                "{line}"
            );
        }
    }

    #[test]
    fn an_apostrophe_is_no_quote_that_lacks_its_end() {
        for (line, help) in [
            ("A=it's", "write `\"` before the value and behind it"),
            ("A='it", "write `'` at its end"),
            ("A=it's \"so\"", "write `'` at its end"),
        ] {
            assert_eq!(
                explain(line, FaultKind::OpenQuote('\'')).help,
                help,
                "{line}"
            );
        }
    }
}
