//! The path: a database, a service name, or a socket.

use std::path::PathBuf;

use super::diagnostic::{Diagnostic, Parsed};
use super::percent::{Plus, decode, should_encode};
use super::spanned::Spanned;
use super::split::is_short_number;
use super::warning::Warnings;

/// The longest path that fits into `sockaddr_un` on Linux, in bytes.
const LONGEST_SOCKET: usize = 107;

/// A path and its segments, without the slashes around them.
pub(super) struct Segments<'a> {
    path: Spanned<'a>,
    list: Vec<Spanned<'a>>,
}

impl<'a> Segments<'a> {
    pub(super) fn new(path: Spanned<'a>, warnings: &mut Warnings) -> Segments<'a> {
        let mut list = Vec::new();
        if let Some(bare) = path.text.strip_prefix('/') {
            let leading = bare.len() - bare.trim_start_matches('/').len();
            if leading > 0 {
                warnings.add("extra_slash", "more than one slash before the database");
            }
            let inner = path.from(1 + leading);
            let end = inner.text.trim_end_matches('/').len();
            if end < inner.text.len() {
                warnings.add("trailing_slash", "slash after the last part of the path");
            }
            if end > 0 {
                list = inner.to(end).split('/').collect();
            }
        }
        Segments { path, list }
    }

    /// Refuses segments beyond `expected` and dot segments.
    fn check(&self, expected: usize, form: &'static str) -> Parsed<()> {
        let is_dots = |segment: &Spanned<'_>| matches!(segment.text, "." | "..");
        if self.list.len() <= expected && !self.list.iter().any(is_dots) {
            return Ok(());
        }
        let path = self.path;
        let extra = self.list.get(expected);
        let found = extra.map_or(path, |extra| path.from(extra.start - path.start));
        let message = ("invalid path in ", format!(": expected {form}"));
        Err(found.error("invalid_path", message, format!("write {form}")))
    }

    /// Reads `/db`.
    pub(super) fn database(&self) -> Parsed<Option<u32>> {
        self.check(1, "one number, as in `/0`")?;
        self.database_at(0)
    }

    fn database_at(&self, index: usize) -> Parsed<Option<u32>> {
        let Some(segment) = self.list.get(index) else {
            return Ok(None);
        };
        decode(*segment, Plus::Literal, "path")?;
        database(*segment).map(Some)
    }

    /// Reads `/service-name[/db]`, or `/db` where the service name stands `elsewhere`.
    pub(super) fn service_and_database(
        &self,
        elsewhere: Option<String>,
    ) -> Parsed<(String, Option<u32>)> {
        let first = self.list.first();
        if let Some(name) = elsewhere {
            let is_name = |first: &&Spanned<'_>| {
                is_service_name(first.text)
                    && first.text.starts_with(|c: char| c.is_ascii_alphabetic())
            };
            match first.filter(is_name) {
                Some(first) if first.text != name => return Err(conflicting_service(*first)),
                Some(_) => {}
                None => return Ok((name, self.database()?)),
            }
        }
        let is_number = |segment: &Spanned<'_>| segment.text.bytes().all(|b| b.is_ascii_digit());
        let Some(first) = first.filter(|first| self.list.len() > 1 || !is_number(first)) else {
            let message =
                "missing service name in {}: expected `/<service name>` or `/<service name>/<db>`";
            let help = "write the name the Sentinels know the primary by, such as `/mymaster/0`";
            return Err(self.path.error("missing_master", message, help));
        };
        self.check(2, "`/<service name>/<db>`")?;
        let name = service_name(*first, "path", "invalid_path")?;
        Ok((name, self.database_at(1)?))
    }
}

pub(super) fn conflicting_service(second: Spanned<'_>) -> Diagnostic {
    let message = "two service names in {}";
    let help = "name it once, as the first part of the path: `/<service name>/<db>`";
    second.error("conflicting_master", message, help)
}

/// Reads a database number, as the registered grammar has it: no sign, no leading zero.
pub(super) fn database(part: Spanned<'_>) -> Parsed<u32> {
    let text = part.text;
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let has_zero = text.len() > 1 && text.starts_with('0');
    // The server holds the number in a signed integer of 32 bits.
    let number = text.parse::<u32>().ok();
    let number = number.filter(|&number| i32::try_from(number).is_ok());
    if let (true, false, Some(number)) = (is_number, has_zero, number) {
        return Ok(number);
    }
    let help = match text.trim_start_matches('0') {
        "" if has_zero => "write `0`".to_owned(),
        bare if has_zero && bare.len() < 4 && is_short_number(bare) => format!("write `{bare}`"),
        _ => "write a number, as in `/0`".to_owned(),
    };
    let message =
        "invalid database in {}: expected a number from 0 on, without a sign or leading zeros";
    Err(part.error("invalid_db", message, help))
}

/// Reads the name of a primary, from the characters that Sentinel allows.
pub(super) fn service_name(
    part: Spanned<'_>,
    what: &'static str,
    code: &'static str,
) -> Parsed<String> {
    let name = decode(part, Plus::Literal, what)?;
    if is_service_name(&name) {
        return Ok(name);
    }
    let before = format!("invalid service name in the {what} of ");
    let message = (before, ": expected letters, digits, `.`, `-` and `_`");
    Err(part.error(code, message, "write the name as `sentinel monitor` has it"))
}

pub(super) fn is_service_name(name: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    !name.is_empty() && name.bytes().all(is_allowed)
}

/// Reads the path of a Unix socket.
pub(super) fn socket(path: Spanned<'_>, warnings: &mut Warnings) -> Parsed<PathBuf> {
    let trimmed = path.text.trim_start_matches('/');
    if trimmed.is_empty() {
        let message = "missing path of the socket in {}";
        let help = "write `unix:///run/redis/redis.sock`";
        return Err(path.error("missing_path", message, help));
    }
    let leading = path.text.len() - trimmed.len();
    if leading > 1 {
        warnings.add(
            "extra_slash",
            "more than one slash before the path of the socket",
        );
    }
    if should_encode(path.text) {
        warnings.add(
            "should_encode",
            "characters in the path that belong percent-encoded",
        );
    }
    let decoded = decode(path.from(leading - 1), Plus::Literal, "path")?;
    let has_dots = decoded
        .split('/')
        .any(|segment| matches!(segment, "." | ".."));
    if has_dots || decoded.ends_with('/') {
        let message = "invalid path of the socket in {}: expected a file, without `.` and `..`";
        let help = "write the path as `realpath` prints it";
        return Err(path.error("invalid_path", message, help));
    }
    if decoded.len() > LONGEST_SOCKET {
        let length = decoded.len();
        let after =
            format!(" is too long: expected at most {LONGEST_SOCKET} bytes, found {length}");
        let message = ("path of the socket in ", after);
        let help = "use a shorter path, or a symbolic link to it";
        return Err(path.error("path_too_long", message, help));
    }
    Ok(PathBuf::from(decoded))
}
