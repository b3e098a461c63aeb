//! [`Edited`]: a text in which parts were replaced, and which byte went where.

use std::ops::Range;

/// A copy of a text with parts of it replaced; positions can be carried over in both directions.
pub(super) struct Edited {
    pub(super) text: String,
    /// Each part of the original and what stands in its place, as ranges in the two texts.
    replaced: Vec<(Range<usize>, Range<usize>)>,
}

impl Edited {
    /// Replaces parts of `original`, given in order and without overlap.
    pub(super) fn new(original: &str, edits: Vec<(Range<usize>, impl AsRef<str>)>) -> Edited {
        let mut text = String::with_capacity(original.len());
        let mut replaced = Vec::with_capacity(edits.len());
        let mut copied = 0;
        for (span, new) in edits {
            text.push_str(&original[copied..span.start]);
            let start = text.len();
            text.push_str(new.as_ref());
            copied = span.end;
            replaced.push((span, start..text.len()));
        }
        text.push_str(&original[copied..]);
        Edited { text, replaced }
    }

    /// Where a range of the original is in the edited text; a replaced part counts as a whole.
    pub(super) fn after(&self, span: Range<usize>) -> Range<usize> {
        self.carry(span, |(old, new)| (old, new))
    }

    /// Where a range of the edited text is in the original.
    pub(super) fn before(&self, span: Range<usize>) -> Range<usize> {
        self.carry(span, |(old, new)| (new, old))
    }

    fn carry<'a>(
        &'a self,
        span: Range<usize>,
        direction: impl Fn(&'a (Range<usize>, Range<usize>)) -> (&'a Range<usize>, &'a Range<usize>),
    ) -> Range<usize> {
        let (mut start, mut end) = (span.start, span.end);
        for (from, to) in self.replaced.iter().map(direction) {
            if span.start >= from.end {
                start = to.end + (span.start - from.end);
            } else if span.start >= from.start {
                start = to.start;
            }
            if span.end >= from.end {
                end = to.end + (span.end - from.end);
            } else if span.end > from.start {
                end = to.end;
            }
        }
        start..end.max(start)
    }
}
