//! `500ms`, `2s`: a duration with its unit.

use std::time::Duration;

use super::error::Fault;
use super::part::Part;

const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads the duration of the parameter `name`; without a unit it means
/// seconds to one client and milliseconds to the next.
pub(super) fn read(name: &str, value: &str, part: Part<'_>) -> Result<Duration, Fault> {
    let end = value
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    if unit.is_empty() && number.bytes().any(|b| b.is_ascii_digit()) {
        let message = format!("duration without a unit in parameter `{name}` of {{}}");
        return Err(Fault::new("unitless_duration", part.span(), message)
            .help(format!("write `{name}=500ms` or `{name}=5s`")));
    }
    let nanoseconds = UNITS
        .iter()
        .find(|(known, _)| *known == unit)
        .and_then(|&(_, scale)| scaled(number, scale));
    match nanoseconds {
        Some(nanoseconds) if nanoseconds > 0 => Ok(Duration::from_nanos(nanoseconds)),
        _ => {
            let message = format!(
                "invalid duration in parameter `{name}` of {{}}: expected a positive number and a unit"
            );
            Err(Fault::new("invalid_param", part.span(), message)
                .help(format!("write `{name}=500ms` or `{name}=5s`")))
        }
    }
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
