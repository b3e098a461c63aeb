//! A piece of the input that knows where it stands.

use std::ops::Range;

use super::codes::Problem;
use super::diagnostic::{Diagnostic, Parsed};

/// A piece of the input and the index of its first byte.
#[derive(Clone, Copy)]
pub(super) struct Spanned<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl<'a> Spanned<'a> {
    /// Returns the piece of the input at `range`.
    pub(super) fn at(input: &'a str, range: Range<usize>) -> Spanned<'a> {
        let start = range.start;
        let text = &input[range];
        Spanned { text, start }
    }

    /// Returns the input without the ASCII white space around it.
    pub(super) fn trimmed(input: &'a str) -> Spanned<'a> {
        let start = input.len() - input.trim_ascii_start().len();
        Spanned::at(input, start..start + input.trim_ascii().len())
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

    /// Cuts off what follows the first `separator`.
    pub(super) fn cut(self, separator: char) -> (Spanned<'a>, Option<Spanned<'a>>) {
        let cut = self.split_once(separator);
        cut.map_or((self, None), |(head, tail)| (head, Some(tail)))
    }

    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Spanned<'a>> {
        let mut start = self.start;
        self.text.split(separator).map(move |text| {
            let piece = Spanned { text, start };
            start += text.len() + separator.len_utf8();
            piece
        })
    }

    /// Returns the error that this piece is.
    pub(super) fn error(self, problem: Problem) -> Diagnostic {
        Diagnostic::new(problem, self.span())
    }

    pub(super) fn refuse_if(self, is_wrong: bool, problem: Problem) -> Parsed<()> {
        if is_wrong {
            return Err(self.error(problem));
        }
        Ok(())
    }
}
