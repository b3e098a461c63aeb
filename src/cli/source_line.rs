//! [`SourceLines`]: the lines of a source as a report may show them.

use std::ops::Range;

use proc_macro2::TokenTree;

use super::tokens;

/// A source, and where its tokens are.
pub(super) struct SourceLines<'a> {
    text: &'a str,
    /// The bytes of each token, and whether it is a literal; in order.
    tokens: Vec<(Range<usize>, bool)>,
}

impl<'a> SourceLines<'a> {
    /// Takes a source without a byte order mark, and its tokens.
    pub(super) fn new(text: &'a str, tokens: &[TokenTree]) -> SourceLines<'a> {
        let mut all = Vec::new();
        tokens::walk(tokens, &mut |tokens| {
            for token in tokens {
                match token {
                    TokenTree::Group(group) => {
                        let ends = [group.span_open(), group.span_close()];
                        all.extend(ends.map(|span| (span.byte_range(), false)));
                    }
                    TokenTree::Literal(literal) => all.push((literal.span().byte_range(), true)),
                    token => all.push((token.span().byte_range(), false)),
                }
            }
        });
        // The parts of a doc comment are all where the comment is; the text in it is a literal.
        all.sort_by_key(|(span, is_literal)| (span.start, !is_literal));
        SourceLines { text, tokens: all }
    }

    /// Returns the first line of the call at these bytes, and the bytes of that line to underline.
    ///
    /// A literal may be a secret, except for the `name` in the call, and so may a comment: literals are
    /// masked, and of a line with a comment only the call is drawn.
    pub(super) fn show(&self, call: &Range<usize>, name: &str) -> (String, Range<usize>) {
        let start = self.text[..call.start].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[start..].find('\n');
        let end = end.map_or(self.text.len(), |at| start + at);
        let line = start..start + self.text[start..end].trim_end().len();
        let call = call.start..call.end.min(line.end);
        if let Some((before, shown)) = self
            .masked(line.start..call.start, name)
            .zip(self.masked(call.clone(), name))
            && let Some(after) = self.masked(call.end..line.end, "")
        {
            let span = before.len()..before.len() + shown.len();
            return (before + &shown + &after, span);
        }
        let shown = self.masked(call, name).unwrap_or_else(|| "***".to_owned());
        let span = 0..shown.len();
        (shown, span)
    }

    /// Returns a part of the source with `***` for each literal but `name`, or `None` where something is
    /// there that is not a token.
    fn masked(&self, part: Range<usize>, name: &str) -> Option<String> {
        let after = self
            .tokens
            .partition_point(|(span, _)| span.start < part.start);
        // A literal or a comment may have begun in a line above.
        let reaches = |(span, _): &&(Range<usize>, bool)| span.end > part.start;
        let first = after
            - self.tokens[..after]
                .iter()
                .rev()
                .take_while(reaches)
                .count();
        let mut shown = String::new();
        let mut at = part.start;
        for (span, is_literal) in &self.tokens[first..] {
            if span.start >= part.end {
                break;
            }
            let token = span.start.max(at)..span.end.min(part.end);
            if token.is_empty() {
                continue;
            }
            let between = &self.text[at..token.start];
            if !between.trim().is_empty() {
                return None;
            }
            shown += between;
            let text = &self.text[token.clone()];
            let plain = text.trim_start_matches('r').trim_matches(['#', '"']);
            shown += if *is_literal && plain != name {
                "***"
            } else {
                text
            };
            at = token.end;
        }
        let rest = &self.text[at.min(part.end)..part.end];
        rest.trim().is_empty().then(|| shown + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::SourceLines;
    use crate::cli::tokens::read;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let call = "redis_client!(A)";
        let start = text.find(call).unwrap();
        let lines = SourceLines::new(text, &read(text).unwrap());
        let (shown, span) = lines.show(&(start..start + call.len()), "A");
        assert_eq!(shown, expected, "{text}");
        assert_eq!(&shown[span], call, "{text}");
    }

    #[test]
    fn literals_are_masked_wherever_they_begin() {
        let plain = "    let ä = redis_client!(A)?;";
        check(&format!("fn f() {{\r\n{plain}\r\n}}"), plain);
        for (text, expected) in [
            (
                r#"g("hunter2é", redis_client!(A), "")"#,
                r#"g(***, redis_client!(A), "")"#,
            ),
            (
                r#"g("a\"hunter2", redis_client!(A))"#,
                "g(***, redis_client!(A))",
            ),
            (
                "g(r#\"hunter2\"#, redis_client!(A), b'x')",
                "g(***, redis_client!(A), ***)",
            ),
            (
                "g(\"a\n hunter2\", redis_client!(A))",
                "***, redis_client!(A))",
            ),
            (
                "g(redis_client!(A), \"hunter2\n\")",
                "g(redis_client!(A), ***",
            ),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn of_a_line_with_a_comment_the_call_is_drawn() {
        for text in [
            "g(redis_client!(A)) // hunter2",
            "/* hunter2 */ g(redis_client!(A))",
            "g(/* a\n hunter2 */ redis_client!(A))",
        ] {
            check(text, "redis_client!(A)");
        }
        let doc = "/** hunter2 */ fn f() { redis_client!(A) }";
        check(doc, "*** fn f() { redis_client!(A) }");
    }
}
