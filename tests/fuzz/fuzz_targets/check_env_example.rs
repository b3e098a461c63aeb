//! Whatever is in `.env.example`: the check reads it, shows no password of it, accepts what start-up accepts, and
//! `fix` has nothing left to do after it has run.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "these are modules of the library, and this target uses a part of them"
)]

use libfuzzer_sys::fuzz_target;

#[path = "../../../src/build/mod.rs"]
mod build;
#[path = "../../../src/dotenv.rs"]
mod dotenv;
#[path = "../../../src/cli/fix.rs"]
mod fix;
#[path = "../../../src/placeholder.rs"]
mod placeholder;
#[path = "../../../src/report.rs"]
mod report;
#[path = "../../../src/url/mod.rs"]
mod url;

use build::Check;

/// Stands in an input for a password.
const MARK: char = '🔑';
const PASSWORD: &str = "Zx8kQpLw3RtYvN5m";

fuzz_target!(|input: &str| {
    let text = &*input.replace(MARK, PASSWORD);
    let check = Check::new();
    let inspection = check.inspect(text, ".env.example");
    let mut shown = String::new();
    for finding in inspection.findings.iter().chain(&inspection.warnings) {
        let report = finding.to_string();
        let is_hidden = |c: char| c.is_control() && c != '\n';
        assert!(!report.contains(is_hidden), "{report:?}");
        shown += &format!("{report}{finding:#}{}", finding.message());
        finding.help().for_each(|help| shown += help);
    }
    shown += &build::redacted_lines(text).join("\n");
    if input.contains(MARK)
        && input
            .split(MARK)
            .collect::<Vec<_>>()
            .windows(2)
            .all(is_password)
    {
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
    if inspection.findings.is_empty() {
        for name in &inspection.own {
            starts(text, name);
        }
    }
    if inspection.corrections.is_empty() {
        return;
    }
    let fixed = fix::fixed(text, &check);
    assert_eq!(fix::fixed(&fixed, &check), fixed);
    let left = check.inspect(&fixed, ".env.example").findings.len();
    assert!(left < inspection.findings.len() || fixed == text);
});

/// Returns whether what stands between the two texts is surely a password: `://user:…@host`, or
/// `REDIS_PASSWORD=…` at the start of a line.
fn is_password(around: &[&str]) -> bool {
    let line = around[0].rsplit('\n').next().unwrap_or_default();
    let line = line.trim_start_matches(['#', ' ']);
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let userinfo = line.rsplit_once("://").map(|(_, userinfo)| userinfo);
    let user = userinfo.and_then(|userinfo| userinfo.strip_suffix(':'));
    user.is_some_and(is_word) && around[1].starts_with('@') || line == "REDIS_PASSWORD="
}

/// A copy of an accepted file starts: the value is read, by this crate and by dotenvy alike, and is a URL.
fn starts(text: &str, name: &str) {
    let found = dotenv::find(text.as_bytes(), name);
    let value = found.ok().flatten().expect("the value is read").value;
    assert!(url::RedisUrl::parse(&value).is_ok(), "{value}");
    let bytes = text.trim_start_matches('\u{feff}').as_bytes();
    let bytes = [bytes, b"\n"].concat();
    let variables: Result<Vec<_>, _> = dotenvy::from_read_iter(bytes.as_slice()).collect();
    let variables = variables.expect("every line is loaded");
    let theirs = variables.into_iter().find(|(known, _)| known == name);
    assert_eq!(theirs.map(|(_, value)| value), Some(value));
}
