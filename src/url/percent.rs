//! Percent-decoding that refuses what others guess at.

use super::codes;
use super::diagnostic::Parsed;
use super::spanned::Spanned;

/// Decodes a component of the query, in which `+` is a space.
pub(super) fn decode_query(part: Spanned<'_>) -> Parsed<String> {
    let text = part.text.replace('+', " ");
    let start = part.start;
    decode(Spanned { text: &text, start })
}

/// Decodes a component, which must be UTF-8 without control characters.
pub(super) fn decode(part: Spanned<'_>) -> Parsed<String> {
    if !part.text.contains('%') {
        return Ok(part.text.to_owned());
    }
    let mut pieces = part.text.split('%');
    let mut decoded = Vec::from(pieces.next().unwrap_or_default());
    let (mut at, mut control) = (decoded.len(), None);
    for piece in pieces {
        let Some(byte) = hexadecimal(piece) else {
            return Err(part.char_at(at).error(codes::BAD_PERCENT));
        };
        if byte.is_ascii_control() {
            control.get_or_insert(at..at + 3);
        }
        decoded.push(byte);
        decoded.extend(&piece.as_bytes()[2..]);
        at += 1 + piece.len();
    }
    let decoded = String::from_utf8(decoded).map_err(|_| part.error(codes::INVALID_UTF8))?;
    if decoded.contains(char::is_control) {
        let found = control.map_or(part, |range| part.slice(range));
        return Err(found.error(codes::ENCODED_CONTROL_CHAR));
    }
    Ok(decoded)
}

/// Reads the two digits at the start of the text.
fn hexadecimal(text: &str) -> Option<u8> {
    let digits = text.get(..2)?;
    let is_number = digits.bytes().all(|b| b.is_ascii_hexdigit());
    u8::from_str_radix(digits, 16).ok().filter(|_| is_number)
}

/// Returns whether the text holds characters that a URL has percent-encoded only.
pub(super) fn should_encode(text: &str) -> bool {
    let is_unsafe = |b: u8| matches!(b, b'^' | b'|' | b'`' | b'<' | b'>' | b'{' | b'}');
    text.bytes().any(|b| !b.is_ascii() || is_unsafe(b))
}
