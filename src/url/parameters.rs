//! The query: the configuration that travels with the URL.

use super::error::Fault;
use super::parameter_table::{self as table, Key, Role, Value};
use super::part::Part;
use super::path;
use super::percent::{Plus, decode};
use super::scheme::UrlKind;
use super::settings::{self, Settings};
use super::warning::UrlWarning;

/// What the query has set.
#[derive(Clone, Default)]
pub(super) struct Parameters<'a> {
    pub(super) settings: Settings,
    pub(super) database: Option<(u32, Part<'a>)>,
    pub(super) username: Option<(String, Part<'a>)>,
    pub(super) password: Option<(String, Part<'a>)>,
    pub(super) service_name: Option<String>,
    pub(super) nodes: Vec<Part<'a>>,
}

/// One `name=value` of the query.
pub(super) struct Pair<'a> {
    pub(super) name: &'static str,
    role: Role,
    name_part: Part<'a>,
    pub(super) value: Part<'a>,
}

/// Reads the query in passes: form, names, what is refused, duplicates, values.
pub(super) fn read<'a>(
    kind: UrlKind,
    query: Part<'a>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<Parameters<'a>, Fault> {
    let pieces: Vec<Part<'a>> = query.split('&').filter(|piece| !piece.is_empty()).collect();
    for piece in &pieces {
        check_form(*piece)?;
    }
    let pairs = recognize(&pieces)?;
    for pair in &pairs {
        check_meaning(kind, pair)?;
    }
    check_duplicates(&pairs)?;
    let mut parameters = Parameters::default();
    let mut ignored = Vec::new();
    for pair in &pairs {
        apply(kind, pair, &mut parameters, &mut ignored, warnings)?;
    }
    if !ignored.is_empty() {
        warnings.push(UrlWarning::foreign_parameters(ignored));
    }
    Ok(parameters)
}

/// A pair has a name, a `=` and a value; `;` separates nothing.
fn check_form(piece: Part<'_>) -> Result<(), Fault> {
    let invalid = |span, message: &'static str| Fault::new("invalid_param", span, message);
    let (name, value) = piece
        .split_once('=')
        .unwrap_or((piece, piece.from(piece.text.len())));
    if let Some(index) = piece.text.find(';') {
        return Err(
            invalid(piece.span_at(index), "`;` between parameters of {}")
                .help("separate parameters by `&`"),
        );
    }
    let is_word = |name: &str| {
        name.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b))
    };
    if value.is_empty() && is_word(name.text) {
        let message = match table::find(name.text) {
            Some((known, _)) => format!("parameter `{known}` of {{}} has no value"),
            None => "parameter without a value in {}".to_owned(),
        };
        return Err(Fault::new("invalid_param", piece.span(), message)
            .help("give it a value, or remove it: a variable may be unset"));
    }
    Ok(())
}

/// No more unknown names than this are reported at once.
const MOST_UNKNOWN: usize = 16;

fn recognize<'a>(pieces: &[Part<'a>]) -> Result<Vec<Pair<'a>>, Fault> {
    let mut pairs = Vec::with_capacity(pieces.len());
    let mut unknown = Vec::new();
    for piece in pieces {
        let (name_part, value) = piece
            .split_once('=')
            .unwrap_or((*piece, piece.from(piece.text.len())));
        let name = decode(name_part, Plus::Space, "parameter name")?;
        match table::find(&name) {
            Some((name, role)) => pairs.push(Pair {
                name,
                role,
                name_part,
                value,
            }),
            None if unknown.len() == MOST_UNKNOWN => break,
            None => unknown.push((name, name_part)),
        }
    }
    if unknown.is_empty() {
        Ok(pairs)
    } else {
        Err(unknown_names(&unknown))
    }
}

/// Repeats only a name that resembles a known one: any other may be the rest of a secret.
fn unknown_names(unknown: &[(String, Part<'_>)]) -> Fault {
    let similar: Vec<_> = unknown
        .iter()
        .filter_map(|(name, part)| Some((name, *part, table::nearest(name)?)))
        .collect();
    let Some((first, part, (near, role))) = similar.first() else {
        let names: Vec<_> = table::DOCUMENTED.iter().map(|(name, _)| *name).collect();
        let message = if unknown.len() == 1 {
            "unknown parameter in {}"
        } else {
            "unknown parameters in {}"
        };
        return Fault::new("unknown_param", unknown[0].1.span(), message).help(format!(
            "remove it; the parameters are `{}`",
            names.join("`, `")
        ));
    };
    let names: Vec<_> = similar.iter().map(|(name, ..)| name.as_str()).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    let message = format!("unknown parameter{plural} `{}` in {{}}", names.join("`, `"));
    let help = match role {
        Role::Ours(_) => format!("a parameter with a similar name exists: `{near}`"),
        _ => format!("remove `{first}`"),
    };
    Fault::new("unknown_param", part.span(), message).help(help)
}

/// Refuses what would change the server, the login or TLS if it were ignored.
fn check_meaning(kind: UrlKind, pair: &Pair<'_>) -> Result<(), Fault> {
    let Pair {
        name,
        role,
        name_part,
        ..
    } = pair;
    let fault = |code, message: String| Fault::new(code, name_part.span(), message);
    let misplaced = match role {
        Role::Ours(Key::Node) => !kind.is_list(),
        Role::Ours(key) => key.is_sentinel() && !kind.is_sentinel(),
        _ => false,
    };
    match role {
        Role::Topology => {}
        _ if misplaced => {}
        Role::Auth => {
            return Err(fault(
                "foreign_auth",
                format!("parameter `{name}` of {{}} would change who logs in"),
            )
            .help("write `<user>:<password>@` in front of the host"));
        }
        Role::RefusedTls => {
            return Err(fault("foreign_tls_param", format!("TLS parameter `{name}` of another client in {{}}"))
                .help("the TLS parameters are `tls_ca`, `tls_cert`, `tls_key`, `tls_verify` and `tls_server_name`"));
        }
        Role::ForeignTls(_) if !kind.is_tls() => {
            return Err(fault(
                "foreign_tls_param",
                format!("TLS parameter `{name}` in {{}}, which does not use TLS"),
            )
            .help("write `rediss://`"));
        }
        Role::Ours(key) if key.is_tls() && !kind.is_tls() => {
            return Err(fault(
                "invalid_param",
                format!("TLS parameter `{name}` in {{}}, which does not use TLS"),
            )
            .help("write `rediss://`"));
        }
        _ => return Ok(()),
    }
    Err(fault(
        "foreign_topology",
        format!("parameter `{name}` of {{}} would change which server is meant"),
    )
    .help(
        "write `redis-sentinel://<host>:26379,<host>:26379/<service name>`, or the host in the URL",
    ))
}

fn check_duplicates(pairs: &[Pair<'_>]) -> Result<(), Fault> {
    let same = |a: &Pair<'_>, b: &Pair<'_>| match (a.role, b.role) {
        (Role::Ours(Key::Node), _) => false,
        (Role::Ours(a) | Role::ForeignTls(a), Role::Ours(b) | Role::ForeignTls(b)) => a == b,
        _ => a.name == b.name,
    };
    // But for `node`, a repetition comes within the length of the table.
    for (index, pair) in pairs.iter().enumerate() {
        if pair.role != Role::Ours(Key::Node)
            && pairs[..index].iter().any(|earlier| same(earlier, pair))
        {
            let message = format!("parameter `{}` twice in {{}}", pair.name);
            return Err(
                Fault::new("duplicate_param", pair.name_part.span(), message)
                    .help("keep one of them"),
            );
        }
    }
    Ok(())
}

fn apply<'a>(
    kind: UrlKind,
    pair: &Pair<'a>,
    parameters: &mut Parameters<'a>,
    ignored: &mut Vec<&'static str>,
    warnings: &mut Vec<UrlWarning>,
) -> Result<(), Fault> {
    match pair.role {
        Role::Ours(Key::Node) => parameters.nodes.push(pair.value),
        Role::Ours(Key::Database) => {
            parameters.database = Some((path::database(pair.value, false)?, pair.value));
        }
        Role::Ours(key) => {
            let text = decode(pair.value, Plus::Space, "query")?;
            settings::set(kind, key, pair, text, parameters, warnings)?;
        }
        Role::ForeignTls(key) => {
            let text = decode(pair.value, Plus::Space, "query")?;
            settings::translate_tls(kind, key, pair, text, &mut parameters.settings, warnings)?;
        }
        Role::Ignored(value) => {
            check_value(value, pair)?;
            ignored.push(pair.name);
        }
        Role::Topology | Role::Auth | Role::RefusedTls => {}
    }
    Ok(())
}

/// A value that is nonsense to its own client is a mistake here too.
fn check_value(value: Value, pair: &Pair<'_>) -> Result<(), Fault> {
    let text = decode(pair.value, Plus::Space, "query")?;
    let digits = text.strip_prefix('-').unwrap_or(&text);
    match value {
        Value::Integer if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) => {
            Err(settings::invalid(pair, "a whole number"))
        }
        Value::Flag if settings::flag(&text.to_ascii_lowercase()).is_none() => {
            Err(settings::invalid(pair, "`true` or `false`"))
        }
        Value::Duration if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            Err(settings::invalid(pair, "a number, with or without a unit"))
        }
        _ => Ok(()),
    }
}
