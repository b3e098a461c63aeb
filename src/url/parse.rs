//! From the text to a [`RedisUrl`]: the checks in their order.

use std::str::FromStr;

use super::authority;
use super::codes::{self, Problem, Warnings};
use super::diagnostic::{Diagnostic, Parsed};
use super::error::UrlError;
use super::foreign;
use super::kind::UrlKind;
use super::mistakes;
use super::parameters::Parameters;
use super::path::{self, Segments};
use super::query;
use super::redis_url::RedisUrl;
use super::scheme;
use super::settings::TlsVerify;
use super::spanned::Spanned;
use super::split::{LONGEST_URL, Split, split};
use super::warning::UrlWarning;

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
    if input.len() > LONGEST_URL {
        let start = (0..=LONGEST_URL).rfind(|&index| input.is_char_boundary(index));
        let surplus = start.unwrap_or(0)..input.len();
        return Err(Diagnostic::new(codes::TOO_LONG, surplus));
    }
    let whole = Spanned::trimmed(input);
    mistakes::check_whole(whole)?;
    mistakes::check_characters(whole)?;
    let (scheme, rest) = scheme::parse(whole)?;
    mistakes::check_rest(rest)?;
    let split = split(rest)?;
    let mut warnings = Vec::new();
    warnings.extend((whole.text.len() < input.len()).then_some(codes::SURROUNDING_WHITESPACE));
    warnings.extend(scheme.is_alias.then_some(codes::SCHEME_ALIAS));
    let url = parse_parts(scheme.kind, &split, &mut warnings)?;
    whole.refuse_if(
        url.kind.is_single() && !authority::agrees_with_url_crate(whole.text, &url.hosts[0]),
        codes::INVALID_URL,
    )?;
    Ok(url)
}

/// Parses what follows the scheme, from the left to the right. Of a Sentinel URL the path comes
/// last, because the query and the fragment decide what it is.
fn parse_parts(kind: UrlKind, split: &Split<'_>, warnings: &mut Warnings) -> Parsed<RedisUrl> {
    authority::check_count(kind, split)?;
    let (username, password) = authority::credentials(split, warnings)?;
    let mut hosts = Vec::new();
    for host in split.hosts.split(',').filter(|_| kind != UrlKind::Unix) {
        hosts.push(authority::node(kind, host, warnings)?);
    }
    let segments = Segments::new(split.path, warnings);
    let (mut path, mut service_name, mut in_path) = (None, None, None);
    match kind {
        UrlKind::Unix => path = Some(path::socket(split.path, warnings)?),
        UrlKind::Sentinel | UrlKind::SentinelTls => {}
        _ => in_path = segments.database()?,
    }
    let mut parameters = query::parse(kind, split.query)?;
    let in_fragment = parse_fragment(kind, split.fragment, &mut parameters)?;
    for node in &parameters.nodes {
        hosts.push(authority::encoded_node(kind, *node, warnings)?);
    }
    if kind.is_list() {
        authority::check_distinct(&hosts, split.hosts)?;
    }
    if kind.is_sentinel() {
        let in_query = parameters.service_name.take();
        let elsewhere = agree(in_query, in_fragment, codes::CONFLICTING_MASTER)?;
        let (name, database) = segments.service_and_database(elsewhere)?;
        (service_name, in_path) = (Some(name), database);
    }
    for (host, port) in &hosts {
        foreign::warn_about_provider(kind, host, *port, warnings);
    }
    warnings.append(&mut parameters.warnings);
    let password = agree(password, parameters.password, codes::CONFLICTING_PASSWORD)?;
    let username = agree(username, parameters.username, codes::CONFLICTING_USERNAME)?;
    let database = agree(in_path, parameters.database, codes::CONFLICTING_DB)?.unwrap_or(0);
    Ok(RedisUrl {
        kind,
        hosts,
        path,
        username,
        password,
        database,
        service_name,
        settings: parameters.settings,
        warnings: UrlWarning::list(warnings, &parameters.ignored),
    })
}

/// Parses `#insecure`, and returns the `#service-name` of Sentinel URLs.
fn parse_fragment<'a>(
    kind: UrlKind,
    fragment: Option<Spanned<'a>>,
    parameters: &mut Parameters<'_>,
) -> Parsed<Option<(String, Spanned<'a>)>> {
    let Some(fragment) = fragment else {
        return Ok(None);
    };
    if fragment.text == "insecure" && kind.is_tls() {
        parameters.verify(TlsVerify::None);
        return Ok(None);
    }
    if !kind.is_sentinel() || fragment.is_empty() {
        let with_its_sign = fragment.start - 1..fragment.end();
        return Err(Diagnostic::new(codes::UNEXPECTED_FRAGMENT, with_its_sign));
    }
    parameters.warnings.push(codes::SENTINEL_MASTER_IN_FRAGMENT);
    let name = path::service_name(fragment, codes::UNEXPECTED_FRAGMENT)?;
    Ok(Some((name, fragment)))
}

/// Returns the value that stands in one of two places; two different ones are a mistake.
fn agree<T: PartialEq>(
    first: Option<T>,
    second: Option<(T, Spanned<'_>)>,
    problem: Problem,
) -> Parsed<Option<T>> {
    match (first, second) {
        (Some(first), Some((second, part))) if first != second => Err(part.error(problem)),
        (first, second) => Ok(first.or(second.map(|(value, _)| value))),
    }
}
