//! Checks on the raw text, where a lenient parser would look away.

use super::error::Fault;
use super::part::Part;
use super::scheme::{self, Scheme};
use crate::placeholder;
use crate::report::is_invisible;

/// Refuses control, invisible and bidirectional characters anywhere.
pub(super) fn check_characters(whole: Part<'_>) -> Result<(), Fault> {
    if whole.text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(());
    }
    let found = whole
        .text
        .char_indices()
        .find(|&(_, c)| c.is_control() || is_invisible(c));
    let Some((index, c)) = found else {
        return Ok(());
    };
    let span = whole.span_at(index);
    let (point, at) = (u32::from(c), span.start);
    if c.is_control() {
        let message = format!("control character U+{point:04X} at byte {at} of {{}}");
        let help = match c {
            '\n' | '\r' => "a newline inside a secret comes from `echo`; `printf %s` writes none",
            _ => "remove the character; in a password write it percent-encoded",
        };
        return Err(Fault::new("control_char", span, message).help(help));
    }
    let message = format!("invisible character U+{point:04X} at byte {at} of {{}}");
    Err(Fault::new("invisible_char", span, message).help("type the URL instead of pasting it"))
}

/// Checks what follows the scheme, in this order: a second URL, templates and
/// placeholders, spaces, quotes, backslashes.
pub(super) fn check_rest(scheme: Scheme, rest: Part<'_>) -> Result<(), Fault> {
    second_url(scheme, rest)?;
    templates(rest)?;
    unsafe_character(rest)
}

fn second_url(scheme: Scheme, rest: Part<'_>) -> Result<(), Fault> {
    let Some(index) = rest.text.find("://") else {
        return Ok(());
    };
    let before = &rest.text[..index];
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let start = before.trim_end_matches(in_scheme).len();
    let span = rest.span_of(start..index + 3);
    let word = &before[start..];
    if start == 0 && !word.is_empty() {
        return Err(Fault::new("repeated_scheme", span, "second scheme in {}")
            .help(format!("keep one `{}://`", scheme.name)));
    }
    if before[..start].ends_with([',', ';', ' ', '|']) && scheme::known(word).is_some() {
        return Err(
            Fault::new("multiple_urls", span, "several URLs in {}, expected one")
                .help("write one URL; `redis-cluster://h1:6379,h2:6379` names several nodes"),
        );
    }
    Ok(())
}

/// A text that opens more templates than this is no URL with a few left in it.
const MOST_TEMPLATES: usize = 128;

/// Finds `${NAME}` and `<name>` where a whole component should be.
fn templates(rest: Part<'_>) -> Result<(), Fault> {
    let text = rest.text;
    if !text.contains(['$', '{', '<', '[', '%', '#', '@', '(']) {
        return Ok(());
    }
    let last_at = text.rfind('@');
    let mut at_start = true;
    let mut attempts = 0;
    for (index, c) in text.char_indices() {
        let in_secret = last_at.is_some_and(|at| index < at);
        let opens = "$%{<#([@".contains(c);
        if opens && (at_start || !in_secret && "$#{<".contains(c)) {
            attempts += 1;
            if attempts > MOST_TEMPLATES {
                break;
            }
            let part = rest.from(index);
            if let Some(len) = placeholder::template_len(part.text)
                && (at_start && ends_component(&part.text[len..])
                    || !in_secret && part.text[1..].starts_with(['{', '(', '%', '[']))
            {
                return Err(uninterpolated(part.to(len)));
            }
            if at_start && let Some(len) = placeholder_len(part.text, in_secret) {
                return Err(placeholder(part.to(len)));
            }
        }
        at_start = ":/@,?&=#".contains(c);
    }
    Ok(())
}

fn ends_component(tail: &str) -> bool {
    tail.is_empty() || tail.starts_with([':', '/', '@', ',', '?', '&', '#'])
}

/// The length of `<name>`, `{name}` and, in userinfo, `[name]`.
fn placeholder_len(text: &str, in_secret: bool) -> Option<usize> {
    let close = match text.as_bytes().first()? {
        b'<' => '>',
        b'{' => '}',
        b'[' => ']',
        _ => return None,
    };
    let len = text.char_indices().take(66).find(|&(_, c)| c == close)?.0 + 1;
    let inner = &text[1..len - 1];
    let is_noun = || {
        matches!(
            inner.to_ascii_lowercase().as_str(),
            "host"
                | "hostname"
                | "ip"
                | "port"
                | "endpoint"
                | "server"
                | "address"
                | "db"
                | "database"
        )
    };
    let fits = len > 2 && !inner.contains(['@', '/']) && ends_component(&text[len..]);
    (fits && (close != ']' || in_secret && !inner.contains(':') || is_noun())).then_some(len)
}

fn uninterpolated(part: Part<'_>) -> Fault {
    Fault::new(
        "uninterpolated",
        part.span(),
        "variable in {} was not expanded",
    )
    .help("set the variable before the URL is put together; write a literal `$` as `%24`")
}

pub(super) fn placeholder(part: Part<'_>) -> Fault {
    Fault::new(
        "placeholder",
        part.span(),
        "placeholder in {} was not replaced",
    )
    .help("replace it by the real value, percent-encoded")
}

fn unsafe_character(rest: Part<'_>) -> Result<(), Fault> {
    let Some(index) = rest.text.find([' ', '"', '\\']) else {
        return Ok(());
    };
    let span = rest.span_at(index);
    let (code, name, escape) = match rest.text.as_bytes()[index] {
        b' ' => ("raw_space", "space", "%20"),
        b'"' => ("raw_quote", "quote `\"`", "%22"),
        _ => ("raw_backslash", "backslash", "%5C"),
    };
    Err(Fault::new(code, span, format!("unescaped {name} in {{}}"))
        .help(format!("write `{escape}`, or remove it")))
}

/// A URL behind its scheme, cut at the first `/`, `?` and `#`.
pub(super) struct Split<'a> {
    pub(super) userinfo: Option<Part<'a>>,
    pub(super) hosts: Part<'a>,
    pub(super) path: Part<'a>,
    pub(super) query: Option<Part<'a>>,
    pub(super) fragment: Option<Part<'a>>,
}

/// Cuts the URL up; an `@` behind the authority means an unescaped delimiter.
pub(super) fn split(rest: Part<'_>) -> Result<Split<'_>, Fault> {
    let text = rest.text;
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    if text[end..].contains('@') {
        return Err(unescaped_delimiter(rest, end));
    }
    let authority = rest.to(end);
    let (userinfo, hosts) = match authority.text.rfind('@') {
        None => (None, authority),
        Some(at) => {
            if let Some(first) = authority.text[..at].find('@') {
                return Err(Fault::new(
                    "unescaped_at",
                    authority.span_at(first),
                    "unescaped `@` in the password of {}",
                )
                .help("write `%40`"));
            }
            (Some(authority.to(at)), authority.from(at + 1))
        }
    };
    let (before, fragment) = cut(rest.from(end), '#');
    let (path, query) = cut(before, '?');
    Ok(Split {
        userinfo,
        hosts,
        path,
        query,
        fragment,
    })
}

fn cut(part: Part<'_>, separator: char) -> (Part<'_>, Option<Part<'_>>) {
    match part.split_once(separator) {
        Some((head, tail)) => (head, Some(tail)),
        None => (part, None),
    }
}

fn unescaped_delimiter(rest: Part<'_>, end: usize) -> Fault {
    let (delimiter, escape) = match rest.text.as_bytes()[end] {
        b'/' => ('/', "%2F"),
        b'?' => ('?', "%3F"),
        _ => ('#', "%23"),
    };
    let message = format!("unescaped `{delimiter}` in the password of {{}}");
    Fault::new("unescaped_delimiter", rest.span_at(end), message).help(format!("write `{escape}`"))
}
