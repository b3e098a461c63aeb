//! A piece of the input that knows where it stands.

use std::borrow::Cow;
use std::ops::Range;

use super::diagnostic::{Diagnostic, Message};

/// A piece of the input and the index of its first byte.
#[derive(Clone, Copy)]
pub(super) struct Spanned<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl<'a> Spanned<'a> {
    /// Returns the input without the ASCII white space around it.
    pub(super) fn trimmed(input: &'a str) -> Spanned<'a> {
        let text = input.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let start = input.len() - text.len();
        let text = text.trim_end_matches(|c: char| c.is_ascii_whitespace());
        Spanned { text, start }
    }

    pub(super) fn end(self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn span(self) -> Range<usize> {
        self.start..self.end()
    }

    pub(super) fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// Returns the piece at `range`, which counts from the start of this piece.
    pub(super) fn slice(self, range: Range<usize>) -> Spanned<'a> {
        let start = self.start + range.start;
        let text = &self.text[range];
        Spanned { text, start }
    }

    pub(super) fn from(self, index: usize) -> Spanned<'a> {
        self.slice(index..self.text.len())
    }

    pub(super) fn to(self, index: usize) -> Spanned<'a> {
        self.slice(0..index)
    }

    /// Returns the character at `index`.
    pub(super) fn char_at(self, index: usize) -> Spanned<'a> {
        let width = self.text[index..].chars().next().map_or(0, char::len_utf8);
        self.slice(index..index + width)
    }

    /// Splits at the first `separator`, which belongs to neither side.
    pub(super) fn split_once(self, separator: char) -> Option<(Spanned<'a>, Spanned<'a>)> {
        let index = self.text.find(separator)?;
        Some((self.to(index), self.from(index + separator.len_utf8())))
    }

    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Spanned<'a>> {
        let mut start = self.start;
        self.text.split(separator).map(move |text| {
            let piece = Spanned { text, start };
            start += text.len() + separator.len_utf8();
            piece
        })
    }

    /// Returns the error `code` about this piece; an empty `help` is none.
    pub(super) fn error(
        self,
        code: &'static str,
        message: impl Into<Message>,
        help: impl Into<Cow<'static, str>>,
    ) -> Diagnostic {
        Diagnostic::new(code, self.span(), message, help)
    }
}
