//! From the text to a [`RedisUrl`]: the checks in their order.

use std::str::FromStr;

use super::authority::{self, Credentials};
use super::diagnostic::{Diagnostic, Parsed};
use super::error::UrlError;
use super::foreign;
use super::kind::UrlKind;
use super::mistakes;
use super::parameters::Parameters;
use super::path::{self, Segments};
use super::query;
use super::redis_url::RedisUrl;
use super::scheme::{self, Scheme};
use super::settings::{Settings, TlsVerify};
use super::spanned::Spanned;
use super::split::{LONGEST_URL, Split, split};
use super::warning::Warnings;

impl RedisUrl {
    /// Reads a URL such as `redis://user:password@localhost:6379/0`.
    ///
    /// # Errors
    ///
    /// Returns a [`UrlError`] whose code, position and help name the first
    /// thing that is wrong.
    pub fn parse(text: &str) -> Result<RedisUrl, UrlError> {
        parse(text).map_err(|diagnostic| UrlError::new(diagnostic, text))
    }
}

impl FromStr for RedisUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<RedisUrl, UrlError> {
        RedisUrl::parse(text)
    }
}

/// Parses the text in the order of checks that the module documents.
fn parse(input: &str) -> Parsed<RedisUrl> {
    let length = input.len();
    if length > LONGEST_URL {
        let after = format!(" is too long: expected at most {LONGEST_URL} bytes, found {length}");
        let (span, message) = (LONGEST_URL..length, ("", after));
        return Err(Diagnostic::new("too_long", span, message, ""));
    }
    let whole = Spanned::trimmed(input);
    mistakes::check_whole(whole)?;
    mistakes::check_characters(whole)?;
    let (scheme, rest) = scheme::parse(whole)?;
    mistakes::check_rest(rest)?;
    let split = split(rest)?;
    let mut warnings = Warnings::default();
    if whole.text.len() < length {
        let message = "white space around the URL was removed";
        warnings.add("surrounding_whitespace", message);
    }
    if scheme.is_alias {
        let ours = scheme.kind.canonical();
        let message = format!("scheme of another client: write `{ours}://`");
        warnings.add("scheme_alias", message);
    }
    let mut url = if scheme.kind == UrlKind::Unix {
        parse_socket(scheme, &split, &mut warnings)?
    } else {
        parse_network(scheme, &split, &mut warnings)?
    };
    let is_single = url.kind.is_single();
    if is_single && !authority::agrees_with_url_crate(whole.text, &url.hosts[0]) {
        return Err(whole.error("invalid_url", "invalid URL in {}", ""));
    }
    url.warnings = warnings.into_sorted();
    Ok(url)
}

fn parse_socket(scheme: Scheme, split: &Split<'_>, warnings: &mut Warnings) -> Parsed<RedisUrl> {
    if !split.hosts.is_empty() {
        let message = "host in {}: expected the absolute path of a socket after `//`";
        let help = "write three slashes and an absolute path: `unix:///run/redis/redis.sock`";
        return Err(split.hosts.error("host_in_unix", message, help));
    }
    let credentials = authority::credentials(scheme, split, warnings)?;
    let path = path::socket(split.path, warnings)?;
    let parameters = query::parse(scheme.kind, split.query, warnings)?;
    if let Some(fragment) = split.fragment {
        return Err(unexpected_fragment(scheme, fragment));
    }
    let database = parameters.database.map_or(0, |(database, _)| database);
    let mut url = assemble(scheme.kind, credentials, parameters)?;
    url.path = Some(path);
    url.database = database;
    Ok(url)
}

fn parse_network(scheme: Scheme, split: &Split<'_>, warnings: &mut Warnings) -> Parsed<RedisUrl> {
    let kind = scheme.kind;
    authority::check_count(scheme, split)?;
    let credentials = authority::credentials(scheme, split, warnings)?;
    let mut hosts = authority::nodes(kind, split.hosts, warnings)?;
    let segments = Segments::new(split.path, warnings);
    let mut in_path = None;
    if !kind.is_sentinel() {
        in_path = segments.database()?;
    }
    let mut parameters = query::parse(kind, split.query, warnings)?;
    let in_fragment = parse_fragment(scheme, split, &mut parameters.settings, warnings)?;
    for node in &parameters.nodes {
        hosts.push(authority::node(kind, *node, warnings)?);
    }
    if kind.is_list() {
        authority::check_distinct(&hosts, split.hosts)?;
    }
    let mut service_name = None;
    if kind.is_sentinel() {
        let elsewhere = match (parameters.service_name.take(), in_fragment) {
            (Some(first), Some((second, fragment))) if first != second => {
                return Err(path::conflicting_service(fragment));
            }
            (in_query, in_fragment) => in_query.or(in_fragment.map(|(name, _)| name)),
        };
        let (name, database) = segments.service_and_database(elsewhere)?;
        (service_name, in_path) = (Some(name), database);
    }
    for (host, port) in &hosts {
        foreign::warn_about_provider(kind, host, *port, warnings);
    }
    let in_query = parameters.database;
    let mut url = assemble(kind, credentials, parameters)?;
    url.hosts = hosts;
    url.service_name = service_name;
    url.database = agree_on_database(kind, in_path, split.path, in_query)?;
    Ok(url)
}

fn unexpected_fragment(scheme: Scheme, fragment: Spanned<'_>) -> Diagnostic {
    let span = fragment.start - 1..fragment.end();
    let help = if fragment.text == "insecure" && !scheme.kind.is_tls() {
        "remove it: `#insecure` is about TLS, and belongs to `rediss://`"
    } else {
        "remove it; write `%23` if the `#` belongs to the password"
    };
    Diagnostic::new("unexpected_fragment", span, "unexpected `#` in {}", help)
}

/// Parses `#insecure`, and returns the `#service-name` of Sentinel URLs.
fn parse_fragment<'a>(
    scheme: Scheme,
    split: &Split<'a>,
    settings: &mut Settings,
    warnings: &mut Warnings,
) -> Parsed<Option<(String, Spanned<'a>)>> {
    let Some(fragment) = split.fragment else {
        return Ok(None);
    };
    if fragment.text == "insecure" && scheme.kind.is_tls() {
        settings.verify_with(TlsVerify::None, warnings);
        return Ok(None);
    }
    if !scheme.kind.is_sentinel() || fragment.is_empty() {
        return Err(unexpected_fragment(scheme, fragment));
    }
    let message = "the service name stands after `#`: write it as the first part of the path";
    warnings.add("sentinel_master_in_fragment", message);
    let name = path::service_name(fragment, "fragment", "unexpected_fragment")?;
    Ok(Some((name, fragment)))
}

/// Puts the credentials before the `@` and those of the query together.
fn assemble(
    kind: UrlKind,
    credentials: Credentials,
    parameters: Parameters<'_>,
) -> Parsed<RedisUrl> {
    let (first, second) = (credentials.password, parameters.password);
    let password = agree(first, second, "conflicting_password", "two passwords in {}")?;
    let (first, second) = (credentials.username, parameters.username);
    let username = agree(
        first,
        second,
        "conflicting_username",
        "two user names in {}",
    )?;
    Ok(RedisUrl {
        kind,
        hosts: Vec::new(),
        path: None,
        username,
        password,
        database: 0,
        service_name: None,
        settings: parameters.settings,
        warnings: Vec::new(),
    })
}

fn agree(
    first: Option<String>,
    second: Option<(String, Spanned<'_>)>,
    code: &'static str,
    message: &'static str,
) -> Parsed<Option<String>> {
    match (first, second) {
        (Some(first), Some((second, part))) if first != second => {
            Err(part.error(code, message, "keep the one before the `@`"))
        }
        (first, second) => Ok(first.or(second.map(|(text, _)| text))),
    }
}

fn agree_on_database(
    kind: UrlKind,
    in_path: Option<u32>,
    path: Spanned<'_>,
    in_query: Option<(u32, Spanned<'_>)>,
) -> Parsed<u32> {
    let database = match (in_path, in_query) {
        (Some(first), Some((second, part))) if first != second => {
            let after = format!(": {first} in the path, {second} in the query");
            let message = ("two databases in ", after);
            let help = format!("keep `/{first}` or `?db={second}`");
            return Err(part.error("conflicting_db", message, help));
        }
        (in_path, in_query) => in_path
            .or(in_query.map(|(database, _)| database))
            .unwrap_or(0),
    };
    if kind.is_cluster() && database > 0 {
        let found = in_query.map_or(path, |(_, part)| part);
        let message = "invalid database in {}: a cluster has database 0 alone";
        return Err(found.error("invalid_db", message, "leave it out"));
    }
    Ok(database)
}
