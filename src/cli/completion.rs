//! [`completed`]: a `.env.example` with the lines that it lacks.

use crate::build::{Check, Finding, HEADING, MissingVariable, assignment};
use crate::dotenv::{self, Line, LineKind};

/// Adds to the text what `check` misses in it, and changes no line that is there.
///
/// Variables that are missing come at the end; a comment comes right above its variable, and formats of
/// URLs below theirs.
pub(super) fn completed(text: &str, check: &Check) -> String {
    let text = with_variables(text.to_owned(), check);
    let text = with_comments(text, check);
    with_formats(text, check)
}

/// Returns the check with more variables to ask for.
pub(super) fn asking_for(check: &Check, used: &[String]) -> Check {
    let start = check.clone();
    used.iter().fold(start, Check::variable)
}

fn with_variables(mut text: String, check: &Check) -> String {
    let inspection = check.inspect(&text, "");
    let url = &inspection.local_url;
    for MissingVariable { name, is_optional } in &inspection.missing {
        let lines = match is_optional {
            // The application runs without it, and so does a copy of the file.
            true => format!("{HEADING}\n# {name}={url}"),
            false => assignment(name, url),
        };
        let end = text.len();
        insert(&mut text, end, &lines, true);
    }
    text
}

fn with_comments(text: String, check: &Check) -> String {
    let uncommented = |text: &str| {
        let findings = check.inspect(text, "").findings.into_iter();
        findings
            .filter(|it| it.code() == "no_comment")
            .collect::<Vec<_>>()
    };
    let findings = uncommented(&text);
    let mut changed = text.clone();
    let lines: Vec<_> = findings.iter().filter_map(Finding::position).collect();
    for (line, _) in lines.into_iter().rev() {
        let at = line_start(&changed, line);
        insert(&mut changed, at, HEADING, false);
    }
    let helps = uncommented(&changed).len() < findings.len();
    if helps { changed } else { text }
}

fn with_formats(mut text: String, check: &Check) -> String {
    let Some(missing) = check.inspect(&text, "").missing_formats else {
        return text;
    };
    let below = missing.line.and_then(|line| below(&text, line));
    let at = below.unwrap_or(text.len());
    insert(&mut text, at, &missing.lines, below.is_none());
    text
}

/// Returns where the comments end that follow the variable in `line`, if nothing else follows.
fn below(text: &str, line: usize) -> Option<usize> {
    let start = line_start(text, line);
    let lines = dotenv::lines(text);
    let mut after = lines.iter().skip_while(|it| it.span.end < start);
    let is_whole = |it: &Line| matches!(it.kind, LineKind::Comment | LineKind::Assignment(_));
    after.next().filter(|line| is_whole(line))?;
    let next = after.find(|it| !matches!(it.kind, LineKind::Comment));
    match next {
        None => Some(text.len()),
        Some(line) if matches!(line.kind, LineKind::Blank) => Some(line.span.start),
        Some(_) => None,
    }
}

fn line_start(text: &str, line: usize) -> usize {
    let mut starts = text.match_indices('\n').map(|(at, _)| at + 1);
    line.checked_sub(2)
        .map_or(0, |index| starts.nth(index).unwrap_or(text.len()))
}

/// Inserts whole lines, with the line ends of the text.
fn insert(text: &mut String, at: usize, lines: &str, after_blank: bool) {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = text[..at].trim_start_matches('\u{feff}');
    let mut inserted = String::new();
    if !before.is_empty() && !before.ends_with('\n') {
        inserted += end;
    }
    let is_after_blank =
        before.is_empty() || before.trim_end_matches([' ', '\t', '\r']).ends_with("\n\n");
    if after_blank && !is_after_blank && !before.ends_with("\n\r\n") {
        inserted += end;
    }
    for line in lines.lines() {
        inserted.push_str(line);
        inserted.push_str(end);
    }
    // A byte order mark stays in front.
    let at = at.max(text.len() - text.trim_start_matches('\u{feff}').len());
    text.insert_str(at, &inserted);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

    use expect_test::{Expect, expect};

    use super::{asking_for, completed};
    use crate::build::Check;

    #[track_caller]
    fn check(text: &str, used: &[&str], expected: &Expect) {
        let used: Vec<_> = used.iter().map(|name| (*name).to_owned()).collect();
        let check = asking_for(&Check::new(), &used);
        let after = completed(text, &check);
        expected.assert_eq(&after);
        assert_eq!(completed(&after, &check), after, "twice");
    }

    #[test]
    fn an_empty_file_gets_the_whole_block() {
        check(
            "",
            &[],
            &expect![[r#"
                # The Redis server that this application connects to
                REDIS_URL=redis://localhost:6379
                # Or with a password:
                # REDIS_URL=redis://:password@localhost:6379
                # Or with TLS:
                # REDIS_URL=rediss://:password@host:port
            "#]],
        );
    }

    #[test]
    fn each_variable_is_written_once_and_an_optional_one_as_a_comment() {
        let used = ["CACHE".to_owned()];
        let required = Check::new().variable("CACHE");
        let once =
            "# The Redis server that this application connects to\nCACHE=redis://localhost:6379\n";
        let after = completed("", &asking_for(&required, &used));
        assert!(after.starts_with(once), "{after}");
        assert_eq!(after.matches("\nCACHE=").count(), 1, "{after}");
        let optional = asking_for(&Check::new().optional("CACHE"), &used);
        let after = completed("", &optional);
        expect![[r#"
            # The Redis server that this application connects to
            # CACHE=redis://localhost:6379
            # Or with a password:
            # CACHE=redis://:password@localhost:6379
            # Or with TLS:
            # CACHE=rediss://:password@host:port
        "#]]
        .assert_eq(&after);
        assert!(optional.inspect(&after, "").findings.is_empty());
        assert_eq!(
            completed("CACHE=\n", &optional).matches("CACHE=\n").count(),
            1
        );
    }

    #[test]
    fn another_file_gets_it_at_its_end() {
        check(
            "A=1",
            &["B_REDIS_URL", "CACHE"],
            &expect![[r#"
                A=1

                # The Redis server that this application connects to
                B_REDIS_URL=redis://localhost:6379
                # Or with a password:
                # B_REDIS_URL=redis://:password@localhost:6379
                # Or with TLS:
                # B_REDIS_URL=rediss://:password@host:port

                # The Redis server that this application connects to
                CACHE=redis://localhost:6379
            "#]],
        );
    }

    #[test]
    fn formats_come_below_the_variable() {
        check(
            "# Redis\nREDIS_URL=redis://redis:6379\n# rediss://:password@host:port\n\n# Others\nA=1\n",
            &[],
            &expect![[r#"
                # Redis
                REDIS_URL=redis://redis:6379
                # rediss://:password@host:port

                # Others
                A=1
            "#]],
        );
        check(
            "REDIS_URL=redis://redis:6379\n\n# Others\nA=1\n",
            &[],
            &expect![[r#"
                # The Redis server that this application connects to
                REDIS_URL=redis://redis:6379
                # Or with a password:
                # REDIS_URL=redis://:password@localhost:6379
                # Or with TLS:
                # REDIS_URL=rediss://:password@host:port

                # Others
                A=1
            "#]],
        );
    }

    #[test]
    fn the_documented_host_is_kept() {
        check(
            "# Redis\n# REDIS_URL=redis://redis:6379\n",
            &[],
            &expect![[r#"
                # Redis
                # REDIS_URL=redis://redis:6379

                # The Redis server that this application connects to
                REDIS_URL=redis://redis:6379
                # Or with a password:
                # REDIS_URL=redis://:password@localhost:6379
                # Or with TLS:
                # REDIS_URL=rediss://:password@host:port
            "#]],
        );
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_stay() {
        let after = completed("\u{feff}REDIS_URL=redis://h\r\nA=1", &Check::new());
        assert!(after.starts_with("\u{feff}# "), "{after:?}");
        assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
    }
}
