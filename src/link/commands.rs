//! What a command says of itself: its name, its arguments, and how long it may block.

use std::time::Duration;

/// Walks encoded commands (`*2\r\n$3\r\nGET\r\n$1\r\nk\r\n…`).
///
/// Returns how many there are; `None` where the bytes are not whole commands, or one of them is empty.
pub(crate) fn count_commands(mut bytes: &[u8]) -> Option<usize> {
    let mut commands = 0;
    while !bytes.is_empty() {
        let arguments = header(&mut bytes, b'*').filter(|arguments| *arguments > 0)?;
        for _ in 0..arguments {
            let length = header(&mut bytes, b'$')?;
            bytes = bytes.get(length..)?.strip_prefix(b"\r\n")?;
        }
        commands += 1;
    }
    Some(commands)
}

/// Takes a line such as `*2\r\n` from the front.
fn header(bytes: &mut &[u8], kind: u8) -> Option<usize> {
    let line = bytes.strip_prefix(&[kind])?;
    let end = line.iter().position(|byte| *byte == b'\r')?;
    *bytes = line[end..].strip_prefix(b"\r\n")?;
    number(&line[..end])
}

fn number<T: std::str::FromStr>(argument: &[u8]) -> Option<T> {
    std::str::from_utf8(argument).ok()?.parse().ok()
}

/// Returns how long the server may take before it answers a blocking command, [`Duration::MAX`] for
/// ever; `None` for a command that does not block.
pub(crate) fn block_time<'a>(arguments: impl Iterator<Item = &'a [u8]>) -> Option<Duration> {
    let arguments: Vec<&[u8]> = arguments.collect();
    let (name, arguments) = arguments.split_first()?;
    let name = name.to_ascii_uppercase();
    let seconds = |argument: Option<&&[u8]>| {
        let seconds = number::<f64>(argument?).filter(|seconds| *seconds > 0.0);
        Some(seconds.map_or(Duration::MAX, |seconds| {
            Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
        }))
    };
    let milliseconds = |argument: Option<&&[u8]>| {
        let milliseconds = number::<u64>(argument?).filter(|milliseconds| *milliseconds > 0);
        Some(milliseconds.map_or(Duration::MAX, Duration::from_millis))
    };
    match name.as_slice() {
        b"BLPOP" | b"BRPOP" | b"BRPOPLPUSH" | b"BLMOVE" | b"BZPOPMIN" | b"BZPOPMAX" => {
            seconds(arguments.last())
        }
        b"BLMPOP" | b"BZMPOP" => seconds(arguments.first()),
        b"WAIT" | b"WAITAOF" => milliseconds(arguments.last()),
        b"XREAD" | b"XREADGROUP" => {
            let block = arguments
                .iter()
                .position(|argument| argument.eq_ignore_ascii_case(b"BLOCK"))?;
            milliseconds(arguments.get(block + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &str, expected: Option<Duration>) {
        assert_eq!(
            block_time(command.split(' ').map(str::as_bytes)),
            expected,
            "{command}"
        );
    }

    #[test]
    fn blocking_commands_say_how_long() {
        check("BLPOP a b 5", Some(Duration::from_secs(5)));
        check("blpop a 0.25", Some(Duration::from_millis(250)));
        check("BRPOP a 0", Some(Duration::MAX));
        check("BLMPOP 1.5 1 a LEFT", Some(Duration::from_millis(1500)));
        check("WAIT 1 200", Some(Duration::from_millis(200)));
        check(
            "XREAD COUNT 1 BLOCK 300 STREAMS s $",
            Some(Duration::from_millis(300)),
        );
        check(
            "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
            Some(Duration::MAX),
        );
        check("XREAD STREAMS s 0", None);
        check("GET block", None);
    }

    #[test]
    fn counts_whole_commands_only() {
        let get = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        assert_eq!(count_commands(b""), Some(0));
        assert_eq!(count_commands(get), Some(1));
        assert_eq!(count_commands(&get.repeat(3)), Some(3));
        assert_eq!(count_commands(&[get, &b"*0\r\n"[..]].concat()), None);
        assert_eq!(count_commands(&get[..get.len() - 1]), None);
        assert_eq!(count_commands(b"PING\r\n"), None);
    }
}
