//! Percent-decoding that refuses what others guess at.

use super::diagnostic::{Diagnostic, Parsed};
use super::spanned::Spanned;

/// How `+` is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Plus {
    /// In userinfo and paths it is a plus sign.
    Literal,
    /// In the query it is a space.
    Space,
}

/// Decodes a component named `what`; it must be UTF-8 without control characters.
pub(super) fn decode(part: Spanned<'_>, plus: Plus, what: &'static str) -> Parsed<String> {
    if !part.text.contains(['%', '+']) {
        return Ok(part.text.to_owned());
    }
    let bytes = part.text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut control = None;
    let mut index = 0;
    while index < bytes.len() {
        match bytes[index] {
            b'%' => {
                let Some(byte) = escape_at(bytes, index) else {
                    return Err(invalid_escape(part.slice(index..index + 1), what));
                };
                if byte.is_ascii_control() {
                    control.get_or_insert(index..index + 3);
                }
                decoded.push(byte);
                index += 2;
            }
            b'+' if plus == Plus::Space => decoded.push(b' '),
            byte => decoded.push(byte),
        }
        index += 1;
    }
    let Ok(decoded) = String::from_utf8(decoded) else {
        let before = format!("invalid UTF-8 in the percent-encoded {what} of ");
        let message = (before, "");
        let help = "percent-encode the UTF-8 bytes of the text";
        return Err(part.error("invalid_utf8", message, help));
    };
    if decoded.chars().any(char::is_control) {
        let found = control.map_or(part, |range| part.slice(range));
        let before = format!("percent-encoded control character in the {what} of ");
        let message = (before, "");
        let help = "a newline at the end of a secret comes from `echo`; `printf %s` writes none";
        return Err(found.error("control_char", message, help));
    }
    Ok(decoded)
}

fn escape_at(bytes: &[u8], index: usize) -> Option<u8> {
    let high = char::from(*bytes.get(index + 1)?).to_digit(16)?;
    let low = char::from(*bytes.get(index + 2)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

fn invalid_escape(sign: Spanned<'_>, what: &str) -> Diagnostic {
    let before = format!("invalid percent-encoding in the {what} of ");
    let message = (before, ": expected two hexadecimal digits after `%`");
    sign.error("bad_percent", message, "write a literal `%` as `%25`")
}

/// Returns whether the text holds characters that a URL has percent-encoded only.
pub(super) fn should_encode(text: &str) -> bool {
    let is_unsafe = |b: u8| matches!(b, b'^' | b'|' | b'`' | b'<' | b'>' | b'{' | b'}');
    text.bytes().any(|b| !b.is_ascii() || is_unsafe(b))
}
