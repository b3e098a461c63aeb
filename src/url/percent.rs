//! Percent-decoding that refuses what others guess at.

use std::ops::Range;

use super::error::Fault;
use super::part::Part;

/// How `+` is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Plus {
    /// In userinfo and paths it is a plus sign.
    Literal,
    /// In the query it is a space.
    Space,
}

/// Decodes a component named `what`; it must be UTF-8 without control characters.
pub(super) fn decode(part: Part<'_>, plus: Plus, what: &'static str) -> Result<String, Fault> {
    let decoded = decode_any(part, plus, what)?;
    if decoded.chars().any(char::is_control) {
        let span = escaped_control(part).unwrap_or_else(|| part.span());
        return Err(Fault::new(
            "control_char",
            span,
            format!("percent-encoded control character in the {what} of {{}}"),
        )
        .help("a newline at the end of a secret comes from `echo`; `printf %s` writes none"));
    }
    Ok(decoded)
}

fn decode_any(part: Part<'_>, plus: Plus, what: &'static str) -> Result<String, Fault> {
    if !part.text.contains(['%', '+']) {
        return Ok(part.text.to_owned());
    }
    let bytes = part.text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        match bytes[index] {
            b'%' => {
                let Some(byte) = escape_at(bytes, index) else {
                    let span = part.span_of(index..index + 1);
                    return Err(Fault::new(
                        "bad_percent",
                        span,
                        format!("invalid percent-encoding in the {what} of {{}}: expected two hexadecimal digits after `%`"),
                    )
                    .help("write a literal `%` as `%25`"));
                };
                decoded.push(byte);
                index += 3;
                continue;
            }
            b'+' if plus == Plus::Space => decoded.push(b' '),
            byte => decoded.push(byte),
        }
        index += 1;
    }
    String::from_utf8(decoded).map_err(|_| {
        let message = format!("invalid UTF-8 in the percent-encoded {what} of {{}}");
        Fault::new("invalid_utf8", part.span(), message)
            .help("percent-encode the UTF-8 bytes of the text")
    })
}

fn escape_at(bytes: &[u8], index: usize) -> Option<u8> {
    let high = char::from(*bytes.get(index + 1)?).to_digit(16)?;
    let low = char::from(*bytes.get(index + 2)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

fn escaped_control(part: Part<'_>) -> Option<Range<usize>> {
    let bytes = part.text.as_bytes();
    (0..bytes.len())
        .filter(|&index| bytes[index] == b'%')
        .find(|&index| escape_at(bytes, index).is_some_and(|byte| byte < 0x20 || byte == 0x7f))
        .map(|index| part.span_of(index..index + 3))
}
