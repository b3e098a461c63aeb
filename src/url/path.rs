//! The path: a database, a service name, or a socket.

use std::path::PathBuf;

use super::error::Fault;
use super::part::Part;
use super::percent::{Plus, decode};
use super::warning::UrlWarning;

/// The longest path that fits into `sockaddr_un` on Linux.
const LONGEST_SOCKET: usize = 107;

/// The segments of a path without the slashes around it.
pub(super) fn segments<'a>(path: Part<'a>, warnings: &mut Vec<UrlWarning>) -> Vec<Part<'a>> {
    let Some(bare) = path.text.strip_prefix('/') else {
        return Vec::new();
    };
    let leading = bare.len() - bare.trim_start_matches('/').len();
    if leading > 0 {
        warnings.push(UrlWarning::new(
            "extra_slash",
            "more than one slash before the database",
        ));
    }
    let inner = path.from(1 + leading);
    if inner.is_empty() {
        return Vec::new();
    }
    let end = inner.text.trim_end_matches('/').len();
    if end < inner.text.len() {
        warnings.push(UrlWarning::new(
            "trailing_slash",
            "slash after the last part of the path",
        ));
    }
    inner.to(end).split('/').collect()
}

/// Refuses segments beyond `expected` and dot segments.
pub(super) fn check_segments(
    path: Part<'_>,
    segments: &[Part<'_>],
    expected: usize,
    form: &str,
) -> Result<(), Fault> {
    let dots = segments
        .iter()
        .any(|segment| matches!(segment.text, "." | ".."));
    if segments.len() <= expected && !dots {
        return Ok(());
    }
    let span = segments
        .get(expected)
        .map_or(path.span(), |extra| extra.start..path.end());
    Err(Fault::new(
        "invalid_path",
        span,
        format!("invalid path in {{}}: expected {form}"),
    )
    .help(format!("write {form}")))
}

/// Reads a database number, as the registered grammar has it: no sign, no leading zero.
pub(super) fn database(part: Part<'_>, raw: bool) -> Result<u32, Fault> {
    if raw && part.text.contains('%') {
        decode(part, Plus::Literal, "path")?;
    }
    let text = part.text;
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let has_zero = text.len() > 1 && text.starts_with('0');
    let number = text
        .parse::<u32>()
        .ok()
        .filter(|&number| i32::try_from(number).is_ok());
    if let (true, false, Some(number)) = (is_number, has_zero, number) {
        return Ok(number);
    }
    let bare = text.trim_start_matches('0');
    let help = if is_number && has_zero && bare.len() < 4 {
        format!("write `{}`", if bare.is_empty() { "0" } else { bare })
    } else {
        "write a number, as in `/0`".to_owned()
    };
    let message =
        "invalid database in {}: expected a number from 0 on, without a sign or leading zeros";
    Err(Fault::new("invalid_db", part.span(), message).help(help))
}

/// Reads the name of a primary, from the characters that Sentinel allows.
pub(super) fn service_name(part: Part<'_>, what: &'static str) -> Result<String, Fault> {
    let name = decode(part, Plus::Literal, what)?;
    if is_service_name(&name) {
        return Ok(name);
    }
    let code = if what == "fragment" {
        "unexpected_fragment"
    } else {
        "invalid_path"
    };
    let message = format!(
        "invalid service name in the {what} of {{}}: expected letters, digits, `.`, `-` and `_`"
    );
    Err(Fault::new(code, part.span(), message).help("write the name as `sentinel monitor` has it"))
}

pub(super) fn is_service_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

/// Reads the path of a Unix socket.
pub(super) fn socket(path: Part<'_>, warnings: &mut Vec<UrlWarning>) -> Result<PathBuf, Fault> {
    let trimmed = path.text.trim_start_matches('/');
    if trimmed.is_empty() {
        return Err(Fault::new(
            "missing_path",
            path.span(),
            "missing path of the socket in {}",
        )
        .help("write `unix:///run/redis/redis.sock`"));
    }
    if path.text.len() - trimmed.len() > 1 {
        warnings.push(UrlWarning::new(
            "extra_slash",
            "more than one slash before the path of the socket",
        ));
    }
    if path
        .text
        .contains(|c: char| !c.is_ascii() || "^|`<>{}".contains(c))
    {
        warnings.push(UrlWarning::new(
            "should_encode",
            "characters in the path that belong percent-encoded",
        ));
    }
    let bare = path.from(path.text.len() - trimmed.len() - 1);
    let decoded = decode(bare, Plus::Literal, "path")?;
    if decoded
        .split('/')
        .any(|segment| matches!(segment, "." | ".."))
        || decoded.ends_with('/')
    {
        let message = "invalid path of the socket in {}: expected a file, without `.` and `..`";
        return Err(Fault::new("invalid_path", path.span(), message)
            .help("write the path as `realpath` prints it"));
    }
    if decoded.len() > LONGEST_SOCKET {
        let message = format!(
            "path of the socket in {{}} is too long: expected at most {LONGEST_SOCKET} bytes, found {}",
            decoded.len()
        );
        return Err(Fault::new("path_too_long", path.span(), message)
            .help("use a shorter path, or a symbolic link to it"));
    }
    Ok(PathBuf::from(decoded))
}
