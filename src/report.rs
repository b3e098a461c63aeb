//! A finding in its text, drawn like rustc does: used for `.env.example` and for `REDIS_URL`.

use std::ops::Range;

/// Returns the line of carets that goes under `line`, pointing at the byte range `span` of it.
pub(crate) fn carets(line: &str, span: Range<usize>) -> String {
    let columns = |text: &str| text.chars().count();
    let before = columns(line.get(..span.start).unwrap_or(line));
    let under = columns(line.get(span).unwrap_or("")).max(1);
    " ".repeat(before) + &"^".repeat(under)
}
