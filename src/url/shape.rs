//! The text as a whole: is it a URL at all, or what was pasted with one?

use super::error::Fault;
use super::mask;
use super::part::Part;
use super::scheme;
use crate::placeholder;

/// Names what the whole text is when it is no URL, in this order: a template,
/// quotes, JSON, a command, an assignment, a placeholder, another client's string.
pub(super) fn check(whole: Part<'_>) -> Result<(), Fault> {
    if whole.is_empty() {
        return Err(Fault::new("empty", whole.span(), "{} is set but empty")
            .help("write `redis://localhost:6379`"));
    }
    if let Some((known, _)) = whole.text.split_once("://")
        && scheme::known(known).is_some()
    {
        return check_end(whole);
    }
    template(whole)?;
    quotes(whole)?;
    json(whole)?;
    command(whole)?;
    assignment(whole)?;
    placeholder(whole)?;
    other_client(whole)
}

fn template(whole: Part<'_>) -> Result<(), Fault> {
    if !placeholder::is_template(whole.text) && !placeholder::is_expression(whole.text) {
        return Ok(());
    }
    Err(Fault::new(
        "uninterpolated",
        whole.span(),
        "{} is a template that nothing has filled in",
    )
    .help("let the shell, the template engine or the deployment tool expand it first"))
}

const PAIRS: [(char, char); 11] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('<', '>'),
    ('(', ')'),
    ('\u{201c}', '\u{201d}'),
    ('\u{201d}', '\u{201c}'),
    ('\u{201e}', '\u{201c}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{ab}', '\u{bb}'),
    ('\u{300c}', '\u{300d}'),
];

fn quotes(whole: Part<'_>) -> Result<(), Fault> {
    let text = whole.text.trim_start_matches('\\');
    let Some(first) = text.chars().next() else {
        return Ok(());
    };
    let opens = PAIRS
        .iter()
        .any(|&(open, close)| first == open || first == close);
    let is_json_key = first == '"' && text.contains("\":");
    let is_angle_word = first == '<' && !text.contains("//");
    if !opens || is_json_key || is_angle_word {
        return Ok(());
    }
    Err(quoted(
        whole,
        whole.span_of(0..whole.text.len() - text.len() + first.len_utf8()),
    ))
}

fn quoted(whole: Part<'_>, span: std::ops::Range<usize>) -> Fault {
    let first = whole.text.chars().next();
    let last = whole.text.chars().next_back();
    let both = PAIRS.iter().any(
        |&(open, close)| matches!((first, last), (Some(a), Some(b)) if a == open && b == close),
    );
    let message = if both {
        "{} is wrapped in quotes"
    } else {
        "{} has a stray quote"
    };
    Fault::new("surrounding_quotes", span, message)
        .help("remove the quotes: `docker run --env-file` keeps them as part of the value")
}

fn json(whole: Part<'_>) -> Result<(), Fault> {
    let text = whole.text;
    let structured = text.starts_with(['{', '[']) && text.contains(['"', '\''])
        || text.starts_with('[') && text.contains("://")
        || text.starts_with('{') && text.contains(':')
        || text.starts_with('"') && text.contains("\":");
    if !structured {
        return Ok(());
    }
    Err(Fault::new(
        "json",
        whole.span(),
        "{} is a JSON document, expected one URL",
    )
    .help("keep only the URL that stands in it"))
}

const COMMANDS: [&str; 17] = [
    "redis-cli",
    "redis-server",
    "redis-sentinel",
    "redis-benchmark",
    "valkey-cli",
    "valkey-server",
    "iredis",
    "redli",
    "docker",
    "podman",
    "kubectl",
    "heroku",
    "fly",
    "flyctl",
    "curl",
    "telnet",
    "nc",
];

fn command(whole: Part<'_>) -> Result<(), Fault> {
    let mut words = whole.text.split_ascii_whitespace();
    let Some(first) = words.next() else {
        return Ok(());
    };
    let has_arguments = words.clone().next().is_some();
    let is_command = |word: &str| COMMANDS.contains(&word.rsplit('/').next().unwrap_or(word));
    let prefixed = matches!(first, "$" | "#" | "%" | ">" | "sudo" | "exec");
    let has_option = first.starts_with('-') && first.len() > 1 && has_arguments;
    let later = words
        .take(8)
        .any(|word| word == "redis-cli" || word == "valkey-cli");
    if !(has_arguments && (is_command(first) || prefixed) || has_option || later) {
        return Ok(());
    }
    let tls = whole
        .text
        .split_ascii_whitespace()
        .any(|word| word == "--tls");
    let help = if tls {
        "keep only the URL, and write `rediss://`: that is what `--tls` means"
    } else {
        "keep only the URL, from `redis://` to the next space"
    };
    Err(Fault::new(
        "cli_command",
        whole.span_of(0..first.len()),
        "{} is a shell command, expected a URL",
    )
    .help(help))
}

fn assignment(whole: Part<'_>) -> Result<(), Fault> {
    let text = whole.text.strip_prefix("- ").unwrap_or(whole.text);
    let text = [
        "export ",
        "setx ",
        "set ",
        "ENV ",
        "env ",
        "declare -x ",
        "$env:",
        "--",
    ]
    .iter()
    .find_map(|word| text.strip_prefix(word))
    .unwrap_or(text)
    .trim_start();
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "_.-".contains(c)))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || scheme::known(name).is_some() {
        return Ok(());
    }
    let value = rest
        .trim_start()
        .trim_start_matches(":=")
        .trim_start_matches('=')
        .trim_start();
    let assigns = rest.trim_start().starts_with('=') || rest.trim_start().starts_with(":=");
    let maps = rest.starts_with(": ") || rest.strip_prefix(':').is_some_and(starts_with_scheme);
    let speaks = rest.starts_with(' ') && starts_with_scheme(rest.trim_start());
    let is_name = name
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        || value.contains("://")
        || value.starts_with(['"', '\''])
        || ["url", "uri", "dsn"]
            .iter()
            .any(|tail| name.to_ascii_lowercase().ends_with(tail));
    if !(assigns && is_name || maps || speaks) {
        return Ok(());
    }
    let value_at = whole.text.len() - rest.len();
    let message = "{} holds a whole assignment, expected the value alone";
    Err(
        Fault::new("assignment", whole.span_of(0..value_at), message)
            .help("keep only what follows the name and its `=`"),
    )
}

fn starts_with_scheme(text: &str) -> bool {
    text.trim_start()
        .split_once("://")
        .is_some_and(|(name, _)| scheme::known(name).is_some())
}

fn placeholder(whole: Part<'_>) -> Result<(), Fault> {
    let text = whole.text;
    let is_word = placeholder::is_nothing(text)
        || placeholder::is_placeholder(text)
        || matches!(
            text,
            "REDIS_URL" | "[object Object]" | "true" | "false" | "True" | "False"
        )
        || text.starts_with('<') && text.ends_with('>');
    if !is_word {
        return Ok(());
    }
    Err(Fault::new(
        "placeholder",
        whole.span(),
        "{} is a placeholder, expected a URL",
    )
    .help("write `redis://localhost:6379` with your host and port"))
}

/// `host:port,password=…,ssl=True`, as StackExchange.Redis and Azure's portal write it.
fn other_client(whole: Part<'_>) -> Result<(), Fault> {
    const OPTIONS: [&str; 22] = [
        "password",
        "user",
        "ssl",
        "sslhost",
        "sslprotocols",
        "abortconnect",
        "allowadmin",
        "connecttimeout",
        "synctimeout",
        "asynctimeout",
        "connectretry",
        "keepalive",
        "name",
        "defaultdatabase",
        "servicename",
        "proxy",
        "resolvedns",
        "channelprefix",
        "tiebreaker",
        "version",
        "configchannel",
        "responsetimeout",
    ];
    let is_option = |item: &str| {
        let name = item
            .split_once('=')
            .map(|(name, _)| name.trim().to_ascii_lowercase());
        name.is_some_and(|name| OPTIONS.contains(&name.as_str()))
    };
    let scheme = whole.text.split_once("://").map(|(name, _)| name);
    if scheme.is_some_and(|name| !name.contains(',')) || !whole.text.split(',').any(is_option) {
        return Ok(());
    }
    let first = whole.text.split(',').next().unwrap_or_default();
    let secured = whole.text.to_ascii_lowercase().contains("ssl=true");
    let ours = if secured { "rediss" } else { "redis" };
    let help = match mask::target(first) {
        Some(host) if !first.contains(['@', '=']) => {
            format!("write `{ours}://:<password>@{host}`, the password percent-encoded")
        }
        _ => format!("write `{ours}://:<password>@<host>:<port>`, the password percent-encoded"),
    };
    let message = "{} is a StackExchange.Redis connection string, expected a URL";
    Err(Fault::new("stackexchange_string", whole.span(), message).help(help))
}

/// What follows a complete URL: a closing quote, a comment, a separator.
fn check_end(whole: Part<'_>) -> Result<(), Fault> {
    let text = whole.text;
    let after_host = text.rfind('@').map_or(0, |at| at + 1);
    let last = text.chars().next_back().unwrap_or(' ');
    if PAIRS
        .iter()
        .any(|&(open, close)| last == open || last == close)
        && !")>(<".contains(last)
    {
        let at = text.len() - last.len_utf8();
        return Err(quoted(whole, whole.span_at(at)));
    }
    let is_list = text
        .split_once("://")
        .and_then(|(name, _)| scheme::known(name))
        .is_some_and(|s| s.kind.is_list());
    if ";)".contains(last) || last == ',' && !is_list {
        return Err(trailing(whole, text.len() - 1));
    }
    let Some(space) = text[after_host..].find(' ').map(|index| after_host + index) else {
        return Ok(());
    };
    let tail = text[space..].trim_start();
    let is_comment = tail.starts_with(['#', ';', '|', '>', '-'])
        || tail.starts_with("//")
        || tail.starts_with("&&");
    let is_second = tail
        .split_once("://")
        .is_some_and(|(name, _)| scheme::known(name).is_some());
    let is_word = tail.starts_with(|c: char| c.is_alphanumeric());
    if !is_second && (is_comment || is_word && ends_complete(&text[..space])) {
        return Err(trailing(whole, space));
    }
    Ok(())
}

fn trailing(whole: Part<'_>, at: usize) -> Fault {
    Fault::new(
        "trailing_garbage",
        whole.span_of(at..whole.text.len()),
        "text after the end of {}",
    )
    .help("remove what follows the URL; a comment does not belong into the value")
}

/// Returns whether the text ends in `:port` or `:port/db`.
fn ends_complete(text: &str) -> bool {
    let strip = |text: &'_ str| text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let db = strip(text);
    let port = text[..db].strip_suffix('/').unwrap_or(text);
    let host = &port[..strip(port)];
    host.len() < port.len() && host.ends_with(':') && host.matches(':').count() >= 2
}
