//! A line of the file as a report may show it: without its secrets.

use std::ops::Range;

use super::span_map::SpanMap;
use crate::dotenv::{LineKind, commented_assignment};
use crate::placeholder;

const MASK: &str = "***";

/// Replaces everything in `line` that may be a secret by `***`: better too much than too little.
pub(super) fn redacted(line: &str, kind: &LineKind) -> SpanMap {
    let mut secrets = Vec::new();
    match kind {
        LineKind::Broken(_) => secrets.extend(beyond_the_name(line)),
        _ if line.contains("://") => urls(line, &mut secrets),
        LineKind::Assignment(_) | LineKind::Comment => {
            let assignment = commented_assignment(line);
            secrets.extend(assignment.and_then(|written| bare(line, written.value)));
        }
        LineKind::Blank => {}
    }
    let edits = secrets.into_iter().map(|span| (span, MASK)).collect();
    SpanMap::new(line, edits)
}

/// A broken line may be anything, such as the middle of a private key: only its name can be shown.
fn beyond_the_name(line: &str) -> Option<Range<usize>> {
    let start = match commented_assignment(line) {
        Some(written) => written.value.start,
        None => line.len() - line.trim_start().len(),
    };
    (start < line.len()).then_some(start..line.len())
}

/// Returns a value without a scheme, which is a secret unless it reads like `host:port`.
fn bare(line: &str, value: Range<usize>) -> Option<Range<usize>> {
    let text = &line[value.clone()];
    if let Some(at) = text.rfind('@') {
        return Some(value.start..value.start + at);
    }
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    let port = port.split_once('/').map_or(port, |(port, _)| port);
    let plain = host.len() <= 64
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    let harmless = text.is_empty()
        || placeholder::is_marked(text)
        || plain && (host == "localhost" || is_port(port) && !port.is_empty());
    (!harmless).then_some(value)
}

/// Finds the password or the whole userinfo of every URL in `line`, and every value of its query.
fn urls(line: &str, secrets: &mut Vec<Range<usize>>) {
    secrets.extend(before_the_first_url(line));
    let mut starts = line.match_indices("://").map(|(at, _)| at + 3).peekable();
    while let Some(start) = starts.next() {
        let end = starts.peek().map_or(line.len(), |next| next - 3);
        // An unescaped `/`, `?` or space may be part of a password: only the last `@` ends it.
        let mut position = start;
        if let Some(at) = line[start..end].rfind('@').map(|at| start + at) {
            let password = line[start..at]
                .find(':')
                .map_or(start, |colon| start + colon + 1);
            secrets.extend((password < at).then_some(password..at));
            position = at;
        } else if let Some(port) = odd_port(&line[start..end]) {
            let word_end = line[start..end]
                .find(char::is_whitespace)
                .map_or(end, |at| start + at);
            secrets.push(start + port..word_end);
            position = word_end;
        }
        query(line, position..end, secrets);
    }
}

/// Returns what may be userinfo without a scheme, such as `:password@host or redis://localhost`.
fn before_the_first_url(line: &str) -> Option<Range<usize>> {
    let at = line[..line.find("://")?].rfind('@')?;
    let start = match commented_assignment(line) {
        Some(written) => written.value.start,
        None => line[..at].find(':')? + 1,
    };
    (start < at).then_some(start..at)
}

/// Returns where a URL without userinfo has something else than a port behind the colon: it may be a
/// password whose host is missing.
fn odd_port(rest: &str) -> Option<usize> {
    let end = rest
        .find(|c: char| "/?#\"'`".contains(c) || c.is_whitespace())
        .unwrap_or(rest.len());
    let mut position = 0;
    for host in rest[..end].split(',') {
        if let Some((name, port)) = host.rsplit_once(':')
            && !host.ends_with(']')
            && !is_port(port)
        {
            return Some(position + name.len() + 1);
        }
        position += host.len() + 1;
    }
    None
}

fn is_port(text: &str) -> bool {
    text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit())
        || text.eq_ignore_ascii_case("port")
        || placeholder::is_marked(text)
}

fn query(line: &str, url: Range<usize>, secrets: &mut Vec<Range<usize>>) {
    let Some(question) = line[url.clone()].find('?') else {
        return;
    };
    let mut start = url.start + question + 1;
    let rest = &line[start..url.end];
    let length = rest
        .find(|c: char| c.is_whitespace() || "\"'`".contains(c))
        .unwrap_or(rest.len());
    for pair in rest[..length].split('&') {
        if let Some((key, value)) = pair.split_once('=')
            && !value.is_empty()
        {
            secrets.push(start + key.len() + 1..start + pair.len());
        }
        start += pair.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::redacted;
    use crate::dotenv::lines;

    #[test]
    fn hides_what_may_be_a_secret() {
        for (line, expected) in [
            ("# redis://u:hunter2@h/1", "# redis://u:***@h/1"),
            ("# redis://hunter2@h", "# redis://***@h"),
            ("# redis://a:b c@h?x=hunter2&y", "# redis://a:***@h?x=***&y"),
            ("# redis://app:hunter2", "# redis://app:***"),
            ("A=hunter2", "A=***"),
            ("# A = ${SECRET}", "# A = ${SECRET}"),
            ("A=cache:6379/0", "A=cache:6379/0"),
            ("A=:hunter2@cache", "A=***@cache"),
            ("# :hunter2@a or redis://b", "# :***@a or redis://b"),
            ("A=hunter2@a,redis://b", "A=***@a,redis://b"),
            ("# ask ops@a.b, or redis://b", "# ask ops@a.b, or redis://b"),
            ("A=hunter2 x", "A=***"),
            ("  hunter2", "  ***"),
        ] {
            let kind = &lines(line)[0].kind;
            assert_eq!(redacted(line, kind).text, expected);
        }
    }
}
