//! No bytes make the decoder panic, and what it and redis-rs both accept is one value:
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz decode_reply`.
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

    /// The first reply and its length, read in pieces of `step` bytes; `Err` for malformed bytes,
    /// for which of several defects is seen first may depend on the pieces.
    pub fn read(input: &[u8], step: usize) -> Result<Option<(Value, usize)>, ()> {
        let mut decoder = Decoder::default();
        let (mut at, mut end) = (0, 0);
        while end < input.len() {
            let start = end;
            end = input.len().min(end + step);
            if let Some(room) = decoder.room() {
                // A long string is read by itself.
                end = end.min(start + room.len());
                room[..end - start].copy_from_slice(&input[start..end]);
                decoder.read(end - start);
                at = end;
            }
            let (taken, reply) = decoder.decode(&input[at..end]).map_err(drop)?;
            at += taken;
            assert!(at <= end);
            if let Some(reply) = reply {
                // What is beyond a limit of the decoder is no value to compare.
                return Ok(reply.ok().map(|reply| (reply, at)));
            }
            assert!(decoder.missing() > 0);
        }
        Ok(None)
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, input) = input;
    let whole = resp::read(input, input.len().max(1));
    let pieces = resp::read(input, usize::from(step).max(1));
    // As text, for a NaN is not equal to itself.
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    if let Ok(Some((value, length))) = whole
        && let Ok(expected) = redis::parse_redis_value(&input[..length])
    {
        // The decoder takes line breaks out of errors, and what a break joined is told apart then.
        let bare = |value| format!("{value:?}").replace(['\r', '\n', ' ', ':'], "");
        assert_eq!(bare(value), bare(expected));
    }
});
