//! What a finding says to type, where the place of the mistake is not enough.

use super::apply;
use crate::build::check::Check;
use crate::build::{document_reader, suggestion};

/// The codes of the findings in `text`, each with its first help.
fn findings(text: &str) -> Vec<(&'static str, String)> {
    let check = Check::new();
    let requirements = check.requirements(".env.example");
    let document = document_reader::read(text, &requirements);
    let findings = apply(&document);
    let found = findings.iter().map(|finding| {
        let help = finding.help().next().unwrap_or_default();
        (finding.code(), help.to_owned())
    });
    found.collect()
}

#[test]
fn the_help_is_for_the_mistake_and_for_what_stands_around_it() {
    for (text, code, help) in [
        (
            "REDIS_URL=<your redis url>\n",
            "unloadable_line",
            "write `REDIS_URL=redis://localhost:6379`",
        ),
        (
            "REDIS_URL=\"redis://:AX8kd93ksl2LsPq0@${HOST}.example.com\"\n",
            "invalid_placeholder",
            "write an example for it, such as `localhost`",
        ),
        // What dotenvy reads is a shorter text than what is written.
        (
            "REDIS_URL=redis://:example'x'@cache:99999\n",
            "invalid_placeholder",
            "leave the port out for 6379",
        ),
        (
            "REDIS_HOST=cache\nREDIS_URL=redis://${REDIS_HOST}:6379\n",
            "invalid_placeholder",
            "write `REDIS_URL=redis://cache:6379`",
        ),
        (
            "REDIS_HOST=\"a b\"\nREDIS_URL=redis://${REDIS_HOST}:6379\n",
            "invalid_placeholder",
            "write `REDIS_URL=redis://localhost:6379`",
        ),
        (
            "REDIS_URL=redis://cache-${STAGE}.internal:6379\n",
            "invalid_placeholder",
            "write `REDIS_URL=redis://cache-example.internal:6379`",
        ),
        (
            "REDIS_URL=redis://host:6380\n",
            "invalid_placeholder",
            "write `REDIS_URL=redis://localhost:6380`",
        ),
        (
            "REDIS_HOST=cache\nREDIS_URL=\n",
            "no_placeholder",
            "write `REDIS_URL=redis://cache:6379`",
        ),
        (
            "REDIS_HOST=hostname\nREDIS_URL=\n",
            "no_placeholder",
            "write `REDIS_URL=redis://localhost:6379`",
        ),
        (
            "REDIS_HOST=cache\nREDIS_PASSWORD=none\nREDIS_URL=\n",
            "no_placeholder",
            "write `REDIS_URL=redis://cache:6379`",
        ),
        (
            "# redis://cache:6380\nREDIS_URL=\n",
            "no_placeholder",
            "write `REDIS_URL=redis://cache:6380`",
        ),
        (
            "VALKEY_URL=redis://cache:6380\n",
            "missing_variable",
            "add these lines:\n# The Redis server that this application connects to\nREDIS_URL=redis://cache:6380",
        ),
        (
            "REDIS_URL=redis://cache:6379#x\n",
            "invalid_placeholder",
            "write ` #` for `#` if it begins a comment",
        ),
        (
            "REDIS_URL=cache:6380,password=x,ssl=True\n",
            "invalid_placeholder",
            "write `REDIS_URL=rediss://:password@cache:6380`",
        ),
        (
            "REDIS_URL=hunter2\n",
            "invalid_placeholder",
            "write `redis://` in front, `rediss://` for TLS, `unix://` for the path of a socket",
        ),
        // With another port it has still a mistake.
        (
            "# redis://cache:99999?x=1\n",
            "invalid_url",
            "leave the port out for 6379",
        ),
    ] {
        let found = findings(text);
        let found = found.iter().find(|(found, _)| *found == code);
        assert_eq!(found.map(|(_, help)| &**help), Some(help), "{text}");
    }
}

#[test]
fn a_comment_behind_the_value_is_repeated_unless_it_may_hold_a_secret() {
    let kept = "write `REDIS_URL=redis://localhost:6379` and keep the comment behind it";
    for (comment, help) in [
        (
            "# the cache",
            "write `REDIS_URL=redis://localhost:6379 # the cache`",
        ),
        ("# redis://:hunter2@prod-1.upstash.io", kept),
        ("# hunter2", kept),
        ("# a@b", kept),
    ] {
        let found = findings(&format!("REDIS_URL= {comment}\n"));
        let expected = ("no_placeholder", help.to_owned());
        assert!(found.contains(&expected), "{comment}: {found:?}");
    }
}

#[test]
fn the_lines_for_a_missing_file_pass_every_rule() {
    assert_eq!(findings(&suggestion::whole_file("REDIS_URL")), []);
}

#[test]
fn a_password_that_has_to_go_is_not_to_be_escaped() {
    let text = "\
# Redis; with a password redis://:password@h, with TLS rediss://h
REDIS_URL=redis://:AX8kd93ksl2LsPq0/x@cache.prod.net:6379
";
    let codes: Vec<_> = findings(text).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["committed_secret"]);
}
