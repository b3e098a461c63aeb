//! No bytes make the decoder panic, the pieces in which they come make no difference, and what it and redis-rs both
//! accept is one value. The first byte of an input is the length of the pieces, the rest are replies, in which
//! a NUL stands for [`LONG`] bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The decoder is private to the crate, and needs nothing of it.
#[path = "../../../src/resp"]
mod resp {
    mod decode;
    mod element;
    mod long_string;
    mod skip;

    use decode::Decoder;
    use redis::Value;

    /// The replies in some bytes.
    #[derive(Debug)]
    pub struct Replies {
        /// Each with where it ends; `None` is one beyond a limit of the decoder.
        pub list: Vec<(Option<Value>, usize)>,
        /// Which of several defects is seen first may depend on the pieces.
        pub is_malformed: bool,
    }

    impl PartialEq for Replies {
        /// As text a NaN is equal to itself.
        fn eq(&self, other: &Replies) -> bool {
            let Replies { list, is_malformed } = self;
            *is_malformed == other.is_malformed
                && (*list == other.list || format!("{list:?}") == format!("{:?}", other.list))
        }
    }

    /// Reads all replies with one decoder; the bytes come in pieces that end at `ends` and at the last byte.
    pub fn read(input: &[u8], ends: impl IntoIterator<Item = usize>) -> Replies {
        let mut decoder = Decoder::default();
        let mut list = Vec::new();
        let (mut at, mut arrived) = (0, 0);
        for end in ends.into_iter().chain([input.len()]) {
            while arrived < end {
                if let Some(room) = decoder.room() {
                    // A long string is read by itself, once what has arrived is taken.
                    assert_eq!(at, arrived);
                    let length = room.len().min(end - arrived);
                    room[..length].copy_from_slice(&input[arrived..arrived + length]);
                    decoder.read(length);
                    arrived += length;
                    at = arrived;
                } else {
                    arrived = end;
                }
                loop {
                    let Ok((taken, reply)) = decoder.decode(&input[at..arrived]) else {
                        let is_malformed = true;
                        return Replies { list, is_malformed };
                    };
                    at += taken;
                    assert!(at <= arrived);
                    let Some(reply) = reply else {
                        assert!(decoder.missing() > 0);
                        break;
                    };
                    list.push((reply.ok(), at));
                }
            }
        }
        let is_malformed = false;
        Replies { list, is_malformed }
    }
}

/// Inputs up to this length are split at every place.
const SHORT: usize = 100;
/// Enough of a string for the decoder to read it by itself.
const LONG: usize = 20_000;
/// More NULs than this stay what they are.
const MAX_LONG: usize = 3;

fuzz_target!(|input: &[u8]| {
    let Some((step, input)) = input.split_first() else {
        return;
    };
    let parts = input.splitn(MAX_LONG + 1, |byte| *byte == 0);
    let input = &*parts.collect::<Vec<_>>().join(&[b'x'; LONG][..]);
    let whole = resp::read(input, []);
    let step = usize::from(*step).max(1) * (1 + input.len() / 500);
    let pieces = resp::read(input, (step..input.len()).step_by(step));
    assert_eq!(whole, pieces);
    if input.len() <= SHORT {
        for end in 1..input.len() {
            assert_eq!(whole, resp::read(input, [end]), "split at {end}");
        }
    }
    let mut start = 0;
    for (value, end) in whole.list {
        let reply = &input[start..end];
        start = end;
        if let Some(value) = value
            && let Ok(expected) = redis::parse_redis_value(reply)
        {
            // The decoder takes line breaks out of errors, and what a break joined is told apart then.
            let bare =
                |value: &redis::Value| format!("{value:?}").replace(['\r', '\n', ' ', ':'], "");
            assert!(value == expected || bare(&value) == bare(&expected));
        }
    }
});
