use std::fmt::Write;
use std::time::{Duration, Instant};

use super::*;
use crate::resp::element::MAX_LINE;

mod long_strings;

/// Decodes `input` handed over in pieces of `step` bytes.
fn decode(input: &[u8], step: usize) -> Result<Option<Value>, Malformed> {
    let mut decoder = Decoder::default();
    let mut unread = Vec::new();
    for piece in input.chunks(step) {
        unread.extend_from_slice(piece);
        let (taken, reply) = decoder.decode(&unread)?;
        unread.drain(..taken);
        if reply.is_some() {
            assert!(unread.is_empty(), "bytes left over");
            return Ok(reply.map(|reply| reply.expect("it is within the limits")));
        }
    }
    Ok(None)
}

/// Moves the replies that are complete from `unread` to `replies`.
fn take_complete(
    decoder: &mut Decoder,
    unread: &mut Vec<u8>,
    replies: &mut Vec<Decoded>,
) -> Result<(), Malformed> {
    loop {
        let (taken, reply) = decoder.decode(unread)?;
        unread.drain(..taken);
        match reply {
            Some(reply) => replies.push(reply),
            None => return Ok(()),
        }
    }
}

/// Decodes all replies of `input` handed over in pieces of `step` bytes. Beyond a limit nothing is kept.
fn decode_all(input: &[u8], step: usize) -> Result<Vec<Decoded>, Malformed> {
    let mut decoder = Decoder::default();
    let (mut unread, mut replies) = (Vec::new(), Vec::new());
    for piece in input.chunks(step) {
        unread.extend_from_slice(piece);
        take_complete(&mut decoder, &mut unread, &mut replies)?;
        if decoder.skip.is_some() {
            assert!(unread.len() < 64, "{} bytes are kept", unread.len());
        }
    }
    assert!(unread.is_empty(), "bytes left over");
    Ok(replies)
}

fn check(frame: &str, expected: &Value) {
    for step in 1..=frame.len() {
        assert_eq!(
            decode(frame.as_bytes(), step).as_ref(),
            Ok(&Some(expected.clone())),
            "{frame:?}"
        );
    }
    for end in 0..frame.len() {
        assert_eq!(
            decode(&frame.as_bytes()[..end], 7),
            Ok(None),
            "{:?}",
            &frame[..end]
        );
    }
}

#[test]
fn reads_what_redis_reads() {
    for frame in [
        "+OK\r\n",
        "+PONG\r\n",
        "+\r\n",
        ":0\r\n",
        ":-9223372036854775808\r\n",
        ":9223372036854775807\r\n",
        "$5\r\nhello\r\n",
        "$0\r\n\r\n",
        "$4\r\n\r\n\r\n\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "_\r\n",
        "*0\r\n",
        "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
        "-ERR unknown command\r\n",
        "-NOAUTH Authentication required.\r\n",
        "-WRONGTYPE\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "!21\r\nSYNTAX invalid syntax\r\n",
        "#t\r\n",
        "#f\r\n",
        ",1.5\r\n",
        ",-inf\r\n",
        "(3492890328409238509324850943850943825024385\r\n",
        "=8\r\ntxt:text\r\n",
        "=7\r\nmkd:*a*\r\n",
        "=5\r\nabc:d\r\n",
        "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n",
        "~2\r\n:1\r\n:2\r\n",
        "~-1\r\n",
        "|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n",
        ">3\r\n+message\r\n+channel\r\n+text\r\n",
        ">2\r\n$10\r\ninvalidate\r\n_\r\n",
        ">2\r\n+news\r\n:1\r\n",
        ">0\r\n",
    ] {
        let expected = redis::parse_redis_value(frame.as_bytes()).expect("redis-rs reads it");
        check(frame, &expected);
    }
}

#[test]
fn random_replies_are_those_of_redis() {
    let mut random = Random(7);
    for _ in 0..3_000 {
        let mut frame = String::new();
        reply(&mut random, 4, &mut frame);
        let expected = redis::parse_redis_value(frame.as_bytes()).expect("redis-rs reads it");
        let step = 1 + random.below(frame.len() + 3);
        assert_eq!(
            decode(frame.as_bytes(), step),
            Ok(Some(expected)),
            "{frame:?} by {step}"
        );
    }
}

/// R22: a million of them.
#[test]
fn mutated_replies_never_panic() {
    let mut random = Random(11);
    for _ in 0..1_000_000 {
        let mut frame = String::new();
        reply(&mut random, 3, &mut frame);
        let mut bytes = frame.into_bytes();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = b"*$%~>|+-:_#,(=!0123456789\r\n\x00\xff"[random.below(29)];
        }
        let mut decoder = Decoder::default();
        let mut at = 0;
        while let Ok((taken, Some(_))) = decoder.decode(&bytes[at..]) {
            at += taken;
        }
    }
}

#[test]
fn a_line_that_is_not_utf8_is_read_with_replacements() {
    let Ok(Some(Value::ServerError(error))) = decode(b"-ERR unknown \xff\xfe\r\n", 64) else {
        panic!("an error is expected");
    };
    assert_eq!(error.details(), Some("unknown \u{fffd}\u{fffd}"));
    assert_eq!(
        decode(b"+\xffx\r\n", 64),
        Ok(Some(Value::SimpleString("\u{fffd}x".to_owned())))
    );
}

/// R22: hostile lengths are refused in time, and before anything is allocated for them.
#[test]
fn what_is_announced_too_large_is_refused_at_once() {
    let deep = b"*1\r\n".repeat(1_000_000);
    let deep_and_wide = b"*2147483647\r\n".repeat(1_000_000);
    let frames: [&[u8]; 8] = [
        b"$9999999999\r\n",
        b"*2147483648\r\n",
        b"*99999999999999999999\r\n",
        b"%1073741824\r\n",
        b"=9999999999\r\n",
        b"!9999999999\r\n",
        &deep,
        &deep_and_wide,
    ];
    for frame in frames {
        let shown = String::from_utf8_lossy(&frame[..frame.len().min(24)]);
        // A busy machine stops one of several, not all.
        let attempts = (0..5).map(|_| {
            let mut decoder = Decoder::default();
            let start = Instant::now();
            let refused = decoder.decode(frame);
            let took = start.elapsed();
            assert!(refused.is_err(), "{shown:?}");
            (took, allocated(&decoder))
        });
        let (took, bytes) = attempts.min().expect("there are five");
        println!("{shown:?}: {took:?}, {bytes} bytes");
        assert!(took <= Duration::from_millis(5), "{shown:?}: {took:?}");
        assert!(bytes <= 1024 * 1024, "{shown:?}: {bytes} bytes");
    }
    assert!(decode(&vec![b'+'; MAX_LINE + 1], MAX_LINE + 1).is_err());
}

/// What a decoder holds: bytes for elements that have not arrived included.
fn allocated(decoder: &Decoder) -> usize {
    let values: usize = decoder
        .open
        .iter()
        .map(|aggregate| aggregate.values.capacity())
        .sum();
    let skipped = decoder.skip.as_ref().map_or(0, |skip| skip.allocated());
    let long = decoder.long.as_ref().map_or(0, |string| string.allocated());
    let aggregates = decoder.open.capacity() * size_of::<Aggregate>();
    values * size_of::<Value>() + aggregates + skipped + long
}

#[test]
fn announced_elements_are_not_allocated_before_they_arrive() {
    let mut decoder = Decoder::default();
    for _ in 0..MAX_DEPTH - 1 {
        assert_eq!(decoder.decode(b"*2147483647\r\n"), Ok((13, None)));
    }
    let bytes = allocated(&decoder);
    assert!(bytes <= 1024 * 1024, "{bytes} bytes");
}

#[test]
fn garbage_is_refused_before_its_line_ends() {
    for frame in [&b"h"[..], b"\r", b"\0\0\0", b"\xff", b"\x15\x03\x01"] {
        assert!(decode(frame, 64).is_err(), "{frame:?}");
    }
    assert!(decode(b"*1\r\nh", 64).is_err());
}

#[test]
fn garbage_is_refused() {
    for frame in [
        "hello\r\n",
        "\r\n\r\n",
        "\x15\x03\x01\r\n",
        ":\r\n",
        ":1a\r\n",
        ":--1\r\n",
        "$x\r\n",
        "$3\r\nabcd\r\n",
        "#x\r\n",
        ",x\r\n",
        "(x\r\n",
        "=2\r\nab\r\n",
        "%-1\r\n",
        ">1\r\n:1\r\n",
        "+a\rb\r\n",
    ] {
        assert!(decode(frame.as_bytes(), 64).is_err(), "{frame:?}");
    }
}

#[test]
fn nesting_up_to_the_limit_is_read() {
    let nested = |depth: usize| format!("{}:1\r\n", "*1\r\n".repeat(depth));
    assert!(matches!(
        decode(nested(MAX_DEPTH - 1).as_bytes(), 64),
        Ok(Some(_))
    ));
    let deeper = decode_all(nested(MAX_DEPTH).as_bytes(), 64);
    assert_eq!(deeper, Ok(vec![Err(BeyondLimit::Depth)]));
    assert!(redis::parse_redis_value(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
    assert!(redis::parse_redis_value(nested(MAX_DEPTH).as_bytes()).is_err());
}

/// Replies beyond the limit of nesting between others, cut at every byte.
#[test]
fn a_reply_beyond_a_limit_is_skipped_over_and_no_other() {
    let mut random = Random(13);
    for round in 0..300 {
        let (mut frames, mut expected) = (String::new(), Vec::new());
        for _ in 0..=random.below(5) {
            let start = frames.len();
            if random.below(2) == 0 {
                reply(&mut random, 3, &mut frames);
                let value = redis::parse_redis_value(&frames.as_bytes()[start..]);
                expected.push(Ok(value.expect("redis-rs reads it")));
            } else if deep(&mut random, &mut frames) {
                let nothing = PushKind::Other(String::new());
                expected.push(Ok(Value::Push {
                    kind: nothing,
                    data: Vec::new(),
                }));
            } else {
                expected.push(Err(BeyondLimit::Depth));
            }
        }
        for step in [1, 2 + random.below(40), frames.len()] {
            let replies = decode_all(frames.as_bytes(), step);
            assert_eq!(replies.as_ref(), Ok(&expected), "round {round} by {step}");
        }
        let end = random.below(frames.len());
        let replies = decode_all_of_a_part(&frames.as_bytes()[..end]);
        assert_eq!(
            replies,
            expected[..replies.len()],
            "round {round} up to {end}"
        );
        assert!(replies.len() < expected.len());
    }
}

/// What is complete in the first part of a stream.
fn decode_all_of_a_part(input: &[u8]) -> Vec<Decoded> {
    let (mut decoder, mut at, mut replies) = (Decoder::default(), 0, Vec::new());
    while let Ok((taken, Some(reply))) = decoder.decode(&input[at..]) {
        at += taken;
        replies.push(reply);
    }
    replies
}

/// Writes a reply that is nested too deep, with others beside each level; returns whether it is a push.
fn deep(random: &mut Random, out: &mut String) -> bool {
    let levels = MAX_DEPTH + random.below(60);
    let is_push = random.below(4) == 0;
    let mut behind = Vec::new();
    if is_push {
        out.push_str(">2\r\n+news\r\n");
        behind.push(0);
    }
    for _ in 0..levels {
        let (kind, per_element, data) =
            [('*', 1, 0), ('~', 1, 0), ('%', 2, 0), ('|', 2, 1)][random.below(4)];
        let count = 1 + random.below(3);
        let elements = count * per_element + data;
        let before = random.below(elements);
        write!(out, "{kind}{count}\r\n").expect("a string takes everything");
        (0..before).for_each(|_| reply(random, 1, out));
        behind.push(elements - before - 1);
    }
    reply(random, 1, out);
    for others in behind.into_iter().rev() {
        (0..others).for_each(|_| reply(random, 1, out));
    }
    is_push
}

#[test]
fn a_string_beyond_the_limit_is_skipped_over_without_being_kept() {
    const MIB: usize = 1024 * 1024;
    let chunk = vec![b'x'; MIB];
    for (before, behind, errors) in [
        ("", "", 1),
        ("*3\r\n:1\r\n", "$-1\r\n", 1),
        (">2\r\n+a\r\n", "", 0),
    ] {
        for kind in ['$', '=', '!'] {
            let mut decoder = Decoder::default();
            let header = format!("{before}{kind}{}\r\n", 513 * MIB);
            assert_eq!(decoder.decode(header.as_bytes()), Ok((header.len(), None)));
            for _ in 0..513 {
                assert_eq!(decoder.decode(&chunk), Ok((MIB, None)));
            }
            assert_eq!(decoder.decode(b"\r"), Ok((1, None)));
            let rest = format!("\n{behind}:7\r\n");
            let (taken, reply) = decoder.decode(rest.as_bytes()).expect("RESP");
            assert_eq!(taken, 1 + behind.len());
            let is_beyond = matches!(reply, Some(Err(BeyondLimit::Length)));
            assert_eq!(usize::from(is_beyond), errors, "{reply:?}");
            let next = decoder.decode(&rest.as_bytes()[taken..]);
            assert_eq!(next, Ok((4, Some(Ok(Value::Int(7))))));
        }
    }
}

#[test]
fn a_string_that_is_skipped_has_to_end_where_it_was_announced() {
    let mut decoder = Decoder::default();
    let length = 512 * 1024 * 1024 + 1;
    let header = format!("${length}\r\n");
    assert!(decoder.decode(header.as_bytes()).is_ok());
    let text = vec![b'x'; length];
    assert_eq!(decoder.decode(&text), Ok((length, None)));
    assert!(decoder.decode(b"xx").is_err());
}

#[test]
fn a_reply_that_takes_too_much_memory_is_skipped_over() {
    let mut decoder = Decoder::default();
    let frame = b"*2\r\n*3\r\n+a\r\n+b\r\n+c\r\n+d\r\n:7\r\n";
    assert_eq!(decoder.decode(&frame[..12]), Ok((12, None)));
    decoder.size = MAX_REPLY - 10;
    let beyond = decoder.decode(&frame[12..]);
    assert_eq!(beyond, Ok((12, Some(Err(BeyondLimit::Size)))));
    assert_eq!(
        decoder.decode(&frame[24..]),
        Ok((4, Some(Ok(Value::Int(7)))))
    );
    // The next one has all the room again.
    assert_eq!(decoder.size, 0);
    assert_eq!(decode_all(&frame[4..20], 3).map(|all| all.len()), Ok(1));
}

/// Writes a random reply with at most `depth` levels of aggregates.
fn reply(random: &mut Random, depth: usize, out: &mut String) {
    let kind = random.below(if depth == 0 { 10 } else { 15 });
    let count = random.below(4);
    let aggregate = |random: &mut Random, out: &mut String, header: String, elements: usize| {
        out.push_str(&header);
        for _ in 0..elements {
            reply(random, depth - 1, out);
        }
    };
    let text = &"some text, not long"[..random.below(19)];
    match kind {
        0 => out.push_str("+OK\r\n"),
        1 => write!(out, "+{text}\r\n").expect("a string takes everything"),
        2 => write!(out, ":{}\r\n", random.next().cast_signed()).expect("as above"),
        3 | 4 => write!(out, "${}\r\n{text}\r\n", text.len()).expect("as above"),
        5 => out.push_str("$-1\r\n"),
        6 => write!(out, "-ERR {text}\r\n").expect("as above"),
        7 => out.push_str("#t\r\n"),
        8 => write!(
            out,
            ",{}\r\n",
            f64::from(u32::try_from(random.below(1 << 31)).expect("below 2³¹")) / 3.0
        )
        .expect("as above"),
        9 => write!(out, "={}\r\ntxt:{text}\r\n", text.len() + 4).expect("as above"),
        10 | 11 => aggregate(random, out, format!("*{count}\r\n"), count),
        12 => aggregate(random, out, format!("~{count}\r\n"), count),
        13 => aggregate(random, out, format!("%{count}\r\n"), 2 * count),
        _ => aggregate(random, out, format!("|{count}\r\n"), 2 * count + 1),
    }
}

/// splitmix64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below a usize")
    }
}
