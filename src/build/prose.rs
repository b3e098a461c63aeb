//! Where a text that people write has Redis URLs: in any script, at any punctuation.

use std::ops::Range;

use crate::placeholder;

/// What ends a URL in prose beside white space, unless it belongs to a placeholder or an address.
const STOPS: &str = "\"'`<>()[]{}|\\";
/// What belongs to the sentence where a URL ends in it.
const SENTENCE: [char; 8] = ['.', ',', ';', ':', '!', '?', '…', '='];
/// `redis(s)://` and its like: both schemes at once.
pub(super) const BOTH_SCHEMES: [&str; 11] = [
    "redis(s)",
    "redis[s]",
    "redis{s}",
    "rediss?",
    "(redis|rediss)",
    "{redis,rediss}",
    "redis|rediss",
    "redis/rediss",
    "valkey(s)",
    "valkey[s]",
    "valkeys?",
];
/// From here on scripts are written without spaces between words.
const FIRST_WITHOUT_SPACES: char = '\u{2e80}';

/// Returns the Redis URLs of `text`; neither `https://…` nor `redis://` alone counts as one.
pub(super) fn urls(text: &str) -> Vec<Range<usize>> {
    let mut urls = Vec::new();
    let mut from = 0;
    while let Some(colon) = text[from..].find("://").map(|at| from + at) {
        let scheme = from + scheme_start(&text[from..colon]);
        let rest = colon + 3;
        // `**redis://localhost**`, `_redis://localhost_`
        let mark = text[..scheme]
            .chars()
            .next_back()
            .filter(|c| "*_~".contains(*c));
        let end = rest + end(&text[rest..], mark);
        if end > rest && is_redis(&text[scheme..colon], &text[rest..end]) {
            urls.push(scheme..end);
        }
        from = end.max(rest);
    }
    urls
}

/// Returns whether the text says that TLS has a scheme of its own, with a URL or without one.
pub(super) fn names_the_scheme_of_tls(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let both = BOTH_SCHEMES.iter().any(|both| text.contains(both));
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let schemes = ["rediss", "valkeys", "rediss-sentinel", "rediss-cluster"];
    both || text
        .split(|c| !is_part(c) && c != '-')
        .any(|word| schemes.contains(&word))
}

/// Returns the name that a comment explains by beginning with it: `# REDIS_URL: the cache`.
pub(super) fn explained_name(comment: &str) -> Option<&str> {
    let text = comment.trim_start_matches(['#', ' ', '-', '*']);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (name, rest) = text.split_at(text.find(|c| !is_part(c))?);
    let rest = rest.trim_start();
    let signs = [":", "-", "–", "—", "：", "→", "is ", "ist ", "es ", "est "];
    let rest = signs.iter().find_map(|sign| rest.strip_prefix(sign))?;
    (!name.is_empty() && rest.contains(char::is_alphabetic)).then_some(name)
}

/// Returns where the scheme at the end of `text` starts.
fn scheme_start(text: &str) -> usize {
    let both = BOTH_SCHEMES.iter().find(|both| {
        let start = text.len().checked_sub(both.len());
        let end = start.and_then(|start| text.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(both))
    });
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    both.map_or_else(
        || {
            let scheme = &text[text.trim_end_matches(is_part).len()..];
            let scheme = scheme.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
            // `\n` as two characters
            let before = &text[..text.len() - scheme.len()];
            let is_escape = before.ends_with('\\') && scheme.starts_with(['n', 't', 'r']);
            text.len() - scheme.len() + usize::from(is_escape && scheme.len() > 5)
        },
        |both| text.len() - both.len(),
    )
}

/// The path of a socket is Redis' where it says so: Docker has one, too.
fn is_redis(scheme: &str, rest: &str) -> bool {
    let names = |text: &str, words: &[&str]| {
        let text = text.to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    };
    // Celery's schemes for Sentinel and Cluster are its own.
    let is_of_celery = ["sentinel", "rediscluster"]
        .iter()
        .any(|it| scheme.eq_ignore_ascii_case(it));
    !is_of_celery && names(scheme, &["redis", "valkey", "sentinel"])
        || scheme.eq_ignore_ascii_case("unix") && names(rest, &["redis", "valkey"])
}

/// Returns where a URL ends; `text` starts behind its `://`.
fn end(text: &str, mark: Option<char>) -> usize {
    // `redis://a,redis://b` is two.
    let next = text.find("://");
    let until = next.unwrap_or(text.len());
    let mut word = &text[..word(&text[..until])];
    if next == Some(word.len()) {
        word = word[..scheme_start(word)].trim_end_matches(['/', '&', '+']);
    }
    let bare = word.trim_end_matches(|c| SENTENCE.contains(&c) || mark == Some(c));
    // `:password@...`: the host is left out.
    let elision = ["...", "…"]
        .into_iter()
        .find(|dots| word[bare.len()..].starts_with(dots));
    bare.len() + elision.filter(|_| bare.ends_with('@')).map_or(0, str::len)
}

/// Returns how long the word at the start of `text` is: up to white space, a quote, punctuation
/// outside ASCII, or a bracket that was not opened in it. Placeholders such as `<your password>` may
/// hold anything.
pub(super) fn word(text: &str) -> usize {
    let mut at = 0;
    let mut previous = '/';
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        at += match placeholder::marked_len(rest) {
            Some(length) => length,
            None if c == '[' => match group_len(rest) {
                Some(length) => length,
                None => return at,
            },
            None if c.is_whitespace() || STOPS.contains(c) => return at,
            // A host or password that is left out.
            None if c == '…' && "/:@".contains(previous) => c.len_utf8(),
            None if !c.is_ascii() && ends_a_word(c, previous) => return at,
            None => c.len_utf8(),
        };
        previous = c;
    }
    at
}

/// `host:6379、then` and `6379を使う` end before the first character outside ASCII, `密码@主机` does not.
fn ends_a_word(c: char, previous: char) -> bool {
    !c.is_alphanumeric() || c >= FIRST_WITHOUT_SPACES && previous.is_ascii_alphanumeric()
}

/// Returns the length of the brackets at the start of `text`, which may hold others: an IPv6 address,
/// or a part that may be left out, as in `[:password@]`.
pub(super) fn group_len(text: &str) -> Option<usize> {
    const LONGEST: usize = 128;
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().take(LONGEST) {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 1 => return Some(at + 1),
            b']' => depth -= 1,
            byte if byte.is_ascii_whitespace() => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{explained_name, urls};

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = urls(text).into_iter().map(|url| &text[url]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_url_ends_where_the_sentence_goes_on() {
        for end in [
            "、",
            "。",
            "，",
            "）",
            "—",
            "’",
            "」",
            "»",
            "…",
            "；",
            "：",
            ".",
            ",",
            ";",
            "!",
            "?",
            "'s",
            "\"",
            "`",
            ")",
            "を使う",
            "连接",
            "입니다",
            "”",
            "–",
            "|",
            " x",
            "\\n",
        ] {
            check(
                &format!("使用redis://localhost:6379{end}"),
                &["redis://localhost:6379"],
            );
        }
        check("**redis://a**, redis://*", &["redis://a", "redis://*"]);
        check("redis://a、rediss://b", &["redis://a", "rediss://b"]);
        check("redis://a:1,redis://b:2", &["redis://a:1", "redis://b:2"]);
        check("redis://a/redis://b", &["redis://a", "redis://b"]);
        check("redis://a/、b", &["redis://a/"]);
        check("redis://a[or [::1] there]", &["redis://a"]);
        check("C:\\redis://a", &["redis://a"]);
    }

    #[test]
    fn a_comment_explains_the_name_that_it_begins_with() {
        for (comment, name) in [
            ("# REDIS_URL: the cache", Some("REDIS_URL")),
            ("# - REDIS_URL is the cache", Some("REDIS_URL")),
            ("# REDIS_URL: 6379", None),
            ("# : the cache", None),
            ("# REDIS_URL", None),
        ] {
            assert_eq!(explained_name(comment), name, "{comment}");
        }
    }

    #[test]
    fn parts_may_be_left_out_or_named_in_any_script() {
        for url in [
            "redis://...railway.internal:6379",
            "redis://…railway.internal",
            "redis://:密码@主机:端口/数据库",
            "redis://:contraseña@servidor:6379",
            "redis(s)://[[username]:password@]host[:port][/db]",
            "redis://<dein Passwort>@<名前>",
            "redis://[::1]:6379",
            "unix:///run/redis/redis.sock",
        ] {
            check(&format!("a {url}. b"), &[url]);
        }
    }

    #[test]
    fn what_is_not_redis_is_left_out() {
        for text in [
            "redis://",
            "redis:// or rediss://",
            "redis://...",
            "https://redis.io/x",
            "unix://var/run/docker.sock",
            "postgres://u:p@h",
        ] {
            check(text, &[]);
        }
    }
}
