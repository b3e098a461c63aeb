//! What a help tells to type: URLs made of what the file has, and blocks to paste.

use std::ops::Range;

use super::document::{Document, Other, Variable};
use super::documented_url;
use super::format::Format;
use super::prose;
use super::randomness;
use super::redact;
use super::secret::{self, may_be_shown};
use super::words::{self, Field};
use crate::placeholder;
use crate::url::RedisUrl;

pub(super) const LOCAL_URL: &str = "redis://localhost:6379";
/// The comment above a variable, which is true of every application. `redis_client!` proposes it, too.
pub(crate) const HEADING: &str = "# The Redis server that this application connects to";

/// Returns the lines that assign a variable.
pub(crate) fn assignment(name: &str, url: &str) -> String {
    format!("{HEADING}\n{name}={url}")
}

/// Returns the help about a placeholder in this part of a URL.
pub(super) fn example_for(field: Option<Field>) -> String {
    let such_as = field.map(|field| format!(", such as `{}`", field.example()));
    "write an example for it".to_owned() + &such_as.unwrap_or_default()
}

/// Returns the lines that document the formats.
pub(super) fn formats(name: &str, formats: &[Format]) -> String {
    let lines: Vec<_> = formats
        .iter()
        .map(|format| format.suggestion(name))
        .collect();
    lines.join("\n")
}

/// Returns the lines to start a `.env.example` with: they pass every rule.
pub(super) fn whole_file(name: &str) -> String {
    let others = formats(name, &[Format::Password, Format::Tls]);
    format!("{}\n{others}", assignment(name, LOCAL_URL))
}

/// Returns the URL that works where a document has `written`: what stands for a part is replaced by
/// what the file says of it or by an example, and the rest stays as the author wrote it.
pub(super) fn working_url(document: &Document, written: &str) -> Option<String> {
    // `${REDIS_PRIVATE_URL}/1`
    let template = placeholder::template_len(written).unwrap_or(0);
    if let Some(value) = value_of(document, &written[..template])
        && value.contains("://")
    {
        return shown(format!("{value}{}", &written[template..]));
    }
    if words::stands_for_a_url(written) {
        return Some(
            url_of_parts(document).unwrap_or_else(|| local_or_default(document).to_owned()),
        );
    }
    if let Some(url) =
        of_options(written).filter(|_| written.contains('=') && !written.contains("://"))
    {
        return Some(url);
    }
    let value = |field: Option<Field>, is_whole: bool, placeholder: &str| {
        match (field, value_of(document, placeholder)) {
            (Some(Field::Password), Some(value)) => Some(password(value).to_owned()),
            (_, Some(value)) if is_plain(value) => Some(value.to_owned()),
            (Some(field), _) if is_whole => Some(field.example().to_owned()),
            // A part of a host: the rest of it stays.
            (Some(Field::Host), _) => Some("example".to_owned()),
            _ => None,
        }
    };
    let url = documented_url::with_values(written, value)?.replace("://:@", "://");
    shown(url)
}

/// Returns what the file says of the variable in a placeholder: its value, or the default that the
/// placeholder has for it, as in `${REDIS_HOST:-redis}`.
fn value_of<'p>(document: &'p Document, placeholder: &'p str) -> Option<&'p str> {
    let inside = placeholder.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let (name, rest) = inside.split_at(end.unwrap_or(inside.len()));
    let others = document.suggested.others.get_or_init(|| {
        let loaded = document.others.iter().filter(|it| it.is_loaded).rev();
        let values = loaded.map(|it| (it.name.text.clone(), plain_value(document, it)));
        values.collect()
    });
    let found = others.get(name).copied();
    let default = rest.strip_prefix(":-").or(rest.strip_prefix('-'));
    if !rest.is_empty() && default.is_none() {
        return None;
    }
    found.or(default.filter(|_| placeholder.starts_with("${")))
}

/// Returns the URL with the host at `at`, which is a placeholder, replaced by one that works.
pub(super) fn with_host(document: &Document, written: &str, at: &Range<usize>) -> Option<String> {
    let host = value_of(document, written.get(at.clone())?).filter(|host| is_plain(host));
    let (before, after) = (written.get(..at.start)?, written.get(at.end..)?);
    shown(format!("{before}{}{after}", host.unwrap_or("localhost")))
}

/// Returns the one local URL that the comments show, which is surely meant, or else the one of the parts
/// in the file, or `LOCAL_URL`; none where the comments show several.
pub(super) fn local_url<'a>(document: &'a Document) -> Option<&'a str> {
    let find = || {
        let is_local = |url: &RedisUrl| Format::Local.is_shown_by(url) && url.password().is_none();
        let documented = document.documented_urls.iter();
        let mut local: Vec<_> = documented
            .map(|url| document.text(&url.span))
            .filter(|text| RedisUrl::parse(text).is_ok_and(|url| is_local(&url)))
            .collect();
        local.sort_unstable();
        local.dedup();
        match *local {
            [] => Some(url_of_parts(document).unwrap_or_else(|| LOCAL_URL.to_owned())),
            [url] => Some(url.to_owned()),
            _ => None,
        }
    };
    document.suggested.local_url.get_or_init(find).as_deref()
}

/// Returns the URL to propose for a variable without one.
pub(super) fn local_or_default<'a>(document: &'a Document) -> &'a str {
    local_url(document).unwrap_or(LOCAL_URL)
}

/// Returns the URL that a value under another name is, or that is made of it: of `host:port`, of several,
/// or of options.
pub(super) fn url_of_value(value: &str) -> Option<String> {
    if value.contains("://") {
        return shown(value.to_owned());
    }
    if value.contains('=') {
        return of_options(value);
    }
    let is_shown = value.split(',').all(redact::is_shown);
    let scheme = if value.contains(',') {
        "redis-cluster"
    } else {
        "redis"
    };
    shown(format!("{scheme}://{value}")).filter(|_| is_shown)
}

/// Returns the help that assigns `url` in the place of the value that is written: a comment behind it
/// stays.
pub(super) fn write(document: &Document, variable: &Variable, url: &str) -> String {
    let Variable { name, written, .. } = variable;
    let end = document.lines[name.index].span.end.max(written.end);
    let behind = document.text(&(written.end..end)).trim_end();
    let mut rest = String::new();
    let mut from = 0;
    let mut is_harmless = randomness::random_words(behind).is_empty();
    for url in prose::urls(behind) {
        rest += &behind[from..url.start];
        from = url.end;
        is_harmless = is_harmless && may_be_shown(&behind[url]);
    }
    rest += &behind[from..];
    is_harmless = is_harmless && !rest.contains(['@', '=']) && !secret::may_be_in_words(&rest);
    let line = document.text(&(document.lines[name.index].span.start..name.span.start));
    let export = if line.trim() == "export" {
        "export "
    } else {
        ""
    };
    let name = format!("{export}{}", name.text);
    if is_harmless {
        let space = if behind.starts_with('#') { " " } else { "" };
        format!("write `{name}={url}{space}{behind}`")
    } else {
        format!("write `{name}={url}` and keep the comment behind it")
    }
}

/// Returns the URL where it works and may be shown.
pub(super) fn shown(url: String) -> Option<String> {
    (RedisUrl::parse(&url).is_ok() && !url.contains('$') && may_be_shown(&url)).then_some(url)
}

/// Returns the URL that `REDIS_HOST`, `REDIS_PORT` and the like describe.
pub(super) fn url_of_parts(document: &Document) -> Option<String> {
    let find = || {
        let usual = ["REDIS_", "VALKEY_", "REDIS"].into_iter();
        let others = document.others.iter().filter(|it| it.is_loaded);
        let others = others.filter_map(|it| it.name.text.strip_suffix("HOST"));
        let mut prefixes = usual.chain(others.filter(|it| secret::is_of_redis(it)).take(8));
        prefixes.find_map(|prefix| url_with_prefix(document, prefix))
    };
    document.suggested.url_of_parts.get_or_init(find).clone()
}

fn url_with_prefix(document: &Document, prefix: &str) -> Option<String> {
    let value = |ends: &[&str]| {
        let is_it = |it: &&Other| {
            let end = it.name.text.strip_prefix(prefix);
            end.is_some_and(|end| ends.contains(&end)) && it.is_loaded
        };
        let found = document.others.iter().find(is_it);
        found.map(|other| plain_value(document, other))
    };
    let host = value(&["HOST", "HOSTNAME", "SERVER", "ADDR", "ADDRESS", "ENDPOINT"]);
    let port = value(&["PORT"]).filter(|port| is_number(port));
    if host.is_none() && port.is_none() {
        return None;
    }
    let is_host = |host: &&str| is_plain(host) && !Field::Host.is_named_by(host);
    let host = host.filter(is_host).unwrap_or("localhost");
    let (host, port) = match (host.split_once(':'), port) {
        (Some((host, port)), _) => (host, port),
        (None, port) => (host, port.unwrap_or("6379")),
    };
    let user = value(&["USER", "USERNAME"])
        .filter(|user| is_plain(user))
        .unwrap_or_default();
    let password = value(&["PASSWORD", "PASS", "PASSWD", "AUTH"]).map_or("", password);
    let login = if password.is_empty() {
        String::new()
    } else {
        format!("{user}:{password}@")
    };
    let database = value(&["DB", "DATABASE", "DB_INDEX"]).filter(|it| is_number(it) && *it != "0");
    let database = database.map_or(String::new(), |number| format!("/{number}"));
    let tls = value(&["TLS", "SSL", "USE_TLS", "USE_SSL", "TLS_ENABLED"]).unwrap_or_default();
    let is_tls = ["true", "1", "yes", "on"].contains(&&*tls.to_ascii_lowercase());
    let scheme = if is_tls { "rediss" } else { "redis" };
    shown(format!("{scheme}://{login}{host}:{port}{database}"))
}

/// Returns the URL of `host:6380,password=…,ssl=True`, with an example for the password.
pub(super) fn of_options(written: &str) -> Option<String> {
    let written = written.trim_matches(['"', '\'']);
    let host = written.split(',').next().filter(|host| is_plain(host))?;
    let lower = written.to_ascii_lowercase().replace(' ', "");
    let scheme = if lower.contains("ssl=true") {
        "rediss"
    } else {
        "redis"
    };
    let login = if lower.contains("password=") {
        ":password@"
    } else {
        ""
    };
    shown(format!("{scheme}://{login}{host}"))
}

/// Returns a value without its quotes.
pub(super) fn plain_value<'a>(document: &Document<'a>, other: &Other) -> &'a str {
    document
        .text(&other.written)
        .trim()
        .trim_matches(['"', '\''])
}

/// Returns a password that a document may show: the one of the file where it is an example that the
/// parser accepts, and none where it says that there is none.
fn password(value: &str) -> &str {
    let is_shown = words::is_example_password(value) && is_plain(value);
    if value.is_empty() || words::is_no_password(value) {
        ""
    } else if is_shown && RedisUrl::parse(&format!("redis://:{value}@localhost")).is_ok() {
        value
    } else {
        "password"
    }
}

/// Returns whether a text may be a part of a URL as it is.
fn is_plain(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
    !text.is_empty() && text.len() <= 128 && text.bytes().all(is_plain)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{is_number, is_plain};

    #[test]
    fn a_part_of_a_url_needs_no_escape() {
        let long = "a".repeat(129);
        for (text, expected) in [
            ("cache-1.internal:6379", true),
            (&long[..128], true),
            (&long, false),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(is_plain(text), expected, "{text}");
        }
    }

    #[test]
    fn a_number_has_one_to_five_digits() {
        for (text, expected) in [
            ("0", true),
            ("65535", true),
            ("123456", false),
            ("", false),
            ("6a", false),
        ] {
            assert_eq!(is_number(text), expected, "{text}");
        }
    }
}
