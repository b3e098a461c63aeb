//! The arguments of a command, the first of which is its name.

use std::str::FromStr;

use redis::{Arg, Cmd};

/// Returns the arguments of `command`, the first of which is its name.
pub(crate) fn arguments(command: &Cmd) -> impl Iterator<Item = &[u8]> + Clone {
    command.args_iter().map(|argument| match argument {
        Arg::Simple(argument) => argument,
        // The cursor of a scan: neither a key nor an option.
        _ => &[],
    })
}

/// Parses a decimal number; `None` if the argument is not one.
pub(crate) fn number<T: FromStr>(argument: &[u8]) -> Option<T> {
    std::str::from_utf8(argument).ok()?.parse().ok()
}

/// Returns whether `argument` is `word`, in any case.
pub(super) fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

/// The options of `XREAD` and `XREADGROUP` with a number behind them, besides `BLOCK`.
const STREAM_NUMBERS: [&str; 4] = ["COUNT", "CLAIM", "MAXCOUNT", "MAXSIZE"];

/// Reads the options of `XREAD` and `XREADGROUP` up to and including `STREAMS`, and returns the argument
/// of `BLOCK`.
///
/// The server takes the options in any order, and the last `BLOCK` counts. `options` begins behind the
/// command's name.
pub(super) fn read_stream_options<'a>(
    options: &mut impl Iterator<Item = &'a [u8]>,
) -> Option<&'a [u8]> {
    let mut block = None;
    while let Some(option) = options.next() {
        if is(option, "STREAMS") {
            break;
        } else if is(option, "BLOCK") {
            block = options.next();
        } else if STREAM_NUMBERS.iter().any(|name| is(option, name)) {
            options.next();
        } else if is(option, "GROUP") {
            // The names of group and consumer, which can be those of options.
            options.nth(1);
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_an_empty_argument() {
        let mut scan = redis::cmd("SSCAN");
        scan.arg("k").cursor_arg(7).arg("COUNT");
        let expected: [&[u8]; 4] = [b"SSCAN", b"k", b"", b"COUNT"];
        assert!(arguments(&scan).eq(expected));
    }
}
