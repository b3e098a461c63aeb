//! What a process gets for a variable name. Every case runs in a process of its own: the child is
//! this test binary, told by `SCENARIO` what to do.
#![expect(
    clippy::needless_raw_string_hashes,
    reason = "`expect-test` writes them"
)]

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use expect_test::expect;
use log::{LevelFilter, Log, Metadata, Record};
use redis_ready::{Client, Error, redis_client};

use crate::support::scenario::Scenario;

#[test]
#[ignore = "runs in child processes of the other tests"]
fn child_process() {
    let scenario = std::env::var("SCENARIO").expect("a test of this file starts the child");
    log::set_logger(&Stderr).expect("it is the only logger");
    log::set_max_level(LevelFilter::Trace);
    match &*scenario {
        "macro" => answer(redis_client!()),
        "name" => answer(Client::from_env("CACHE_REDIS_URL")),
        "no name" => answer(Client::from_env("redis://:hunter2@cache:6379")),
        "failure, then a file" => {
            answer(redis_client!());
            fs::write(".env", "REDIS_URL=redis://late").expect(".env is written");
            answer(redis_client!());
            answer(Client::from_env("REDIS_URL"));
        }
        "value, then another" => {
            let first = redis_client!().expect("a client");
            fs::write(".env", "REDIS_URL=redis://late").expect(".env is written");
            let second = Client::from_env("REDIS_URL").expect("a client");
            assert!(same(&first, &second));
            answer(Ok(second));
        }
        "two names" => {
            let one = redis_client!().expect("a client");
            let other = Client::from_env("CACHE_REDIS_URL").expect("a client");
            assert!(!same(&one, &other));
            assert!(same(&one, &redis_client!().expect("a client")));
            answer(Ok(other));
        }
        "64 threads" => sixty_four_threads(),
        "logger asks" => {
            log::set_max_level(LevelFilter::Warn);
            ASK.store(1, Ordering::Relaxed);
            answer(redis_client!());
        }
        other => panic!("no such scenario: {other}"),
    }
}

fn answer(client: Result<Client, Error>) {
    match client {
        Ok(client) => eprintln!("host {}", host(&client)),
        Err(error) => eprintln!("Error: {error:?}"),
    }
}

/// The host is in `Debug`, which the tests have to look through for secrets anyway.
fn host(client: &Client) -> String {
    let config = format!("{:?}", client.config());
    let (_, host) = config.split_once("host: \"").expect("a TCP endpoint");
    host.split('"').next().expect("a name").to_owned()
}

fn same(one: &Client, other: &Client) -> bool {
    std::ptr::eq(one.config(), other.config())
}

/// The value comes from a pipe, and another pipe takes its place as soon as it is read.
fn sixty_four_threads() {
    static READERS: AtomicU32 = AtomicU32::new(0);
    thread::spawn(|| {
        for reader in 1..=2 {
            let mut pipe = fs::File::options();
            let mut pipe = pipe.write(true).open("pipe").expect("a reader opens it");
            READERS.store(reader, Ordering::SeqCst);
            let _ = fs::rename("second pipe", "pipe");
            write!(pipe, "redis://reader-{reader}").expect("the reader reads");
        }
    });
    let barrier = std::sync::Barrier::new(64);
    let clients: Vec<Client> = thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            redis_client!().expect("a client")
        };
        let threads: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
        let threads = threads.into_iter();
        threads
            .map(|it| it.join().expect("no thread panics"))
            .collect()
    });
    assert!(clients.iter().all(|client| same(client, &clients[0])));
    eprintln!("readers {}", READERS.load(Ordering::SeqCst));
    answer(Ok(clients[0].clone()));
}

static ASK: AtomicU32 = AtomicU32::new(0);

/// Prints each record; where `ASK` says so, it asks for the client first, as one that logs to Redis.
struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if ASK.swap(0, Ordering::Relaxed) == 1 {
            answer(redis_client!());
        }
        let (level, target) = (record.level(), record.target());
        eprintln!("{level} {target}: {}", record.args());
    }

    fn flush(&self) {}
}

/// A child process with a directory of its own, and with no variables.
fn process(scenario: &str) -> Scenario {
    Scenario::without_environment("runtime_value::child_process", scenario)
}

const DOT_ENV: &str = "OTHER=1\nREDIS_URL=redis://from-dot-env\n";

#[test]
fn the_process_environment_comes_before_the_named_file_and_that_before_dot_env() {
    let in_dot_env = || process("macro").file(".env", DOT_ENV);
    let in_file = || {
        in_dot_env()
            .variable("REDIS_URL_FILE", "secret")
            .file("secret", "redis://from-file\n")
    };
    in_dot_env().gives("host from-dot-env");
    in_file().gives("host from-file");
    in_dot_env()
        .variable("REDIS_URL", "redis://from-process")
        .gives("host from-process");
}

#[test]
fn both_the_variable_and_its_file_are_a_warning() {
    process("macro")
        .variable("REDIS_URL", "redis://from-process")
        .variable("REDIS_URL_FILE", "/run/secrets/redis")
        .reports(expect![[r#"
            WARN redis_ready: both_set: `REDIS_URL` is read from the process environment, not from `REDIS_URL_FILE=/run/secrets/redis`
            host from-process
        "#]]);
}

#[test]
fn a_missing_variable_is_an_error() {
    process("macro").reports(expect![[r#"
        Error: `REDIS_URL` is not set
          note: looked in the process environment, for `REDIS_URL_FILE`, and in `/app/.env`; documented in `.env.example:7`
          help: add `REDIS_URL=redis://localhost:6379` to `.env`, or `export REDIS_URL=redis://localhost:6379`
          help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missingvariable
    "#]]);
}

#[test]
fn a_name_without_documents_gives_the_same_report_without_them() {
    process("name").reports(expect![[r#"
        Error: `CACHE_REDIS_URL` is not set
          note: looked in the process environment, for `CACHE_REDIS_URL_FILE`, and in `/app/.env`
          help: add `CACHE_REDIS_URL=redis://localhost:6379` to `.env`, or `export CACHE_REDIS_URL=redis://localhost:6379`
          help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missingvariable
    "#]]);
}

#[test]
fn a_url_in_the_place_of_a_name_is_not_printed() {
    process("no name").reports(expect![[r#"
        Error: invalid name of an environment variable: expected one such as `REDIS_URL`
          help: `Client::open` takes a URL
          help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidname
    "#]]);
}

#[test]
fn an_empty_value_is_an_error() {
    process("macro")
        .variable("REDIS_URL", "")
        .file(".env", DOT_ENV)
        .reports(expect![[r#"
            Error: `REDIS_URL` is set, but empty
              note: read from the process environment; documented in `.env.example:7`
              help: write `REDIS_URL=redis://localhost:6379`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidurl
        "#]]);
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf8_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(b"redis://:hunter2\xff@cache".to_vec());
    process("macro")
        .variable("REDIS_URL", value)
        .reports(expect![[r#"
            Error: `REDIS_URL` is not valid UTF-8
              note: read from the process environment; documented in `.env.example:7`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidurl
        "#]]);
}

#[test]
fn an_invalid_url_names_its_line_in_dot_env() {
    let text = "#\n".repeat(11) + "REDIS_URL=redis://app:hunter2@cache.internal:70000/0\n";
    process("macro").file(".env", text).reports(expect![[r#"
        Error: invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`
          redis://app:***@cache.internal:70000/0
                                         ^^^^^
          note: read from `.env:12`; documented in `.env.example:7`
          help: leave the port out for 6379
          help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_port
    "#]]);
}

#[test]
fn an_invalid_url_names_the_process_environment() {
    process("macro")
        .variable("REDIS_URL", "redis://app:hunter2@cache.internal:70000/0")
        .reports(expect![[r#"
            Error: invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`
              redis://app:***@cache.internal:70000/0
                                             ^^^^^
              note: read from the process environment; documented in `.env.example:7`
              help: leave the port out for 6379
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_port
        "#]]);
}

#[test]
fn an_invalid_url_names_its_file() {
    process("macro")
        .variable("REDIS_URL_FILE", "secret")
        .file("secret", "redis://app:hunter2@cache.internal:70000/0\n")
        .reports(expect![[r#"
            Error: invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`
              redis://app:***@cache.internal:70000/0
                                             ^^^^^
              note: read from `REDIS_URL_FILE=secret`; documented in `.env.example:7`
              help: leave the port out for 6379
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_port
        "#]]);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    process("macro")
        .variable("REDIS_URL_FILE", "/nowhere/secret")
        .file(".env", DOT_ENV)
        .reports(expect![[r#"
            Error: cannot read the file `/nowhere/secret` for `REDIS_URL`
              cause: No such file or directory (os error 2)
              note: named by `REDIS_URL_FILE=/nowhere/secret`; documented in `.env.example:7`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
}

#[test]
fn an_empty_file_is_an_error() {
    process("macro")
        .variable("REDIS_URL_FILE", "secret")
        .file("secret", "\n")
        .reports(expect![[r#"
            Error: the file `secret` for `REDIS_URL` is empty
              note: named by `REDIS_URL_FILE=secret`; documented in `.env.example:7`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
}

#[test]
fn a_large_file_is_an_error() {
    process("macro")
        .variable("REDIS_URL_FILE", "secret")
        .file("secret", vec![b'a'; 70_000])
        .reports(expect![[r#"
            Error: the file `secret` for `REDIS_URL` is larger than 64 KiB
              note: named by `REDIS_URL_FILE=secret`; documented in `.env.example:7`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
}

#[test]
fn one_newline_at_the_end_of_a_file_is_no_part_of_the_value() {
    process("macro")
        .variable("REDIS_URL_FILE", "secret")
        .file("secret", "redis://from-file\r\n")
        .gives("host from-file");
    let output = process("macro")
        .variable("REDIS_URL_FILE", "secret")
        .file("secret", "redis://from-file/0\n:hunter2\n")
        .output();
    assert!(output.starts_with("Error: "), "{output}");
    assert!(!output.contains("hunter2"), "{output}");
}

#[test]
fn a_url_in_the_place_of_a_path_is_not_printed() {
    process("macro")
        .variable("REDIS_URL_FILE", "redis://:hunter2@cache")
        .reports(expect![[r#"
            Error: `REDIS_URL_FILE` holds a URL, expected the path of a file
              note: documented in `.env.example:7`
              help: set `REDIS_URL` to the URL
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
}

#[test]
fn dot_env_is_read_as_dotenvy_reads_it() {
    let cases = [
        "REDIS_URL='redis://quoted'",
        "REDIS_URL=\"redis://quoted\"",
        "export REDIS_URL=redis://quoted # the cache",
        "\u{feff}REDIS_URL=redis://quoted\n",
        "OTHER=1\r\nREDIS_URL=redis://quoted\r\n",
        "no assignment\nOTHER=$\\x\nREDIS_URL=redis://quoted",
        "REDIS_URL=redis://quoted\nREDIS_URL=redis://second",
        "REDIS_URL='redis://:pa$HOME@quoted'",
    ];
    for text in cases {
        let output = process("macro").file(".env", text).output();
        assert_eq!(output, "host quoted\n", "{text:?}");
    }
}

#[test]
fn an_unescaped_dollar_is_an_error() {
    process("macro")
        .variable("HOME", "/root")
        .file(".env", "\nREDIS_URL=redis://:hunter2$HOME@cache\n")
        .reports(expect![[r#"
            Error: unescaped `$` in the value of `REDIS_URL`
              note: read from `.env:2`; documented in `.env.example:7`
              note: in `.env`, `$` and what follows stand for the value of another variable
              help: put the value in single quotes: `REDIS_URL='…'`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
}

#[test]
fn a_line_that_dotenvy_cannot_read_is_not_printed() {
    process("macro")
        .file(".env", "REDIS_URL=redis://:hunter2 x@cache\n")
        .reports(expect![[r#"
            Error: text after a space in the value of `REDIS_URL`
              note: read from `.env:1`; documented in `.env.example:7`
              note: in `.env`, an unquoted value ends at a space; only ` #` may follow
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
    process("macro")
        .file(".env", "REDIS_URL=redis://:hunter2\\x@cache\n")
        .reports(expect![[r#"
            Error: invalid escape in the value of `REDIS_URL`
              note: read from `.env:1`; documented in `.env.example:7`
              note: in `.env`, a backslash outside single quotes starts an escape
              help: put the value in single quotes: `REDIS_URL='…'`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
    process("macro")
        .file(".env", "REDIS_URL='redis://:hunter2@cache\n")
        .reports(expect![[r#"
            Error: unclosed quote in the value of `REDIS_URL`
              note: read from `.env:1`; documented in `.env.example:7`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
}

#[test]
fn an_assignment_inside_an_open_quote_is_named() {
    process("macro")
        .file(".env", "#\nNAME=it's\nREDIS_URL=redis://:hunter2@cache\n")
        .reports(expect![[r#"
            Error: `REDIS_URL` is inside the open quote of another line
              note: read from `.env:2`; documented in `.env.example:7`
              help: close the quote that `.env:2` opens
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
}

#[test]
fn dot_env_in_another_encoding_is_an_error() {
    process("macro")
        .file(".env", b"\xff\xfeR\0E\0D\0I\0S\0")
        .reports(expect![[r#"
            Error: `.env` is UTF-16, expected UTF-8
              note: read from `.env:1`; documented in `.env.example:7`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidfile
        "#]]);
    process("macro")
        .file(".env", b"REDIS_URL=redis://:hunter2\xff@cache\n")
        .reports(expect![[r#"
            Error: `REDIS_URL` is not valid UTF-8
              note: read from `.env:1`; documented in `.env.example:7`
              help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalidurl
        "#]]);
}

#[test]
fn a_directory_called_dot_env_is_not_read() {
    let process = process("macro");
    fs::create_dir(process.directory().join(".env")).expect("a directory");
    assert!(
        process
            .output()
            .starts_with("Error: `REDIS_URL` is not set\n")
    );
}

#[test]
fn a_failure_is_kept() {
    let output = process("failure, then a file").output();
    let reports: Vec<&str> = output.split("Error: ").skip(1).collect();
    assert_eq!(reports.len(), 3, "{output}");
    assert_eq!(reports[0], reports[1]);
    assert_eq!(reports[0], reports[2]);
}

#[test]
fn a_change_of_the_value_changes_nothing() {
    process("value, then another")
        .file(".env", DOT_ENV)
        .gives("host from-dot-env");
}

#[test]
fn each_name_has_one_client() {
    process("two names")
        .variable("REDIS_URL", "redis://one")
        .variable("CACHE_REDIS_URL", "redis://other")
        .gives("host other");
}

#[cfg(unix)]
#[test]
fn sixty_four_threads_read_once() {
    let process = process("64 threads").variable("REDIS_URL_FILE", "pipe");
    let pipes = ["pipe", "second pipe"].map(|name| process.directory().join(name));
    let made = Command::new("mkfifo").args(pipes).status();
    assert!(made.expect("mkfifo is installed").success());
    process.gives("readers 1\nhost reader-1");
}

#[test]
fn a_warning_about_the_url_is_logged_once() {
    process("value, then another")
        .file(".env", "REDIS_URL=redis://:hunter2@cache?family=4\n")
        .reports(expect![[r#"
            WARN redis_ready: foreign_param: ignored parameters of other clients (`family`): remove them (`REDIS_URL`, read from `.env:1`)
            host cache
        "#]]);
}

#[test]
fn a_logger_may_ask_for_the_client() {
    let output = process("logger asks")
        .variable("REDIS_URL", "redis://cache?family=4")
        .output();
    assert!(
        output.starts_with("host cache\nWARN redis_ready: "),
        "{output}"
    );
    assert!(output.ends_with("\nhost cache\n"), "{output}");
}
