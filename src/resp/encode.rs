//! Encodes commands as RESP.
//!
//! `Cmd::write_packed_command` writes the same bytes with twice as many instructions; a property test
//! compares the two.

use redis::{Arg, Cmd};

/// Appends `command` in the form that the server reads.
pub(crate) fn encode(command: &Cmd, out: &mut Vec<u8>) {
    let start = out.len();
    let arguments = command.args_iter();
    count(arguments.len(), out);
    for argument in arguments {
        let Arg::Simple(argument) = argument else {
            // The cursor of a scan, which only redis-rs can encode.
            out.truncate(start);
            return command.write_packed_command(out);
        };
        length(argument.len(), out);
        out.extend_from_slice(argument);
    }
    out.extend_from_slice(b"\r\n");
}

fn digit(number: usize) -> u8 {
    b"0123456789"[number % 10]
}

/// Appends how many arguments follow, without the end of the line.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
fn count(number: usize, out: &mut Vec<u8>) {
    if number < 10 {
        out.extend_from_slice(&[b'*', digit(number)]);
    } else {
        out.push(b'*');
        out.extend_from_slice(number.to_string().as_bytes());
    }
}

/// Ends the line before an argument and appends the length of the argument. Most have at most three digits.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call costs as much as what it does")]
fn length(number: usize, out: &mut Vec<u8>) {
    let one = digit(number);
    match number {
        0..10 => out.extend_from_slice(&[b'\r', b'\n', b'$', one, b'\r', b'\n']),
        10..100 => {
            let ten = digit(number / 10);
            out.extend_from_slice(&[b'\r', b'\n', b'$', ten, one, b'\r', b'\n']);
        }
        100..1_000 => {
            let (hundred, ten) = (digit(number / 100), digit(number / 10));
            out.extend_from_slice(&[b'\r', b'\n', b'$', hundred, ten, one, b'\r', b'\n']);
        }
        _ => {
            out.extend_from_slice(b"\r\n$");
            out.extend_from_slice(number.to_string().as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let (mut ours, mut theirs) = (b"before".to_vec(), b"before".to_vec());
            encode(&command, &mut ours);
            command.write_packed_command(&mut theirs);
            assert_eq!(ours, theirs);
        }
    }
}
