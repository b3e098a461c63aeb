//! A comment → the URLs that it documents, parsed with their placeholders filled in.

use std::borrow::Cow;
use std::ops::Range;

use super::format::Format;
use super::prose::{BOTH_SCHEMES, group_len};
use super::span_map::SpanMap;
use super::words::{self, Field};
use crate::placeholder;
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
    /// The formats that the URL was probably meant to show.
    pub(super) guess: Vec<Format>,
}

impl DocumentedUrl {
    /// Reads the URL that takes the bytes `span` of the file.
    pub(super) fn read(file: &str, span: Range<usize>) -> DocumentedUrl {
        let parsed = parse(&file[span.clone()]).map_err(|mut invalid| {
            invalid.at = span.start + invalid.at.start..span.start + invalid.at.end;
            invalid
        });
        DocumentedUrl { span, parsed }
    }
}

/// Returns whether the URL can be parsed with its placeholders filled in.
pub(super) fn is_valid(url: &str) -> bool {
    parse(url).is_ok()
}

/// Returns what stands in for the placeholder of a part, so that the URL can be parsed.
fn stand_in(part: Part, text: &str, hosts_before: usize) -> Cow<'static, str> {
    match part.field.filter(|_| part.is_whole) {
        // It is not known where a host is that is left out.
        Some(Field::Host) if text.starts_with(['.', '…']) => "host.example".into(),
        // The hosts of a list have to differ.
        Some(Field::Host) if hosts_before > 0 => format!("host-{}", hosts_before + 1).into(),
        Some(field @ (Field::Host | Field::Port | Field::Database)) => field.example().into(),
        // `<user:password>@`
        Some(Field::Username) if text.contains(':') => "x:x".into(),
        Some(Field::Username | Field::Password) | None => "x".into(),
    }
}

/// How many placeholders of one URL are looked for.
const MOST_PLACEHOLDERS: usize = 64;

/// Parses a documented URL with its placeholders filled in: the marked ones, and what the parser
/// itself calls a placeholder, such as `***` or `your-password`.
fn parse(written: &str) -> Result<RedisUrl, InvalidUrl> {
    let whole = without_options(written);
    let url = &*whole.text;
    let mut known = placeholders(url);
    loop {
        let filled = filled_in(url, &known, stand_in);
        let error = match RedisUrl::parse(&filled.text) {
            Ok(url) => return Ok(url),
            Err(error) => error,
        };
        let at = filled.to_original(error.span());
        let is_placeholder = matches!(error.code(), "placeholder" | "uninterpolated");
        let is_part = at.start > url.find("://").unwrap_or(url.len());
        let mut others = known.iter();
        let is_new = others.all(|span| at.end <= span.start || span.end <= at.start);
        let is_one_more = is_placeholder && is_part && is_new && known.len() < MOST_PLACEHOLDERS;
        if !is_one_more || at.is_empty() {
            let guess = Format::guess(&filled.text);
            let at = whole.to_original(at);
            return Err(InvalidUrl { error, at, guess });
        }
        known.push(at);
        known.sort_by_key(|span| span.start);
    }
}

/// Writes `redis(s)://[:password@]host[/db]` as `redis://:password@host/db`: what may be left out is
/// there, and the scheme is the shorter one.
fn without_options(url: &str) -> SpanMap {
    let is_start = |both: &&&str| {
        let start = url.get(..both.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(both))
    };
    let both = BOTH_SCHEMES.iter().find(is_start);
    let scheme = both.map_or(0, |both| both.len());
    let mut edits: Vec<_> = both
        .map(|both| {
            let is_valkey = both.contains("valkey");
            (0..both.len(), if is_valkey { "valkey" } else { "redis" })
        })
        .into_iter()
        .collect();
    let end = start_of_any_query(url);
    let mut ends = Vec::new();
    for (at, byte) in url.bytes().enumerate().take(end).skip(scheme) {
        let rest = || &url[at..];
        if byte == b'[' && !placeholder::starts_with_ipv6(rest()) && ends.len() < 8 {
            let group = group_len(rest()).filter(|length| is_option(&url[at..at + length]));
            if let Some(length) = group {
                edits.push((at..at + 1, ""));
                ends.push(at + length - 1);
            }
        } else if byte == b']' && ends.last() == Some(&at) {
            ends.pop();
            edits.push((at..at + 1, ""));
        }
    }
    edits.push((end..url.len(), ""));
    SpanMap::new(url, edits)
}

/// Returns where a query starts that stands for any, as in `[?option=value]`, or else the end.
fn start_of_any_query(url: &str) -> usize {
    let stands_for_any = |at: &usize| words::stands_for_a_query(&url[at + 1..]);
    url.find('?').filter(stands_for_any).unwrap_or(url.len())
}

/// Returns whether brackets hold more than the name of one part.
fn is_option(brackets: &str) -> bool {
    brackets.contains([':', '@', '/', '?'])
}

/// Returns where a URL has placeholders that can be seen to be some.
fn placeholders(url: &str) -> Vec<Range<usize>> {
    let mut known = placeholder::marked(url);
    known.truncate(MOST_PLACEHOLDERS);
    let is_free = |at: &Range<usize>| {
        known
            .iter()
            .all(|it| at.end <= it.start || it.end <= at.start)
    };
    let elisions: Vec<_> = elisions(url)
        .filter(is_free)
        .take(MOST_PLACEHOLDERS)
        .collect();
    known.extend(elisions);
    known.sort_by_key(|span| span.start);
    known
}

/// Returns the URL with its placeholders replaced by what `value` returns for the part, whether the
/// placeholder is the whole part, and its text; `None` if `value` knows none.
pub(super) fn with_values(
    written: &str,
    value: impl Fn(Option<Field>, bool, &str) -> Option<String>,
) -> Option<String> {
    let whole = without_options(written);
    let url = &*whole.text;
    let mut is_complete = true;
    let filled = filled_in(url, &placeholders(url), |part, text, _| {
        value(part.field, part.is_whole, text).unwrap_or_else(|| {
            is_complete = false;
            String::new()
        })
    });
    is_complete.then_some(filled.text)
}

/// Returns where a part is left out: `...`, `…`.
fn elisions(url: &str) -> impl Iterator<Item = Range<usize>> {
    let dots = url
        .match_indices("...")
        .map(|(at, dots)| at..at + dots.len());
    let ellipses = url.match_indices('…').map(|(at, dots)| at..at + dots.len());
    // `redis://*.upstash.io`, `redis://*:6379`
    let any = url.match_indices('*').filter(|(at, _)| {
        url[..*at].ends_with(['/', '@']) && url[at + 1..].starts_with(['.', ':'])
    });
    let formats = ["%s", "%d"].into_iter();
    let formats = formats.flat_map(|format| url.match_indices(format).map(|(at, _)| at..at + 2));
    dots.chain(ellipses)
        .chain(any.map(|(at, _)| at..at + 1))
        .chain(formats)
}

/// Replaces the placeholders of a URL by what `value` returns for the part, its text and the number
/// of hosts before it.
fn filled_in<V: AsRef<str>>(
    url: &str,
    placeholders: &[Range<usize>],
    mut value: impl FnMut(Part, &str, usize) -> V,
) -> SpanMap {
    // The text of a placeholder is hidden, so that `<host:port>` has no colon to split at.
    let mut opaque = url.as_bytes().to_vec();
    for span in placeholders {
        opaque[span.clone()].fill(b'x');
    }
    let opaque = String::from_utf8(opaque).expect("placeholders end at character boundaries");

    let mut edits = Vec::new();
    let mut hosts = 0;
    let mut next = 0;
    for (span, field) in parts(&opaque) {
        next += placeholders[next..].partition_point(|it| it.start < span.start);
        let inside = &placeholders[next..];
        let inside = &inside[..inside.partition_point(|it| it.end <= span.end)];
        let text = &url[span.clone()];
        // A part in another script is a word for it: URLs are ASCII.
        let is_masked = placeholder::is_placeholder(text) || !text.is_ascii();
        let is_word = field.is_some_and(|field| field.is_named_by(text) || is_masked);
        let is_number = matches!(field, Some(Field::Port | Field::Database))
            && (!inside.is_empty() || is_range(text));
        if is_word && inside.is_empty() || is_number || inside.first() == Some(&span) {
            let is_whole = true;
            edits.push((span, value(Part { field, is_whole }, text, hosts)));
        } else {
            let is_whole = false;
            let mut part = |span: &Range<usize>| {
                let text = value(Part { field, is_whole }, &url[span.clone()], hosts);
                (span.clone(), text)
            };
            edits.extend(inside.iter().map(&mut part));
        }
        hosts += usize::from(field == Some(Field::Host));
    }
    SpanMap::new(url, edits)
}

/// The part of a URL that has a placeholder.
#[derive(Clone, Copy)]
struct Part {
    field: Option<Field>,
    /// The placeholder is all of it.
    is_whole: bool,
}

/// `6379-6384`, `0..15`, `*`
fn is_range(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || "-–.…,*".contains(c);
    text.chars().all(is_part) && text.contains(|c: char| !c.is_ascii_digit())
}

/// Returns the text of each host of a URL that need not be valid.
pub(super) fn hosts(url: &str) -> impl Iterator<Item = &str> {
    let hosts = |(span, field)| (field == Some(Field::Host)).then(|| &url[span]);
    parts(url).into_iter().filter_map(hosts)
}

/// Returns which part of a URL, which may be invalid, an offset is in.
pub(super) fn field_at(url: &str, at: usize) -> Option<Field> {
    let mut parts = parts(url).into_iter();
    parts.find(|(span, _)| span.contains(&at))?.1
}

/// Cuts a URL, which may be invalid, into its parts in their order.
pub(super) fn parts(url: &str) -> Vec<(Range<usize>, Option<Field>)> {
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
    parts.push((path..url.len(), None));
    parts.retain(|(span, _)| !span.is_empty());
    parts
}

#[cfg(test)]
mod tests;
