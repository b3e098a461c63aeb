//! A finding in its text, drawn like rustc does: used for `.env.example` and for `REDIS_URL`.

use std::borrow::Cow;
use std::ops::Range;

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
    match c {
        ' '..='~' => 1,
        _ if c == '\t' || c.is_control() || is_invisible(c) => drawn(c).len(),
        _ if is_combining(c) => 0,
        _ if is_wide(c) => 2,
        _ => 1,
    }
}

/// Zero-width, bidirectional and tag characters: text that is not where it seems to be.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff
        | 0xe0000..=0xe007f)
}

fn is_combining(c: char) -> bool {
    matches!(u32::from(c),
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x64b..=0x65f | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f
        | 0xe0100..=0xe01ef)
}

/// East Asian wide characters and emoji.
fn is_wide(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xa960..=0xa97f | 0xac00..=0xd7a3
        | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff01..=0xff60 | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f | 0x1f680..=0x1f6ff | 0x1f900..=0x1faff | 0x20000..=0x3fffd)
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
        check("a=b", "", "a=b\n^");
    }

    #[test]
    fn a_span_outside_of_the_line_is_drawn_at_its_end() {
        assert_eq!(carets("abc", 7..9), "   ^");
    }
}
