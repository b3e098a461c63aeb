//! What only the crate itself can see: the sentence about a named variable, the drawing, and the
//! tables of the documentation.

use expect_test::{ExpectFile, expect_file};

use super::RedisUrl;
use super::codes::{ERRORS, Problem, WARNINGS};
use super::kind::SCHEMES;
use super::parameters::{PARAMETERS, TOLERATED};

/// Expects the sentence about `REDIS_URL`, and carets under the span of the shown text.
#[track_caller]
fn check(text: &str, message: &str, drawing: [&str; 2]) {
    let error = RedisUrl::parse(text).expect_err(text);
    let (shown, span) = error.shown();
    assert!(shown.get(span.clone()).is_some(), "{span:?} in {shown:?}");
    assert!(!shown.contains(char::is_control), "{shown:?}");
    let before = " ".repeat(shown[..span.start].chars().count());
    let carets = format!("{before}{}", "^".repeat(span.len()));
    let found = (error.message("`REDIS_URL`"), [shown, &carets]);
    assert_eq!(found, (message.to_owned(), drawing), "{text:?}");
}

#[test]
#[rustfmt::skip]
fn points_at_the_mistake_and_shows_no_secret() {
    check("redis://app:hunter2@cache.internal:70000/0", "invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`",
        ["redis://app:***@cache.internal:70000/0",
         "                               ^^^^^"]);
    // A delimiter cuts a password in two, or may be in a second one.
    check("redis://app:hun#ter2@cache:6379/0", "unescaped `#` in the password of `REDIS_URL`", ["redis://***", "        ^^^"]);
    check("redis://app:hunter2@cache:6379?password=hun@ter2", "unescaped `?` in the password of `REDIS_URL`", ["redis://***", "        ^^^"]);
    check("redis://app:hunter2@cache:6379/0#hun@ter2", "unescaped `/` in the password of `REDIS_URL`", ["redis://***", "        ^^^"]);
    // The name of a parameter is shown, its value is not.
    check("redis://cache?db=3&conect_timeout=5s", "unknown parameter `conect_timeout` in `REDIS_URL`",
        ["redis://cache?db=***&***",
         "                     ^^^"]);
    // In the name of a parameter `{}` is only text.
    check("redis://h?deadlin{}e=5s", "unknown parameter `deadlin{}e` in `REDIS_URL`",
        ["redis://h?***",
         "          ^^^"]);
    check("redis://app:hunter2@lo\u{200b}cal:6379", "invisible character U+200B in `REDIS_URL`",
        ["redis://app:***@lo\\u{200b}cal:6379",
         "                  ^^^^^^^^"]);
    check("redis://cache/0/extra", "invalid path in `REDIS_URL`",
        ["redis://cache/0/***",
         "                ^^^"]);
    check("'redis://:hunter2@h'", "`REDIS_URL` starts or ends with a quote", ["***", "^^^"]);
    // Behind a user and a password, words of the path are shown; before one they may be a part of it.
    check("redis://app:hunter2@cache/zero", "invalid database in `REDIS_URL`: expected a number from 0 on, without a sign or leading zeros",
        ["redis://app:***@cache/zero",
         "                      ^^^^"]);
    check("redis://app:hunter2@cache/a=b", "invalid database in `REDIS_URL`: expected a number from 0 on, without a sign or leading zeros",
        ["redis://app:***@cache/***",
         "                      ^^^"]);
    check("redis://hunter2:@cache/zero", "invalid database in `REDIS_URL`: expected a number from 0 on, without a sign or leading zeros",
        ["redis://***@cache/***",
         "                  ^^^"]);
    check("unix:///run/redis.sock?x=1", "unknown parameter in `REDIS_URL`",
        ["unix:///run/redis.sock?***",
         "                       ^^^"]);
    // What is too long for a user, or has other characters than one, may be a token.
    check("redis://a!b:hunter2@cache:0", "invalid port in `REDIS_URL`: expected 1 to 65535, found `0`",
        ["redis://***@cache:0",
         "                  ^"]);
    check(&format!("redis://{}:hunter2@cache:0", "u".repeat(65)), "invalid port in `REDIS_URL`: expected 1 to 65535, found `0`",
        ["redis://***@cache:0",
         "                  ^"]);
    check("", "`REDIS_URL` is set but empty", ["", ""]);
    check(&"a".repeat(1 << 20), "`REDIS_URL` is too long: expected at most 16 KiB", ["***", "^^^"]);
}

/// A drawing hides more than the span tells.
#[test]
fn the_span_of_an_error_is_the_mistake_itself() {
    for (text, mistake) in [
        ("redis://cache:6379\u{201d}", "\u{201d}"),
        ("redis://cache/0/extra", "extra"),
        ("REDIS_URL=redis://cache", "REDIS_URL"),
        ("redis://cache;", ";"),
        ("redis:cache", "redis:"),
        ("redis://:a%41b%zz@cache", "%"),
        ("redis://:a%41b%0Ab@cache", "%0A"),
        ("redis-cluster://a?node=b%3A70000", "b%3A70000"),
    ] {
        let error = RedisUrl::parse(text).expect_err(text);
        assert_eq!(&text[error.span()], mistake, "{text}");
    }
}

#[test]
fn the_first_unescaped_at_sign_is_pointed_at() {
    let error = RedisUrl::parse("redis://u:p@qr@cache").expect_err("two of them");
    assert_eq!(error.span(), 11..12);
}

#[test]
fn a_url_of_16_kib_is_read_and_a_longer_one_is_not() {
    let with_password = |length: usize| format!("redis://:{}@h", "p".repeat(length));
    let rest = with_password(0).len();
    assert!(RedisUrl::parse(&with_password(16 * 1024 - rest)).is_ok());
    let error = RedisUrl::parse(&with_password(16 * 1024 - rest + 1)).expect_err("a byte more");
    assert_eq!((error.code(), error.span()), ("too_long", 16384..16385));
}

#[test]
#[rustfmt::skip]
fn a_name_is_suggested_for_one_that_differs_in_a_quarter_of_its_letters() {
    for (name, suggested) in [
        ("conect_timeut", Some("connect_timeout")),
        ("conect_timeuot", Some("connect_timeout")),
        ("coect_timeuot", None),
        ("nods", Some("node")),
        ("ndoe", None),
        ("dbx", Some("db")),
        ("dbxx", None),
        // A name outside of ASCII is not compared.
        ("d\u{e9}adline", None),
        ("cancelCommandsOnReconnectFailures", Some("cancelCommandsOnReconnectFailure")),
    ] {
        let error = RedisUrl::parse(&format!("redis://h?{name}=1")).expect_err(name);
        let help = suggested.map(|it| format!("a parameter with a similar name exists: `{it}`"));
        let expected = help.unwrap_or_else(|| "correct its name, or remove it".to_owned());
        assert_eq!(error.help(), Some(&*expected), "{name}");
    }
}

#[test]
fn no_more_than_sixteen_unknown_names_are_compared() {
    let unknown = |count: usize| "&".to_owned() + &"zzzzzzzzz=1&".repeat(count) + "deadlime=5s";
    for (count, span) in [(15, "deadlime"), (16, "zzzzzzzzz")] {
        let text = "redis://h?".to_owned() + &unknown(count);
        let error = RedisUrl::parse(&text).expect_err("unknown names");
        assert_eq!(&text[error.span()], span, "{count}");
    }
}

/// A user without a password is often a token in the wrong place.
#[test]
fn shows_what_the_url_leads_to_and_no_secret() {
    for (text, shown) in [
        (
            "redis://app:hunter2@cache/3",
            "redis://app:***@cache:6379/3",
        ),
        ("redis://hunter2:@cache", "redis://:***@cache:6379/0"),
        ("redis://[::1]:7000", "redis://[::1]:7000/0"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=2"),
        ("redis-cluster://a,b", "redis-cluster://a:6379,b:6379"),
        ("redis-cluster://a/1", "redis-cluster://a:6379/1"),
        (
            "redis-sentinel://a/main/2",
            "redis-sentinel://a:26379/main/2",
        ),
    ] {
        let url = RedisUrl::parse(text).expect(text);
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("RedisUrl({shown})"));
    }
}

#[test]
fn a_warning_and_an_error_say_what_they_are_about() {
    let url = RedisUrl::parse("redis://localhost?password=hunter2").expect("it is only a warning");
    let warning = url.warnings()[0].to_string();
    assert!(warning.contains("password"), "{warning}");
    let error = RedisUrl::parse("redis://:hunter2@cache:99999").expect_err("a port of five digits");
    let debug = format!("{error:?}");
    assert!(
        debug.contains("invalid_port") && debug.contains("redis://:***@cache:99999"),
        "{debug}"
    );
}

#[test]
fn the_documentation_has_a_row_of_every_parameter() {
    let rows = PARAMETERS.iter().chain(&TOLERATED).map(|row| {
        let names = format!("`{}`", row.names.replace(' ', "`, `"));
        [&names, row.values, row.default, row.meaning].join(" | ")
    });
    let header = "name | values and unit | default | meaning\n--- | --- | --- | ---";
    check_table(header, rows, &expect_file!["parameters.md"]);
}

#[test]
fn the_documentation_has_a_row_of_every_problem() {
    let files = [
        expect_file!["error_codes.md"],
        expect_file!["warning_codes.md"],
    ];
    for (problems, file) in [ERRORS, WARNINGS].iter().zip(files) {
        let rows = problems.iter().map(|Problem { code, cause, cure }| {
            let row = format!("`{code}` | {cause} | {cure}");
            row.replace("{url}", "the URL").replace("{}", "…")
        });
        check_table("code | cause | cure\n--- | --- | ---", rows, &file);
    }
}

fn check_table(header: &str, rows: impl Iterator<Item = String>, file: &ExpectFile) {
    let lines = header.lines().map(str::to_owned).chain(rows);
    let lines: Vec<_> = lines.map(|line| format!("| {line} |\n")).collect();
    file.assert_eq(&lines.concat());
}

#[test]
fn the_documentation_has_every_scheme() {
    let forms = include_str!("forms.md");
    for (_, names, aliases) in SCHEMES {
        for name in names.split(' ').chain(aliases.split_terminator(' ')) {
            assert!(forms.contains(&format!("`{name}`")), "{name}");
        }
    }
}
