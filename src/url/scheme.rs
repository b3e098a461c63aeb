//! The scheme of a URL.

use super::codes;
use super::diagnostic::{Diagnostic, Parsed};
use super::foreign;
use super::kind::{SCHEMES, UrlKind};
use super::spanned::Spanned;

/// The scheme of a URL that has a known one.
#[derive(Clone, Copy)]
pub(super) struct Scheme {
    pub(super) kind: UrlKind,
    /// Only other clients spell it so.
    pub(super) is_alias: bool,
}

/// Finds a known scheme by its name in any case.
pub(super) fn known(name: &str) -> Option<Scheme> {
    let is_in = |names: &str| {
        names
            .split_terminator(' ')
            .any(|n| n.eq_ignore_ascii_case(name))
    };
    SCHEMES.iter().find_map(|&(kind, names, aliases)| {
        let is_alias = is_in(aliases);
        (is_alias || is_in(names)).then_some(Scheme { kind, is_alias })
    })
}

/// Finds the known scheme that the text starts with, and `://`.
pub(super) fn at_start(text: &str) -> Option<Scheme> {
    let (name, _) = text.split_once("://")?;
    known(name)
}

/// Parses `scheme://rest`; `unix:/path` is `unix:///path`.
pub(super) fn parse(whole: Spanned<'_>) -> Parsed<(Scheme, Spanned<'_>)> {
    let text = whole.text;
    let word = text.find([':', '/', '?', '#', '@']).unwrap_or(text.len());
    let (name, rest) = (whole.to(word), whole.from(word));
    let is_written = rest.text.starts_with("://") && !name.text.contains(',');
    let lacks_colon = rest.text.starts_with("//") && starts_like_a_scheme(name.text);
    match known(name.text) {
        Some(scheme) if rest.text.starts_with("://") => Ok((scheme, rest.from(3))),
        Some(scheme) if scheme.kind == UrlKind::Unix && rest.text.starts_with(":/") => {
            Ok((scheme, rest.from(1)))
        }
        Some(_) if rest.text.starts_with(':') => {
            Err(whole.to(word + 1).error(codes::MISSING_SLASHES))
        }
        _ if !name.is_empty() && (is_written || lacks_colon) => Err(unknown(name)),
        _ => {
            let end = text.find([':', '/', '@']).unwrap_or(text.len());
            Err(whole.to(end).error(codes::MISSING_SCHEME))
        }
    }
}

fn starts_like_a_scheme(name: &str) -> bool {
    let letters = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    known(&name[..name.len() - letters.len()]).is_some()
}

/// Repeats only a well-known name: any other may be the start of a secret.
fn unknown(name: Spanned<'_>) -> Diagnostic {
    match foreign::scheme(name.text) {
        Some(other) if other.starts_with("http") => name.error(codes::HTTP_SCHEME).about(other),
        Some(other) => name.error(codes::FOREIGN_SCHEME).about(other),
        None => name.error(codes::UNKNOWN_SCHEME),
    }
}
