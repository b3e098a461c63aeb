//! No password is ever printed: 40 canaries in every row of the corpus, through every way out.

use std::fmt::Debug;
use std::fmt::Write as _;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};
use redis_ready::redis::RedisError;
use redis_ready::{Client, Config, Error, RedisUrl};

use crate::support::child;

/// What stands in the middle of each canary: whatever ends a URL's component or a `.env` value early.
const INNER: [&str; 40] = [
    "", "@", "#", "/", "?", "%", "&", "=", "+", ":", " ", "\t", "\n", "\"", "'", "\\", "`", "$",
    "${", "{", "}", "[", "]", "<", ">", "|", "^", "~", "!", "*", "(", ",", ";", "é", "\u{202e}",
    "😀", "%40", "%2F", "//", "@/#:",
];

/// A password, and everything by which it would be recognised in an output.
struct Canary {
    password: String,
    traces: Vec<String>,
}

impl Canary {
    fn new(number: usize) -> Canary {
        let inner = INNER[number];
        let (start, end) = (format!("Zq7kx{number:02}V"), format!("wJ4{number:02}rPmd"));
        let password = format!("{start}{inner}{end}");
        // The password as it is and percent-encoded hold both ends.
        let mut traces = vec![start.to_lowercase(), end.to_lowercase(), start, end];
        for padding in 0..3 {
            let text = [&b"\0\0\0"[..padding], password.as_bytes()].concat();
            let encoded = base64(&text);
            // The first and the last characters depend on the neighbours as well.
            let inner = &encoded[(padding * 8).div_ceil(6)..text.len() * 8 / 6];
            traces.push(inner.to_owned());
            traces.push(inner.replace('+', "-").replace('/', "_"));
        }
        traces.sort();
        traces.dedup();
        Canary { password, traces }
    }

    /// Returns what of the canary is in `output`.
    fn trace_in(&self, output: &str) -> Option<&str> {
        let mut traces = self.traces.iter().map(String::as_str);
        traces.find(|trace| output.contains(trace))
    }

    #[track_caller]
    fn is_not_in(&self, output: &str, about: &str) {
        if let Some(trace) = self.trace_in(output) {
            let at = output.find(trace).expect("it was found above");
            let near: String = output[..at].chars().rev().take(300).collect();
            let near: String = near.chars().rev().collect();
            panic!("`{trace}` of {about:?} was printed after: {near}");
        }
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes everything");
        }
    }
    encoded
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| char::from(ALPHABET[(bits & 63) as usize]);
    let groups = bytes.chunks(3).flat_map(|chunk| {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digits = [bits >> 18, bits >> 12, bits >> 6, bits].map(digit);
        digits.into_iter().take(chunk.len() + 1)
    });
    groups.collect()
}

/// The URLs of the corpus, without the escapes of the file.
fn corpus() -> Vec<String> {
    let rows = include_str!("corpus.tsv").lines().skip(1);
    let urls = rows.map(|row| row.split('\t').nth(1).expect("a second column"));
    let urls: Vec<String> = urls.map(unescaped).collect();
    assert_eq!(urls.len(), 369);
    urls
}

fn unescaped(cell: &str) -> String {
    let mut text = String::new();
    let mut rest = cell;
    while let Some((before, after)) = rest.split_once('\\') {
        text += before;
        let mut characters = after.chars();
        match characters.next().expect("an escape has a letter") {
            't' => text.push('\t'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            '0' => text.push('\0'),
            'u' => {
                let (code, after) = after[2..].split_once('}').expect("braces");
                let code = u32::from_str_radix(code, 16).expect("hexadecimal");
                text.push(char::from_u32(code).expect("a character"));
                characters = after.chars();
            }
            other => text.push(other),
        }
        rest = characters.as_str();
    }
    text += rest;
    match text.split_once("{{repeat:") {
        Some((before, rest)) => {
            let (repeat, after) = rest.split_once("}}").expect("closing braces");
            let (what, count) = repeat.rsplit_once(':').expect("a count");
            let count = count.parse().expect("a number");
            format!("{before}{}{after}", what.repeat(count))
        }
        None => text,
    }
}

/// Puts `secret` where the row has its password, or where one would be.
fn with_password(url: &str, secret: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    match rest.rsplit_once('@') {
        Some((userinfo, host)) => match userinfo.split_once(':') {
            Some((user, _)) => format!("{scheme}{user}:{secret}@{host}"),
            // With a colon in it, its first half is a username for every reader.
            None if secret.contains(':') => format!("{scheme}:{secret}@{host}"),
            None => format!("{scheme}{secret}@{host}"),
        },
        None => format!("{scheme}:{secret}@{rest}"),
    }
}

/// Puts `secret` into a parameter.
fn with_parameter(url: &str, secret: &str) -> String {
    let (url, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}password={secret}{fragment}")
}

fn planted(url: &str, canary: &Canary) -> [String; 4] {
    let encoded = percent_encoded(&canary.password);
    [
        with_password(url, &canary.password),
        with_password(url, &encoded),
        with_parameter(url, &canary.password),
        with_parameter(url, &encoded),
    ]
}

/// Prints `value` in every way there is.
fn print(output: &mut String, value: &(impl Debug + ?Sized)) {
    writeln!(output, "{value:?}\n{value:#?}").expect("a String takes everything");
}

fn print_error(output: &mut String, error: &Error) {
    print(output, error);
    writeln!(output, "{error}\n{error:#}").expect("a String takes everything");
    print(output, &(error.kind(), error.variable(), error.help()));
    let carried = RedisError::from(error.clone());
    print(output, &carried);
    let mut cause: Option<&dyn std::error::Error> = Some(&carried);
    while let Some(error) = cause {
        writeln!(output, "{error}\n{error:?}").expect("a String takes everything");
        cause = error.source();
    }
}

/// What the panic hook and the logger were given.
static CAPTURED: Mutex<String> = Mutex::new(String::new());

struct Capture;

impl Log for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        capture(&format!("{} {record:?}", record.args()));
    }

    fn flush(&self) {}
}

fn capture(text: &str) {
    let mut captured = CAPTURED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    captured.push_str(text);
    captured.push('\n');
}

fn captured() -> String {
    let mut captured = CAPTURED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    std::mem::take(&mut captured)
}

fn install_capture() {
    log::set_logger(&Capture).expect("each child has one logger");
    log::set_max_level(LevelFilter::Trace);
    panic::set_hook(Box::new(|panic| capture(&format!("{panic}\n{panic:?}"))));
}

/// Prints what comes of an attempt, its panic included.
fn print_attempt(output: &mut String, attempt: impl Fn() -> Result<Client, Error>) {
    match attempt() {
        Ok(client) => {
            print(output, &client);
            print(output, client.config());
            print(output, &client.blocking());
        }
        Err(error) => {
            print_error(output, &error);
            let payload = panic::catch_unwind(AssertUnwindSafe(|| {
                attempt().expect("it did not work");
            }))
            .expect_err("it failed before");
            let text = payload.downcast_ref::<String>();
            print(output, text.expect("`expect` panics with a String"));
        }
    }
    *output += &captured();
}

fn print_url(output: &mut String, url: &str) {
    match RedisUrl::parse(url) {
        Ok(url) => {
            print(output, &url);
            writeln!(output, "{url}").expect("a String takes everything");
            for warning in url.warnings() {
                print(output, warning);
                writeln!(output, "{warning}").expect("a String takes everything");
            }
        }
        Err(error) => {
            print(output, &error);
            writeln!(output, "{error} {:?}", error.help()).expect("a String takes everything");
        }
    }
}

#[test]
#[ignore = "runs in child processes of the other tests"]
fn child_process() {
    install_capture();
    let mut output = String::new();
    match std::env::var("VARIABLES") {
        Ok(names) => {
            for name in names.split(',') {
                print_attempt(&mut output, || Client::from_env(name));
            }
        }
        Err(_) if std::env::var_os("WIDE").is_some() => open_wide_texts(&mut output),
        Err(_) => open_every_row(&mut output),
    }
    eprint!("{output}");
}

/// Opens every row with every canary; what leaks is all that comes out.
fn open_every_row(leaks: &mut String) {
    for canary in (0..INNER.len()).map(Canary::new) {
        for url in corpus() {
            for url in planted(&url, &canary) {
                let mut output = String::new();
                print_attempt(&mut output, || Client::open(&url));
                print_attempt(&mut output, || url.parse().map(Client::with_config));
                print_url(&mut output, &url);
                if let Some(trace) = canary.trace_in(&output) {
                    let url: String = url.chars().take(200).collect();
                    writeln!(leaks, "`{trace}` of {url:?}").expect("a String takes everything");
                }
            }
        }
    }
}

/// Characters of several bytes, where a parser that cuts between bytes would panic.
const WIDE: [&str; 6] = ["\u{3001}", "\u{ff0c}", "\u{ff1a}", "\u{201d}", "é", "😀"];

/// The message of a panic may hold the text that it is about, and the standard library prints it.
fn open_wide_texts(leaks: &mut String) {
    let canary = Canary::new(0);
    let secret = &canary.password;
    for wide in WIDE {
        for text in [
            format!("redis://:{secret}@h{wide}redis://b"),
            format!("redis://:{secret}@h{wide}://b"),
            format!("{wide}redis://:{secret}@h"),
            format!("redis{wide}://:{secret}@h"),
            format!("redis://{wide}:{secret}{wide}@{wide}:{wide}/{wide}?{wide}={secret}{wide}"),
            format!("h{wide}:6379,password={secret}{wide},ssl=True"),
        ] {
            let mut output = String::new();
            let open = || print_attempt(&mut output, || Client::open(&text));
            if panic::catch_unwind(AssertUnwindSafe(open)).is_err() {
                writeln!(leaks, "a panic for {text:?}").expect("a String takes everything");
            }
            output += &captured();
            if let Some(trace) = canary.trace_in(&output) {
                writeln!(leaks, "`{trace}` of {text:?}").expect("a String takes everything");
            }
        }
    }
}

fn start_child() -> Command {
    let mut child = child::ignored_test("secrets::child_process");
    child.env_clear().current_dir(env!("CARGO_TARGET_TMPDIR"));
    child
}

#[track_caller]
fn stderr(mut child: Command) -> String {
    let output = child.output().expect("the child starts");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{text}\n{:?}", output.stdout);
    text
}

#[track_caller]
fn prints_nothing(child: Command) {
    let leaks = stderr(child);
    let lines: Vec<&str> = leaks.lines().collect();
    assert!(
        lines.is_empty(),
        "{} leaks:\n{:#?}",
        lines.len(),
        &lines[..lines.len().min(60)]
    );
}

#[test]
fn open_never_prints_a_password() {
    prints_nothing(start_child());
}

#[test]
fn no_panic_prints_a_password() {
    let mut child = start_child();
    child.env("WIDE", "1");
    prints_nothing(child);
}

/// The rows as variables of one process, without those that no environment can hold.
fn variables(canary: &Canary) -> Vec<(String, String)> {
    let urls = corpus()
        .into_iter()
        .map(|url| with_password(&url, &canary.password));
    let fits = |url: &String| !url.contains('\0') && url.len() < 20_000;
    let names = (0..).map(|row| format!("ROW_{row}_REDIS_URL"));
    names.zip(urls.filter(fits)).collect()
}

fn names(variables: &[(String, String)]) -> String {
    let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
    names.join(",")
}

#[test]
fn from_env_never_prints_a_password() {
    for canary in (0..INNER.len()).map(Canary::new) {
        let variables = variables(&canary);
        let mut child = start_child();
        child.env("VARIABLES", names(&variables)).envs(variables);
        let output = stderr(child);
        assert!(
            output.contains("read from the process environment"),
            "{output}"
        );
        canary.is_not_in(&output, &canary.password);
    }
}

#[test]
fn dot_env_never_prints_a_password() {
    let name = format!("secrets-{}", std::process::id());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory).expect("a directory of its own");
    // A line of `.env` cannot hold a newline: what is left of it there is another text.
    let canaries = (0..INNER.len()).map(Canary::new);
    for canary in canaries.filter(|canary| !canary.password.contains('\n')) {
        let variables = variables(&canary);
        let lines = variables
            .iter()
            .map(|(name, url)| format!("{name}={url}\n"));
        fs::write(directory.join(".env"), lines.collect::<String>()).expect(".env is written");
        let mut child = start_child();
        child
            .current_dir(&directory)
            .env("VARIABLES", names(&variables));
        let output = stderr(child);
        assert!(output.contains("read from `.env:"), "{output}");
        canary.is_not_in(&output, &canary.password);
    }
    fs::remove_dir_all(&directory).expect("the directory is removed");
}

#[test]
fn a_planted_leak_is_found() {
    for canary in (0..INNER.len()).map(Canary::new) {
        let password = &canary.password;
        let found = |output: &str| canary.trace_in(output).is_some();
        assert!(found(&format!("NOAUTH {password} invalid")));
        assert!(found(&percent_encoded(password)));
        assert!(found(&percent_encoded(password).to_lowercase()));
        assert!(found(&format!("redis://:{}@host", &password[..8])));
        for user in ["", "u", "us", "app"] {
            let header = base64(format!("{user}:{password}@host").as_bytes());
            assert!(found(&header), "{header}");
        }
        assert!(!found("redis://app:***@cache:6379"));
        let config: Config = "redis://app:x@cache".parse().expect("a good URL");
        assert!(!found(&format!("{config:?}")));
    }
}

#[test]
fn rows_are_planted_where_the_password_is() {
    let check = |url, expected| assert_eq!(with_password(url, "X"), expected);
    check("redis://a:b@c:1/0", "redis://a:X@c:1/0");
    check("redis://b@c", "redis://X@c");
    check("redis://c", "redis://:X@c");
    check("a:b@c", "a:X@c");
    check("c", ":X@c");
    assert_eq!(base64(b"redis-ready"), "cmVkaXMtcmVhZHk");
    assert_eq!(unescaped("a\\\\\\u{e9}{{repeat:b:3}}c"), "a\\ébbbc");
}
