//! `500ms`, `2s`: a duration with its unit.

use std::time::Duration;

/// Units and their nanoseconds.
#[rustfmt::skip]
const UNITS: [(&str, u64); 7] = [
    ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
    ("m", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
];

/// Reads a duration of more than nothing.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let unit = text.trim_start_matches(is_digit);
    let number = &text[..text.len() - unit.len()];
    let (_, scale) = UNITS.iter().find(|(known, _)| *known == unit)?;
    let nanoseconds = scaled(number, *scale).filter(|nanoseconds| *nanoseconds > 0)?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Returns whether the text lacks a unit, which is seconds to one client, milliseconds to the next.
pub(super) fn is_unitless(text: &str) -> bool {
    text.chars().all(is_digit) && text.contains(|c: char| c.is_ascii_digit())
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

/// Multiplies a decimal number without going through a float.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.len() > 9 {
        return None;
    }
    let digits = u32::try_from(fraction.len()).ok()?;
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(scale)
        / u128::from(10_u64.pow(digits));
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    whole.checked_add(u64::try_from(part).ok()?)
}
