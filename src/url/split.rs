//! The parts of a URL behind its scheme.

use super::codes;
use super::diagnostic::Parsed;
use super::spanned::Spanned;

/// The longest URL that is read, in bytes.
pub(super) const LONGEST_URL: usize = 16 * 1024;

/// A URL behind its scheme, cut at the first `/`, `?` and `#`.
pub(super) struct Split<'a> {
    pub(super) userinfo: Option<Spanned<'a>>,
    pub(super) hosts: Spanned<'a>,
    pub(super) path: Spanned<'a>,
    pub(super) query: Option<Spanned<'a>>,
    pub(super) fragment: Option<Spanned<'a>>,
}

/// Cuts the URL up; an `@` behind the authority means an unescaped delimiter.
pub(super) fn split(rest: Spanned<'_>) -> Parsed<Split<'_>> {
    let text = rest.text;
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    if text[end..].contains('@') {
        let delimiter = rest.char_at(end);
        let escape = format!("%{:02X}", text.as_bytes()[end]);
        let error = delimiter.error(codes::UNESCAPED_DELIMITER);
        return Err(error.about(delimiter.text.to_owned()).suggest(&escape));
    }
    let authority = rest.to(end);
    let (userinfo, hosts) = match authority.split_once('@') {
        Some((_, hosts)) if hosts.text.contains('@') => {
            let first = hosts.start - rest.start - 1;
            return Err(rest.char_at(first).error(codes::UNESCAPED_AT));
        }
        Some((userinfo, hosts)) => (Some(userinfo), hosts),
        None => (None, authority),
    };
    let (before, fragment) = rest.from(end).cut('#');
    let (path, query) = before.cut('?');
    Ok(Split {
        userinfo,
        hosts,
        path,
        query,
        fragment,
    })
}
