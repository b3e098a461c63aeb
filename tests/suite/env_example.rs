//! What `.env.example` must be like: every rule with a file that breaks it and one that does not.
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use std::fs;
use std::path::PathBuf;

use expect_test::{Expect, expect};
use redis_ready::build::{Check, Documented, Finding, Format, Report};

const DESIGN: &str = "\
# Redis Configuration
REDIS_URL=redis://localhost:6379
# Or for Redis with password:
# REDIS_URL=redis://:password@localhost:6379
# Or for Redis Cloud:
# REDIS_URL=rediss://:password@host:port
";

/// Writes `text` into a file of its own and checks it.
fn check_with(text: impl AsRef<[u8]>, check: Check) -> Result<Documented, Report> {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("text-{number}"));
    fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let file = directory.join(".env.example");
    fs::write(&file, text).expect("the temporary directory is writable");
    check.file(file).try_run()
}

/// The report, in which the file is called `.env.example`.
#[track_caller]
fn report(text: impl AsRef<[u8]>, check: Check) -> String {
    let report = check_with(text, check)
        .expect_err("the check finds something")
        .to_string();
    let mut clean = String::new();
    for line in report.lines() {
        let at = line.find("--> ").map(|at| at + 4);
        let name = line.find(".env.example");
        match at.zip(name) {
            Some((at, name)) => clean.extend([&line[..at], &line[name..]]),
            None => clean += line,
        }
        clean += "\n";
    }
    clean
}

#[track_caller]
fn fails(text: impl AsRef<[u8]>, expected: &Expect) {
    expected.assert_eq(&report(text, Check::new()));
}

#[track_caller]
fn passes(text: impl AsRef<[u8]>) {
    check_with(text, Check::new()).unwrap();
}

#[track_caller]
fn codes(text: impl AsRef<[u8]>, expected: &[&str]) {
    let found = check_with(text, Check::new());
    let codes: Vec<_> = match &found {
        Ok(_) => Vec::new(),
        Err(report) => report.findings().iter().map(Finding::code).collect(),
    };
    assert_eq!(codes, expected, "{found:?}");
}

/// The block of the documentation with one part replaced.
#[track_caller]
fn with(from: &str, to: &str) -> String {
    assert!(DESIGN.contains(from), "`{from}` is in the block");
    DESIGN.replacen(from, to, 1)
}

#[test]
fn the_documented_block_passes() {
    let documented = check_with(DESIGN, Check::new()).unwrap();
    assert_eq!(
        documented.variables().collect::<Vec<_>>(),
        [("REDIS_URL", 2)]
    );
}

#[test]
fn the_file_of_this_repository_passes() {
    let documented = Check::new().try_run().unwrap();
    assert_eq!(documented.variables().count(), 1);
    assert_eq!(
        documented.file(),
        Some(&*PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".env.example"))
    );
}

#[test]
fn an_empty_file_lacks_everything() {
    fails(
        "",
        &expect![[r#"
            error[missing_variable]: `REDIS_URL` is missing
            --> .env.example
             |
             = help: add these lines:
                     # The Redis server that this application connects to
                     REDIS_URL=redis://localhost:6379

            error[missing_format]: missing URLs: one with a password, one with TLS
            --> .env.example
             |
             = help: add these lines:
                     # Or with a password:
                     # REDIS_URL=redis://:password@localhost:6379
                     # Or with TLS:
                     # REDIS_URL=rediss://:password@host:port

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/
        "#]],
    );
}

#[test]
fn following_the_help_is_enough() {
    let mut text = String::new();
    for finding in check_with("", Check::new()).unwrap_err().findings() {
        for help in finding.help() {
            for line in help.lines().skip(1) {
                text += line;
                text += "\n";
            }
        }
    }
    passes(text);
}

#[test]
fn a_variable_only_commented_out_is_not_assigned() {
    fails(
        with("\nREDIS_URL", "\n# REDIS_URL"),
        &expect![[r#"
            error[commented_out]: `REDIS_URL` is only commented out
             --> .env.example:2:3
              |
            2 | # REDIS_URL=redis://localhost:6379
              |   ^^^^^^^^^
              |
              = help: add these lines:
                      # The Redis server that this application connects to
                      REDIS_URL=redis://localhost:6379
              = help: if the application runs without it: `Check::new().optional("REDIS_URL").run()` in `build.rs`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#commented_out
        "#]],
    );
}

#[test]
fn a_variable_asked_for_is_checked() {
    let check = || Check::new().variable("CACHE");
    expect![[r#"
        error[missing_variable]: `CACHE` is missing
        --> .env.example
         |
         = help: add these lines:
                 # The Redis server that this application connects to
                 CACHE=redis://localhost:6379

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missing_variable
    "#]]
    .assert_eq(&report(DESIGN, check()));
    let text = format!("{DESIGN}# The cache\nCACHE=redis://cache:port\n");
    expect![[r#"
        error[invalid_placeholder]: invalid port in `CACHE`: expected 1 to 65535
         --> .env.example:8:21
          |
        8 | CACHE=redis://cache:port
          |                     ^^^^
          |
          = help: write `CACHE=redis://cache:6379`

        help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
    "#]]
    .assert_eq(&report(&text, check()));
    let documented = check_with(text.replace("port", "1"), check()).unwrap();
    assert_eq!(
        documented.variables().collect::<Vec<_>>(),
        [("REDIS_URL", 2), ("CACHE", 8)]
    );
    let alone = DESIGN.replace("REDIS_URL", "CACHE");
    check_with(alone, check()).unwrap();
}

#[test]
fn a_variable_is_assigned_once() {
    fails(
        format!("{DESIGN}REDIS_URL=redis://localhost:6380\n"),
        &expect![[r#"
            error[assigned_twice]: `REDIS_URL` is assigned twice
             --> .env.example:7:1
              |
            7 | REDIS_URL=redis://localhost:6380
              | ^^^^^^^^^
              |
              = help: write `# ` before this line: line 2 assigns it

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#assigned_twice
        "#]],
    );
}

#[test]
fn a_comment_stands_above_the_variable() {
    fails(
        with("# Redis Configuration\n", "PORT=8080\n"),
        &expect![[r#"
            error[no_comment]: no comment says what `REDIS_URL` is for
             --> .env.example:2:1
              |
            2 | REDIS_URL=redis://localhost:6379
              | ^^^^^^^^^
              |
              = help: add a line above it that says what it is for, such as `# The Redis server that this application connects to`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#no_comment
        "#]],
    );
    codes(with("# Redis Configuration\n", ""), &["no_comment"]);
    codes(
        with("# Redis Configuration\n", "# Redis\nPORT=8080\n"),
        &["no_comment"],
    );
    codes(
        with("# Redis Configuration\n", "# -----\n"),
        &["no_comment"],
    );
    codes(
        with("# Redis Configuration\n", "# REDIS_URL=redis://redis\n"),
        &["no_comment"],
    );
    passes(with("6379\n", "6379 # beside it\n").replace("# Redis Configuration\n", ""));
    passes(with(
        "# Redis Configuration\n",
        "# ----\n# Redis\n# ----\n\n",
    ));
}

#[test]
fn a_placeholder_is_there() {
    fails(
        with("REDIS_URL=redis://localhost:6379", "REDIS_URL="),
        &expect![[r#"
            error[no_placeholder]: `REDIS_URL` has no placeholder
             --> .env.example:2:1
              |
            2 | REDIS_URL=
              | ^^^^^^^^^
              |
              = help: write `REDIS_URL=redis://localhost:6379`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#no_placeholder
        "#]],
    );
    for empty in [
        "REDIS_URL=\"\"",
        "REDIS_URL='' # later",
        "REDIS_URL= # later",
        "export REDIS_URL=",
    ] {
        let text = with("REDIS_URL=redis://localhost:6379", empty);
        codes(text, &["no_placeholder"]);
    }
}

#[test]
fn the_placeholder_is_a_url_that_works() {
    fails(
        with("localhost:6379", "localhost:70000"),
        &expect![[r#"
            error[invalid_placeholder]: invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`
             --> .env.example:2:29
              |
            2 | REDIS_URL=redis://localhost:70000
              |                             ^^^^^
              |
              = help: write `REDIS_URL=redis://localhost:6379`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
        "#]],
    );
    fails(
        with("redis://localhost:6379", "\"redis://localhost:port\""),
        &expect![[r#"
            error[invalid_placeholder]: invalid port in `REDIS_URL`: expected 1 to 65535
             --> .env.example:2:30
              |
            2 | REDIS_URL="redis://localhost:port"
              |                              ^^^^
              |
              = help: write `REDIS_URL=redis://localhost:6379`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
        "#]],
    );
    fails(
        with(
            "redis://localhost:6379",
            "redis://:${REDIS_PASSWORD}@localhost",
        ),
        &expect![[r#"
            error[invalid_placeholder]: `$` in the placeholder of `REDIS_URL`: dotenvy replaces it by a variable
             --> .env.example:2:20
              |
            2 | REDIS_URL=redis://:***@localhost
              |                    ^^^
              |
              = help: write `REDIS_URL=redis://:password@localhost`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_placeholder
        "#]],
    );
    for bad in [
        "localhost:6379",
        "redis://<host>:6379",
        "redis://host:port",
        "http://localhost",
    ] {
        codes(
            with("redis://localhost:6379", bad),
            &["invalid_placeholder"],
        );
    }
}

#[test]
fn each_format_is_documented() {
    fails(
        "# Redis\nREDIS_URL=rediss://localhost\n",
        &expect![[r#"
            error[missing_format]: missing URLs: one without TLS on this machine, one with a password
             --> .env.example:2:1
              |
            2 | REDIS_URL=rediss://localhost
              | ^^^^^^^^^
              |
              = help: add these lines:
                      # Or without TLS on this machine:
                      # REDIS_URL=redis://localhost:6379
                      # Or with a password:
                      # REDIS_URL=redis://:password@localhost:6379

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missing_format
        "#]],
    );
    fails(
        "# Redis\nREDIS_URL=redis://localhost\n",
        &expect![[r#"
            error[missing_format]: missing URLs: one with a password, one with TLS
             --> .env.example:2:1
              |
            2 | REDIS_URL=redis://localhost
              | ^^^^^^^^^
              |
              = help: add these lines:
                      # Or with a password:
                      # REDIS_URL=redis://:password@localhost:6379
                      # Or with TLS:
                      # REDIS_URL=rediss://:password@host:port

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#missing_format
        "#]],
    );
    passes("# Redis, or rediss://:password@host:port\nREDIS_URL=redis://localhost\n");
    for local in [
        "redis://127.0.0.1",
        "redis://[::1]:6379",
        "redis://redis:6379",
        "unix:///run/redis.sock",
    ] {
        passes(with("redis://localhost:6379", local));
    }
    let remote = DESIGN.replace(
        "redis://:password@localhost",
        "redis://:password@redis.example.com",
    );
    codes(
        remote.replacen("localhost", "10.0.0.1", 1),
        &["missing_format"],
    );
}

#[test]
fn formats_are_a_choice() {
    let text = "# Redis\nREDIS_URL=redis://localhost\n";
    check_with(text, Check::new().formats([Format::Local])).unwrap();
    check_with(text, Check::new().formats([])).unwrap();
    let report = check_with(text, Check::new().formats([Format::Tls])).unwrap_err();
    assert_eq!(report.findings().len(), 1);
}

#[test]
fn a_documented_url_is_valid() {
    fails(
        with("host:port", "host:99999"),
        &expect![[r#"
            error[invalid_url]: invalid port in this URL: expected 1 to 65535, found `99999`
             --> .env.example:6:37
              |
            6 | # REDIS_URL=rediss://:***@host:99999
              |                                ^^^^^
              |
              = help: write `rediss://:password@host:6379` instead of this URL

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_url
        "#]],
    );
    fails(
        format!("{DESIGN}# For example `redis://cache:x1/0`, see https://redis.io/docs.\n"),
        &expect![[r#"
            error[invalid_url]: invalid port in this URL: expected 1 to 65535
             --> .env.example:7:30
              |
            7 | # For example `redis://cache:*** see https://redis.io/docs.
              |                              ^^^
              |
              = help: write `redis://cache:6379/0` instead of this URL

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_url
        "#]],
    );
    codes(format!("{DESIGN}# REDIS_URL=localhost\n"), &["invalid_url"]);
    codes(
        format!("{DESIGN}# export QUEUE_REDIS_URL='redis://:x@:6379'\n"),
        &["invalid_url"],
    );
}

#[test]
fn placeholders_stand_for_what_they_name() {
    for url in [
        "redis://<host>:<port>/<db>",
        "redis://{user}:{password}@{host}:{port}/{db}",
        "redis://${REDIS_HOST}:${REDIS_PORT}",
        "redis://$USER:$PASSWORD@$HOST:$PORT/$DB",
        "redis://[host]:[port]",
        "redis://{{ host }}:{{ port }}",
        "rediss://default:<your password>@<name>.upstash.io:6379",
        "redis://username:password@hostname:port/db",
        "redis://HOST:PORT",
        "redis://<host:port>",
        "redis://redis-${ID}.cache:6379",
        "redis-sentinel://<host>:<port>,host:port/<name>/<db>",
        "redis-cluster://host:port,host:port",
        "redis://[::1]:port",
    ] {
        passes(format!("{DESIGN}# REDIS_URL={url}\n"));
        passes(format!("{DESIGN}# Or ({url}), or <{url}>: \"{url}\".\n"));
    }
}

#[test]
fn prose_is_not_a_url() {
    for prose in [
        "Use redis:// or rediss://, unix:// for a socket",
        "redis://... and so on",
        "https://redis.io/docs, postgres://user:hunter2@db.corp.net/x",
        "DATABASE_URL=postgres://localhost",
        "CELERY_BROKER_URL=redis://localhost?visibility_timeout=30",
        "REDIS_URL=",
        "REDIS_URL is what the application needs",
    ] {
        passes(format!("{DESIGN}# {prose}\n"));
    }
}

#[test]
fn a_secret_is_not_committed() {
    let secret = "redis://default:hunter2canary@redis-1.c1.cloud.redislabs.com:12345";
    fails(
        with("redis://:password@localhost:6379", secret),
        &expect![[r#"
            error[committed_secret]: this password looks like a real one
             --> .env.example:4:29
              |
            4 | # REDIS_URL=redis://default:***@redis-1.c1.cloud.redislabs.com:12345
              |                             ^^^
              |
              = help: write `password` instead
              = help: change the password on the server: the history of the repository keeps it

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#committed_secret
        "#]],
    );
    fails(
        with("redis://localhost:6379", secret),
        &expect![[r#"
            error[committed_secret]: this password looks like a real one
             --> .env.example:2:27
              |
            2 | REDIS_URL=redis://default:***@redis-1.c1.cloud.redislabs.com:12345
              |                           ^^^
              |
              = help: write `password` instead
              = help: change the password on the server: the history of the repository keeps it

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#committed_secret
        "#]],
    );
    fails(
        format!("{DESIGN}CELERY_BROKER=\"{secret}\"\n"),
        &expect![[r#"
            error[committed_secret]: this password looks like a real one
             --> .env.example:7:32
              |
            7 | CELERY_BROKER="redis://default:***@redis-1.c1.cloud.redislabs.com:12345"
              |                                ^^^
              |
              = help: write `password` instead
              = help: change the password on the server: the history of the repository keeps it

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#committed_secret
        "#]],
    );
    for host in [
        "localhost",
        "127.0.0.1",
        "redis",
        "cache.test",
        "x.example",
        "example.com",
        "a.example.org",
    ] {
        passes(format!("{DESIGN}# redis://:hunter2canary@{host}:6379\n"));
    }
    for password in [
        "password",
        "changeme",
        "secret",
        "pass",
        "xxx",
        "***",
        "my-example-1",
        "<it>",
        "PASSWORD",
    ] {
        passes(format!(
            "{DESIGN}# redis://:{password}@cache.corp.net:6379\n"
        ));
    }
}

#[test]
fn every_line_can_be_loaded() {
    fails(
        format!("{DESIGN}APP_NAME=hunter2 canary\n"),
        &expect![[r#"
            error[unloadable_line]: dotenvy stops at this line, and loads no variable after it: a value with spaces needs quotes
             --> .env.example:7:10
              |
            7 | APP_NAME=***
              |          ^^^
              |
              = help: write `"` before the value and behind it

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unloadable_line
        "#]],
    );
    fails(
        format!("{DESIGN}APP_NAME=\"hunter2canary\nB=1\n"),
        &expect![[r#"
            error[unloadable_line]: dotenvy stops at this line, and loads no variable after it: a quote is not closed
             --> .env.example:7:10
              |
            7 | APP_NAME=***
              |          ^^^
              |
              = help: write `"` at its end

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unloadable_line
        "#]],
    );
    fails(
        format!("{DESIGN}hunter2canary/x\n"),
        &expect![[r#"
            error[unloadable_line]: dotenvy stops at this line, and loads no variable after it: expected `NAME=value`
             --> .env.example:7:1
              |
            7 | ***
              | ^^^
              |
              = help: write `# ` before it if it is a comment

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unloadable_line
        "#]],
    );
    fails(
        format!("{DESIGN}A=hunter2\\canary\n"),
        &expect![[r#"
            error[unloadable_line]: dotenvy stops at this line, and loads no variable after it: unknown escape after a backslash
             --> .env.example:7:3
              |
            7 | A=***
              |   ^^^
              |
              = help: write `'` before the value and behind it

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unloadable_line
        "#]],
    );
    fails(
        with("REDIS_URL=redis://", "REDIS_URL=redis://:hunter2 canary@"),
        &expect![[r#"
            error[unloadable_line]: dotenvy stops at this line, and loads no variable after it: a value with spaces needs quotes
             --> .env.example:2:11
              |
            2 | REDIS_URL=***
              |           ^^^
              |
              = help: write `"` before the value and behind it

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unloadable_line
        "#]],
    );
}

#[test]
fn all_findings_come_at_once_in_the_order_of_the_file() {
    let text = "\
APP NAME=x
REDIS_URL=redis://localhost:99999
# REDIS_URL=rediss://:hunter2canary@cache.corp.net
REDIS_URL=
";
    fails(
        text,
        &expect![[r#"
            error[unloadable_line]: dotenvy stops at this line, and loads no variable after it: expected `NAME=value`
             --> .env.example:1:1
              |
            1 | ***
              | ^^^
              |
              = help: write `APP_NAME=` for `APP NAME=`: a name has letters, digits and `_`

            error[no_comment]: no comment says what `REDIS_URL` is for
             --> .env.example:2:1
              |
            2 | REDIS_URL=redis://localhost:99999
              | ^^^^^^^^^
              |
              = help: add a line above it that says what it is for, such as `# The Redis server that this application connects to`

            error[invalid_placeholder]: invalid port in `REDIS_URL`: expected 1 to 65535, found `99999`
             --> .env.example:2:29
              |
            2 | REDIS_URL=redis://localhost:99999
              |                             ^^^^^
              |
              = help: write `REDIS_URL=redis://localhost:6379`

            error[committed_secret]: this password looks like a real one
             --> .env.example:3:23
              |
            3 | # REDIS_URL=rediss://:***@cache.corp.net
              |                       ^^^
              |
              = help: write `password` instead
              = help: change the password on the server: the history of the repository keeps it

            error[assigned_twice]: `REDIS_URL` is assigned twice
             --> .env.example:4:1
              |
            4 | REDIS_URL=
              | ^^^^^^^^^
              |
              = help: write `# ` before this line: line 2 assigns it

            error[no_placeholder]: `REDIS_URL` has no placeholder
             --> .env.example:4:1
              |
            4 | REDIS_URL=
              | ^^^^^^^^^
              |
              = help: write `REDIS_URL=redis://localhost:6379`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/
        "#]],
    );
}

#[test]
fn a_file_is_read_as_dotenvy_reads_it() {
    passes(DESIGN.replace('\n', "\r\n"));
    passes(format!("\u{feff}{DESIGN}"));
    passes(format!(
        "\u{feff}{}",
        with("# Redis Configuration\n", "# Redis\r\n")
    ));
    passes(with(
        "REDIS_URL=redis://localhost:6379",
        "export REDIS_URL=redis://localhost:6379",
    ));
    passes(with("redis://localhost:6379", "\"redis://localhost:6379\""));
    passes(with(
        "redis://localhost:6379",
        "'redis://localhost:6379' # the local one",
    ));
    passes(with(
        "redis://localhost:6379",
        "redis://localhost:6379   # costs $0",
    ));
    passes(with("REDIS_URL=redis", "  REDIS_URL = redis"));
    passes(DESIGN.trim_end());
    passes(format!("{DESIGN}PORT=8080 "));
    let documented = check_with(
        format!("KEY=\"one\n# REDIS_URL=x\ntwo\"\n{DESIGN}"),
        Check::new(),
    );
    assert_eq!(
        documented.unwrap().variables().collect::<Vec<_>>(),
        [("REDIS_URL", 5)]
    );
    // A byte order mark takes no column, and a carriage return is not drawn.
    fails(
        "\u{feff}REDIS_URL=redis://localhost:99999\r\n# redis://x rediss://:password@x\r\n",
        &expect![[r#"
            error[no_comment]: no comment says what `REDIS_URL` is for
             --> .env.example:1:1
              |
            1 | REDIS_URL=redis://localhost:99999
              | ^^^^^^^^^
              |
              = help: add a line above it that says what it is for, such as `# The Redis server that this application connects to`

            error[invalid_placeholder]: invalid port in `REDIS_URL`: expected 1 to 65535, found `99999`
             --> .env.example:1:29
              |
            1 | REDIS_URL=redis://localhost:99999
              |                             ^^^^^
              |
              = help: write `REDIS_URL=redis://localhost:6379`

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/
        "#]],
    );
}

#[test]
fn a_file_that_is_no_text_is_named() {
    fails(
        b"\xff\xfeR\0E\0",
        &expect![[r#"
            error[unreadable_file]: expected UTF-8
            --> .env.example
             |
             = help: save it as UTF-8

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#unreadable_file
        "#]],
    );
}

#[test]
fn the_file_of_a_real_application_passes() {
    let documented = check_with(include_str!("../apps/real.env.example"), Check::new()).unwrap();
    let names: Vec<_> = documented.variables().collect();
    assert_eq!(names, [("REDIS_URL", 40), ("QUEUE_REDIS_URL", 49)]);
}

#[test]
fn a_url_that_cannot_work_is_a_warning() {
    let text = format!(
        "{DESIGN}# rediss://:password@x.upstash.io, redis://:password@x.upstash.io:6379\n\
         # REDIS_URL=redis://:password@localhost:26379\n\
         # redis://u:changeme@localhost:6379/\n"
    );
    let documented = check_with(text, Check::new()).unwrap();
    let warnings: Vec<_> = documented
        .warnings()
        .map(|line| &line[line.find(".env").unwrap()..])
        .collect();
    expect![[r#"
        .env.example:7: the provider speaks TLS only at this host or port: write `rediss` for `redis` in the scheme
        .env.example:8: 26379 is the port of Sentinel: write `redis-sentinel://` and the service name"#]]
    .assert_eq(&warnings.join("\n"));
    assert_eq!(
        check_with(DESIGN, Check::new()).unwrap().warnings().count(),
        0
    );
}

#[test]
fn an_optional_variable_is_documented_by_its_comment() {
    let text = "# Optional: in memory without it\n# REDIS_URL=redis://localhost:6379\n\
                # REDIS_URL=redis(s)://[:password@]host\n";
    let documented = check_with(text, Check::new().optional("REDIS_URL")).unwrap();
    assert_eq!(
        documented.variables().collect::<Vec<_>>(),
        [("REDIS_URL", 2)]
    );
    codes(text, &["commented_out"]);
}

#[test]
fn a_flawless_variable_of_another_service_is_documented_too() {
    let text = format!("{DESIGN}\nAI_REDIS_URL=redis://redis:6379\nUPSTASH_REDIS_URL=http://x\n");
    let documented = check_with(text, Check::new()).unwrap();
    let names: Vec<_> = documented.variables().map(|(name, _)| name).collect();
    assert_eq!(names, ["REDIS_URL", "AI_REDIS_URL"]);
}

/// An application has one URL for each database, which is what a file with parts has in a variable of its own.
#[test]
fn the_url_of_parts_has_their_database_unless_it_is_the_first() {
    for (parts, url) in [
        ("REDIS_HOST=cache\nREDIS_DB=2\n", "redis://cache:6379/2"),
        ("REDIS_HOST=cache\nREDIS_DB=0\n", "redis://cache:6379"),
        ("REDIS_HOST=cache\nREDIS_DB=cache\n", "redis://cache:6379"),
    ] {
        let report = check_with(parts, Check::new()).unwrap_err().to_string();
        assert!(report.contains(&format!("REDIS_URL={url}\n")), "{report}");
    }
}

#[test]
fn a_variable_of_the_file_says_whether_there_is_a_password() {
    for (password, url) in [
        ("hunter2canary", "redis://:password@cache"),
        ("", "redis://cache"),
    ] {
        let text =
            format!("REDIS_PASSWORD={password}\nREDIS_URL=redis://:${{REDIS_PASSWORD}}@cache\n");
        let report = check_with(text, Check::new()).unwrap_err().to_string();
        assert!(
            report.contains(&format!("write `REDIS_URL={url}`")),
            "{report}"
        );
    }
}

#[test]
fn a_line_with_many_secrets_is_shown_a_hundred_times_at_most() {
    let secret = "redis://:hunter2canary@prod.redis.io ";
    let line = format!("# {}\n", secret.repeat(150));
    let report = check_with(format!("{DESIGN}{line}{line}"), Check::new()).unwrap_err();
    let secrets = report.findings().iter();
    let secrets = secrets.filter(|finding| finding.code() == "committed_secret");
    assert_eq!(secrets.count(), 200);
}

#[test]
fn what_a_program_writes_for_nothing_is_answered_with_an_example_of_that_part() {
    for (url, such_as) in [
        ("redis://:undefined@cache", ", such as `password`"),
        ("redis://undefined:pw@cache", ", such as `username`"),
        ("redis://undefined", ", such as `localhost`"),
        ("redis://undefined:6380", ", such as `localhost`"),
        ("redis-sentinel://cache/{{service}}", ""),
        ("redis://cache?client_name={{name}}", ""),
    ] {
        let report = check_with(format!("REDIS_URL={url}\n"), Check::new()).unwrap_err();
        let help = format!("write an example for it{such_as}\n");
        assert!(report.to_string().contains(&help), "{report}");
    }
}

#[test]
fn a_report_is_printed_the_same_by_main_that_returns_it() {
    let report = check_with("", Check::new()).unwrap_err();
    assert_eq!(format!("{report:?}"), report.to_string());
    let finding = &report.findings()[0];
    assert_eq!(format!("{finding:?}"), finding.to_string());
}

#[test]
fn a_missing_variable_says_what_is_there() {
    fails(
        "REDIS_HOST=redis\nREDIS_PORT=6380\nREDIS_PASSWORD=hunter2canary\n",
        &expect![[r#"
            error[missing_variable]: `REDIS_URL` is missing: the file has `REDIS_HOST` instead, and this application reads one URL
             --> .env.example:1:1
              |
            1 | REDIS_HOST=redis
              | ^^^^^^^^^^
              |
              = help: add these lines:
                      # The Redis server that this application connects to
                      REDIS_URL=redis://:password@redis:6380

            error[missing_format]: missing URLs: one with a password, one with TLS
            --> .env.example
             |
             = help: add these lines:
                     # Or with a password:
                     # REDIS_URL=redis://:password@localhost:6379
                     # Or with TLS:
                     # REDIS_URL=rediss://:password@host:port

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/
        "#]],
    );
    fails(
        DESIGN.replace("REDIS_URL", "VALKEY_URL"),
        &expect![[r#"
            error[missing_variable]: `REDIS_URL` is missing: the file has `VALKEY_URL` instead
             --> .env.example:2:1
              |
            2 | VALKEY_URL=redis://localhost:6379
              | ^^^^^^^^^^
              |
              = help: add these lines:
                      # The Redis server that this application connects to
                      REDIS_URL=redis://localhost:6379
              = help: if it is the one to use: `Check::new().variable("VALKEY_URL").run()` in `build.rs`, `redis_client!(VALKEY_URL)` in the code

            error[missing_format]: missing URLs: one with a password, one with TLS
            --> .env.example
             |
             = help: add these lines:
                     # Or with a password:
                     # REDIS_URL=redis://:password@localhost:6379
                     # Or with TLS:
                     # REDIS_URL=rediss://:password@host:port

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/
        "#]],
    );
}

#[test]
fn carets_stand_under_wide_characters() {
    fails(
        format!("{DESIGN}# 缓存：redis://localhost:99999、本地\n"),
        &expect![[r#"
            error[invalid_url]: invalid port in this URL: expected 1 to 65535, found `99999`
             --> .env.example:7:24
              |
            7 | # 缓存：redis://localhost:***
              |                           ^^^
              |
              = help: write `redis://localhost:6379` instead of this URL

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#invalid_url
        "#]],
    );
    fails(
        with(
            "redis://localhost:6379",
            "redis://localhost:6379?password=AX8kd93ksl2LsPq0&db=1",
        ),
        &expect![[r#"
            error[committed_secret]: this password looks like a real one
             --> .env.example:2:43
              |
            2 | REDIS_URL=redis://localhost:6379?password=***&db=***
              |                                           ^^^
              |
              = help: write `password` instead
              = help: change the password on the server: the history of the repository keeps it

            help: see https://docs.rs/redis-ready/0.1/redis_ready/guide/errors/#committed_secret
        "#]],
    );
}

#[test]
fn a_report_holds_no_control_character() {
    let text = format!("{DESIGN}# REDIS_URL=redis://\u{1b}\u{202e}:x1\n");
    let report = report(&text, Check::new());
    assert!(
        !report
            .chars()
            .any(|c| c.is_control() && c != '\n' || c == '\u{202e}'),
        "{report:?}"
    );
}

/// A character of several bytes around every cut: none panics, and no report shows the password.
#[test]
fn characters_of_several_bytes_never_panic_and_never_show_the_password() {
    let documents = [
        DESIGN,
        "# redis://:hun7er2@cache.prod.io:6379, redis://b\nREDIS_URL=redis://:hun7er2@h/$x\n",
        "# `rediss://u:hun7er2@[::1]:6379?password=hun7er2`\nREDIS_URL='redis://${HOST}",
    ];
    for document in documents {
        for wide in ["\u{3001}", "\u{ff0c}", "\u{201d}", "\u{feff}", "é", "😀"] {
            for at in 0..=document.len() {
                let text = format!("{}{wide}{}", &document[..at], &document[at..]);
                if let Err(report) = check_with(&text, Check::new()) {
                    let report = report.to_string();
                    assert!(!report.contains("hun7er2"), "{text}\n{report}");
                }
            }
        }
    }
    for text in [
        "# redis://localhost、rediss://host\n",
        "# redis://a，redis://b\n",
    ] {
        assert!(check_with(text, Check::new()).is_err());
    }
}
