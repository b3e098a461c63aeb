//! Texts that stand for a value nobody has filled in.

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
