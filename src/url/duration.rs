//! `500ms`, `2s`: a duration with its unit.

use std::time::Duration;

use super::diagnostic::Parsed;
use super::spanned::Spanned;

/// Units and their nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads the duration `value` of the parameter `name`; without a unit it means
/// seconds to one client and milliseconds to the next.
pub(super) fn parse(name: &str, value: &str, part: Spanned<'_>) -> Parsed<Duration> {
    let is_digit = |c: char| c.is_ascii_digit() || c == '.';
    let (number, unit) = value.split_at(value.len() - value.trim_start_matches(is_digit).len());
    let scale = UNITS.iter().find(|(known, _)| *known == unit);
    let nanoseconds = scale.and_then(|&(_, scale)| scaled(number, scale));
    if let Some(nanoseconds) = nanoseconds.filter(|&nanoseconds| nanoseconds > 0) {
        return Ok(Duration::from_nanos(nanoseconds));
    }
    let has_no_unit = unit.is_empty() && number.bytes().any(|b| b.is_ascii_digit());
    let (code, before, after) = if has_no_unit {
        ("unitless_duration", "duration without a unit in", "")
    } else {
        (
            "invalid_param",
            "invalid duration in",
            ": expected a positive number and a unit",
        )
    };
    let message = (format!("{before} parameter `{name}` of "), after);
    let help = format!("write `{name}=500ms` or `{name}=5s`");
    Err(part.error(code, message, help))
}

/// Multiplies a decimal number without going through a float.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let digits = u32::try_from(fraction.len()).ok()?;
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(scale)
        / u128::from(10_u64.pow(digits));
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    whole.checked_add(u64::try_from(part).ok()?)
}
