//! What holds for every text, tried on texts made from the pieces URLs consist of.

use std::hint::black_box;
use std::time::Duration;

use fastrand::Rng;
use redis_ready::{RedisUrl, UrlKind};

use crate::thread_time::thread_time;

fn pick<'a>(random: &mut Rng, from: &[&'a str]) -> &'a str {
    from[random.usize(..from.len())]
}

const PIECES: [&str; 82] = [
    "redis",
    "rediss",
    "unix",
    "redis-sentinel",
    "redis-cluster",
    "valkey",
    "http",
    "redis+ssl",
    "://",
    "://",
    ":",
    "/",
    "//",
    "?",
    "#",
    "@",
    "&",
    "=",
    ",",
    ";",
    "[",
    "]",
    "[::1]",
    "::1",
    "%",
    "%2F",
    "%00",
    "%zz",
    "%C3%A4",
    "%ff",
    "+",
    "$",
    "${X}",
    "$X",
    "{{",
    "}}",
    "<x>",
    "\"",
    "'",
    "`",
    "\\",
    " ",
    "\n",
    "\t",
    "\r",
    "\0",
    "\u{200b}",
    "\u{feff}",
    "\u{e4}",
    "\u{1f511}",
    "\u{301}",
    "\u{ff1a}",
    "\u{3001}",
    "\u{ff0c}",
    "\u{201d}",
    "\u{1f511}\u{301}",
    "localhost",
    "host.example",
    "127.0.0.1",
    "0x7f",
    "1",
    "6379",
    "65536",
    "99999999999999999999",
    "0",
    "-",
    "_",
    ".",
    "..",
    "db",
    "db=1",
    "timeout=5s",
    "protocol=3",
    "password=x",
    "node=h",
    "ssl_cert_reqs=none",
    "user",
    "secret",
    "***",
    "redis-cli ",
    "REDIS_URL=",
    "x",
];

fn garbage(random: &mut Rng) -> String {
    let length = random.usize(..24);
    (0..length).map(|_| pick(random, &PIECES)).collect()
}

/// A text with the shape of a URL, mostly acceptable.
fn likely(random: &mut Rng) -> String {
    let scheme = pick(random, &["redis", "rediss", "valkey", "REDIS", "redis+ssl"]);
    let userinfo = pick(
        random,
        &[
            "",
            "",
            ":pw@",
            "user:pw@",
            "u%40:p%2Fw@",
            "user:@",
            ":@",
            "u:a:b@",
            "u:p^|`{}@",
            ":\u{e4}@",
            "u:$&+,;=!*'()@",
        ],
    );
    let host = pick(
        random,
        &[
            "localhost",
            "h_1",
            "HOST.example",
            "127.0.0.1",
            "[::1]",
            "[2001:DB8::1]",
            "a.b.",
            "xn--bcher-kva.example",
            "1.2.3",
            "h-",
            "0",
            "[::ffff:1.2.3.4]",
        ],
    );
    let port = pick(random, &["", ":", ":6379", ":06379", ":1", ":65535", ":0"]);
    let path = pick(random, &["", "/", "/0", "//1", "/2/", "/01", "/x"]);
    let query = pick(
        random,
        &[
            "",
            "?",
            "?db=2",
            "?protocol=3",
            "?client_name=a+b",
            "?family=6&",
            "?timeout=5s",
        ],
    );
    format!("{scheme}://{userinfo}{host}{port}{path}{query}")
}

#[test]
fn no_text_panics_or_is_pointed_outside_of() {
    let mut random = Rng::with_seed(0x9e37_79b9_7f4a_7c15);
    let mut refused = 0;
    for _ in 0..30_000 {
        let text = garbage(&mut random);
        match RedisUrl::parse(&text) {
            Ok(url) => assert!(
                !format!("{url:?}{:?}", url.warnings()).contains('\n'),
                "{text:?}"
            ),
            Err(error) => {
                refused += 1;
                assert!(
                    text.get(error.span()).is_some(),
                    "{:?} in {text:?}",
                    error.span()
                );
                let sentence = error.to_string();
                assert!(!sentence.contains(char::is_control), "{sentence:?}");
                assert!(
                    !sentence.ends_with('.') && !sentence.is_empty(),
                    "{sentence:?}"
                );
                assert!(!format!("{error:?}").contains(char::is_control), "{text:?}");
            }
        }
    }
    assert!(refused > 25_000, "{refused} texts refused");
}

/// Cuts are made at ASCII characters, so a character of several bytes stands around each of them.
#[test]
fn characters_of_several_bytes_stand_around_every_cut() {
    const URLS: [&str; 7] = [
        "redis://user:secret@host:6379/0?db=1&timeout=5s#f, redis://b",
        "redis://:secret@a,redis://b",
        "rediss://[::1]:6379/0",
        "unix:///run/redis.sock?db=1",
        "redis-sentinel://user:secret@h1:26379,h2/name/0",
        "redis-cluster://h1:6379,h2?tls_ca=/x",
        "h:6379,password=a@b,ssl=True",
    ];
    for url in URLS {
        for text in [
            "\u{e4}",
            "\u{3001}",
            "\u{ff0c}",
            "\u{ff1a}",
            "\u{201d}",
            "\u{1f511}",
            "e\u{301}",
        ] {
            for at in 0..=url.len() {
                for kept in at..=(at + 1).min(url.len()) {
                    let mixed = format!("{}{text}{}", &url[..at], &url[kept..]);
                    if let Err(error) = RedisUrl::parse(&mixed) {
                        assert!(mixed.get(error.span()).is_some(), "{mixed:?}");
                    }
                }
            }
        }
    }
}

/// Host, port, user and password are those of the WHATWG parser. Two documented
/// differences: it leaves hosts of schemes it does not know in their case, and
/// `redis://:@host` has no credentials here.
#[test]
fn accepted_urls_are_read_as_the_url_crate_reads_them() {
    let mut random = Rng::with_seed(0x2545_f491_4f6c_dd1d);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let text = likely(&mut random);
        let Ok(ours) = RedisUrl::parse(&text) else {
            continue;
        };
        assert!(matches!(ours.kind(), UrlKind::Tcp | UrlKind::Tls), "{text}");
        accepted += 1;
        let theirs = url::Url::parse(&text).expect(&text);
        let (host, port) = &ours.hosts()[0];
        let expected = theirs
            .host_str()
            .expect(&text)
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        assert!(same_host(&expected, host), "{text}: {expected} and {host}");
        assert_eq!(theirs.port().unwrap_or(6379), *port, "{text}");
        assert_eq!(
            decode(theirs.username()),
            ours.username().unwrap_or_default(),
            "{text}"
        );
        assert_eq!(
            decode(theirs.password().unwrap_or_default()),
            ours.password().unwrap_or_default(),
            "{text}"
        );
    }
    assert!(accepted > 2_500, "{accepted} texts accepted");
}

fn same_host(theirs: &str, ours: &str) -> bool {
    let addresses = (
        theirs.parse::<std::net::IpAddr>(),
        ours.parse::<std::net::IpAddr>(),
    );
    theirs == ours || matches!(addresses, (Ok(a), Ok(b)) if a == b)
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = (*first == b'%').then(|| text_of(&tail[..2]));
        rest = if escape.is_some() { &tail[2..] } else { tail };
        bytes.push(escape.unwrap_or(*first));
    }
    String::from_utf8(bytes).expect("an accepted URL is UTF-8")
}

fn text_of(digits: &[u8]) -> u8 {
    let digits = std::str::from_utf8(digits).expect("an escape is ASCII");
    u8::from_str_radix(digits, 16).expect("an escape is hexadecimal")
}

#[test]
fn a_masked_url_reads_as_the_same_one_with_a_password_put_in() {
    let mut random = Rng::with_seed(0xd1b5_4a32_d192_ed03);
    for _ in 0..10_000 {
        let text = likely(&mut random);
        let Ok(url) = RedisUrl::parse(&text) else {
            continue;
        };
        let shown = url.to_string();
        if url.username().is_some_and(|name| name.contains('@')) {
            continue; // shown decoded, for people
        }
        let again = RedisUrl::parse(&shown.replace("***", "x")).expect(&shown);
        assert_eq!(
            (again.kind(), again.hosts(), again.database()),
            (url.kind(), url.hosts(), url.database()),
            "{text}"
        );
        assert_eq!(
            again.password().is_some(),
            url.password().is_some(),
            "{text}"
        );
        if url.password().is_some() {
            let code = RedisUrl::parse(&shown).expect_err(&shown).code();
            assert_eq!(code, "placeholder", "{shown}");
        }
    }
}

/// Four times the text takes four times as long, and sixteen times if the time were quadratic. It is the
/// time that the processor spends on this thread, and the fastest run counts.
#[test]
fn time_grows_with_the_length_and_not_with_its_square() {
    const FLOOR: Duration = Duration::from_micros(500);
    for filler in [
        "${", "<x", "[x", "%25", ":", "h,", "&a=b", "/x", " a", "#", "&db=1", "a.", "://", "$x",
    ] {
        for start in [
            "",
            "redis://",
            "redis://h/",
            "redis://h/?x=",
            "redis-cluster://",
            "unix:///",
            "redis://:",
        ] {
            let time = |size: usize| {
                let text = format!("{start}{}", filler.repeat(size / filler.len()));
                move || {
                    let begin = thread_time();
                    let _ = black_box(RedisUrl::parse(&text));
                    thread_time().saturating_sub(begin)
                }
            };
            let (short, long) = (time(4_000), time(16_000));
            let short = (0..7).map(|_| short()).min().expect("seven runs");
            let longest = FLOOR.max(short * 12);
            let long: Vec<Duration> = (0..200)
                .map(|_| long())
                .take_while(|long| *long >= longest)
                .collect();
            assert!(
                long.len() < 200,
                "{start}{filler}: {short:?} and {:?}",
                long.iter().min()
            );
        }
    }
}

/// A parameter with its documented default means the same as no parameter.
#[cfg(feature = "tls")]
#[test]
fn every_default_of_the_documentation_is_the_one_in_force() {
    let mut seen = 0;
    for row in include_str!("../../src/url/parameters.md").lines().skip(2) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [names, _, default, _] = cells[..] else {
            panic!("a row has four cells: {row}");
        };
        let name = names.split('`').nth(1).expect("a name");
        let Some(value) = default.strip_prefix('`').and_then(|d| d.strip_suffix('`')) else {
            continue; // a default in words
        };
        let config = |url: &str| url.parse::<redis_ready::Config>().expect(url);
        let scheme = if name.starts_with("tls_") {
            "rediss"
        } else {
            "redis"
        };
        let without = format!("{scheme}://localhost");
        assert_eq!(
            config(&format!("{without}?{name}={value}")),
            config(&without),
            "{row}"
        );
        seen += 1;
    }
    assert!(seen >= 9, "{seen} defaults");
}
