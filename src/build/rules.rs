//! The rules of `.env.example`: one function each, from the document to its findings.

use std::collections::HashSet;
use std::ops::Range;

use super::document::{Document, Placeholder, Variable};
use super::documented_url::{self, InvalidUrl};
use super::explanation;
use super::finding::Finding;
use super::format::Format;
use super::instead;
use super::repair;
use super::secret;
use super::secret_places::{self, EXAMPLE_PASSWORD, Secret};
use super::suggestion::{self, HEADING};
use super::unloadable::{self, Block};
use super::words::{self, Field};
use crate::dotenv::{LineKind, commented_assignment};
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

/// Applies every rule; the findings come in the order of the file, then those about the whole file, and
/// `missing_format` last.
pub(super) fn apply(document: &Document) -> Findings {
    let mut findings = Findings::new();
    for rule in RULES {
        rule(document, &mut findings);
    }
    findings.sort_by_key(|finding| {
        let is_last = finding.code() == MISSING_FORMAT;
        (is_last, finding.position().unwrap_or((usize::MAX, 0)))
    });
    findings
}

const MISSING_FORMAT: &str = "missing_format";

/// dotenvy loads every line: an application that uses it for other variables would fail.
fn unloadable_line(document: &Document, findings: &mut Findings) {
    let texts: Vec<_> = document
        .lines
        .iter()
        .map(|line| document.text(&line.span))
        .collect();
    let mut block: Option<Block> = None;
    let mut is_reported = false;
    for (index, line) in document.lines.iter().enumerate() {
        if block.as_ref().is_none_or(|block| block.last < index) {
            block = Block::starting(&texts, index);
            is_reported = false;
        }
        let LineKind::Broken(fault) = line.kind else {
            continue;
        };
        // One value over several lines is one mistake.
        if std::mem::replace(&mut is_reported, block.is_some()) && block.is_some() {
            continue;
        }
        let mut problem = match &block {
            Some(block) => block.explain(texts[index]),
            None => unloadable::explain(texts[index], fault),
        };
        if let Some(help) = without_placeholder(document, index) {
            problem.help = help;
        }
        let at = line.span.start + problem.at.start..line.span.start + problem.at.end;
        let message = format!(
            "dotenvy stops at this line, and loads no variable after it: {}",
            problem.why
        );
        let finding = document.finding_at(&at, "unloadable_line", message);
        findings.push(finding.with_help(problem.help));
    }
}

/// `REDIS_URL=<your redis url>` has spaces, and quotes would not make a URL of it.
fn without_placeholder(document: &Document, index: usize) -> Option<String> {
    let text = document.text(&document.lines[index].span);
    let written = commented_assignment(text)?;
    // The names are in the order of the file.
    let names = &document.assigned_names;
    let is_own = names
        .binary_search_by_key(&index, |name| name.index)
        .is_ok();
    (is_own && words::stands_for_a_url(&text[written.value])).then(|| {
        let url = suggestion::local_or_default(document);
        format!("write `{}={url}`", &text[written.name])
    })
}

/// A variable is assigned once: dotenvy takes the first one.
fn assigned_twice(document: &Document, findings: &mut Findings) {
    for Variable { name, .. } in &document.variables {
        let Some(first) = document.first_assigned(&name.text).filter(|it| *it != name) else {
            continue;
        };
        let line = document.line_number(first.span.start);
        let message = format!("`{}` is assigned twice", name.text);
        let help = format!("write `# ` before this line: line {line} assigns it");
        let finding = document.finding_at(&name.span, "assigned_twice", message);
        findings.push(finding.with_help(help));
    }
}

/// A comment says what a variable is for.
fn no_comment(document: &Document, findings: &mut Findings) {
    let foreign = document.foreign_variables.iter();
    let foreign: HashSet<_> = foreign.map(|variable| variable.name.index).collect();
    for name in document.documented_names() {
        let is_foreign = foreign.contains(&name.index);
        let is_first = document
            .first_assigned(&name.text)
            .is_none_or(|first| first == name);
        if is_foreign || !is_first || explanation::explains(document, name) {
            continue;
        }
        let message = format!("no comment says what `{}` is for", name.text);
        let finding = document.finding_at(&name.span, "no_comment", message);
        findings.push(finding.with_help(format!(
            "add a line above it that says what it is for, such as `{HEADING}`"
        )));
    }
}

/// A variable has a placeholder, so that a copy of the file works.
fn no_placeholder(document: &Document, findings: &mut Findings) {
    for variable in &document.variables {
        let Variable {
            name, placeholder, ..
        } = variable;
        let is_optional = document.requirements.names.is_optional(&name.text);
        if !matches!(placeholder, Placeholder::Missing) || is_optional {
            continue;
        }
        let url = suggestion::local_or_default(document);
        let message = format!("`{}` has no placeholder", name.text);
        let help = suggestion::write(document, variable, url);
        let finding = document.finding_at(&name.span, "no_placeholder", message);
        findings.push(finding.with_help(help));
    }
}

/// The placeholder is a valid URL as it is.
fn invalid_placeholder(document: &Document, findings: &mut Findings) {
    const CODE: &str = "invalid_placeholder";
    for variable in &document.variables {
        let name = &variable.name.text;
        let finding = match &variable.placeholder {
            Placeholder::Missing | Placeholder::Url(_) => continue,
            Placeholder::Invalid { error, .. }
                if hides_a_secret(document.text(&document.bare(&variable.written)), error) =>
            {
                continue;
            }
            Placeholder::Expanded(at) => {
                let bare = document.bare(&variable.written);
                let message = format!(
                    "`$` in the placeholder of `{name}`: dotenvy replaces it by a variable"
                );
                let finding = document.finding_at(&(*at..at + 1), CODE, message);
                let help = match documented_url::field_at(document.text(&bare), at - bare.start) {
                    field @ Some(Field::Host | Field::Port | Field::Database) => {
                        suggestion::example_for(field)
                    }
                    _ => "write `$` as `%24` if it belongs to the password".to_owned(),
                };
                with_working_url(document, variable, finding, |finding| {
                    finding.with_help(&*help)
                })
            }
            Placeholder::WordForHost(at) => {
                let message = format!(
                    "the host in `{name}` is a placeholder: a copy of the file would not connect"
                );
                let finding = document.finding_at(at, CODE, message);
                let bare = document.bare(&variable.written);
                let host = at.start.saturating_sub(bare.start)..at.end.saturating_sub(bare.start);
                match suggestion::with_host(document, document.text(&bare), &host) {
                    Some(url) => finding.with_help(suggestion::write(document, variable, &url)),
                    None => finding.with_help("write `localhost` instead"),
                }
            }
            Placeholder::Invalid { error, at } => {
                let subject = format!("`{name}`");
                let finding = document.finding_at(at, CODE, error.message(&subject));
                let bare = document.bare(&variable.written);
                let (url, at) = (document.text(&bare), at.start.saturating_sub(bare.start));
                with_working_url(document, variable, finding, |finding| {
                    with_help_of(finding, error, url, at)
                })
            }
        };
        findings.push(finding);
    }
}

/// Adds the URL that works in the place of the one that is written, or else what `otherwise` adds.
fn with_working_url(
    document: &Document,
    variable: &Variable,
    finding: Finding,
    otherwise: impl Fn(Finding) -> Finding,
) -> Finding {
    let bare = document.bare(&variable.written);
    let written = document.text(&bare);
    let url = suggestion::working_url(document, written).or_else(|| match &variable.placeholder {
        // With an escape in it, the value is another text than the one that is written.
        Placeholder::Invalid { error, at } if offset(&bare, error.span()) == *at => {
            let repaired = repair::repaired(written, error.code(), &error.span());
            repaired.and_then(suggestion::shown)
        }
        _ => None,
    });
    match url {
        Some(url) => finding.with_help(suggestion::write(document, variable, &url)),
        None => otherwise(finding),
    }
}

/// Returns whether the only mistake is in a real password, which has to go and not to be encoded.
fn hides_a_secret(url: &str, error: &UrlError) -> bool {
    error.code().starts_with("unescaped_") && secret::in_url(url).is_some()
}

/// A URL in a comment is valid once its placeholders are filled in.
fn invalid_url(document: &Document, findings: &mut Findings) {
    for url in &document.documented_urls {
        let Err(InvalidUrl { error, at, .. }) = &url.parsed else {
            continue;
        };
        let written = document.text(&url.span);
        if hides_a_secret(written, error) {
            continue;
        }
        let finding = document.finding_at(at, "invalid_url", error.message("this URL"));
        let at = at.start.saturating_sub(url.span.start)..at.end.saturating_sub(url.span.start);
        let repaired = suggestion::of_options(written).filter(|_| written.contains('='));
        let repaired = repaired.or_else(|| repair::repaired(written, error.code(), &at));
        let is_certain = |url: &String| secret::may_be_shown(url) && documented_url::is_valid(url);
        findings.push(match repaired.filter(is_certain) {
            Some(url) => finding.with_help(format!("write `{url}` instead of this URL")),
            None => with_help_of(finding, error, written, at.start),
        });
    }
}

/// Adds what to do about the mistake at `at` in a URL of a document: other than at start-up, where a real value
/// is wanted.
fn with_help_of(finding: Finding, error: &UrlError, url: &str, at: usize) -> Finding {
    match error.code() {
        "placeholder" | "uninterpolated" => {
            finding.with_help(suggestion::example_for(documented_url::field_at(url, at)))
        }
        "unexpected_fragment" => finding.with_help("write ` #` for `#` if it begins a comment"),
        _ => match error.help() {
            Some(help) => finding.with_help(help),
            None => finding,
        },
    }
}

/// No URL holds a real password, whatever variable it belongs to, and no variable of Redis and no comment
/// holds a real secret.
fn committed_secret(document: &Document, findings: &mut Findings) {
    for Secret { at, example } in secret_places::of(document) {
        let what = match example {
            EXAMPLE_PASSWORD => "password",
            _ => "secret",
        };
        let message = format!("this {what} looks like a real one");
        let finding = document.finding_at(&at, "committed_secret", message);
        findings.push(
            finding
                .with_help(format!("write `{example}` instead"))
                .with_help(format!(
                    "change the {what} on the server: the history of the repository keeps it"
                )),
        );
    }
}

fn offset(span: &Range<usize>, within: Range<usize>) -> Range<usize> {
    span.start + within.start..span.start + within.end
}

/// A variable is assigned, not only mentioned in a comment.
fn commented_out(document: &Document, findings: &mut Findings) {
    for name in document.missing_names() {
        let Some(commented) = document.first_commented(name) else {
            continue;
        };
        let url = suggestion::local_or_default(document);
        let message = format!("`{name}` is only commented out");
        let finding = document.finding_at(&commented.span, "commented_out", message);
        findings.push(finding.with_help(instead::add(name, url)).with_help(format!(
            "if the application runs without it: `Check::new().optional(\"{name}\").run()` in `build.rs`"
        )));
    }
}

/// Every required variable is in the file, and at least one.
fn missing_variable(document: &Document, findings: &mut Findings) {
    const CODE: &str = "missing_variable";
    for name in document.missing_names() {
        if document.first_commented(name).is_some() {
            continue;
        }
        let missing = format!("`{name}` is missing");
        let finding = match instead::of(document, name) {
            None => document
                .finding(CODE, missing)
                .with_help(instead::add(name, suggestion::local_or_default(document))),
            Some(found) => {
                let message = format!("{missing}: {}", found.what);
                let finding = document.finding_at(&found.at, CODE, message);
                found.help.into_iter().fold(finding, Finding::with_help)
            }
        };
        findings.push(finding);
    }
}

/// The file shows a URL of every required format.
fn missing_format(document: &Document, findings: &mut Findings) {
    let missing = missing_formats(document);
    let descriptions: Vec<_> = missing.iter().map(|format| format.description()).collect();
    let message = match &*descriptions {
        [] => return,
        [only] => format!("no URL {only} is documented"),
        all => format!("missing URLs: one {}", all.join(", one ")),
    };
    let name = first_name(document);
    let at = document.variables.iter().find(|it| it.name.text == name);
    let finding = match at {
        Some(variable) => document.finding_at(&variable.name.span, MISSING_FORMAT, message),
        None => document.finding(MISSING_FORMAT, message),
    };
    let lines = suggestion::formats(name, &missing);
    findings.push(finding.with_help(format!("add these lines:\n{lines}")));
}

/// Returns the name of the variable that the formats are documented for.
pub(super) fn first_name<'a>(document: &'a Document) -> &'a str {
    let assigned = document.assigned_names.first().map(|name| &name.text);
    let name = assigned.or_else(|| document.requirements.names.asked_for().next());
    name.map_or("REDIS_URL", String::as_str)
}

/// Returns the required formats that no URL shows. A URL with another finding counts for the format that it
/// was probably meant to show.
pub(super) fn missing_formats(document: &Document) -> Vec<Format> {
    let guesses = guessed_formats(document);
    let is_missing = |format: &Format| {
        let mut shown = document.shown_urls();
        let is_told = match format {
            Format::Tls => document.names_tls,
            Format::Password => document.has_password_apart(),
            Format::Local => false,
        };
        !(is_told || guesses.contains(format) || shown.any(|(url, _)| format.is_shown_by(url)))
    };
    let formats = document.requirements.formats.iter().copied();
    formats.filter(is_missing).collect()
}

/// Returns the formats that the document shows once its other findings are fixed.
fn guessed_formats(document: &Document) -> Vec<Format> {
    let comments = document.documented_urls.iter();
    let invalid = comments.filter_map(|url| Some(url.parsed.as_ref().err()?.guess.clone()));
    let values = document.variables.iter();
    let values = values.filter(|it| !matches!(it.placeholder, Placeholder::Url(_)));
    let values = values.map(|it| Format::guess(document.text(&it.written)));
    let unloadable = document.unloadable_values.iter();
    let unloadable = unloadable.map(|value| Format::guess(document.text(value)));
    // The help for a missing variable documents the local format.
    let missing = (!document.missing_names().is_empty()).then(|| vec![Format::Local]);
    let guesses = invalid.chain(values).chain(unloadable).chain(missing);
    guesses.flatten().collect()
}

#[cfg(test)]
mod tests;
