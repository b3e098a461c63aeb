//! The rules of `.env.example`: one function each, from the document to its findings.

use std::ops::Range;

use super::document::{Document, Placeholder, Variable};
use super::finding::Finding;
use super::format::Format;
use super::host;
use crate::dotenv::{FaultKind, LineKind, commented_assignment};
use crate::placeholder;
use crate::url::UrlError;

/// What the rules have found.
pub(super) type Findings = Vec<Finding>;

/// A rule adds a finding for each place that breaks it.
type Rule = fn(&Document, &mut Findings);

/// Every rule. Findings at the same place of the file are reported in this order.
const RULES: [Rule; 10] = [
    unloadable_line,
    assigned_twice,
    no_comment,
    no_placeholder,
    invalid_placeholder,
    invalid_url,
    committed_secret,
    commented_out,
    missing_variable,
    missing_format,
];

/// Applies every rule; the findings come in the order of the file, those about the whole file last.
pub(super) fn apply(document: &Document) -> Findings {
    let mut findings = Findings::new();
    for rule in RULES {
        rule(document, &mut findings);
    }
    findings.sort_by_key(|finding| finding.position().unwrap_or((usize::MAX, 0)));
    findings
}

/// dotenvy loads every line: an application that uses it for other variables would fail.
fn unloadable_line(document: &Document, findings: &mut Findings) {
    for line in &document.lines {
        let LineKind::Broken(fault) = line.kind else {
            continue;
        };
        let text = document.text(&line.span);
        let (at, why, help) = if let Some(written) = commented_assignment(text) {
            let (why, help) = unloadable_value(fault, &text[written.name]);
            (written.value, why, help)
        } else {
            let indent = text.len() - text.trim_start().len();
            let help = "write `# ` before it if it is a comment".to_owned();
            let at = indent..text.trim_end().len();
            (at, "expected `NAME=value`", Some(help))
        };
        let at = line.span.start + at.start..line.span.start + at.end;
        let message = format!("dotenvy cannot load this line: {why}");
        let mut finding = document.finding_at(&at, "unloadable_line", message);
        if let Some(help) = help {
            finding = finding.with_help(help);
        }
        findings.push(finding);
    }
}

fn unloadable_value(fault: FaultKind, name: &str) -> (&'static str, Option<String>) {
    match fault {
        FaultKind::OpenQuote(quote) => (
            "a quote is not closed",
            Some(format!("write `{quote}` at its end")),
        ),
        FaultKind::TextAfterSpace => (
            "a value with spaces needs quotes",
            Some(format!("write `{name}=\"…\"`")),
        ),
        FaultKind::InvalidEscape => (
            "unknown escape after a backslash",
            Some(format!("write `{name}='…'`")),
        ),
        FaultKind::UnescapedDollar
        | FaultKind::Swallowed
        | FaultKind::NotUtf8
        | FaultKind::Utf16
        | FaultKind::Unreadable => ("invalid use of quotes, backslashes or `$`", None),
    }
}

/// A variable is assigned once: dotenvy takes the first one.
fn assigned_twice(document: &Document, findings: &mut Findings) {
    for Variable { name, .. } in &document.variables {
        let Some(first) = document.first_assigned(&name.text).filter(|it| *it != name) else {
            continue;
        };
        let line = document.line_number(first.span.start);
        let message = format!("`{}` is assigned twice", name.text);
        let help = format!("remove this line, or write `# ` before it: line {line} assigns it");
        let finding = document.finding_at(&name.span, "assigned_twice", message);
        findings.push(finding.with_help(help));
    }
}

/// A comment right above a variable says what it is for, blank lines left aside.
fn no_comment(document: &Document, findings: &mut Findings) {
    let has_words =
        |text: &str| text.contains(char::is_alphabetic) && commented_assignment(text).is_none();
    for Variable { name, index, .. } in &document.variables {
        let is_first = document.first_assigned(&name.text) == Some(name);
        let above = document.lines[..*index].iter().rev();
        let is_explained = above
            .take_while(|line| matches!(line.kind, LineKind::Comment | LineKind::Blank))
            .any(|line| has_words(document.text(&line.span)));
        if !is_first || is_explained {
            continue;
        }
        let message = format!("`{}` has no comment above it", name.text);
        let finding = document.finding_at(&name.span, "no_comment", message);
        findings.push(finding.with_help(
            "add a line above it, such as `# Redis: what this application keeps in it`",
        ));
    }
}

/// A variable has a placeholder, so that a copy of the file works.
fn no_placeholder(document: &Document, findings: &mut Findings) {
    for Variable {
        name, placeholder, ..
    } in &document.variables
    {
        if let Placeholder::Missing = placeholder {
            let message = format!("`{}` has no placeholder", name.text);
            let help = format!("write `{}=redis://localhost:6379`", name.text);
            let finding = document.finding_at(&name.span, "no_placeholder", message);
            findings.push(finding.with_help(help));
        }
    }
}

/// The placeholder is a valid URL as it is.
fn invalid_placeholder(document: &Document, findings: &mut Findings) {
    for Variable {
        name, placeholder, ..
    } in &document.variables
    {
        let name = &name.text;
        match placeholder {
            Placeholder::Expanded(at) => {
                let message = format!(
                    "`$` in the placeholder of `{name}`: dotenvy replaces it by a variable"
                );
                let help = format!(
                    "write a URL that works as it is, such as `{name}=redis://:password@localhost:6379`"
                );
                let finding = document.finding_at(&(*at..at + 1), "invalid_placeholder", message);
                findings.push(finding.with_help(help));
            }
            Placeholder::Invalid { error, at } => {
                let subject = format!("`{name}`");
                findings.push(of_url(document, at, "invalid_placeholder", &subject, error));
            }
            Placeholder::Missing | Placeholder::Url(_) => {}
        }
    }
}

/// A URL in a comment is valid once its placeholders are filled in.
fn invalid_url(document: &Document, findings: &mut Findings) {
    for url in &document.documented_urls {
        if let Err(invalid) = &url.parsed {
            let (at, error) = (&invalid.at, &invalid.error);
            findings.push(of_url(document, at, "invalid_url", "this URL", error));
        }
    }
}

fn of_url(
    document: &Document,
    at: &Range<usize>,
    code: &'static str,
    subject: &str,
    error: &UrlError,
) -> Finding {
    let finding = document.finding_at(at, code, error.message(subject));
    match error.help() {
        Some(help) => finding.with_help(help),
        None => finding,
    }
}

/// No URL of the file holds a real password, whatever variable it belongs to.
fn committed_secret(document: &Document, findings: &mut Findings) {
    for (url, span) in document.all_urls() {
        let is_real = |password| !placeholder::is_example_password(password);
        if !url.password().is_some_and(is_real) || !host::names_a_reachable_host(url) {
            continue;
        }
        let at = password_span(document.text(span)).map_or(span.clone(), |password| {
            span.start + password.start..span.start + password.end
        });
        let message = "this password looks like a real one";
        let finding = document.finding_at(&at, "committed_secret", message);
        findings.push(finding.with_help("write `password` instead").with_help(
            "change the password on the server: the history of the repository keeps it",
        ));
    }
}

/// Returns where a URL has its password.
fn password_span(url: &str) -> Option<Range<usize>> {
    let userinfo = url.find("://")? + 3;
    let at = url.rfind('@').filter(|at| *at >= userinfo)?;
    let colon = url[userinfo..at].find(':')?;
    Some(userinfo + colon + 1..at)
}

/// A variable is assigned, not only mentioned in a comment.
fn commented_out(document: &Document, findings: &mut Findings) {
    for name in document.missing_names() {
        if let Some(commented) = document.first_commented(name) {
            let message = format!("`{name}` is only commented out");
            let help = format!("write `{name}=redis://localhost:6379` without `#`");
            let finding = document.finding_at(&commented.span, "commented_out", message);
            findings.push(finding.with_help(help));
        }
    }
}

/// Every required variable is in the file, and at least one.
fn missing_variable(document: &Document, findings: &mut Findings) {
    for name in document.missing_names() {
        if document.first_commented(name).is_none() {
            let finding = document.finding("missing_variable", format!("`{name}` is missing"));
            findings.push(finding.with_help(format!(
                "add these lines:\n# Redis: what this application keeps in it\n{name}=redis://localhost:6379"
            )));
        }
    }
}

/// The file shows a URL of every required format. A URL with another finding counts for the format
/// that it was probably meant to show.
fn missing_format(document: &Document, findings: &mut Findings) {
    let first = document.assigned_names.first().map(|name| &name.text);
    let name = first
        .or(document.requirements.variables.first())
        .map_or("REDIS_URL", String::as_str);
    let at = document.variables.iter().find(|it| it.name.text == name);
    let guesses = guessed_formats(document);
    for format in document.requirements.formats {
        let is_shown = document
            .shown_urls()
            .any(|(url, _)| format.is_shown_by(url));
        if is_shown || guesses.contains(format) {
            continue;
        }
        let message = format!("no URL {} is documented", format.description());
        let finding = match at {
            Some(variable) => document.finding_at(&variable.name.span, "missing_format", message),
            None => document.finding("missing_format", message),
        };
        let help = format!("add these lines:\n{}", format.suggestion(name));
        findings.push(finding.with_help(help));
    }
}

/// Returns the formats that the document shows once its other findings are fixed.
fn guessed_formats(document: &Document) -> Vec<Format> {
    let comments = document.documented_urls.iter();
    let comments = comments.filter_map(|url| Some(url.parsed.as_ref().err()?.guess));
    let placeholders = document
        .variables
        .iter()
        .filter_map(|it| match it.placeholder {
            Placeholder::Missing => Some(Format::Local),
            Placeholder::Expanded(_) | Placeholder::Invalid { .. } => {
                Some(Format::guess(document.text(&it.written)))
            }
            Placeholder::Url(_) => None,
        });
    let unloadable = document.unloadable_values.iter();
    let unloadable = unloadable.map(|value| Format::guess(document.text(value)));
    // The help for a missing variable documents the local format.
    let missing = document.assigned_names.is_empty().then_some(Format::Local);
    comments
        .chain(placeholders)
        .chain(unloadable)
        .chain(missing)
        .collect()
}
