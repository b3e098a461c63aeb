//! A piece of the input that knows where it stands.

use std::ops::Range;

/// A piece of the input and the index of its first byte.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl<'a> Part<'a> {
    /// Returns the input without the ASCII white space around it.
    pub(super) fn trimmed(input: &'a str) -> Part<'a> {
        let text = input.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let start = input.len() - text.len();
        let text = text.trim_end_matches(|c: char| c.is_ascii_whitespace());
        Part { text, start }
    }

    pub(super) fn end(self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn span(self) -> Range<usize> {
        self.start..self.end()
    }

    /// Returns the span of `range`, which counts from the start of this part.
    pub(super) fn span_of(self, range: Range<usize>) -> Range<usize> {
        self.start + range.start..self.start + range.end
    }

    /// Returns the span of the character at `index`.
    pub(super) fn span_at(self, index: usize) -> Range<usize> {
        let width = self.text[index..].chars().next().map_or(0, char::len_utf8);
        self.span_of(index..index + width)
    }

    pub(super) fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn from(self, index: usize) -> Part<'a> {
        Part {
            text: &self.text[index..],
            start: self.start + index,
        }
    }

    pub(super) fn to(self, index: usize) -> Part<'a> {
        Part {
            text: &self.text[..index],
            start: self.start,
        }
    }

    /// Splits at the first `separator`, which belongs to neither side.
    pub(super) fn split_once(self, separator: char) -> Option<(Part<'a>, Part<'a>)> {
        let index = self.text.find(separator)?;
        Some((self.to(index), self.from(index + separator.len_utf8())))
    }

    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Part<'a>> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let part = rest?;
            let Some((head, tail)) = part.split_once(separator) else {
                rest = None;
                return Some(part);
            };
            rest = Some(tail);
            Some(head)
        })
    }
}
