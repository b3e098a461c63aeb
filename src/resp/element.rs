//! [`Element`]: what one RESP header, or one value without elements, says.

use redis::{Value, VerbatimFormat};

/// Size limit of a string, in bytes: the server's own default (`proto-max-bulk-len`).
pub(super) const MAX_BULK: usize = 512 * 1024 * 1024;
/// From so many missing bytes on a string is read by itself. A shorter rest comes with the next read, and
/// the replies behind it as well.
pub(super) const MIN_MISSING: usize = 16 * 1024;
/// Limit of the elements of one array: the server has the same limit for the arguments of a command.
const MAX_ELEMENTS: usize = i32::MAX as usize;
/// Size limit of a line with a simple string, an error or a number, in bytes.
pub(super) const MAX_LINE: usize = 1024 * 1024;

/// Bytes that are not RESP: the stream cannot be trusted any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(super) &'static str);

const UNKNOWN_TYPE: Malformed = Malformed("a reply of unknown type");

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Array,
    Set,
    Map,
    Push,
    Attribute,
}

/// What stands at the front of the input.
pub(super) enum Element {
    /// A value, and its length in bytes.
    Leaf(Value, usize),
    /// The header of an aggregate: its kind, how many elements follow, and its own length in bytes.
    Open(Kind, usize, usize),
    /// The header of a string that is too long to be kept: the length that it announces, and its own.
    TooLong(u64, usize),
    /// The header of a string most of which is missing: its length, and that of the header.
    Long(usize, usize),
    /// The input is incomplete: the least number of bytes that are missing.
    Incomplete(usize),
}

/// Reads the element at the front of `input`.
#[inline]
pub(super) fn element(input: &[u8]) -> Result<Element, Malformed> {
    let Some(&kind) = input.first() else {
        return Ok(Element::Incomplete(1));
    };
    let Some(end) = line_end(input)? else {
        // Bytes that are not RESP may never contain a line end, so the decoder does not wait for one.
        return if b"$+:-_#,(=!*~>%|".contains(&kind) {
            Ok(Element::Incomplete(1))
        } else {
            Err(UNKNOWN_TYPE)
        };
    };
    let line = &input[1..end];
    let header = end + 2;
    let leaf = |value| Ok(Element::Leaf(value, header));
    match kind {
        b'$' => blob(input, line, header, |bytes| {
            Ok(Value::BulkString(bytes.to_vec()))
        }),
        b'+' if line == b"OK" => leaf(Value::Okay),
        b'+' => leaf(Value::SimpleString(
            String::from_utf8_lossy(line).into_owned(),
        )),
        b':' => leaf(Value::Int(integer(line)?)),
        b'-' => leaf(by_redis(b'-', line)?),
        b'_' => leaf(Value::Nil),
        b'#' => leaf(Value::Boolean(match line {
            b"t" => true,
            b"f" => false,
            _ => return Err(Malformed("a boolean that is neither t nor f")),
        })),
        b',' => leaf(Value::Double(double(line)?)),
        b'(' => leaf(by_redis(b'(', line)?),
        b'=' => blob(input, line, header, verbatim),
        b'!' => blob(input, line, header, |bytes| by_redis(b'-', bytes)),
        b'*' => open(Kind::Array, line, 1, header),
        b'~' => open(Kind::Set, line, 1, header),
        b'>' => open(Kind::Push, line, 1, header),
        b'%' => open(Kind::Map, line, 2, header),
        b'|' => open(Kind::Attribute, line, 2, header),
        _ => Err(UNKNOWN_TYPE),
    }
}

/// Returns the length that a string at the front of `input` announces, and where the string begins;
/// `None` if there is something else, or not all of the header.
pub(super) fn string_header(input: &[u8]) -> Result<Option<(u64, usize)>, Malformed> {
    if !matches!(input.first(), Some(b'$' | b'=' | b'!')) {
        return Ok(None);
    }
    let Some(end) = line_end(input)? else {
        return Ok(None);
    };
    let length = u64::try_from(integer(&input[1..end])?);
    // Of negative length is nil, which is no string.
    Ok(length.ok().map(|length| (length, end + 2)))
}

/// Finds the CR of the CRLF that ends the first line, behind the byte that tells its type.
fn line_end(input: &[u8]) -> Result<Option<usize>, Malformed> {
    let line = &input[1..];
    match line.iter().take(MAX_LINE).position(|&byte| byte == b'\r') {
        Some(length) => match line.get(length + 1) {
            Some(b'\n') => Ok(Some(1 + length)),
            Some(_) => Err(Malformed("a line that does not end in CRLF")),
            None => Ok(None),
        },
        None if line.len() >= MAX_LINE => Err(Malformed("a line longer than 1 MiB")),
        None => Ok(None),
    }
}

fn open(kind: Kind, line: &[u8], per_element: usize, header: usize) -> Result<Element, Malformed> {
    let length = integer(line)?;
    let Ok(length) = usize::try_from(length) else {
        return match kind {
            Kind::Array | Kind::Set => Ok(Element::Leaf(Value::Nil, header)),
            Kind::Push => Ok(Element::Open(kind, 0, header)),
            Kind::Map | Kind::Attribute => Err(Malformed("a map of negative length")),
        };
    };
    if length > MAX_ELEMENTS / per_element {
        return Err(Malformed("an array longer than 2³¹ − 1 elements"));
    }
    // The value to which an attribute belongs follows its pairs.
    let data = usize::from(kind == Kind::Attribute);
    Ok(Element::Open(kind, length * per_element + data, header))
}

#[inline]
fn blob(
    input: &[u8],
    line: &[u8],
    header: usize,
    value: impl FnOnce(&[u8]) -> Result<Value, Malformed>,
) -> Result<Element, Malformed> {
    let Ok(announced) = u64::try_from(integer(line)?) else {
        return Ok(Element::Leaf(Value::Nil, header));
    };
    let length = match usize::try_from(announced) {
        Ok(length) if length <= MAX_BULK => length,
        _ => return Ok(Element::TooLong(announced, header)),
    };
    let end = header + length;
    match input.get(end..end + 2) {
        Some(b"\r\n") => Ok(Element::Leaf(value(&input[header..end])?, end + 2)),
        Some(_) => Err(Malformed("a string that does not end in CRLF")),
        None => {
            let missing = end + 2 - input.len();
            Ok(if missing >= MIN_MISSING && input[0] == b'$' {
                Element::Long(length, header)
            } else {
                Element::Incomplete(missing)
            })
        }
    }
}

fn integer(line: &[u8]) -> Result<i64, Malformed> {
    let (negative, digits) = match line {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(Malformed("a number without digits"));
    }
    // The sum is negative until the end, because the negative range is larger by one.
    let mut number: i64 = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Malformed("a number that is not decimal"));
        }
        number = number
            .checked_mul(10)
            .and_then(|number| number.checked_sub(i64::from(digit)))
            .ok_or(Malformed("a number beyond 64 bits"))?;
    }
    if negative {
        Ok(number)
    } else {
        number
            .checked_neg()
            .ok_or(Malformed("a number beyond 64 bits"))
    }
}

fn double(line: &[u8]) -> Result<f64, Malformed> {
    std::str::from_utf8(line)
        .ok()
        .and_then(|line| line.trim().parse().ok())
        .ok_or(Malformed("a double that is not a number"))
}

fn verbatim(bytes: &[u8]) -> Result<Value, Malformed> {
    let text = String::from_utf8_lossy(bytes);
    let (format, text) = text
        .split_once(':')
        .ok_or(Malformed("a verbatim string without its format"))?;
    let format = match format {
        "txt" => VerbatimFormat::Text,
        "mkd" => VerbatimFormat::Markdown,
        other => VerbatimFormat::Unknown(other.to_owned()),
    };
    Ok(Value::VerbatimString {
        format,
        text: text.to_owned(),
    })
}

/// Lets redis-rs make the value, because errors and big numbers cannot be made outside of it.
///
/// A server repeats bytes of its callers in its errors, so the line is made valid UTF-8 without line breaks
/// first: the bytes of one caller must not end the connection that all callers share.
fn by_redis(kind: u8, line: &[u8]) -> Result<Value, Malformed> {
    let mut frame = String::with_capacity(line.len() + 3);
    frame.push(kind.into());
    frame.extend(
        String::from_utf8_lossy(line)
            .chars()
            .map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c }),
    );
    frame.push_str("\r\n");
    redis::parse_redis_value(frame.as_bytes())
        .map_err(|_| Malformed("an error or a big number that cannot be read"))
}
