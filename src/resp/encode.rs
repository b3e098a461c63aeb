//! Encodes commands as RESP.
//!
//! `Cmd::write_packed_command` writes the same bytes with twice as many instructions; a property test
//! compares the two.

use redis::{Arg, Cmd};

/// Digits of the largest number.
const MAX_DIGITS: usize = u64::MAX.ilog10() as usize + 1;

/// Appends `command` in the form that the server reads.
pub(crate) fn encode(command: &Cmd, out: &mut Vec<u8>) {
    let start = out.len();
    let arguments = command.args_iter();
    header(b'*', arguments.len(), out);
    for argument in arguments {
        let Arg::Simple(argument) = argument else {
            // The cursor of a scan, which only redis-rs can encode.
            out.truncate(start);
            return command.write_packed_command(out);
        };
        header(b'$', argument.len(), out);
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

/// Returns how many bytes [`encode`] appends, or a few more.
pub(crate) fn encoded_length(command: &Cmd) -> usize {
    let header = |number| if number < 1_000 { 6 } else { 3 + MAX_DIGITS };
    let arguments = command.args_iter();
    let count = header(arguments.len());
    let lengths = arguments.map(|argument| match argument {
        Arg::Simple(argument) => header(argument.len()) + argument.len() + 2,
        _ => header(MAX_DIGITS) + MAX_DIGITS + 2,
    });
    count + lengths.sum::<usize>()
}

/// Appends `kind` and `number`. Most numbers have at most three digits.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
fn header(kind: u8, number: usize, out: &mut Vec<u8>) {
    let digit = |number: usize| b"0123456789"[number % 10];
    match number {
        0..10 => out.extend_from_slice(&[kind, digit(number), b'\r', b'\n']),
        10..100 => {
            out.extend_from_slice(&[kind, digit(number / 10), digit(number), b'\r', b'\n']);
        }
        100..1_000 => {
            let digits = [digit(number / 100), digit(number / 10), digit(number)];
            out.extend_from_slice(&[kind, digits[0], digits[1], digits[2], b'\r', b'\n']);
        }
        _ => {
            out.push(kind);
            long_number(number, out);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Appends the digits of `number`.
fn long_number(mut number: usize, out: &mut Vec<u8>) {
    let mut digits = [0; MAX_DIGITS];
    let mut start = digits.len();
    while number > 0 {
        start -= 1;
        digits[start] = b"0123456789"[number % 10];
        number /= 10;
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &Cmd) {
        let (mut ours, mut theirs) = (b"before".to_vec(), b"before".to_vec());
        encode(command, &mut ours);
        let length = ours.len() - b"before".len();
        let reserved = encoded_length(command);
        let most = length + MAX_DIGITS * (1 + command.args_iter().len());
        assert!((length..=most).contains(&reserved), "{reserved}, {length}");
        command.write_packed_command(&mut theirs);
        assert_eq!(ours, theirs);
    }

    #[test]
    fn every_number_of_digits_is_right() {
        for number in [1, 9, 10, 99, 100, 999, 1_000, 12_345] {
            let mut arguments = Cmd::new();
            arguments.arg(vec!["a"; number]);
            check(&arguments);
            check(Cmd::new().arg(vec![b'a'; number]));
        }
    }

    #[test]
    fn says_what_redis_rs_says() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..10_000 {
            let mut command = Cmd::new();
            for _ in 0..random.usize(1..14) {
                let longest = random.choice([3, 12, 120, 2_000]).unwrap_or(3);
                let argument: Vec<u8> = (0..random.usize(0..longest))
                    .map(|_| random.u8(..))
                    .collect();
                command.arg(argument);
            }
            if random.u8(..) < 10 {
                command.cursor_arg(random.u64(..));
            }
            check(&command);
        }
    }
}
