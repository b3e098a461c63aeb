//! A line of the file as a report may show it: without its secrets.

use std::ops::Range;

use super::randomness;
use super::span_map::SpanMap;
use super::words;
use crate::dotenv::{LineKind, commented_assignment, inline_comment};
use crate::placeholder;

const MASK: &str = "***";
/// Names of servers that are no secrets.
const USUAL_HOSTS: [&str; 5] = ["localhost", "redis", "valkey", "cache", "keydb"];
/// What stands before a secret in a comment, in options or in JSON, beside [`words::SECRETS`].
const LABELS: [&str; 4] = ["masterauth", "accesskey", "pwd", "pass"];

/// Replaces everything in `line` that may be a secret by `***`: better too much than too little.
pub(super) fn redacted(line: &str, kind: &LineKind) -> SpanMap {
    masked(line, secrets(line, kind))
}

fn masked(line: &str, secrets: Vec<Range<usize>>) -> SpanMap {
    let edits = secrets.into_iter().map(|span| (span, MASK)).collect();
    SpanMap::new(line, edits)
}

/// Returns what may be a secret, in order.
fn secrets(line: &str, kind: &LineKind) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    match kind {
        LineKind::Broken(_) => secrets.extend(beyond_the_name(line)),
        LineKind::Assignment(_) | LineKind::Comment => {
            secrets.extend(plain_value(line).and_then(|value| bare(line, value)));
            secrets.extend(logins(line));
            secrets.extend(labelled(line));
            urls(line, &mut secrets);
        }
        LineKind::Blank => {}
    }
    secrets.extend(randomness::random_words(line));
    joined(secrets)
}

/// Returns every line of a file as it may be shown, without its end. The word `password` is no secret.
#[cfg(feature = "cli")]
pub(crate) fn redacted_lines(text: &str) -> Vec<String> {
    use crate::dotenv::{FaultKind, lines};

    let known = lines(text);
    let mut known = known.iter().peekable();
    let mut at = 0;
    let shown = text.split_inclusive('\n').map(|line| {
        at += line.len();
        // A line inside of quotes may be anything, like one that cannot be loaded.
        let unknown = LineKind::Broken(FaultKind::Unreadable);
        let kind = known.next_if(|known| known.span.start < at);
        let line = line.trim_end_matches(['\n', '\r']);
        let mut secrets = secrets(line, kind.map_or(&unknown, |line| &line.kind));
        secrets.retain(|span| &line[span.clone()] != "password");
        masked(line, secrets).text
    });
    shown.collect()
}

/// Sorts byte ranges, and joins those that overlap.
fn joined(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| span.start);
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => joined.push(span),
        }
    }
    joined
}

/// A broken line may be anything, such as the middle of a private key: only its name can be shown.
fn beyond_the_name(line: &str) -> Option<Range<usize>> {
    let start = match commented_assignment(line) {
        Some(written) => written.value.start,
        None => line.len() - line.trim_start().len(),
    };
    (start < line.len()).then_some(start..line.len())
}

/// Returns the assigned value, up to its comment or a URL in it. It is none for a host, a port or a database.
fn plain_value(line: &str) -> Option<Range<usize>> {
    let written = commented_assignment(line)?;
    let last = line[written.name].rsplit('_').next()?;
    if ["HOST", "PORT", "DB"].contains(&last) {
        return None;
    }
    let value = &line[written.value.clone()];
    let until =
        |end: usize| written.value.start..written.value.start + value[..end].trim_end().len();
    let end = inline_comment(value).unwrap_or(value.len());
    let Some(scheme) = value[..end].find("://") else {
        return Some(until(end));
    };
    // `hunter2 see https://…`
    let word = value[..scheme].rfind(char::is_whitespace).unwrap_or(0);
    Some(until(word)).filter(|value| !value.is_empty())
}

/// Returns whether a value without a scheme is shown as it is.
pub(super) fn is_shown(value: &str) -> bool {
    bare(value, 0..value.len()).is_none()
}

/// Returns a value without a scheme, which is a secret unless it reads like `host:port`.
fn bare(line: &str, value: Range<usize>) -> Option<Range<usize>> {
    let text = &line[value.clone()];
    if let Some(at) = text.rfind('@') {
        // Behind the `@` stands the host, if the text has the form of a URL.
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_:/".contains(c);
        let is_url = !text.contains('=') && text[at + 1..].chars().all(is_host);
        let end = if is_url { at } else { text.len() };
        return Some(value.start..value.start + end);
    }
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    let port = port.split_once('/').map_or(port, |(port, _)| port);
    let is_name = !text.contains(|c: char| "\"',;:$".contains(c)) || text.starts_with("${");
    let plain = host.len() <= 64
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
    let harmless = text.is_empty()
        || placeholder::is_marked(text) && is_name
        || plain && (USUAL_HOSTS.contains(&host) || is_port(port) && !port.is_empty());
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

/// Finds the passwords of words such as `user:password@host`, which have no scheme.
fn logins(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for word in line.split_inclusive(char::is_whitespace) {
        let at = word
            .rfind('@')
            .filter(|_| !word.contains("://"))
            .unwrap_or(0);
        if let Some(colon) = word[..at].find(':')
            && colon + 1 < at
        {
            found.push(start + colon + 1..start + at);
        }
        start += word.len();
    }
    found
}

/// Finds what stands behind a word for a secret: `password=…`, `"token": "…"`, `# requirepass …`.
fn labelled(line: &str) -> Vec<Range<usize>> {
    let lower = in_lower_case(line);
    let mut found = Vec::new();
    // `redis-cli -a hunter2`
    let option = lower.contains("redis-cli").then_some(" -a");
    let labels = words::SECRETS.into_iter().chain(LABELS).chain(option);
    for label in labels {
        for (at, _) in lower.match_indices(label) {
            let mut from = at + label.len();
            let rest = lower[from..].trim_start_matches(['"', '\'', ' ']);
            let is_assigned = rest.starts_with(['=', ':', '：']);
            let value = rest.trim_start_matches(['"', '\'', ' ', '=', ':', '：']);
            if value.len() == lower[from..].len() {
                continue;
            }
            from = line.len() - value.len();
            let end = value.find(|c: char| c.is_whitespace() || "\"',;&)}".contains(c));
            let value = &line[from..from + end.unwrap_or(value.len())];
            let is_secret = is_assigned && !value.starts_with("//")
                || randomness::has_letters_and_digits(value);
            if is_secret && !value.is_empty() && !words::is_example_password(value) {
                found.push(from..from + value.len());
            }
        }
    }
    found
}

/// Returns the text in lower case with every character at the byte where it was.
fn in_lower_case(text: &str) -> String {
    let lower = |c: char| {
        let mut all = c.to_lowercase();
        let one = all.next().filter(|one| one.len_utf8() == c.len_utf8());
        one.filter(|_| all.next().is_none()).unwrap_or(c)
    };
    text.chars().map(lower).collect()
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
        // With a second colon it may be a URL that has lost its `@`.
        if let Some((name, port)) = host.split_once(':')
            && !host.starts_with('[')
            && !placeholder::is_marked(host)
            && !is_port(port)
        {
            return Some(position + name.len() + 1);
        }
        position += host.len() + 1;
    }
    None
}

fn is_port(text: &str) -> bool {
    // The sentence that it stands in may go on at once.
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric() && !c.is_ascii());
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
        let value = pair.find('=').map_or(0, |at| at + 1);
        // `?hunter2`
        let is_hidden = value > 0 || pair.contains(|c: char| c.is_ascii_digit());
        if value < pair.len() && is_hidden {
            secrets.push(start + value..start + pair.len());
        }
        start += pair.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{joined, redacted};
    use crate::dotenv::lines;

    #[cfg(feature = "cli")]
    #[test]
    fn lines_inside_of_quotes_are_hidden_like_broken_ones() {
        let text =
            "A=1 # c\r\n\r\nKEY=\"begin\nhunter2\n\nend\"\n# redis://u:hunter2@h\nB=cache:6379";
        let expected = [
            "A=*** # c",
            "",
            "KEY=***",
            "***",
            "",
            "***",
            "# redis://u:***@h",
            "B=cache:6379",
        ];
        assert_eq!(super::redacted_lines(text), expected);
    }

    #[test]
    fn what_overlaps_is_joined_and_what_touches_is_not() {
        let spans = vec![4..6, 0..2, 1..3, 3..4];
        assert_eq!(joined(spans), [0..3, 3..4, 4..6]);
    }

    #[test]
    fn hides_what_may_be_a_secret() {
        for (line, expected) in [
            ("# redis://u:hunter2@h/1", "# redis://u:***@h/1"),
            // In lower case `İ` has another length.
            ("# İ PASSWORD: hunter2", "# İ PASSWORD: ***"),
            ("# CONTRASEÑA: hunter2", "# CONTRASEÑA: ***"),
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
            ("REDIS_HOST=cache", "REDIS_HOST=cache"),
            ("# user:hunter2@host", "# user:***@host"),
            ("# ask user:@host", "# ask user:@host"),
            ("# :@a or redis://b", "# :@a or redis://b"),
            ("A=password=a@hunter2", "A=***"),
            ("A=h:6380,password=a@hunter2,ssl=True", "A=***"),
            (
                "# redis://default:hunter2host:6379",
                "# redis://default:***",
            ),
            ("# redis://:hunter2.host.com:6379/0", "# redis://:***"),
            ("# redis://[::1]:6379", "# redis://[::1]:6379"),
            (
                "# the token AX8kd93ksl2LsPq0, redis://b",
                "# the token ***, redis://b",
            ),
            ("# redis://<host:port>/0", "# redis://<host:port>/0"),
            ("# A=hunter2 see https://a.b", "# A=*** https://a.b"),
            ("A=x=a@hunter2", "A=***"),
            ("A=<host>", "A=<host>"),
            ("A=cache", "A=cache"),
            ("A=db1:6379", "A=db1:6379"),
            ("A=hun!ter2:6379", "A=***"),
            ("# redis://a redis://b@c", "# redis://a redis://***@c"),
            ("# redis://u:@h", "# redis://u:@h"),
            ("# password: hunter", "# password: ***"),
            ("# the password is changed", "# the password is changed"),
            ("# redis://a:1,b:hunter2", "# redis://a:1,b:***"),
            ("# redis://cache:6379。", "# redis://cache:6379。"),
            ("# redis://h?hunter2", "# redis://h?***"),
            (
                "# redis://h?x=hunter and=more",
                "# redis://h?x=*** and=more",
            ),
            ("# redis://h?x=", "# redis://h?x="),
        ] {
            let kind = &lines(line)[0].kind;
            assert_eq!(redacted(line, kind).text, expected);
        }
    }
}
