//! [`SpanMap`]: an edited text, and where each byte of the original is in it.

use std::ops::Range;

/// A copy of a text with parts of it replaced; byte ranges can be carried over in both directions.
pub(super) struct SpanMap {
    pub(super) text: String,
    /// Each part of the original and what stands in its place, as ranges in the two texts.
    replaced: Vec<(Range<usize>, Range<usize>)>,
}

impl SpanMap {
    /// Replaces parts of `original`, given in order and without overlap.
    pub(super) fn new(original: &str, edits: Vec<(Range<usize>, impl AsRef<str>)>) -> SpanMap {
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
        SpanMap { text, replaced }
    }

    /// Returns where a range of the original is in the edited text; a replaced part counts as a whole.
    pub(super) fn to_edited(&self, span: Range<usize>) -> Range<usize> {
        self.carry(span, |(old, new)| (old, new))
    }

    /// Returns where a range of the edited text is in the original.
    pub(super) fn to_original(&self, span: Range<usize>) -> Range<usize> {
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

#[cfg(test)]
mod tests {
    use super::SpanMap;

    #[test]
    fn carries_ranges_in_both_directions() {
        let map = SpanMap::new("a<host>b<port>", vec![(1..7, "x"), (8..14, "6379")]);
        assert_eq!(map.text, "axb6379");
        assert_eq!(map.to_edited(0..1), 0..1);
        assert_eq!(map.to_edited(3..5), 1..2);
        assert_eq!(map.to_edited(7..14), 2..7);
        assert_eq!(map.to_original(1..3), 1..8);
        assert_eq!(map.to_original(4..5), 8..14);
        assert_eq!(map.to_original(7..7), 14..14);
    }
}
