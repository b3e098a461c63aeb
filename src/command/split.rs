//! Encoded commands (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n…`), taken apart again.

use super::arguments::number;

/// Splits encoded commands into their arguments.
///
/// `None` if the bytes are not whole commands, or one of the commands is empty.
pub(crate) fn split(mut bytes: &[u8]) -> Option<Vec<Vec<&[u8]>>> {
    let mut commands = Vec::new();
    while !bytes.is_empty() {
        let count = header(&mut bytes, b'*').filter(|count| *count > 0)?;
        let mut arguments = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            let length = header(&mut bytes, b'$')?;
            let (argument, rest) = bytes.split_at_checked(length)?;
            arguments.push(argument);
            bytes = rest.strip_prefix(b"\r\n")?;
        }
        commands.push(arguments);
    }
    Some(commands)
}

/// Splits encoded commands, which have to be whole, into the bytes of each.
pub(crate) fn encoded_commands(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let start = rest;
        let count = header(&mut rest, b'*')?;
        for _ in 0..count {
            let length = header(&mut rest, b'$')?;
            rest = rest.get(length.checked_add(2)?..)?;
        }
        Some(&start[..start.len() - rest.len()])
    })
}

/// Takes a line such as `*2\r\n` from the front, and returns its number.
fn header(bytes: &mut &[u8], kind: u8) -> Option<usize> {
    let line = bytes.strip_prefix(&[kind])?;
    let end = line.iter().position(|byte| *byte == b'\r')?;
    *bytes = line[end..].strip_prefix(b"\r\n")?;
    number(&line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";

    #[test]
    fn splits_whole_commands_only() {
        let check = |bytes: &[u8], expected: Option<usize>| {
            let count = split(bytes).map(|commands| commands.len());
            assert_eq!(count, expected, "{}", bytes.escape_ascii());
        };
        check(b"", Some(0));
        check(&GET.repeat(3), Some(3));
        check(&[GET, b"*0\r\n"].concat(), None);
        check(&GET[..GET.len() - 1], None);
        check(b"PING\r\n", None);
        assert_eq!(split(GET), Some(vec![vec![&b"GET"[..], b"k"]]));
    }

    #[test]
    fn returns_the_bytes_of_each_command() {
        let ping = b"*1\r\n$4\r\nPING\r\n";
        let both = [GET, ping].concat();
        assert!(encoded_commands(&both).eq([GET, &ping[..]]));
        let too_long = b"*1\r\n$18446744073709551615\r\n";
        assert_eq!(encoded_commands(too_long).count(), 0);
    }
}
