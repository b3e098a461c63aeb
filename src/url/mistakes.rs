//! Mistakes by what they look like: a text that is no URL, and what a URL was pasted with.

use super::diagnostic::{Diagnostic, Parsed};
use super::scheme::{known, starts_with_known};
use super::spanned::Spanned;
use crate::placeholder::{self, Unfilled};
use crate::report::is_invisible;

/// A guess at what a text is, and what to tell about it.
pub(super) struct Mistake {
    /// Returns the piece of the text that shows the mistake.
    find: for<'a> fn(Spanned<'a>) -> Option<Spanned<'a>>,
    code: &'static str,
    message: &'static str,
    help: &'static str,
}

impl Mistake {
    /// Returns the diagnostic about a piece that is known to be this mistake.
    pub(super) fn at(&self, found: Spanned<'_>) -> Diagnostic {
        found.error(self.code, self.message, self.help)
    }
}

fn check(mistakes: &[Mistake], text: Spanned<'_>) -> Parsed<()> {
    let found = |mistake: &Mistake| (mistake.find)(text).map(|found| mistake.at(found));
    mistakes.iter().find_map(found).map_or(Ok(()), Err)
}

/// Names what the whole text is when it is no URL.
pub(super) fn check_whole(whole: Spanned<'_>) -> Parsed<()> {
    if starts_with_known(whole.text) {
        check(&AROUND_A_URL, whole)
    } else {
        check(&NOT_A_URL, whole)
    }
}

/// Refuses in what follows the scheme: a second URL, templates and placeholders, raw characters.
pub(super) fn check_rest(rest: Spanned<'_>) -> Parsed<()> {
    check(&BEHIND_THE_SCHEME, rest)
}

const QUOTES: &str = "remove the quotes: `docker run --env-file` keeps them as part of the value";

/// Texts that do not start with a known scheme, in the order in which they are tried.
#[rustfmt::skip]
const NOT_A_URL: [Mistake; 11] = [
    Mistake { find: |text| text.is_empty().then_some(text), code: "empty",
        message: "{} is set but empty",
        help: "write `redis://localhost:6379`" },
    Mistake { find: |text| is_template(text.text).then_some(text), code: "uninterpolated",
        message: "{} is a template that nothing has filled in",
        help: "let the shell, the template engine or the deployment tool expand it first" },
    Mistake { find: |text| opening_quote(text).filter(|_| is_in_quotes(text.text)), code: "surrounding_quotes",
        message: "{} is wrapped in quotes",
        help: QUOTES },
    Mistake { find: opening_quote, code: "surrounding_quotes",
        message: "{} has a stray quote",
        help: QUOTES },
    Mistake { find: |text| is_json(text.text).then_some(text), code: "json",
        message: "{} is a JSON document, expected one URL",
        help: "keep only the URL that stands in it" },
    Mistake { find: |text| asks_for_tls(text.text).then(|| command(text)).flatten(), code: "cli_command",
        message: "{} is a shell command, expected a URL",
        help: "keep only the URL, and write `rediss://`: that is what `--tls` means" },
    Mistake { find: command, code: "cli_command",
        message: "{} is a shell command, expected a URL",
        help: "keep only the URL, from `redis://` to the next space" },
    Mistake { find: assignment, code: "assignment",
        message: "{} holds a whole assignment, expected the value alone",
        help: "keep only what follows the name and its `=`" },
    Mistake { find: |text| is_word_for_a_url(text.text).then_some(text), code: "placeholder",
        message: "{} is a placeholder, expected a URL",
        help: "write `redis://localhost:6379` with your host and port" },
    Mistake { find: |text| (has_ssl(text.text) && is_stackexchange(text.text)).then_some(text), code: "stackexchange_string",
        message: "{} is a StackExchange.Redis connection string, expected a URL",
        help: "write `rediss://:<password>@<host>:<port>`, the password percent-encoded" },
    Mistake { find: |text| is_stackexchange(text.text).then_some(text), code: "stackexchange_string",
        message: "{} is a StackExchange.Redis connection string, expected a URL",
        help: "write `redis://:<password>@<host>:<port>`, the password percent-encoded" },
];

/// What follows a URL that starts with a known scheme.
#[rustfmt::skip]
const AROUND_A_URL: [Mistake; 2] = [
    Mistake { find: closing_quote, code: "surrounding_quotes",
        message: "{} has a stray quote",
        help: QUOTES },
    Mistake { find: text_after_the_end, code: "trailing_garbage",
        message: "text after the end of {}",
        help: "remove what follows the URL; a comment does not belong into the value" },
];

/// What a URL cannot hold behind its scheme, in the order in which it is looked for.
#[rustfmt::skip]
const BEHIND_THE_SCHEME: [Mistake; 7] = [
    Mistake { find: |rest| second_scheme(rest).filter(|second| second.start == rest.start), code: "repeated_scheme",
        message: "second scheme in {}",
        help: "keep one of the two" },
    Mistake { find: |rest| second_scheme(rest).filter(|second| second.start > rest.start), code: "multiple_urls",
        message: "several URLs in {}, expected one",
        help: "write one URL; `redis-cluster://h1:6379,h2:6379` names several nodes" },
    Mistake { find: |rest| unfilled(rest, Unfilled::Template), code: "uninterpolated",
        message: "variable in {} was not expanded",
        help: "set the variable before the URL is put together; write a literal `$` as `%24`" },
    UNREPLACED,
    Mistake { find: |rest| first_raw(rest).filter(|raw| raw.text == " "), code: "raw_space",
        message: "unescaped space in {}",
        help: "write `%20`, or remove it" },
    Mistake { find: |rest| first_raw(rest).filter(|raw| raw.text == "\""), code: "raw_quote",
        message: "unescaped quote `\"` in {}",
        help: "write `%22`, or remove it" },
    Mistake { find: first_raw, code: "raw_backslash",
        message: "unescaped backslash in {}",
        help: "write `%5C`, or remove it" },
];

/// A component of the URL that waits to be replaced.
pub(super) const UNREPLACED: Mistake = Mistake {
    find: |rest| unfilled(rest, Unfilled::Placeholder),
    code: "placeholder",
    message: "placeholder in {} was not replaced",
    help: "replace it by the real value, percent-encoded",
};

/// Refuses control, invisible and bidirectional characters anywhere.
pub(super) fn check_characters(whole: Spanned<'_>) -> Parsed<()> {
    if whole.text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(());
    }
    let mut characters = whole.text.char_indices();
    let Some((index, c)) = characters.find(|&(_, c)| c.is_control() || is_invisible(c)) else {
        return Ok(());
    };
    let found = whole.char_at(index);
    let (code, what, help) = match c {
        '\n' | '\r' => (
            "control_char",
            "control",
            "a newline inside a secret comes from `echo`; `printf %s` writes none",
        ),
        _ if c.is_control() => (
            "control_char",
            "control",
            "remove the character; in a password write it percent-encoded",
        ),
        _ => (
            "invisible_char",
            "invisible",
            "type the URL instead of pasting it",
        ),
    };
    let (point, at) = (u32::from(c), found.start);
    let message = (
        format!("{what} character U+{point:04X} at byte {at} of "),
        "",
    );
    Err(found.error(code, message, help))
}

fn is_template(text: &str) -> bool {
    placeholder::is_template(text) || placeholder::is_expression(text)
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

fn is_quote(c: char) -> bool {
    PAIRS.iter().any(|&(open, close)| c == open || c == close)
}

fn is_in_quotes(text: &str) -> bool {
    let ends = (text.chars().next(), text.chars().next_back());
    PAIRS
        .iter()
        .any(|&(open, close)| ends == (Some(open), Some(close)))
}

fn opening_quote(whole: Spanned<'_>) -> Option<Spanned<'_>> {
    let text = whole.text.trim_start_matches('\\');
    let first = text.chars().next().filter(|&c| is_quote(c))?;
    let is_json_key = first == '"' && text.contains("\":");
    let is_angle_word = first == '<' && !text.contains("//");
    let end = whole.text.len() - text.len() + first.len_utf8();
    (!is_json_key && !is_angle_word).then(|| whole.to(end))
}

fn closing_quote(whole: Spanned<'_>) -> Option<Spanned<'_>> {
    let last = whole.text.chars().next_back()?;
    let is_closing = is_quote(last) && !matches!(last, ')' | '>' | '(' | '<');
    is_closing.then(|| whole.from(whole.text.len() - last.len_utf8()))
}

fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && text.contains(['"', '\''])
        || text.starts_with('[') && text.contains("://")
        || text.starts_with('{') && text.contains(':')
        || text.starts_with('"') && text.contains("\":")
}

const COMMANDS: &str = "redis-cli redis-server redis-sentinel redis-benchmark valkey-cli \
    valkey-server iredis redli docker podman kubectl heroku fly flyctl curl telnet nc";

/// Returns the first word of a line that a shell would run.
fn command(whole: Spanned<'_>) -> Option<Spanned<'_>> {
    let mut words = whole.text.split_ascii_whitespace();
    let first = words.next()?;
    let program = first.rsplit('/').next().unwrap_or(first);
    let is_prefix = matches!(first, "$" | "#" | "%" | ">" | "sudo" | "exec");
    let is_option = first.starts_with('-') && first.len() > 1;
    let has_arguments = words.clone().next().is_some();
    let starts = is_prefix || is_option || has_word(COMMANDS, program);
    let is_client = |word: &str| matches!(word, "redis-cli" | "valkey-cli");
    let is_command = starts && has_arguments || words.take(8).any(is_client);
    is_command.then(|| whole.to(first.len()))
}

fn asks_for_tls(text: &str) -> bool {
    text.contains("--tls") && has_word(text, "--tls")
}

fn has_word(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|known| known == word)
}

/// Returns `NAME=` in front of a value, with `export` and the like before it.
fn assignment(whole: Spanned<'_>) -> Option<Spanned<'_>> {
    const BEFORE: [&str; 8] = [
        "export ",
        "setx ",
        "set ",
        "ENV ",
        "env ",
        "declare -x ",
        "$env:",
        "--",
    ];
    let text = whole.text.strip_prefix("- ").unwrap_or(whole.text);
    let stripped = BEFORE.iter().find_map(|word| text.strip_prefix(word));
    let text = stripped.unwrap_or(text).trim_start();
    let is_name_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let rest = text.trim_start_matches(is_name_char);
    let name = &text[..text.len() - rest.len()];
    if name.is_empty() || known(name).is_some() {
        return None;
    }
    let value = rest.trim_start();
    let assigns = value.starts_with('=') || value.starts_with(":=");
    let starts_url = |text: &str| starts_with_known(text.trim_start());
    let maps = rest.starts_with(": ") || rest.strip_prefix(':').is_some_and(starts_url);
    let speaks = rest.starts_with(' ') && starts_url(rest);
    let value = value
        .trim_start_matches(":=")
        .trim_start_matches('=')
        .trim_start();
    let is_constant = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    let lower = name.to_ascii_lowercase();
    let is_name = name.bytes().all(is_constant)
        || value.contains("://")
        || value.starts_with(['"', '\''])
        || ["url", "uri", "dsn"]
            .iter()
            .any(|tail| lower.ends_with(tail));
    (assigns && is_name || maps || speaks).then(|| whole.to(whole.text.len() - rest.len()))
}

fn is_word_for_a_url(text: &str) -> bool {
    placeholder::is_nothing(text)
        || placeholder::is_placeholder(text)
        || matches!(
            text,
            "REDIS_URL" | "[object Object]" | "true" | "false" | "True" | "False"
        )
        || text.starts_with('<') && text.ends_with('>')
}

const STACKEXCHANGE_OPTIONS: &str = "password user ssl sslhost sslprotocols abortconnect \
    allowadmin connecttimeout synctimeout asynctimeout connectretry keepalive name \
    defaultdatabase servicename proxy resolvedns channelprefix tiebreaker version \
    configchannel responsetimeout";

/// `host:port,password=…,ssl=True`, as StackExchange.Redis and Azure's portal write it.
fn is_stackexchange(text: &str) -> bool {
    let is_option = |item: &str| {
        let name = item
            .split_once('=')
            .map(|(name, _)| name.trim().to_ascii_lowercase());
        name.is_some_and(|name| has_word(STACKEXCHANGE_OPTIONS, &name))
    };
    let has_scheme = text
        .split_once("://")
        .is_some_and(|(name, _)| !name.contains(','));
    text.contains('=') && !has_scheme && text.split(',').any(is_option)
}

fn has_ssl(text: &str) -> bool {
    text.contains('=') && text.to_ascii_lowercase().contains("ssl=true")
}

/// Returns a comment, a separator or a second word behind a URL.
fn text_after_the_end(whole: Spanned<'_>) -> Option<Spanned<'_>> {
    let text = whole.text;
    let last = text.chars().next_back()?;
    let is_list = || {
        let scheme = text.split_once("://").and_then(|(name, _)| known(name));
        scheme.is_some_and(|scheme| scheme.kind.is_list())
    };
    if matches!(last, ';' | ')') || last == ',' && !is_list() {
        return Some(whole.from(text.len() - 1));
    }
    let after_host = text.rfind('@').map_or(0, |at| at + 1);
    let space = after_host + text[after_host..].find(' ')?;
    let tail = text[space..].trim_start();
    let is_comment = tail.starts_with(['#', ';', '|', '>', '-'])
        || tail.starts_with("//")
        || tail.starts_with("&&");
    let is_word = tail.starts_with(|c: char| c.is_alphanumeric());
    let is_after = is_comment || is_word && ends_complete(&text[..space]);
    (is_after && !starts_with_known(tail)).then(|| whole.from(space))
}

/// Returns whether the text ends in `:port` or `:port/db`.
fn ends_complete(text: &str) -> bool {
    let without_digits = |text: &str| text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let port = text[..without_digits(text)]
        .strip_suffix('/')
        .unwrap_or(text);
    let host = &port[..without_digits(port)];
    host.len() < port.len() && host.ends_with(':') && host.matches(':').count() >= 2
}

/// Returns the scheme of a second URL: at once, or behind a separator.
fn second_scheme(rest: Spanned<'_>) -> Option<Spanned<'_>> {
    let index = rest.text.find("://")?;
    let before = &rest.text[..index];
    let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let start = before.trim_end_matches(is_scheme_char).len();
    let word = &before[start..];
    let is_repeated = start == 0 && !word.is_empty();
    let is_second = before[..start].ends_with([',', ';', ' ', '|']) && known(word).is_some();
    (is_repeated || is_second).then(|| rest.slice(start..index + 3))
}

fn unfilled(rest: Spanned<'_>, kind: Unfilled) -> Option<Spanned<'_>> {
    let (range, found) = placeholder::first_unfilled(rest.text)?;
    (found == kind).then(|| rest.slice(range))
}

fn first_raw(rest: Spanned<'_>) -> Option<Spanned<'_>> {
    let index = rest
        .text
        .bytes()
        .position(|b| matches!(b, b' ' | b'"' | b'\\'))?;
    Some(rest.slice(index..index + 1))
}
