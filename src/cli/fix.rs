//! [`fixed`]: a `.env.example` with what is certain corrected.

use std::collections::HashSet;

use crate::build::{Check, Correction, Finding};
use crate::dotenv::{self, LineKind};

/// A file with more corrections than this is not what people write; each one is checked alone.
const MAX_CORRECTIONS: usize = 200;

/// Corrects lines that have a finding, where only one text is right.
///
/// A correction stays only if the check then finds less and nothing new, and if every variable that is not
/// the application's own has the value that it had.
pub(super) fn fixed(text: &str, check: &Check) -> String {
    let mut text = text.to_owned();
    loop {
        let corrections = check.inspect(&text, "").corrections;
        let all = apply(&text, &corrections);
        if mends_only(&text, &all, check) {
            text = all;
            continue;
        }
        let mut has_changed = false;
        // From the last one on, so that the others keep their places.
        for correction in corrections.iter().take(MAX_CORRECTIONS).rev() {
            let changed = apply(&text, std::slice::from_ref(correction));
            if mends_only(&text, &changed, check) {
                text = changed;
                has_changed = true;
            }
        }
        if !has_changed {
            return text;
        }
    }
}

fn apply(text: &str, corrections: &[Correction]) -> String {
    let mut changed = String::with_capacity(text.len());
    let mut copied = 0;
    for Correction { bytes, text: new } in corrections {
        changed += &text[copied..bytes.start];
        changed += new;
        copied = bytes.end;
    }
    changed + &text[copied..]
}

/// Returns whether the change mends findings and does nothing else.
fn mends_only(before: &str, after: &str, check: &Check) -> bool {
    let (old, new) = (check.inspect(before, ""), check.inspect(after, ""));
    if new.findings.len() >= old.findings.len() {
        return false;
    }
    let kind = |finding: &Finding| (finding.code(), finding.message().to_owned());
    let mut known: Vec<_> = old.findings.iter().map(kind).collect();
    let is_known = new.findings.iter().all(|finding| {
        let at = known.iter().position(|known| *known == kind(finding));
        at.map(|at| known.swap_remove(at)).is_some()
    });
    let values = other_values(after, &old.own);
    let mut values = values.iter();
    is_known
        && other_values(before, &old.own)
            .iter()
            .all(|value| values.any(|it| it == value))
}

/// Returns name and value of each variable that is not the application's own, in order.
fn other_values(text: &str, own: &HashSet<String>) -> Vec<(String, String)> {
    let lines = dotenv::lines(text).into_iter();
    let values = lines.filter_map(|line| match line.kind {
        LineKind::Assignment(assignment) => {
            Some((text[assignment.written.name].to_owned(), assignment.value))
        }
        _ => None,
    });
    values.filter(|(name, _)| !own.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::fixed;
    use crate::build::Check;

    const FORMATS: &str = "# redis://:password@localhost, rediss://:password@host:port\n";

    #[track_caller]
    fn check(lines: &str, expected: &str) {
        check_with(&Check::new(), lines, expected);
    }

    #[track_caller]
    fn check_with(check: &Check, lines: &str, expected: &str) {
        let text = format!("{FORMATS}{lines}");
        let after = fixed(&text, check);
        assert_eq!(after, format!("{FORMATS}{expected}"));
        assert_eq!(fixed(&after, check), after, "twice");
    }

    #[test]
    fn a_line_without_a_finding_stays() {
        check_with(
            &Check::new().optional("REDIS_URL"),
            "REDIS_URL=\nA=my app\n",
            "REDIS_URL=\nA=\"my app\"\n",
        );
    }

    #[test]
    fn a_variable_of_another_service_stays() {
        let url = "rediss://u:Zx8kQpLw3RtY@prod-1.upstash.io";
        let text = format!("REDIS_URL=redis://localhost\nAI_REDIS_URL={url}\nOTHER={url}\n");
        check(&text, &text);
        let asked = Check::new().variable("AI_REDIS_URL");
        let replaced = text.replacen("Zx8kQpLw3RtY", "password", 1);
        check_with(&asked, &text, &replaced);
    }

    #[test]
    fn writes_what_the_help_says() {
        check(
            "REDIS_URL=redis://localhost\n# REDIS_PASSWORD=Zx8kQpLw3RtYvN5m\n",
            "REDIS_URL=redis://localhost\n# REDIS_PASSWORD=your-secret\n",
        );
    }

    #[test]
    fn fills_in_a_value_where_only_one_can_be_meant() {
        let filled = "REDIS_URL=redis://localhost:6379";
        check("REDIS_URL=", filled);
        check(
            "REDIS_URL=\"\" # queue\r\n",
            &format!("{filled} # queue\r\n"),
        );
        check(
            "export REDIS_URL =  # queue\n",
            "export REDIS_URL =redis://localhost:6379  # queue\n",
        );
        check(
            "REDIS_HOST=redis\nREDIS_URL=\n",
            "REDIS_HOST=redis\nREDIS_URL=redis://redis:6379\n",
        );
        check(
            "# REDIS_URL=redis://a:1\nREDIS_URL=",
            "# REDIS_URL=redis://a:1\nREDIS_URL=redis://a:1",
        );
        let two = "# redis://a or redis://b\nREDIS_URL=\n";
        check(two, two);
    }

    #[test]
    fn escapes_what_a_password_has_escaped_only() {
        check(
            "REDIS_URL=redis://:p@ss@localhost",
            "REDIS_URL=redis://:p%40ss@localhost",
        );
        let text = "REDIS_URL=redis://secret@localhost\n";
        check(text, text);
    }

    #[test]
    fn comments_a_repeated_assignment_out() {
        let line = "REDIS_URL=redis://localhost\n";
        check(
            &format!("{line}A=1\n{line}"),
            &format!("{line}A=1\n# {line}"),
        );
        let other = format!("{line}REDIS_URL=redis://cache\n");
        check(&other, &other);
    }

    #[test]
    fn quotes_a_value_with_spaces() {
        let url = "REDIS_URL=redis://localhost\n";
        check(&format!("A=my app\n{url}"), &format!("A=\"my app\"\n{url}"));
        for line in [
            "A=it's mine\n",
            "A=$HOME x\n",
            "A=b C=d\n",
            "A=redis://localhost // dev\n",
        ] {
            check(&format!("{url}{line}"), &format!("{url}{line}"));
        }
    }

    #[test]
    fn replaces_a_real_password() {
        check(
            "REDIS_URL=redis://localhost\n# rediss://u:Zx8kQpLw3RtY@prod-1.upstash.io:6379\n",
            "REDIS_URL=redis://localhost\n# rediss://u:password@prod-1.upstash.io:6379\n",
        );
        let other =
            "REDIS_URL=redis://localhost\nOTHER=rediss://u:Zx8kQpLw3RtY@prod-1.upstash.io\n";
        check(other, other);
    }
}
