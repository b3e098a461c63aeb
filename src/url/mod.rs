//! The text of a Redis URL, read with one meaning or refused with a reason.
//!
//! The order of the checks is part of the contract: where a text is wrong in
//! two ways, the first check that fails names it.
//!
//! 1. length; 2. the text as a whole (`shape`); 3. control and invisible
//!    characters (`raw`); 4. the scheme; 5. a second URL, templates and
//!    placeholders, spaces, quotes, backslashes (`raw`); 6. an `@` behind the
//!    authority, a second `@`; 7. no host, too many hosts; 8. userinfo;
//!    9. each host and port; 10. path; 11. query: form, unknown names, names
//!    that would change the server, the login or TLS, duplicates, values,
//!    conflicts with what stands before; 12. fragment. Of a Sentinel URL the
//!    query and the fragment come before the path, because they decide what the
//!    path is.
//!
//! This module stands on `std` and the `url` crate alone: this repository's
//! build script compiles it too.

mod duration;
mod error;
mod hosts;
mod mask;
mod parameter_table;
mod parameters;
mod part;
mod path;
mod percent;
mod providers;
mod raw;
mod read;
mod scheme;
mod settings;
mod shape;
#[cfg(test)]
mod tests;
mod userinfo;
mod warning;
mod words;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

pub use self::error::UrlError;

pub use self::scheme::Kind;
pub use self::settings::{Protocol, ReadFrom, TlsVerify};
pub use self::warning::Warning;

use self::settings::Settings;

/// The longest URL that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// Holds a Redis URL that has been read and checked.
///
/// Its `Display` and `Debug` show `***` in the place of the password.
#[derive(Clone)]
pub struct RedisUrl {
    kind: Kind,
    hosts: Vec<(String, u16)>,
    path: Option<PathBuf>,
    username: Option<String>,
    password: Option<String>,
    database: u32,
    service_name: Option<String>,
    settings: Settings,
    warnings: Vec<Warning>,
}

impl RedisUrl {
    /// Reads a URL such as `redis://user:password@localhost:6379/0`.
    ///
    /// # Errors
    ///
    /// Returns a [`UrlError`] whose code, position and help name the first
    /// thing that is wrong.
    pub fn parse(text: &str) -> Result<RedisUrl, UrlError> {
        read::read(text).map_err(|fault| fault.into_error(text))
    }

    /// Returns what a usable URL should be told about, the gravest first.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns what the URL points at.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the hosts and ports, in their order; none for a Unix socket.
    ///
    /// Names are in lower case, IPv6 addresses without brackets. The default
    /// port is 6379, of Sentinels 26379.
    #[must_use]
    pub fn hosts(&self) -> &[(String, u16)] {
        &self.hosts
    }

    /// Returns the path of the Unix socket.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the user name.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Returns the password; `user:@host` has an empty one.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Returns the number of the database, 0 by default.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.database
    }

    /// Returns the name under which the Sentinels know the primary.
    #[must_use]
    pub fn service_name(&self) -> Option<&str> {
        self.service_name.as_deref()
    }

    /// Returns the parameter `protocol`.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        self.settings.protocol
    }

    /// Returns the parameter `client_name`.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.settings.client_name.as_deref()
    }

    /// Returns the parameter `connect_timeout`.
    #[must_use]
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.settings.connect_timeout
    }

    /// Returns the parameter `response_timeout`, for short `timeout`.
    #[must_use]
    pub fn response_timeout(&self) -> Option<Duration> {
        self.settings.response_timeout
    }

    /// Returns the parameter `deadline`.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.settings.deadline
    }

    /// Returns the parameter `keepalive`.
    #[must_use]
    pub fn keepalive(&self) -> Option<Duration> {
        self.settings.keepalive
    }

    /// Returns the parameter `max_in_flight`.
    #[must_use]
    pub fn max_in_flight(&self) -> Option<NonZeroUsize> {
        self.settings.max_in_flight
    }

    /// Returns the parameter `tls_ca`: a file of certificates to trust as well.
    #[must_use]
    pub fn tls_ca(&self) -> Option<&Path> {
        self.settings.tls_ca.as_deref()
    }

    /// Returns the parameter `tls_cert`: the file of the client's certificate.
    #[must_use]
    pub fn tls_cert(&self) -> Option<&Path> {
        self.settings.tls_cert.as_deref()
    }

    /// Returns the parameter `tls_key`: the file of the client's private key.
    #[must_use]
    pub fn tls_key(&self) -> Option<&Path> {
        self.settings.tls_key.as_deref()
    }

    /// Returns the parameter `tls_verify`, [`TlsVerify::Full`] by default.
    #[must_use]
    pub fn tls_verify(&self) -> TlsVerify {
        self.settings.tls_verify
    }

    /// Returns the parameter `tls_server_name`.
    #[must_use]
    pub fn tls_server_name(&self) -> Option<&str> {
        self.settings.tls_server_name.as_deref()
    }

    /// Returns the name to send and to verify in TLS.
    ///
    /// It is `tls_server_name`, else the first host without a trailing dot;
    /// `None` for a Unix socket.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        let host = || {
            self.hosts
                .first()
                .map(|(host, _)| host.strip_suffix('.').unwrap_or(host))
        };
        self.tls_server_name().or_else(host)
    }

    /// Returns the parameter `sentinel_username`.
    #[must_use]
    pub fn sentinel_username(&self) -> Option<&str> {
        self.settings.sentinel_username.as_deref()
    }

    /// Returns the parameter `sentinel_password`.
    #[must_use]
    pub fn sentinel_password(&self) -> Option<&str> {
        self.settings.sentinel_password.as_deref()
    }

    /// Returns the parameter `read_from`.
    #[must_use]
    pub fn read_from(&self) -> Option<ReadFrom> {
        self.settings.read_from
    }
}

impl FromStr for RedisUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<RedisUrl, UrlError> {
        RedisUrl::parse(text)
    }
}

/// Writes the URL without its parameters, and `***` for the password.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.kind.canonical())?;
        match (&self.username, &self.password) {
            (_, None) => {}
            (Some(username), Some(password)) if !password.is_empty() => {
                write!(f, "{}:{}@", username.escape_debug(), mask::MASK)?;
            }
            _ => write!(f, ":{}@", mask::MASK)?,
        }
        if let Some(path) = &self.path {
            write!(f, "{}", path.display().to_string().escape_debug())?;
        }
        for (index, node) in self.hosts.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", hosts::format_node(node))?;
        }
        if let Some(name) = &self.service_name {
            write!(f, "/{}", name.escape_debug())?;
        }
        match self.kind {
            Kind::Unix if self.database > 0 => write!(f, "?db={}", self.database),
            Kind::Unix | Kind::Cluster | Kind::ClusterTls => Ok(()),
            _ => write!(f, "/{}", self.database),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}
<<<<<<< HEAD

fn read(input: &str) -> Result<RedisUrl, Fault> {
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
    let split = raw::split(scheme, rest)?;
    let mut warnings = Vec::new();
    if whole.text.len() < input.len() {
        warnings.push(Warning::new(
            "surrounding_whitespace",
            "white space around the URL was removed",
        ));
    }
    if scheme.is_alias {
        let message = format!(
            "scheme of another client: write `{}://`",
            scheme.kind.canonical()
        );
        warnings.push(Warning::new("scheme_alias", message));
    }
    let mut url = if scheme.kind == Kind::Unix {
        read_socket(scheme, &split, &mut warnings)?
    } else {
        read_network(scheme, &split, &mut warnings)?
    };
    let is_single = matches!(url.kind, Kind::Tcp | Kind::Tls);
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
    warnings: &mut Vec<Warning>,
) -> Result<userinfo::Userinfo, Fault> {
    match split.userinfo {
        None => Ok(userinfo::Userinfo::default()),
        Some(part) => userinfo::read(scheme, part, split.hosts, warnings),
    }
}

fn read_socket(
    scheme: Scheme,
    split: &Split<'_>,
    warnings: &mut Vec<Warning>,
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
    warnings: &mut Vec<Warning>,
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
    let explicit = parameters.service_name.clone().or(fragment);
    let (service_name, in_path) = if kind.is_sentinel() {
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
    warnings: &mut Vec<Warning>,
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
    warnings: &mut Vec<Warning>,
) -> Result<Option<String>, Fault> {
    let Some(fragment) = split.fragment else {
        return Ok(None);
    };
    if fragment.text == "insecure" && scheme.kind.is_tls() {
        parameters::verify_with(TlsVerify::None, settings, warnings);
        return Ok(None);
    }
    if scheme.kind.is_sentinel() && !fragment.is_empty() {
        let message = "the service name stands after `#`: write it as the first part of the path";
        warnings.push(Warning::new("sentinel_master_in_fragment", message));
        return decode(fragment, Plus::Literal, "fragment").map(Some);
    }
    refuse_fragment(scheme, split)?;
    Ok(None)
}

/// Reads `/service-name[/db]`, or `/db` where the service name stands elsewhere.
fn sentinel_path(
    path: Part<'_>,
    segments: &[Part<'_>],
    explicit: Option<String>,
) -> Result<(String, Option<u32>), Fault> {
    if let Some(name) = explicit {
        path::check_segments(path, segments, 1, "one number, as in `/0`")?;
        let database = segments
            .first()
            .map(|segment| path::database(*segment, true))
            .transpose()?;
        return Ok((name, database));
    }
    let is_number = |segment: &Part<'_>| segment.text.bytes().all(|b| b.is_ascii_digit());
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
    let name = decode(segments[0], Plus::Literal, "service name")?;
    let database = segments
        .get(1)
        .map(|segment| path::database(*segment, true))
        .transpose()?;
    Ok((name, database))
}

/// Puts the credentials of userinfo and query together.
fn assemble(
    kind: Kind,
    hosts: Vec<(String, u16)>,
    userinfo: userinfo::Userinfo,
    parameters: &Parameters<'_>,
) -> Result<RedisUrl, Fault> {
    let username = agree(
        userinfo.username,
        parameters.username.as_ref(),
        "conflicting_username",
        "two user names in {}",
    )?;
    let password = agree(
        userinfo.password,
        parameters.password.as_ref(),
        "conflicting_password",
        "two passwords in {}",
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
    kind: Kind,
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
=======
>>>>>>> refs/heads/url
