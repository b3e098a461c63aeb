//! Strings most of which are missing when their header has come.

use super::*;
use crate::resp::element::MIN_MISSING;

const MIB: usize = 1024 * 1024;

fn text(random: &mut Random, length: usize) -> String {
    let start = random.below(10);
    let digits = "0123456789".chars().cycle().skip(start);
    digits.take(length).collect()
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// Decodes all replies of `input`, of which reads return up to `step` bytes, as a connection does it:
/// straight into a long string, else into a buffer.
fn read_all(input: &[u8], mut step: impl FnMut() -> usize) -> Result<Vec<Decoded>, Malformed> {
    let mut decoder = Decoder::default();
    let (mut unread, mut replies, mut at) = (Vec::new(), Vec::new(), 0);
    while at < input.len() {
        let length = step().min(input.len() - at);
        let rest = &input[at..];
        at += if let Some(room) = decoder.room() {
            assert!(unread.is_empty(), "bytes are read past others");
            let length = length.min(room.len());
            room[..length].copy_from_slice(&rest[..length]);
            decoder.read(length);
            length
        } else {
            unread.extend_from_slice(&rest[..length]);
            length
        };
        take_complete(&mut decoder, &mut unread, &mut replies)?;
        let ahead = allocated(&decoder).saturating_sub(at);
        assert!(ahead <= MIB.max(at) + MIB, "{ahead} bytes ahead of {at}");
    }
    assert!(unread.is_empty(), "bytes left over");
    Ok(replies)
}

#[track_caller]
fn check(frames: &[String], random: &mut Random) {
    let input = frames.concat();
    let expected = frames
        .iter()
        .map(|frame| Ok(redis::parse_redis_value(frame.as_bytes()).expect("redis-rs reads it")));
    let expected: Vec<Decoded> = expected.collect();
    let steps = [1_000, 16 * 1024, 100_000, input.len()].map(|step| step + random.below(1_000));
    for step in steps {
        assert!(decode_all(input.as_bytes(), step).as_ref() == Ok(&expected));
        assert!(read_all(input.as_bytes(), || step).as_ref() == Ok(&expected));
    }
    let replies = read_all(input.as_bytes(), || 1 + random.below(40_000));
    assert!(replies.as_ref() == Ok(&expected));
}

#[test]
fn a_long_string_is_read_wherever_it_is_cut() {
    let length = MIN_MISSING + 100;
    let text = text(&mut Random(3), length);
    let frame = bulk(&text);
    let input = format!("{frame}:7\r\n");
    let input = input.as_bytes();
    let expected = [
        Ok(Value::BulkString(text.clone().into_bytes())),
        Ok(Value::Int(7)),
    ];
    for end in 0..=input.len() {
        // The first read returns so much, and the others as much as there is room for.
        let mut step = std::iter::once(end.max(1)).chain(std::iter::repeat(usize::MAX));
        let replies = read_all(input, || step.next().expect("it is endless"));
        assert!(replies.is_ok_and(|replies| replies == expected), "{end}");
        let (mut decoder, mut replies) = (Decoder::default(), Vec::new());
        let mut unread = Vec::new();
        for piece in [&input[..end], &input[end..]] {
            unread.extend_from_slice(piece);
            while let Ok((taken, Some(reply))) = decoder.decode(&unread) {
                unread.drain(..taken);
                replies.push(reply);
            }
            // What has been taken of a string is kept.
            if decoder.long.is_some() {
                unread.clear();
            }
        }
        assert!(replies == expected, "{end}");
    }
    let bytes = read_all(frame.as_bytes(), || 1);
    assert!(bytes.is_ok_and(|replies| replies == expected[..1]));
}

#[test]
fn long_and_short_replies_are_those_of_redis() {
    let mut random = Random(17);
    for _ in 0..40 {
        let frames: Vec<_> = (0..=random.below(6))
            .map(|_| {
                let mut frame = String::new();
                match random.below(4) {
                    0 => reply(&mut random, 3, &mut frame),
                    1 => {
                        let length = MIN_MISSING - 100 + random.below(200);
                        frame = bulk(&text(&mut random, length));
                    }
                    2 => {
                        let length = random.below(3 * MIB);
                        frame = bulk(&text(&mut random, length));
                    }
                    _ => {
                        let count = 1 + random.below(5);
                        write!(frame, "*{count}\r\n*1\r\n").expect("a string takes everything");
                        for _ in 0..count {
                            let length = random.below(300_000);
                            frame.push_str(&bulk(&text(&mut random, length)));
                        }
                    }
                }
                frame
            })
            .collect();
        check(&frames, &mut random);
    }
}

#[test]
fn a_length_that_is_not_sent_is_not_allocated() {
    let mut decoder = Decoder::default();
    let header = b"$536870912\r\nabc";
    assert_eq!(decoder.decode(header), Ok((header.len(), None)));
    assert!(allocated(&decoder) <= MIB + 64, "{}", allocated(&decoder));
    let mut arrived = 3;
    while arrived < 5 * MIB {
        let room = decoder.room().expect("it is long");
        let read = room.len().min(100_000);
        assert!(read > 0);
        room[..read].fill(b'x');
        decoder.read(read);
        arrived += read;
        assert_eq!(decoder.decode(b""), Ok((0, None)));
        assert!(decoder.missing() > 0);
        let bytes = allocated(&decoder);
        assert!(bytes <= 2 * arrived + MIB, "{bytes} bytes for {arrived}");
    }
    // A whole one takes no more than it needs.
    let frame = bulk(&text(&mut Random(5), 5 * MIB));
    let replies = read_all(frame.as_bytes(), || 100_000).expect("RESP");
    let [Ok(Value::BulkString(bytes))] = &replies[..] else {
        panic!("one string is expected");
    };
    assert_eq!((bytes.len(), bytes.capacity()), (5 * MIB, 5 * MIB + 2));
}

#[test]
fn a_long_string_has_to_end_where_it_was_announced() {
    let text = text(&mut Random(1), 20_000);
    for end in ["\rx", "x\n", "ab"] {
        let input = format!("${}\r\n{text}{end}", text.len());
        for step in [1_000, 30_000] {
            assert!(decode_all(input.as_bytes(), step).is_err(), "{end:?}");
            assert!(read_all(input.as_bytes(), || step).is_err(), "{end:?}");
        }
    }
}

#[test]
fn a_reply_with_a_long_string_that_takes_too_much_memory_is_skipped_over() {
    let text = text(&mut Random(1), 20_000);
    let input = format!("*3\r\n:1\r\n{}:2\r\n:7\r\n", bulk(&text));
    let (input, mut decoder) = (input.as_bytes(), Decoder::default());
    assert_eq!(decoder.decode(&input[..1_000]), Ok((1_000, None)));
    decoder.size = MAX_REPLY - 20_000;
    let rest = input.len() - 1_000 - 4;
    let beyond = decoder.decode(&input[1_000..]);
    assert_eq!(beyond, Ok((rest, Some(Err(BeyondLimit::Size)))));
    let next = decoder.decode(&input[1_000 + rest..]);
    assert_eq!(next, Ok((4, Some(Ok(Value::Int(7))))));
}
