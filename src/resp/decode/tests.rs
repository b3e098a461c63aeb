use std::fmt::Write;
use std::time::{Duration, Instant};

use super::*;

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
            return Ok(reply);
        }
    }
    Ok(None)
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
    let frames: [&[u8]; 9] = [
        b"$9999999999\r\n",
        b"$536870913\r\n",
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
    values * size_of::<Value>() + decoder.open.capacity() * size_of::<Aggregate>()
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
    assert!(decode(nested(MAX_DEPTH).as_bytes(), 64).is_err());
    assert!(redis::parse_redis_value(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
    assert!(redis::parse_redis_value(nested(MAX_DEPTH).as_bytes()).is_err());
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
