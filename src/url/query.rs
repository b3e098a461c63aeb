//! The passes over the query: form, names, what is refused, duplicates, values.

use super::diagnostic::{Diagnostic, Parsed};
use super::foreign::{self, FALSE, FLAG, Foreign, TRUE, ValueKind};
use super::kind::UrlKind;
use super::parameters::{PARAMETERS, Parameter, Parameters, Scope, TOLERATED, Value};
use super::percent::{Plus, decode};
use super::settings::TlsVerify;
use super::spanned::Spanned;
use super::warning::Warnings;

/// A parameter that is known: one of ours, or another client's.
#[derive(Clone, Copy)]
enum Role {
    Ours(&'static Parameter),
    Foreign(Foreign),
}

/// A known name, and the name that its other spellings have in common.
#[derive(Clone, Copy)]
struct Known {
    name: &'static str,
    meant: &'static str,
    role: Role,
}

fn ours() -> impl Iterator<Item = &'static Parameter> {
    PARAMETERS.iter().chain(&TOLERATED)
}

/// Returns every known name, ours first.
fn all() -> impl Iterator<Item = Known> {
    let ours = ours().flat_map(|row| {
        let (meant, role) = (row.name, Role::Ours(row));
        let names = [meant].into_iter().chain(row.aliases.iter().copied());
        names.map(move |name| Known { name, meant, role })
    });
    let foreign = foreign::parameters().map(|(name, meant, foreign)| {
        let role = Role::Foreign(foreign);
        Known { name, meant, role }
    });
    ours.chain(foreign)
}

fn find(name: &str) -> Option<Known> {
    all().find(|known| known.name == name)
}

/// Returns whether the text is the name of a parameter, and no secret.
pub(super) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// One `name=value` of the query.
struct Pair<'a> {
    known: Known,
    name: Spanned<'a>,
    value: Spanned<'a>,
}

/// Parses the query in passes: form, names, what is refused, duplicates, values.
pub(super) fn parse<'a>(
    kind: UrlKind,
    query: Option<Spanned<'a>>,
    warnings: &mut Warnings,
) -> Parsed<Parameters<'a>> {
    let mut parameters = Parameters::default();
    let Some(query) = query else {
        return Ok(parameters);
    };
    let mut pieces = Vec::new();
    for piece in query.split('&').filter(|piece| !piece.is_empty()) {
        let pair = piece
            .split_once('=')
            .unwrap_or((piece, piece.from(piece.text.len())));
        check_form(piece, pair)?;
        pieces.push(pair);
    }
    let pairs = recognize(&pieces)?;
    for pair in &pairs {
        check_meaning(kind, pair)?;
    }
    check_duplicates(&pairs)?;
    let mut ignored = Vec::new();
    for pair in &pairs {
        apply(kind, pair, &mut parameters, &mut ignored)?;
    }
    warnings.append(std::mem::take(&mut parameters.warnings));
    if !ignored.is_empty() {
        warnings.add_ignored(ignored);
    }
    Ok(parameters)
}

/// A pair has a name, a `=` and a value; `;` separates nothing.
fn check_form(piece: Spanned<'_>, (name, value): (Spanned<'_>, Spanned<'_>)) -> Parsed<()> {
    if let Some(index) = piece.text.find(';') {
        let message = "`;` between parameters of {}";
        let help = "separate parameters by `&`";
        return Err(piece.char_at(index).error("invalid_param", message, help));
    }
    let is_name_byte = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b);
    if !value.is_empty() || !name.text.bytes().all(is_name_byte) {
        return Ok(());
    }
    let help = "give it a value, or remove it: a variable may be unset";
    let message = match find(name.text) {
        Some(Known { name, .. }) => (format!("parameter `{name}` of "), " has no value"),
        None => ("parameter without a value in ".to_owned(), ""),
    };
    Err(piece.error("invalid_param", message, help))
}

/// No more unknown names than this are reported at once.
const MOST_UNKNOWN: usize = 16;

fn recognize<'a>(pieces: &[(Spanned<'a>, Spanned<'a>)]) -> Parsed<Vec<Pair<'a>>> {
    let mut pairs = Vec::with_capacity(pieces.len());
    let mut unknown = Vec::new();
    for &(name, value) in pieces {
        let decoded = decode(name, Plus::Space, "parameter name")?;
        match find(&decoded) {
            Some(known) => pairs.push(Pair { known, name, value }),
            None if unknown.len() == MOST_UNKNOWN => break,
            None => unknown.push((decoded, name)),
        }
    }
    if unknown.is_empty() {
        Ok(pairs)
    } else {
        Err(unknown_names(&unknown))
    }
}

/// Repeats only a name that resembles a known one: any other may be the rest of a secret.
fn unknown_names(unknown: &[(String, Spanned<'_>)]) -> Diagnostic {
    let similar = unknown
        .iter()
        .filter_map(|(name, part)| Some((name, part, nearest(name)?)));
    let similar: Vec<_> = similar.collect();
    let Some((first, part, near)) = similar.first() else {
        let names: Vec<_> = PARAMETERS.iter().map(|row| row.name).collect();
        let message = match unknown {
            [_] => "unknown parameter in {}",
            _ => "unknown parameters in {}",
        };
        let help = format!("remove it; the parameters are `{}`", names.join("`, `"));
        return unknown[0].1.error("unknown_param", message, help);
    };
    let names: Vec<_> = similar.iter().map(|(name, ..)| name.as_str()).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    let message = (
        format!("unknown parameter{plural} `{}` in ", names.join("`, `")),
        "",
    );
    let help = match near.role {
        Role::Ours(_) => format!("a parameter with a similar name exists: `{}`", near.name),
        Role::Foreign(_) => format!("remove `{first}`"),
    };
    part.error("unknown_param", message, help)
}

/// Finds the known parameter whose name is the most similar.
fn nearest(name: &str) -> Option<Known> {
    if name.len() > 32 || !name.is_ascii() {
        return None;
    }
    let allowed = (name.len() / 4).clamp(1, 3);
    let lower = name.to_ascii_lowercase();
    let distance_to = |known: Known| {
        let known_lower = known.name.to_ascii_lowercase();
        (distance(lower.as_bytes(), known_lower.as_bytes()), known)
    };
    all()
        .map(distance_to)
        .filter(|(distance, known)| *distance <= allowed && *distance < known.name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The Levenshtein distance of two short texts.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Refuses what would change the server, the login or TLS if it were ignored.
fn check_meaning(kind: UrlKind, pair: &Pair<'_>) -> Parsed<()> {
    let name = pair.known.name;
    let (code, message, help) = match pair.known.role {
        Role::Ours(row) => match row.scope {
            Scope::Tls if !kind.is_tls() => TLS_WITHOUT_TLS,
            Scope::Sentinel if !kind.is_sentinel() => OTHER_SERVER,
            Scope::List if !kind.is_list() => OTHER_SERVER,
            _ => return Ok(()),
        },
        Role::Foreign(foreign) => match foreign {
            Foreign::Topology => OTHER_SERVER,
            Foreign::Auth => OTHER_LOGIN,
            Foreign::RefusedTls => REFUSED_TLS,
            Foreign::Tls(_) | Foreign::Verify { .. } | Foreign::UseTls if !kind.is_tls() => {
                FOREIGN_TLS_WITHOUT_TLS
            }
            _ => return Ok(()),
        },
    };
    let [before, between, after] = message;
    let message = (format!("{before}{name}{between}"), after);
    Err(pair.name.error(code, message, help))
}

/// A code, the texts around the parameter and the subject, and a help.
type Refusal = (&'static str, [&'static str; 3], &'static str);

#[rustfmt::skip]
const OTHER_SERVER: Refusal = ("foreign_topology", ["parameter `", "` of ", " would change which server is meant"],
    "write `redis-sentinel://<host>:26379,<host>:26379/<service name>`, or the host in the URL");
#[rustfmt::skip]
const OTHER_LOGIN: Refusal = ("foreign_auth", ["parameter `", "` of ", " would change who logs in"],
    "write `<user>:<password>@` in front of the host");
#[rustfmt::skip]
const REFUSED_TLS: Refusal = ("foreign_tls_param", ["TLS parameter `", "` of another client in ", ""],
    "the TLS parameters are `tls_ca`, `tls_cert`, `tls_key`, `tls_verify` and `tls_server_name`");
const NO_TLS: [&str; 3] = ["TLS parameter `", "` in ", ", which does not use TLS"];
const FOREIGN_TLS_WITHOUT_TLS: Refusal = ("foreign_tls_param", NO_TLS, "write `rediss://`");
const TLS_WITHOUT_TLS: Refusal = ("invalid_param", NO_TLS, "write `rediss://`");

fn check_duplicates(pairs: &[Pair<'_>]) -> Parsed<()> {
    // Except for `node`, a repetition comes within the length of the table.
    for (index, pair) in pairs.iter().enumerate() {
        let same = |earlier: &Pair<'_>| earlier.known.meant == pair.known.meant;
        if pair.known.meant != "node" && pairs[..index].iter().any(same) {
            let message = (format!("parameter `{}` twice in ", pair.known.name), "");
            return Err(pair
                .name
                .error("duplicate_param", message, "keep one of them"));
        }
    }
    Ok(())
}

/// Stores a value of ours, honours TLS of another client, and ignores the rest.
fn apply<'a>(
    kind: UrlKind,
    pair: &Pair<'a>,
    parameters: &mut Parameters<'a>,
    ignored: &mut Vec<&'static str>,
) -> Parsed<()> {
    let Known { name, meant, role } = pair.known;
    let value = |expected| Value {
        kind,
        name,
        expected,
        raw: pair.value,
    };
    let verify = match role {
        Role::Ours(row) => return (row.set)(parameters, value(row.values)),
        Role::Foreign(Foreign::Tls(_)) => {
            if let Some(row) = ours().find(|row| row.name == meant) {
                (row.set)(parameters, value(row.values))?;
            }
            TlsVerify::Full
        }
        Role::Foreign(Foreign::Verify {
            full,
            ca,
            none,
            expected,
        }) => {
            let text = value("").text()?.to_ascii_lowercase();
            let verify = [
                (full, TlsVerify::Full),
                (ca, TlsVerify::Ca),
                (none, TlsVerify::None),
            ];
            let found = verify.iter().find(|(words, _)| is_word(words, &text));
            found.ok_or_else(|| value(expected).invalid())?.1
        }
        Role::Foreign(Foreign::UseTls) => {
            let text = value(FLAG).checked_text(is_flag)?;
            if is_word(FALSE, &text.to_ascii_lowercase()) {
                let message = (format!("parameter `{name}` contradicts the scheme of "), "");
                let help = "write `redis://` for no TLS";
                return Err(pair.value.error("foreign_tls_param", message, help));
            }
            TlsVerify::Full
        }
        Role::Foreign(Foreign::Ignored(values)) => {
            check_ignored(values, value)?;
            ignored.push(name);
            return Ok(());
        }
        Role::Foreign(Foreign::RefusedTls | Foreign::Topology | Foreign::Auth) => return Ok(()),
    };
    if verify == TlsVerify::Full {
        let message = "TLS parameter of another client, honoured here: the parameters are `tls_ca`, `tls_cert`, `tls_key` and `tls_verify`";
        parameters.warnings.add("foreign_tls_param", message);
    }
    parameters
        .settings
        .verify_with(verify, &mut parameters.warnings);
    Ok(())
}

/// A value that is nonsense to its own client is a mistake here too.
fn check_ignored<'a>(values: ValueKind, value: impl Fn(&'static str) -> Value<'a>) -> Parsed<()> {
    let unsigned = |text: &str| text.strip_prefix('-').unwrap_or(text).to_owned();
    match values {
        ValueKind::Any => value("").text(),
        ValueKind::Integer => value("a whole number").checked_text(|text| {
            let digits = unsigned(text);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        }),
        ValueKind::Flag => value(FLAG).checked_text(is_flag),
        ValueKind::Duration => value("a number, with or without a unit").checked_text(|text| {
            unsigned(text).starts_with(|c: char| c.is_ascii_digit() || c == '.')
        }),
    }
    .map(drop)
}

fn is_flag(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    is_word(TRUE, &lower) || is_word(FALSE, &lower)
}

fn is_word(words: &str, text: &str) -> bool {
    !text.is_empty() && words.split(' ').any(|word| word == text)
}
