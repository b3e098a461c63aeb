//! What only the crate itself can see: the sentence about a named variable, and the drawing.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use expect_test::expect_file;

use super::RedisUrl;
use super::kind::SCHEMES;
use super::parameters::{PARAMETERS, TOLERATED};
use super::warning::ORDER;

/// Draws the shown text and carets under its span.
fn draw(text: &str) -> (String, String) {
    let error = RedisUrl::parse(text).expect_err(text);
    let (shown, span) = error.shown();
    assert!(shown.get(span.clone()).is_some(), "{span:?} in {shown:?}");
    assert!(!shown.contains(char::is_control), "{shown:?}");
    let carets = format!(
        "{}{}",
        " ".repeat(shown[..span.start].chars().count()),
        "^".repeat(span.len())
    );
    (error.message("`REDIS_URL`"), format!("{shown}\n{carets}"))
}

fn check(text: &str, message: &str, drawing: &[&str; 2]) {
    assert_eq!(
        draw(text),
        (message.to_owned(), drawing.join("\n")),
        "{text:?}"
    );
}

#[test]
fn points_at_the_wrong_port() {
    check(
        "redis://app:hunter2@cache.internal:70000/0",
        "invalid port in `REDIS_URL`: expected 1 to 65535, found `70000`",
        &[
            "redis://app:***@cache.internal:70000/0",
            "                               ^^^^^",
        ],
    );
}

#[test]
fn hides_all_of_a_password_that_is_cut_by_a_delimiter() {
    check(
        "redis://app:hun#ter2@cache:6379/0",
        "unescaped `#` in the password of `REDIS_URL`",
        &["redis://***", "        ^^^"],
    );
}

#[test]
fn hides_what_may_be_the_end_of_a_second_password() {
    for (text, delimiter) in [
        ("redis://app:hunter2@cache:6379?password=hun@ter2", '?'),
        ("redis://cache:6379?password=hun@ter2", '?'),
        ("redis://app:hunter2@cache:6379/0#hun@ter2", '/'),
    ] {
        check(
            text,
            &format!("unescaped `{delimiter}` in the password of `REDIS_URL`"),
            &["redis://***", "        ^^^"],
        );
    }
}

#[test]
fn names_the_parameter_but_not_its_value() {
    check(
        "redis://cache?db=3&conect_timeout=5s",
        "unknown parameter `conect_timeout` in `REDIS_URL`",
        &["redis://cache?db=***&***", "                     ^^^"],
    );
}

/// The sentence holds a name from the URL, in which `{}` is only text.
#[test]
fn names_the_variable_in_its_own_place() {
    check(
        "redis://h?deadlin{}e=5s",
        "unknown parameter `deadlin{}e` in `REDIS_URL`",
        &["redis://h?***", "          ^^^"],
    );
}

#[test]
fn escapes_what_cannot_be_seen() {
    check(
        "redis://app:hunter2@lo\u{200b}cal:6379",
        "invisible character U+200B at byte 22 of `REDIS_URL`",
        &[
            "redis://app:***@lo\\u{200b}cal:6379",
            "                  ^^^^^^^^",
        ],
    );
}

#[test]
fn begins_with_the_name_where_the_text_is_no_url() {
    check(
        "'redis://:hunter2@h'",
        "`REDIS_URL` is wrapped in quotes",
        &["***", "^^^"],
    );
    check("", "`REDIS_URL` is set but empty", &["", ""]);
}

#[test]
fn draws_a_mark_for_a_text_of_any_length() {
    let (message, drawing) = draw(&"a".repeat(1 << 20));
    assert_eq!(
        message,
        "`REDIS_URL` is too long: expected at most 16384 bytes, found 1048576"
    );
    assert_eq!(drawing, "***\n^^^");
}

#[test]
fn the_documentation_has_a_row_of_every_parameter() {
    let mut table =
        String::from("| name | values and unit | default | meaning |\n| --- | --- | --- | --- |\n");
    for row in PARAMETERS.iter().chain(&TOLERATED) {
        let names: Vec<_> = [&row.name].into_iter().chain(row.aliases).collect();
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let cells = [&names.join(", "), row.values, row.default, row.meaning];
        writeln!(table, "| {} |", cells.join(" | ")).expect("a String takes everything");
    }
    expect_file!["parameters.md"].assert_eq(&table);
}

/// The other direction: `Diagnostic::new` asserts that its code has a row.
#[test]
fn every_code_of_the_documentation_is_one_of_an_error() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/url");
    let files = fs::read_dir(directory).expect("the sources are here");
    let paths = files.map(|file| file.expect("the sources are here").path());
    let sources: String = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(path).expect("sources are UTF-8"))
        .collect();
    for code in codes(include_str!("error_codes.md")) {
        assert!(sources.contains(&format!("\"{code}\"")), "{code}");
    }
}

#[test]
fn the_documentation_has_a_row_of_every_warning() {
    let documented: Vec<_> = codes(include_str!("warning_codes.md")).collect();
    assert_eq!(documented, ORDER.split(' ').collect::<Vec<_>>());
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

/// Returns the first cells of a table.
fn codes(table: &str) -> impl Iterator<Item = &str> {
    let rows = table.lines().skip(2);
    rows.map(|row| row.split('`').nth(1).expect("a row starts with its code"))
}
