//! Texts that stand for a value that has not been filled in.

use std::ops::Range;

/// Templates by how they open and close.
const TEMPLATES: [(&str, &str); 12] = [
    ("${{", "}}"),
    ("${", "}"),
    ("$(", ")"),
    ("$[", "]"),
    ("{{", "}}"),
    ("<%", "%>"),
    ("#{", "}"),
    ("%(", ")s"),
    ("{%", "%}"),
    ("@@", "@@"),
    ("@Microsoft.KeyVault(", ")"),
    ("((", "))"),
];

/// No template is looked for beyond this many bytes.
const LONGEST: usize = 256;

/// Returns the length of the template at the start of the text.
pub(crate) fn template_len(text: &str) -> Option<usize> {
    let end = text.len().min(LONGEST);
    let window = &text.as_bytes()[..end];
    let bracketed = TEMPLATES.iter().find_map(|(open, close)| {
        let inner = window.strip_prefix(open.as_bytes())?;
        let at = inner
            .windows(close.len())
            .position(|bytes| bytes == close.as_bytes())?;
        Some(open.len() + at + close.len())
    });
    bracketed.or_else(|| variable_len(window))
}

/// `$NAME`, `$env:NAME` and `%NAME%`.
fn variable_len(window: &[u8]) -> Option<usize> {
    let (sign, rest) = window.split_first()?;
    let rest_at = if rest.starts_with(b"env:") { 4 } else { 0 };
    let name = &rest[rest_at..];
    let len = name
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
        .count();
    if len == 0 || name[0].is_ascii_digit() {
        return None;
    }
    match sign {
        b'$' => Some(1 + rest_at + len),
        b'%' if name.get(len) == Some(&b'%') => Some(1 + rest_at + len + 1),
        _ => None,
    }
}

/// Returns whether the whole text is one template.
pub(crate) fn is_template(text: &str) -> bool {
    text.len() <= LONGEST
        && TEMPLATES.iter().any(|(open, close)| {
            text.len() >= open.len() + close.len()
                && text.starts_with(open)
                && text.ends_with(close)
        })
        || template_len(text) == Some(text.len())
}

/// What stands where a value should be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfilled {
    /// `${NAME}`: a program should have expanded it.
    Template,
    /// `<name>`: a person should have replaced it.
    Placeholder,
}

/// A text that opens more templates than this is not a URL with a few left in it.
const MOST_TEMPLATES: usize = 128;

/// Finds the first `${NAME}` or `<name>` that is a whole component of the URL `rest`, which has no scheme.
pub(crate) fn first_unfilled(rest: &str) -> Option<(Range<usize>, Unfilled)> {
    let opens = |b: u8| matches!(b, b'$' | b'%' | b'{' | b'<' | b'#' | b'(' | b'[' | b'@');
    if !rest.bytes().any(opens) {
        return None;
    }
    let last_at = rest.rfind('@').unwrap_or(0);
    let mut at_start = true;
    let mut attempts = 0;
    for (index, b) in rest.bytes().enumerate() {
        let in_secret = index < last_at;
        if opens(b) && (at_start || !in_secret && matches!(b, b'$' | b'#' | b'{' | b'<')) {
            attempts += 1;
            if attempts > MOST_TEMPLATES {
                return None;
            }
            let text = &rest[index..];
            if let Some(len) = template_len(text)
                && (at_start && ends_component(&text[len..])
                    || !in_secret && text[1..].starts_with(['{', '(', '%', '[']))
            {
                return Some((index..index + len, Unfilled::Template));
            }
            if at_start && let Some(len) = placeholder_len(text, in_secret) {
                return Some((index..index + len, Unfilled::Placeholder));
            }
        }
        at_start = matches!(b, b':' | b'/' | b'@' | b',' | b'?' | b'&' | b'=' | b'#');
    }
    None
}

fn ends_component(tail: &str) -> bool {
    tail.is_empty() || tail.starts_with([':', '/', '@', ',', '?', '&', '#'])
}

/// Returns the length of `<name>`, `{name}` and, in userinfo, `[name]`.
fn placeholder_len(text: &str, in_secret: bool) -> Option<usize> {
    const NOUNS: [&str; 9] = [
        "host", "hostname", "ip", "port", "endpoint", "server", "address", "db", "database",
    ];
    let close = match text.as_bytes().first()? {
        b'<' => '>',
        b'{' => '}',
        b'[' => ']',
        _ => return None,
    };
    let len = text.char_indices().take(66).find(|&(_, c)| c == close)?.0 + 1;
    let inner = &text[1..len - 1];
    let is_noun = || NOUNS.iter().any(|noun| inner.eq_ignore_ascii_case(noun));
    let fits = len > 2 && !inner.contains(['@', '/']) && ends_component(&text[len..]);
    (fits && (close != ']' || in_secret && !inner.contains(':') || is_noun())).then_some(len)
}

/// Returns whether the whole text is code that would have read the value.
pub(crate) fn is_expression(text: &str) -> bool {
    [
        "process.env",
        "import.meta.env",
        "os.environ",
        "os.getenv",
        "ENV[",
        "ENV.fetch",
        "env(",
        "env:",
        "getenv(",
        "std::env",
        "secrets.",
        "op://",
        "ref+",
        "!Ref",
        "!Sub",
        "!ENV",
        "vault:",
        "arn:aws:",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

/// Returns whether a language has printed the absence of a value.
pub(crate) fn is_nothing(text: &str) -> bool {
    matches!(
        text,
        "undefined" | "null" | "NULL" | "nil" | "None" | "NaN" | "<nil>" | "(null)" | "<none>"
    )
}

/// Returns whether the whole component waits to be replaced.
pub(crate) fn is_placeholder(text: &str) -> bool {
    let bare = text.trim_matches('_');
    let all = |c: char| text.len() >= 3 && text.chars().all(|found| found == c);
    let wrapped = [('<', '>'), ('[', ']'), ('{', '}')]
        .iter()
        .any(|&(open, close)| text.len() > 2 && text.starts_with(open) && text.ends_with(close));
    wrapped
        || all('*')
        || all('x')
        || all('X')
        || all('.')
        || all('\u{2022}')
        || text == "\u{2026}"
        || matches!(
            bare,
            "PASSWORD"
                | "REDIS_PASSWORD"
                | "SECRET"
                | "TOKEN"
                | "USERNAME"
                | "USER"
                | "HOST"
                | "HOSTNAME"
                | "REDIS_HOST"
                | "ENDPOINT"
                | "TODO"
                | "FIXME"
                | "REDACTED"
                | "FILTERED"
                | "redacted"
        )
        || [
            "your-",
            "your_",
            "yourpass",
            "replace-me",
            "replace_me",
            "replaceme",
            "replace-with",
            "replace_with",
        ]
        .iter()
        .any(|start| {
            let head = text.get(..start.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(start))
        })
}

/// Returns whether the whole text is a word that stands for a URL.
pub(crate) fn is_word_for_a_url(text: &str) -> bool {
    is_nothing(text)
        || is_placeholder(text) // `[object Object]` is one
        || text.starts_with('<') && text.ends_with('>')
        || matches!(text, "REDIS_URL" | "true" | "false" | "True" | "False")
}

/// Returns whether the password is one that every attacker tries first.
pub(crate) fn is_weak(password: &str) -> bool {
    const WEAK: [&str; 8] = [
        "changeme",
        "change-me",
        "change_me",
        "changeit",
        "changethis",
        "change-this",
        "change_this",
        "pleasechangeme",
    ];
    WEAK.iter().any(|weak| password.eq_ignore_ascii_case(weak))
}

/// Returns the length of the placeholder at the start of the text that its brackets or its `$` show:
/// `<x>`, `{x}`, `{{ x }}`, `[X]`, `${X}`, `$X`. What it stands for may be any text.
pub(crate) fn marked_len(text: &str) -> Option<usize> {
    if ["$", "{{", "#{", "<%", "%("]
        .iter()
        .any(|open| text.starts_with(open))
    {
        return template_len(text);
    }
    if text.starts_with('%') {
        // Shorter ones may be percent-encoded bytes: `%AB%CD`.
        return template_len(text).filter(|length| *length > 5);
    }
    let close = match text.as_bytes().first()? {
        b'<' => b'>',
        b'{' => b'}',
        b'[' if !starts_with_ipv6(text) => b']',
        _ => return None,
    };
    let end = text.bytes().take(LONGEST).position(|byte| byte == close)?;
    let inside = &text[1..end];
    let is_nested = inside.contains(['<', '{', '[']);
    (!inside.is_empty() && !is_nested).then_some(end + 1)
}

/// Returns whether the whole text is one placeholder of [`marked_len`].
pub(crate) fn is_marked(text: &str) -> bool {
    marked_len(text) == Some(text.len())
}

/// Returns the byte ranges of every placeholder of [`marked_len`] in the text.
pub(crate) fn marked(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let length = marked_len(&text[at..]);
        found.extend(length.map(|length| at..at + length));
        at += length.unwrap_or(c.len_utf8());
    }
    found
}

/// Returns whether the text starts with an IPv6 address in brackets: these are no placeholder.
pub(crate) fn starts_with_ipv6(text: &str) -> bool {
    let mut bytes = text.bytes().take(LONGEST);
    let end = bytes.position(|byte| byte == b']');
    let colons = end.map(|end| text[..end].matches(':').count());
    text.starts_with('[') && colons.is_some_and(|colons| colons > 1)
}

#[cfg(test)]
mod tests {
    use super::{is_marked, marked};

    #[test]
    fn finds_marked_placeholders() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<_> = marked(text).into_iter().map(|span| &text[span]).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("redis://<host>:{port}/[db]", &["<host>", "{port}", "[db]"]);
        check("${A}$B_1/{{ c }}", &["${A}", "$B_1", "{{ c }}"]);
        check(
            "#{a}<%= b %>%(c)s%NAME%",
            &["#{a}", "<%= b %>", "%(c)s", "%NAME%"],
        );
        check("%AB%CD%40abc%24", &[]);
        check("<your password>@[::1]:6379", &["<your password>"]);
        check("<> {} [] < <a> 名前<名前>", &["<a>", "<名前>"]);
        check("a<b, 5$, $1", &[]);
        assert!(is_marked("<a>") && !is_marked("<a>b") && !is_marked(""));
    }
}
