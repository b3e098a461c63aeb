//! A comment → the URLs that it documents, parsed with their placeholders filled in.

use std::borrow::Cow;
use std::ops::Range;

use super::format::Format;
use super::span_map::SpanMap;
use crate::placeholder::{self, Field};
use crate::url::{RedisUrl, UrlError};

/// A URL that the file shows beside the placeholders of its variables.
pub(super) struct DocumentedUrl {
    /// The bytes of the file that it takes.
    pub(super) span: Range<usize>,
    pub(super) parsed: Result<RedisUrl, InvalidUrl>,
}

/// Why a documented URL cannot be parsed.
pub(super) struct InvalidUrl {
    pub(super) error: UrlError,
    /// The bytes of the file that the error is about.
    pub(super) at: Range<usize>,
    /// The format that the URL was probably meant to show.
    pub(super) guess: Format,
}

impl DocumentedUrl {
    /// Reads the URL that takes the bytes `span` of the file.
    pub(super) fn read(file: &str, span: Range<usize>) -> DocumentedUrl {
        let (filled, result) = parse(&file[span.clone()]);
        let parsed = result.map_err(|error| {
            let part = filled.to_original(error.span());
            InvalidUrl {
                at: span.start + part.start..span.start + part.end,
                guess: Format::guess(&filled.text),
                error,
            }
        });
        DocumentedUrl { span, parsed }
    }
}

/// Returns the URL in the value of a commented assignment, without quotes and what follows it.
pub(super) fn value_url(line: &str, value: Range<usize>) -> Option<Range<usize>> {
    let text = &line[value.clone()];
    let quote = text.starts_with(['"', '\'', '`']).then(|| &text[..1]);
    let (start, length) = match quote {
        Some(quote) => (
            value.start + 1,
            text[1..].find(quote).unwrap_or(text.len() - 1),
        ),
        None => (value.start, word(text)),
    };
    (length > 0).then_some(start..start + length)
}

/// Returns the Redis URLs in prose; neither `https://…` nor `redis://` alone counts as one.
pub(super) fn prose_urls(line: &str) -> Vec<Range<usize>> {
    let mut urls = Vec::new();
    let mut from = 0;
    while let Some(colon) = line[from..].find("://").map(|at| from + at) {
        let scheme = line[from..colon]
            .char_indices()
            .rev()
            .take_while(|(_, c)| c.is_ascii_alphanumeric() || "+-.".contains(*c))
            .last()
            .map_or(colon, |(at, _)| from + at);
        let rest = colon + 3;
        let word = &line[rest..rest + word(&line[rest..])];
        let end = rest
            + word
                .trim_end_matches(['.', ',', ';', ':', '!', '?', '…', '*'])
                .len();
        if is_redis(&line[scheme..colon]) && end > rest {
            urls.push(scheme..end);
        }
        from = end.max(rest);
    }
    urls
}

fn is_redis(scheme: &str) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    scheme == "unix"
        || ["redis", "valkey", "sentinel"]
            .iter()
            .any(|name| scheme.contains(name))
}

/// What ends a URL in prose beside white space, unless it belongs to a placeholder or an address.
const STOPS: &str = "\"'`<>()[]{}|";

/// Returns how long the URL at the start of `text` is: up to white space, a quote, or a bracket that
/// was not opened in it. Placeholders such as `<your password>` may hold anything.
fn word(text: &str) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        at += match placeholder::marked_len(&text[at..]) {
            Some(length) => length,
            None if c.is_whitespace() => return at,
            None if STOPS.contains(c) && !placeholder::starts_with_ipv6(&text[at..]) => return at,
            None if c == '[' => text[at..].find(']').map_or(1, |end| end + 1),
            None => c.len_utf8(),
        };
    }
    at
}

/// Returns what stands in for the placeholder of a part, so that the URL can be parsed.
fn stand_in(field: Option<Field>, hosts_before: usize) -> Cow<'static, str> {
    match field {
        // The hosts of a list have to differ.
        Some(Field::Host) if hosts_before > 0 => format!("host-{}", hosts_before + 1).into(),
        Some(Field::Host) => "localhost".into(),
        Some(Field::Port) => "6379".into(),
        Some(Field::Database) => "0".into(),
        Some(Field::Username | Field::Password) | None => "x".into(),
    }
}

/// Parses a documented URL with its placeholders filled in: the marked ones, and what the parser
/// itself calls a placeholder, such as `***` or `your-password`.
fn parse(url: &str) -> (SpanMap, Result<RedisUrl, UrlError>) {
    let mut known = placeholder::marked(url);
    loop {
        let filled = filled_in(url, &known);
        let result = RedisUrl::parse(&filled.text);
        let another = match &result {
            Err(error) if matches!(error.code(), "placeholder" | "uninterpolated") => {
                filled.to_original(error.span())
            }
            _ => return (filled, result),
        };
        let is_part = another.start > url.find("://").unwrap_or(url.len());
        let is_new = known
            .iter()
            .all(|span| another.end <= span.start || span.end <= another.start);
        if !(is_part && is_new) || another.is_empty() {
            return (filled, result);
        }
        known.push(another);
        known.sort_by_key(|span| span.start);
    }
}

fn filled_in(url: &str, placeholders: &[Range<usize>]) -> SpanMap {
    // The text of a placeholder is hidden, so that `<host:port>` has no colon to split at.
    let mut opaque = url.as_bytes().to_vec();
    for span in placeholders {
        opaque[span.clone()].fill(b'x');
    }
    let opaque = String::from_utf8(opaque).expect("placeholders end at character boundaries");

    let mut edits: Vec<(Range<usize>, Cow<str>)> = Vec::new();
    let mut hosts = 0;
    for (span, field) in parts(&opaque) {
        let inside: Vec<_> = placeholders
            .iter()
            .filter(|p| p.start >= span.start && p.end <= span.end)
            .cloned()
            .collect();
        let is_word = field.is_some_and(|field| field.is_named_by(&url[span.clone()]));
        let is_number = matches!(field, Some(Field::Port | Field::Database)) && !inside.is_empty();
        if is_word || is_number || inside.first() == Some(&span) {
            edits.push((span, stand_in(field, hosts)));
        } else {
            edits.extend(inside.into_iter().map(|span| (span, "x".into())));
        }
        hosts += usize::from(field == Some(Field::Host));
    }
    SpanMap::new(url, edits)
}

/// Cuts a URL, which may be invalid, into its parts in their order.
fn parts(url: &str) -> Vec<(Range<usize>, Option<Field>)> {
    let Some(start) = url.find("://").map(|at| at + 3) else {
        return vec![(0..url.len(), None)];
    };
    let mut parts = Vec::new();
    let until =
        |from: usize, stops: &[char]| url[from..].find(stops).map_or(url.len(), |at| from + at);
    let authority = until(start, &['/', '?', '#']);
    let mut hosts = start;
    if let Some(at) = url[start..authority].rfind('@').map(|at| start + at) {
        let colon = url[start..at].find(':').map_or(at, |colon| start + colon);
        parts.push((start..colon, Some(Field::Username)));
        parts.push(((colon + 1).min(at)..at, Some(Field::Password)));
        hosts = at + 1;
    }
    for host in url[hosts..authority].split(',') {
        let end = hosts + host.len();
        let colon = host.rfind(':').filter(|_| !host.ends_with(']'));
        let colon = colon.map_or(end, |colon| hosts + colon);
        parts.push((hosts..colon, Some(Field::Host)));
        parts.push(((colon + 1).min(end)..end, Some(Field::Port)));
        hosts = end + 1;
    }
    let path = until(authority, &['?', '#']);
    let scheme = &url[..start];
    let mut at = authority + 1;
    for (index, segment) in url[authority..path].split('/').skip(1).enumerate() {
        let part = match index {
            _ if scheme.contains("unix") => None,
            // The name of the service.
            0 if scheme.contains("sentinel") => None,
            _ => Some(Field::Database),
        };
        parts.push((at..at + segment.len(), part));
        at += segment.len() + 1;
    }
    if path < url.len() {
        parts.push((path..url.len(), None));
    }
    parts.retain(|(span, _)| !span.is_empty());
    parts
}
