//! A comment → the URLs that it documents, with their placeholders filled in.

use std::borrow::Cow;
use std::ops::Range;

use super::edited::Edited;
use crate::url::{RedisUrl, UrlError};

/// The name and the byte range of the value in an assignment, which may be commented out.
pub(super) fn assigned(line: &str) -> Option<(&str, Range<usize>)> {
    let (left, right) = line.split_once('=')?;
    let name = left
        .trim_start_matches(|c: char| c == '#' || c.is_whitespace())
        .trim_end();
    let name = name.strip_prefix("export").map_or(name, |rest| {
        let trimmed = rest.trim_start();
        if trimmed.len() < rest.len() {
            trimmed
        } else {
            name
        }
    });
    let is_name = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
    let start = line.len() - right.trim_start().len();
    is_name.then(|| (name, start..start + line[start..].trim_end().len()))
}

/// The documented URL in the value of a commented assignment: without quotes and what follows it.
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

/// The URLs of Redis in prose. `https://…` is none, `redis://` alone neither.
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

/// How long the URL is that `text` starts with: up to white space, a quote, or a bracket that was
/// not opened in it. Placeholders such as `<your password>` may hold anything.
fn word(text: &str) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        at += match placeholder(&text[at..]) {
            Some(length) => length,
            None if c.is_whitespace() || "\"'`<>()[]{}|".contains(c) && !is_ipv6(&text[at..]) => {
                return at;
            }
            None if c == '[' => text[at..].find(']').map_or(1, |end| end + 1),
            None => c.len_utf8(),
        };
    }
    at
}

/// Whether `text` is one placeholder and nothing else.
pub(super) fn is_placeholder(text: &str) -> bool {
    placeholder(text) == Some(text.len())
}

/// The length of the placeholder that `text` starts with: `<x>`, `{x}`, `${X}`, `$X`, `[X]`.
fn placeholder(text: &str) -> Option<usize> {
    let after_dollar = text.strip_prefix('$').unwrap_or(text);
    let dollar = text.len() - after_dollar.len();
    let close = match after_dollar.chars().next()? {
        '<' if dollar == 0 => ">",
        '{' if after_dollar.starts_with("{{") => "}}",
        '{' => "}",
        '[' if dollar == 0 && !is_ipv6(text) => "]",
        c if dollar == 1 && (c.is_ascii_alphabetic() || c == '_') => {
            let end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
            return Some(1 + after_dollar.find(end).unwrap_or(after_dollar.len()));
        }
        _ => return None,
    };
    let end = after_dollar.find(close)?;
    let inside = &after_dollar[close.len()..end];
    let opened_again = inside.contains(['<', '{', '[']);
    (end > close.len() - 1 && !inside.is_empty() && !opened_again)
        .then_some(dollar + end + close.len())
}

fn is_ipv6(text: &str) -> bool {
    let address = |rest: &str| Some(rest.split_once(']')?.0.to_owned());
    text.strip_prefix('[')
        .and_then(address)
        .is_some_and(|inside| inside.matches(':').count() > 1)
}

/// What a part of a URL is for, and so what stands in for its placeholder.
#[derive(Clone, Copy)]
enum Part {
    Username,
    Password,
    Host,
    Port,
    Database,
    Other,
}

impl Part {
    fn default(self) -> &'static str {
        match self {
            Part::Host => "localhost",
            Part::Port => "6379",
            Part::Database => "0",
            Part::Username | Part::Password | Part::Other => "x",
        }
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Part::Username => &["user", "username"],
            Part::Password => &["password"],
            Part::Host => &["host", "hostname"],
            Part::Port => &["port"],
            Part::Database => &["db"],
            Part::Other => &[],
        }
    }
}

/// Parses a documented URL with its placeholders filled in.
///
/// What the parser takes for one as well, such as `***` or `your-password`, is filled in too.
pub(super) fn parse(url: &str) -> (Edited, Result<RedisUrl, UrlError>) {
    let mut known = placeholders(url);
    loop {
        let filled = filled_in(url, &known);
        let result = RedisUrl::parse(&filled.text);
        let waiting = match &result {
            Err(error) if matches!(error.code(), "placeholder" | "uninterpolated") => {
                filled.before(error.span())
            }
            _ => return (filled, result),
        };
        let is_part = waiting.start > url.find("://").unwrap_or(url.len());
        let is_new = known
            .iter()
            .all(|span| waiting.end <= span.start || span.end <= waiting.start);
        if !(is_part && is_new) || waiting.is_empty() {
            return (filled, result);
        }
        known.push(waiting);
        known.sort_by_key(|span| span.start);
    }
}

fn filled_in(url: &str, placeholders: &[Range<usize>]) -> Edited {
    // With its placeholders blackened, `<host:port>` has no colon to split at.
    let mut opaque = url.as_bytes().to_vec();
    for span in placeholders {
        opaque[span.clone()].fill(b'x');
    }
    let opaque = String::from_utf8(opaque).expect("placeholders end at character boundaries");

    let mut edits: Vec<(Range<usize>, Cow<str>)> = Vec::new();
    let mut hosts = 0;
    for (span, part) in parts(&opaque) {
        let inside: Vec<_> = placeholders
            .iter()
            .filter(|p| p.start >= span.start && p.end <= span.end)
            .cloned()
            .collect();
        let is_word = part
            .words()
            .iter()
            .any(|word| url[span.clone()].eq_ignore_ascii_case(word));
        let is_number = matches!(part, Part::Port | Part::Database) && !inside.is_empty();
        hosts += usize::from(matches!(part, Part::Host));
        if is_word || is_number || inside.first() == Some(&span) {
            let new = match part {
                Part::Host if hosts > 1 => format!("host-{hosts}").into(),
                part => part.default().into(),
            };
            edits.push((span, new));
        } else {
            edits.extend(inside.into_iter().map(|span| (span, "x".into())));
        }
    }
    Edited::new(url, edits)
}

fn placeholders(url: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = url[at..].chars().next() {
        let length = placeholder(&url[at..]);
        found.extend(length.map(|length| at..at + length));
        at += length.unwrap_or(c.len_utf8());
    }
    found
}

/// Cuts a URL into its parts, in order. It need not be a valid one.
fn parts(url: &str) -> Vec<(Range<usize>, Part)> {
    let Some(start) = url.find("://").map(|at| at + 3) else {
        return vec![(0..url.len(), Part::Other)];
    };
    let mut parts = Vec::new();
    let until =
        |from: usize, stops: &[char]| url[from..].find(stops).map_or(url.len(), |at| from + at);
    let authority = until(start, &['/', '?', '#']);
    let mut hosts = start;
    if let Some(at) = url[start..authority].rfind('@').map(|at| start + at) {
        let colon = url[start..at].find(':').map_or(at, |colon| start + colon);
        parts.push((start..colon, Part::Username));
        parts.push(((colon + 1).min(at)..at, Part::Password));
        hosts = at + 1;
    }
    for host in url[hosts..authority].split(',') {
        let end = hosts + host.len();
        let colon = if host.ends_with(']') {
            None
        } else {
            host.rfind(':')
        };
        let colon = colon.map_or(end, |colon| hosts + colon);
        parts.push((hosts..colon, Part::Host));
        parts.push(((colon + 1).min(end)..end, Part::Port));
        hosts = end + 1;
    }
    let path = until(authority, &['?', '#']);
    let scheme = &url[..start];
    let mut at = authority + 1;
    for (index, segment) in url[authority..path].split('/').skip(1).enumerate() {
        let part = match index {
            _ if scheme.contains("unix") => Part::Other,
            0 if scheme.contains("sentinel") => Part::Other,
            _ => Part::Database,
        };
        parts.push((at..at + segment.len(), part));
        at += segment.len() + 1;
    }
    if path < url.len() {
        parts.push((path..url.len(), Part::Other));
    }
    parts.retain(|(span, _)| !span.is_empty());
    parts
}
