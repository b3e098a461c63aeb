//! The path: a database, a service name, or a socket.

use std::path::PathBuf;

use super::codes::{self, Problem, Warnings};
use super::diagnostic::Parsed;
use super::percent::{decode, should_encode};
use super::spanned::Spanned;

/// The longest path that fits into `sockaddr_un` on Linux, in bytes.
const LONGEST_SOCKET: usize = 107;

/// A path and its segments, without the slashes around them.
pub(super) struct Segments<'a> {
    path: Spanned<'a>,
    list: Vec<Spanned<'a>>,
}

impl<'a> Segments<'a> {
    pub(super) fn new(path: Spanned<'a>, warnings: &mut Warnings) -> Segments<'a> {
        let bare = path.text.trim_start_matches('/');
        let inner = bare.trim_end_matches('/');
        let start = path.text.len() - bare.len();
        warnings.extend((start > 1).then_some(codes::EXTRA_SLASH));
        warnings.extend((inner.len() < bare.len()).then_some(codes::TRAILING_SLASH));
        let segments = path.slice(start..start + inner.len()).split('/');
        let list = segments.filter(|_| !inner.is_empty()).collect();
        Segments { path, list }
    }

    /// Refuses segments beyond `expected` and dot segments.
    fn check(&self, expected: usize) -> Parsed<()> {
        let is_dots = |segment: &Spanned<'_>| matches!(segment.text, "." | "..");
        let extra = self.list.get(expected);
        let found = extra.map_or(self.path, |it| self.path.from(it.start - self.path.start));
        let is_wrong = extra.is_some() || self.list.iter().any(is_dots);
        found.refuse_if(is_wrong, codes::INVALID_PATH)
    }

    /// Reads `/db`.
    pub(super) fn database(&self) -> Parsed<Option<u32>> {
        self.check(1)?;
        self.database_at(0)
    }

    fn database_at(&self, index: usize) -> Parsed<Option<u32>> {
        let Some(segment) = self.list.get(index) else {
            return Ok(None);
        };
        decode(*segment)?;
        database(*segment).map(Some)
    }

    /// Reads `/service-name[/db]`, or `/db` where the service name stands `elsewhere`.
    pub(super) fn service_and_database(
        &self,
        elsewhere: Option<String>,
    ) -> Parsed<(String, Option<u32>)> {
        let first = self.list.first();
        if let Some(name) = elsewhere {
            let is_letter = |c: char| c.is_ascii_alphabetic();
            match first.filter(|it| it.text.starts_with(is_letter) && is_service_name(it.text)) {
                Some(first) => first.refuse_if(first.text != name, codes::CONFLICTING_MASTER)?,
                None => return Ok((name, self.database()?)),
            }
        }
        let is_number = |segment: &Spanned<'_>| segment.text.bytes().all(|b| b.is_ascii_digit());
        let Some(first) = first.filter(|first| self.list.len() > 1 || !is_number(first)) else {
            return Err(self.path.error(codes::MISSING_MASTER));
        };
        self.check(2)?;
        let name = service_name(*first, codes::INVALID_SERVICE_NAME)?;
        Ok((name, self.database_at(1)?))
    }
}

/// Reads a database number, as the registered grammar has it: no sign, no leading zero.
pub(super) fn database(part: Spanned<'_>) -> Parsed<u32> {
    // The server holds the number in a signed integer of 32 bits.
    let number = part.text.parse::<i32>().ok();
    let number = number.filter(|number| *number >= 0 && number.to_string() == part.text);
    let number = number.map(i32::unsigned_abs);
    number.ok_or_else(|| part.error(codes::INVALID_DB))
}

/// Reads the name of a primary, from the characters that Sentinel allows.
pub(super) fn service_name(part: Spanned<'_>, problem: Problem) -> Parsed<String> {
    let name = decode(part)?;
    part.refuse_if(!is_service_name(&name), problem)?;
    Ok(name)
}

pub(super) fn is_service_name(name: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    !name.is_empty() && name.bytes().all(is_allowed)
}

/// Reads the path of a Unix socket.
pub(super) fn socket(path: Spanned<'_>, warnings: &mut Warnings) -> Parsed<PathBuf> {
    let trimmed = path.text.trim_start_matches('/');
    path.refuse_if(trimmed.is_empty(), codes::MISSING_PATH)?;
    warnings.extend(should_encode(path.text).then_some(codes::SHOULD_ENCODE));
    let absolute = path.from(path.text.len() - trimmed.len() - 1);
    let decoded = decode(absolute)?;
    let mut segments = decoded.split('/');
    let is_file = segments.all(|it| it != "." && it != "..") && !decoded.ends_with('/');
    path.refuse_if(!is_file, codes::INVALID_SOCKET_PATH)?;
    path.refuse_if(decoded.len() > LONGEST_SOCKET, codes::PATH_TOO_LONG)?;
    Ok(PathBuf::from(decoded))
}
