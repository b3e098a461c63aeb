//! Mistakes by what they look like: a text that does not have the form of a URL, and what a URL was pasted
//! with.

use super::codes::{self, Problem};
use super::diagnostic::Parsed;
use super::scheme::{at_start, known};
use super::spanned::Spanned;
use crate::placeholder::{self, Unfilled};
use crate::report::is_invisible;

/// A guess at what a text is: finds the piece that shows it, and names the problem.
type Mistake = (for<'a> fn(Spanned<'a>) -> Option<Spanned<'a>>, Problem);

fn check(mistakes: &[Mistake], text: Spanned<'_>) -> Parsed<()> {
    let found = |(find, problem): &Mistake| find(text).map(|found| found.error(*problem));
    mistakes.iter().find_map(found).map_or(Ok(()), Err)
}

/// Names what the whole text is when it does not have the form of a URL.
pub(super) fn check_whole(whole: Spanned<'_>) -> Parsed<()> {
    if at_start(whole.text).is_some() {
        check(&AROUND_A_URL, whole)
    } else {
        check(&NOT_A_URL, whole)
    }
}

/// Refuses in what follows the scheme: a second URL, templates and placeholders, raw characters.
pub(super) fn check_rest(rest: Spanned<'_>) -> Parsed<()> {
    check(&BEHIND_THE_SCHEME, rest)
}

/// Texts that do not start with a known scheme, in the order in which they are tried.
#[rustfmt::skip]
const NOT_A_URL: [Mistake; 9] = [
    (|whole| whole.text.is_empty().then_some(whole), codes::EMPTY),
    (|whole| placeholder::is_expression(whole.text).then_some(whole), codes::TEMPLATE),
    (|whole| placeholder::is_template(whole.text).then_some(whole), codes::TEMPLATE),
    (opening_quote, codes::SURROUNDING_QUOTES),
    (|whole| is_json(whole.text).then_some(whole), codes::JSON),
    (command, codes::CLI_COMMAND),
    (assignment, codes::ASSIGNMENT),
    (|whole| placeholder::is_word_for_a_url(whole.text).then_some(whole), codes::NAME_OF_A_URL),
    (|whole| is_stackexchange(whole.text).then_some(whole), codes::STACKEXCHANGE_STRING),
];

/// What surrounds a URL that starts with a known scheme.
const AROUND_A_URL: [Mistake; 2] = [
    (closing_quote, codes::SURROUNDING_QUOTES),
    (text_after_the_end, codes::TRAILING_GARBAGE),
];

/// What a URL cannot hold behind its scheme, in the order in which it is looked for.
#[rustfmt::skip]
const BEHIND_THE_SCHEME: [Mistake; 7] = [
    (|rest| second_scheme(rest).filter(|second| second.start == rest.start), codes::REPEATED_SCHEME),
    (second_scheme, codes::MULTIPLE_URLS),
    (|rest| unfilled(rest, Unfilled::Template), codes::UNEXPANDED),
    (|rest| unfilled(rest, Unfilled::Placeholder), codes::PLACEHOLDER),
    (|rest| first_raw(rest).filter(|raw| raw.text == " "), codes::RAW_SPACE),
    (|rest| first_raw(rest).filter(|raw| raw.text == "\""), codes::RAW_QUOTE),
    (first_raw, codes::RAW_BACKSLASH),
];

/// Refuses control, invisible and bidirectional characters anywhere.
pub(super) fn check_characters(whole: Spanned<'_>) -> Parsed<()> {
    if whole.text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(());
    }
    let mut characters = whole.text.char_indices();
    let is_unseen = |c: char| c.is_control() || is_invisible(c);
    let Some((index, c)) = characters.find(|&(_, c)| is_unseen(c)) else {
        return Ok(());
    };
    let found = whole.char_at(index);
    let error = if c.is_control() {
        found.error(codes::CONTROL_CHAR)
    } else {
        found.error(codes::INVISIBLE_CHAR)
    };
    Err(error.about(format!("U+{:04X}", u32::from(c))))
}

const QUOTES: &str = "\"'`<>()\u{201c}\u{201d}\u{201e}\u{2018}\u{2019}\u{ab}\u{bb}\u{300c}\u{300d}";

fn opening_quote(whole: Spanned<'_>) -> Option<Spanned<'_>> {
    let text = whole.text.trim_start_matches('\\');
    let first = text.chars().next().filter(|&c| QUOTES.contains(c))?;
    let is_json_key = first == '"' && text.contains("\":");
    let is_angle_word = first == '<' && !text.contains("//");
    let end = whole.text.len() - text.len() + first.len_utf8();
    (!is_json_key && !is_angle_word).then(|| whole.to(end))
}

fn closing_quote(whole: Spanned<'_>) -> Option<Spanned<'_>> {
    let last = whole.text.chars().next_back()?;
    let is_closing = QUOTES.contains(last) && !"()<>".contains(last);
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

fn has_word(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|known| known == word)
}

/// Returns `NAME=` in front of a value, with `export` and the like before it.
fn assignment(whole: Spanned<'_>) -> Option<Spanned<'_>> {
    #[rustfmt::skip]
    const BEFORE: [&str; 8] = ["export ", "setx ", "set ", "ENV ", "env ", "declare -x ", "$env:", "--"];
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
    let starts_url = |text: &str| at_start(text.trim_start()).is_some();
    let maps = rest.starts_with(": ") || rest.strip_prefix(':').is_some_and(starts_url);
    let speaks = rest.starts_with(' ') && starts_url(rest);
    let value = value.trim_start_matches(":=");
    let value = value.trim_start_matches('=').trim_start();
    let is_constant = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    let lower = name.to_ascii_lowercase();
    let is_name = name.bytes().all(is_constant)
        || ["url", "uri", "dsn"].iter().any(|end| lower.ends_with(end))
        || value.contains("://")
        || value.starts_with(['"', '\'']);
    (assigns && is_name || maps || speaks).then(|| whole.to(whole.text.len() - rest.len()))
}

const STACKEXCHANGE_OPTIONS: &str = "password user ssl sslhost sslprotocols abortconnect allowadmin connecttimeout synctimeout asynctimeout \
    connectretry keepalive name defaultdatabase servicename proxy resolvedns channelprefix tiebreaker version \
    configchannel responsetimeout";

/// `host:port,password=…,ssl=True`, as StackExchange.Redis and Azure's portal write it.
fn is_stackexchange(text: &str) -> bool {
    let is_known = |name: &str| has_word(STACKEXCHANGE_OPTIONS, &name.trim().to_ascii_lowercase());
    let is_option = |item: &str| item.split_once('=').is_some_and(|(name, _)| is_known(name));
    let scheme = text.split_once("://").map(|(name, _)| name);
    let has_scheme = scheme.is_some_and(|name| !name.contains(','));
    !has_scheme && text.split(',').any(is_option)
}

/// Returns a comment, a separator or a second word behind a URL.
fn text_after_the_end(whole: Spanned<'_>) -> Option<Spanned<'_>> {
    let text = whole.text;
    let last = text.chars().next_back()?;
    let is_list = || at_start(text).is_some_and(|scheme| scheme.kind.is_list());
    if matches!(last, ';' | ')') || last == ',' && !is_list() {
        return Some(whole.from(text.len() - 1));
    }
    let host = text.rfind('@').unwrap_or(0);
    let space = host + text[host..].find(' ')?;
    let tail = text[space..].trim_start();
    let is_comment = tail.starts_with(['#', ';', '|', '>', '-'])
        || tail.starts_with("//")
        || tail.starts_with("&&");
    let is_word = tail.starts_with(|c: char| c.is_alphanumeric());
    let is_after = is_comment || is_word && ends_complete(&text[..space]);
    (is_after && at_start(tail).is_none()).then(|| whole.from(space))
}

/// Returns whether the text ends in `:port` or `:port/db`.
fn ends_complete(text: &str) -> bool {
    let without_digits = |text: &str| text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let before = &text[..without_digits(text)];
    let port = before.strip_suffix('/').unwrap_or(text);
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
    let index = rest.text.find([' ', '"', '\\'])?;
    Some(rest.char_at(index))
}
