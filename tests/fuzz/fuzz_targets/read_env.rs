//! A variable of `.env` is read with the value that dotenvy gives it, or not at all.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/dotenv.rs"]
#[expect(
    dead_code,
    reason = "errors and the check of `.env.example` use the rest"
)]
mod dotenv;

use dotenv::{FaultKind, LineKind};

const NAME: &str = "REDIS_URL";

fuzz_target!(|text: &[u8]| {
    read(text);
    if let Ok(text) = std::str::from_utf8(text) {
        read_lines(text);
        in_quotes(text);
    }
});

/// The variables of a file as dotenvy reads them, and whether it can read every line.
fn by_dotenvy(text: &[u8]) -> (Vec<(String, String)>, bool) {
    let mut bytes = text;
    while let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        bytes = rest;
    }
    // It rejects a last line that ends in a space and not in a newline.
    let bytes = [bytes, if text.ends_with(b"\n") { b"" } else { b"\n" }].concat();
    let mut variables = Vec::new();
    let mut is_whole = true;
    for variable in dotenvy::from_read_iter(bytes.as_slice()) {
        match variable {
            Ok(variable) => variables.push(variable),
            Err(_) => is_whole = false,
        }
    }
    (variables, is_whole)
}

fn read(text: &[u8]) {
    let lines = text.split(|byte| *byte == b'\n').count();
    let (variables, is_whole) = by_dotenvy(text);
    let theirs = variables.into_iter().find(|(name, _)| name == NAME);
    match dotenv::find(text, NAME) {
        Ok(Some(found)) => {
            let line = text.split(|byte| *byte == b'\n').nth(found.line - 1);
            let line = line.expect("the line is in the file");
            assert!(line.windows(NAME.len()).any(|part| part == NAME.as_bytes()));
            assert_eq!(Some(found.value), theirs.map(|(_, value)| value));
        }
        Ok(None) => assert!(theirs.is_none(), "{theirs:?}"),
        Err(fault) => {
            assert!((1..=lines).contains(&fault.line), "{fault:?}");
            // What dotenvy reads as well is refused where it would not be what is written.
            let is_doubtful = text.contains(&b'$') || text.contains(&b'\\');
            let is_of_file = matches!(fault.kind, FaultKind::Swallowed | FaultKind::Utf16);
            assert!(!is_whole || is_doubtful || is_of_file, "{fault:?}");
        }
    }
}

fn read_lines(text: &str) {
    let lines = dotenv::lines(text);
    let mut end = 0;
    let mut variables = Vec::new();
    let mut is_expanded = false;
    for line in lines {
        assert!(line.span.start >= end && text.get(line.span.clone()).is_some());
        end = line.span.end;
        let _ = dotenv::commented_assignment(&text[line.span.clone()]);
        if let LineKind::Assignment(it) = line.kind {
            let name = &text[it.written.name.clone()];
            assert!(it.written.name.end < it.written.value.start || it.written.value.is_empty());
            assert!(line.span.start <= it.written.name.start);
            let places = it.expansion.into_iter().chain(it.comment);
            for at in places {
                assert!((it.written.value.start..it.written.value.end).contains(&at));
            }
            is_expanded |= it.expansion.is_some();
            variables.push((name.to_owned(), it.value));
        }
    }
    let (theirs, is_whole) = by_dotenvy(text.as_bytes());
    if is_whole && !is_expanded {
        assert_eq!(variables, theirs);
    }
}

/// A value in single quotes is the text between them, or refused.
fn in_quotes(value: &str) {
    if value.contains(['\'', '\r', '\n']) {
        return;
    }
    let text = format!("A=1\n{NAME}='{value}' # it is read\n");
    match dotenv::find(text.as_bytes(), NAME) {
        Ok(found) => assert_eq!(found.map(|it| it.value).as_deref(), Some(value)),
        Err(_) => assert!(value.contains('\\'), "{value:?}"),
    }
}
