//! From the text to a `RedisUrl`: the checks in their order.

use super::error::Fault;
use super::parameters::{self, Parameters};
use super::part::Part;
use super::raw::{self, Split};
use super::scheme::{self, Scheme, UrlKind};
use super::settings::{self, Settings, TlsVerify};
use super::userinfo::{self, Userinfo};
use super::warning::{self, UrlWarning};
use super::{LONGEST, RedisUrl, hosts, path, providers, shape};

/// Reads the text in the order of checks that the module documents.
pub(super) fn read(input: &str) -> Result<RedisUrl, Fault> {
    if input.len() > LONGEST {
        let message = format!(
            "{{}} is too long: expected at most {LONGEST} bytes, found {}",
            input.len()
        );
        return Err(Fault::new("too_long", LONGEST..input.len(), message));
    }
    let whole = Part::trimmed(input);
    shape::check(whole)?;
    raw::check_characters(whole)?;
    let (scheme, rest) = scheme::split(whole)?;
    raw::check_rest(scheme, rest)?;
    let split = raw::split(rest)?;
    let mut warnings = Vec::new();
    if whole.text.len() < input.len() {
        warnings.push(UrlWarning::new(
            "surrounding_whitespace",
            "white space around the URL was removed",
        ));
    }
    if scheme.is_alias {
        let message = format!(
            "scheme of another client: write `{}://`",
            scheme.kind.canonical()
        );
        warnings.push(UrlWarning::new("scheme_alias", message));
    }
    let mut url = if scheme.kind == UrlKind::Unix {
        read_socket(scheme, &split, &mut warnings)?
    } else {
        read_network(scheme, &split, &mut warnings)?
    };
    let is_single = matches!(url.kind, UrlKind::Tcp | UrlKind::Tls);
    if is_single && !hosts::agrees_with_url_crate(whole.text, &url.hosts[0]) {
        return Err(Fault::new("invalid_url", whole.span(), "invalid URL in {}"));
    }
    warning::arrange(&mut warnings);
    url.warnings = warnings;
    Ok(url)
}

fn read_userinfo(
    scheme: Scheme,
    split: &Split<'_>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<Userinfo, Fault> {
    match split.userinfo {
        None => Ok(Userinfo::default()),
        Some(part) => userinfo::read(scheme, part, split.hosts, warnings),
    }
}

fn read_socket(
    scheme: Scheme,
    split: &Split<'_>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<RedisUrl, Fault> {
    if !split.hosts.is_empty() {
        let message = "host in {}: expected the absolute path of a socket after `//`";
        return Err(Fault::new("host_in_unix", split.hosts.span(), message)
            .help("write three slashes and an absolute path: `unix:///run/redis/redis.sock`"));
    }
    let userinfo = read_userinfo(scheme, split, warnings)?;
    let path = path::socket(split.path, warnings)?;
    let parameters = read_parameters(scheme, split, warnings)?;
    refuse_fragment(scheme, split)?;
    let mut url = assemble(scheme.kind, Vec::new(), userinfo, &parameters)?;
    url.path = Some(path);
    url.database = parameters.database.map_or(0, |(database, _)| database);
    Ok(url)
}

fn read_network(
    scheme: Scheme,
    split: &Split<'_>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<RedisUrl, Fault> {
    let kind = scheme.kind;
    hosts::check_count(scheme, split)?;
    let userinfo = read_userinfo(scheme, split, warnings)?;
    let mut hosts = hosts::read(kind, split.hosts, warnings)?;
    let segments = path::segments(split.path, warnings);
    let in_path = if kind.is_sentinel() {
        None
    } else {
        path::check_segments(split.path, &segments, 1, "one number, as in `/0`")?;
        segments
            .first()
            .map(|segment| path::database(*segment, true))
            .transpose()?
    };
    let mut parameters = read_parameters(scheme, split, warnings)?;
    let fragment = read_fragment(scheme, split, &mut parameters.settings, warnings)?;
    for node in &parameters.nodes {
        hosts.push(hosts::read_node(kind, *node, warnings)?);
    }
    if kind.is_list() {
        hosts::check_distinct(&hosts, &split.hosts.span())?;
    }
    let (service_name, in_path) = if kind.is_sentinel() {
        let in_query = parameters.service_name.clone();
        let explicit = agree_on_service(in_query, fragment, split)?;
        let (name, database) = sentinel_path(split.path, &segments, explicit)?;
        (Some(name), database)
    } else {
        (None, in_path)
    };
    for (host, port) in &hosts {
        providers::warn(kind, host, *port, warnings);
    }
    let mut url = assemble(kind, hosts, userinfo, &parameters)?;
    url.service_name = service_name;
    url.database = agree_on_database(kind, in_path, split.path, &parameters)?;
    Ok(url)
}

fn read_parameters<'a>(
    scheme: Scheme,
    split: &Split<'a>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<Parameters<'a>, Fault> {
    match split.query {
        None => Ok(Parameters::default()),
        Some(query) => parameters::read(scheme.kind, query, warnings),
    }
}

fn refuse_fragment(scheme: Scheme, split: &Split<'_>) -> Result<(), Fault> {
    let Some(fragment) = split.fragment else {
        return Ok(());
    };
    let span = fragment.start - 1..fragment.end();
    let help = if fragment.text == "insecure" && !scheme.kind.is_tls() {
        "remove it: `#insecure` is about TLS, and belongs to `rediss://`"
    } else {
        "remove it; write `%23` if the `#` belongs to the password"
    };
    Err(Fault::new("unexpected_fragment", span, "unexpected `#` in {}").help(help))
}

/// Reads `#insecure`, and the `#service-name` of Sentinel URLs.
fn read_fragment(
    scheme: Scheme,
    split: &Split<'_>,
    settings: &mut Settings,
    warnings: &mut Vec<UrlWarning>,
) -> Result<Option<String>, Fault> {
    let Some(fragment) = split.fragment else {
        return Ok(None);
    };
    if fragment.text == "insecure" && scheme.kind.is_tls() {
        settings::verify_with(TlsVerify::None, settings, warnings);
        return Ok(None);
    }
    if scheme.kind.is_sentinel() && !fragment.is_empty() {
        let message = "the service name stands after `#`: write it as the first part of the path";
        warnings.push(UrlWarning::new("sentinel_master_in_fragment", message));
        return path::service_name(fragment, "fragment").map(Some);
    }
    refuse_fragment(scheme, split)?;
    Ok(None)
}

/// Takes the service name from the query or the fragment, which may not differ.
fn agree_on_service(
    in_query: Option<String>,
    fragment: Option<String>,
    split: &Split<'_>,
) -> Result<Option<String>, Fault> {
    match (in_query, fragment, split.fragment) {
        (Some(first), Some(second), Some(part)) if first != second => {
            Err(conflicting_service(part.span()))
        }
        (in_query, fragment, _) => Ok(in_query.or(fragment)),
    }
}

fn conflicting_service(span: std::ops::Range<usize>) -> Fault {
    Fault::new("conflicting_master", span, "two service names in {}")
        .help("name it once, as the first part of the path: `/<service name>/<db>`")
}

/// Reads `/service-name[/db]`, or `/db` where the service name stands elsewhere.
fn sentinel_path(
    path: Part<'_>,
    segments: &[Part<'_>],
    explicit: Option<String>,
) -> Result<(String, Option<u32>), Fault> {
    let is_number = |segment: &Part<'_>| segment.text.bytes().all(|b| b.is_ascii_digit());
    if let Some(name) = explicit {
        let is_name = |first: &&Part<'_>| {
            path::is_service_name(first.text)
                && first.text.starts_with(|c: char| c.is_ascii_alphabetic())
        };
        if let Some(first) = segments.first().filter(is_name) {
            if first.text != name {
                return Err(conflicting_service(first.span()));
            }
        } else {
            path::check_segments(path, segments, 1, "one number, as in `/0`")?;
            let database = segments
                .first()
                .map(|segment| path::database(*segment, true))
                .transpose()?;
            return Ok((name, database));
        }
    }
    let missing = segments
        .first()
        .is_none_or(|first| segments.len() == 1 && is_number(first));
    if missing {
        return Err(Fault::new(
            "missing_master",
            path.span(),
            "missing service name in {}: expected `/<service name>` or `/<service name>/<db>`",
        )
        .help("write the name the Sentinels know the primary by, such as `/mymaster/0`"));
    }
    path::check_segments(path, segments, 2, "`/<service name>/<db>`")?;
    let name = path::service_name(segments[0], "path")?;
    let database = segments
        .get(1)
        .map(|segment| path::database(*segment, true))
        .transpose()?;
    Ok((name, database))
}

/// Puts the credentials of userinfo and query together.
fn assemble(
    kind: UrlKind,
    hosts: Vec<(String, u16)>,
    userinfo: Userinfo,
    parameters: &Parameters<'_>,
) -> Result<RedisUrl, Fault> {
    let password = agree(
        userinfo.password,
        parameters.password.as_ref(),
        "conflicting_password",
        "two passwords in {}",
    )?;
    let username = agree(
        userinfo.username,
        parameters.username.as_ref(),
        "conflicting_username",
        "two user names in {}",
    )?;
    let settings = parameters.settings.clone();
    Ok(RedisUrl {
        kind,
        hosts,
        path: None,
        username,
        password,
        database: 0,
        service_name: None,
        settings,
        warnings: Vec::new(),
    })
}

fn agree(
    first: Option<String>,
    second: Option<&(String, Part<'_>)>,
    code: &'static str,
    message: &'static str,
) -> Result<Option<String>, Fault> {
    match (first, second) {
        (Some(first), Some((second, part))) if first != *second => {
            Err(Fault::new(code, part.span(), message).help("keep the one before the `@`"))
        }
        (first, second) => Ok(first.or_else(|| second.map(|(text, _)| text.clone()))),
    }
}

fn agree_on_database(
    kind: UrlKind,
    in_path: Option<u32>,
    path: Part<'_>,
    parameters: &Parameters<'_>,
) -> Result<u32, Fault> {
    if let (Some(in_path), Some((in_query, part))) = (in_path, parameters.database)
        && in_path != in_query
    {
        let message =
            format!("two databases in {{}}: {in_path} in the path, {in_query} in the query");
        return Err(Fault::new("conflicting_db", part.span(), message)
            .help(format!("keep `/{in_path}` or `?db={in_query}`")));
    }
    let database = in_path
        .or(parameters.database.map(|(database, _)| database))
        .unwrap_or(0);
    if kind.is_cluster() && database > 0 {
        let span = parameters
            .database
            .map_or(path.span(), |(_, part)| part.span());
        return Err(Fault::new(
            "invalid_db",
            span,
            "invalid database in {}: a cluster has database 0 alone",
        )
        .help("leave it out"));
    }
    Ok(database)
}
