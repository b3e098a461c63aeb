//! A finding in its text, drawn like rustc does: used for `.env.example` and for `REDIS_URL`. And where it is
//! explained.

use std::borrow::Cow;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// The page of the guide that has a section for every code, in the documentation of this version.
const EXPLANATIONS: &str = concat!(
    "https://docs.rs/redis-ready/",
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR"),
    "/redis_ready/guide/errors/"
);

/// Returns the help that names the section for the code of a report, or the page if it has several codes.
pub(crate) fn see<'a>(codes: impl IntoIterator<Item = &'a str>) -> String {
    let mut codes = codes.into_iter();
    let first = codes.next();
    match first.filter(|first| codes.all(|code| code == *first)) {
        Some(code) => format!("see {EXPLANATIONS}#{}", code.to_ascii_lowercase()),
        None => format!("see {EXPLANATIONS}"),
    }
}

/// Returns the line of carets that goes under `line`, pointing at the byte range `span` of it.
pub(crate) fn carets(line: &str, span: Range<usize>) -> String {
    let start = span.start.min(line.len());
    let end = span.end.clamp(start, line.len());
    let columns = |range: Range<usize>| -> usize {
        line.char_indices()
            .filter(|(at, _)| range.contains(at))
            .map(|(_, c)| width(c))
            .sum()
    };
    " ".repeat(columns(0..start)) + &"^".repeat(columns(start..end).max(1))
}

/// Returns `line` as it may be printed: control and invisible characters by their code point.
pub(crate) fn printable(line: &str) -> String {
    line.chars().map(drawn).collect()
}

/// Returns the first `limit` characters of `text` as they may be printed, for what comes from the network.
#[cfg(feature = "client")]
pub(crate) fn printable_start(text: &str, limit: usize) -> String {
    let start: String = text.chars().take(limit).collect();
    let end = if start.len() < text.len() { "…" } else { "" };
    printable(&start) + end
}

/// How a character appears in a report; a raw control character could move the cursor or hide text.
fn drawn(c: char) -> Cow<'static, str> {
    match c {
        '\t' => "    ".into(),
        _ if c.is_control() || is_invisible(c) => format!("\\u{{{:x}}}", u32::from(c)).into(),
        _ => c.to_string().into(),
    }
}

/// How many columns of a terminal [`drawn`] takes.
fn width(c: char) -> usize {
    if c == '\t' || c.is_control() || is_invisible(c) {
        drawn(c).len()
    } else {
        c.width().unwrap_or(0)
    }
}

/// Returns whether a reader cannot see that `c` is there, or cannot tell it from a space: blanks
/// other than the space, and zero-width, bidirectional and tag characters.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164
        | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff9..=0xfffb | 0xe0000..=0xe0fff)
        || c.is_whitespace() && c != ' '
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, part: &str, expected: &str) {
        let start = line.find(part).expect("the part is in the line");
        let drawn = printable(line);
        let carets = carets(line, start..start + part.len());
        assert_eq!(format!("{drawn}\n{carets}"), expected);
    }

    #[test]
    fn carets_stand_under_what_they_mean() {
        check(
            "redis://cache:70000",
            "70000",
            "redis://cache:70000\n              ^^^^^",
        );
        check("\ta=b", "b", "    a=b\n      ^");
        check("名前=b", "b", "名前=b\n     ^");
        check("e\u{301}=b", "b", "e\u{301}=b\n  ^");
        check("a=\u{1b}[0m", "\u{1b}", "a=\\u{1b}[0m\n  ^^^^^^");
        check("a\u{202e}=b", "b", "a\\u{202e}=b\n          ^");
        check(
            "\u{1f511}\t名e\u{301}=b",
            "=",
            "\u{1f511}    名e\u{301}=b\n         ^",
        );
        check("a=名", "名", "a=名\n  ^^");
        check(
            "\u{9db5}\u{1f9d1}\u{1fae0}b",
            "b",
            "\u{9db5}\u{1f9d1}\u{1fae0}b\n      ^",
        );
        check("a=b", "", "a=b\n^");
    }

    #[test]
    fn a_report_names_the_section_of_its_code() {
        let one = see(["TimedOut"]);
        assert!(one.starts_with("see https://docs.rs/redis-ready/"), "{one}");
        assert!(
            one.ends_with("/redis_ready/guide/errors/#timedout"),
            "{one}"
        );
        assert_eq!(see(["invalid_db", "invalid_db"]), see(["invalid_db"]));
        assert!(see(["invalid_db", "invalid_port"]).ends_with("/errors/"));
    }

    #[test]
    fn a_span_outside_of_the_line_is_drawn_at_its_end() {
        assert_eq!(carets("abc", 7..9), "   ^");
    }

    #[test]
    fn characters_that_cannot_be_seen_are_drawn_by_their_code_point() {
        for c in [
            '\u{3164}', '\u{2800}', '\u{34f}', '\u{115f}', '\u{a0}', '\u{3000}',
        ] {
            assert_eq!(
                printable(&c.to_string()),
                format!("\\u{{{:x}}}", u32::from(c))
            );
        }
    }
}
