//! [`Correction`]: the one text that mends a finding.

use std::collections::HashMap;
use std::ops::Range;

use super::document::{Document, Placeholder, Variable};
use super::finding::Finding;
use super::secret_places;
use super::suggestion;
use crate::dotenv::{FaultKind, LineKind, commented_assignment};
use crate::url::UrlError;

/// What to write in place of some bytes of the file, all of them in a line that has a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Correction {
    pub(crate) bytes: Range<usize>,
    pub(crate) text: String,
}

/// Returns the corrections of a document, in its order and without overlap. Each one mends a finding: what
/// has none is not changed.
pub(super) fn corrections(document: &Document, findings: &[Finding]) -> Vec<Correction> {
    let has_secrets = findings.iter().any(|it| it.code() == "committed_secret");
    let secrets = has_secrets.then(|| secret_places::of(document));
    let secrets = secrets.into_iter().flatten();
    let examples: HashMap<usize, &str> = secrets.map(|it| (it.at.start, it.example)).collect();
    let corrections = findings
        .iter()
        .filter_map(|finding| correction(document, finding, &examples));
    let mut all: Vec<_> = corrections.collect();
    all.sort_by_key(|correction| (correction.bytes.start, correction.bytes.end));
    let mut end = 0;
    all.retain(|correction| {
        let is_apart = correction.bytes.start >= end;
        end = end.max(correction.bytes.end);
        is_apart
    });
    all
}

/// Returns what mends the finding, where only one text can be right.
fn correction(
    document: &Document,
    finding: &Finding,
    examples: &HashMap<usize, &str>,
) -> Option<Correction> {
    let at = finding.bytes()?;
    let before = |variable: &Variable| variable.name.span.start <= at.start;
    let variable = || document.variables[..document.variables.partition_point(before)].last();
    match finding.code() {
        "no_placeholder" => filled(document, variable()?),
        "assigned_twice" => repeated(document, variable()?),
        "invalid_placeholder" => match &variable()?.placeholder {
            Placeholder::Invalid { error, .. } => escaped(document, error, &at),
            _ => None,
        },
        "invalid_url" => {
            let urls = &document.documented_urls;
            let before = urls.partition_point(|url| url.span.start <= at.start);
            let invalid = urls[..before].last()?.parsed.as_ref().err()?;
            escaped(document, &invalid.error, &at)
        }
        "unloadable_line" => quoted(document, at.start),
        "committed_secret" => {
            let example = examples.get(&at.start)?;
            Some(Correction {
                bytes: at,
                text: (*example).to_owned(),
            })
        }
        _ => None,
    }
}

/// A variable without a value gets the local URL of the file, or `localhost` if it names no server.
fn filled(document: &Document, variable: &Variable) -> Option<Correction> {
    let text = suggestion::local_url(document)?.to_owned();
    let written = &variable.written;
    let value = document.text(written);
    let bytes = if value.is_empty() || value.starts_with('#') {
        // What stands there is an inline comment, or nothing.
        let name = variable.name.span.end;
        let equals = name + document.text(&(name..written.start)).find('=')? + 1;
        equals..equals
    } else {
        written.clone()
    };
    Some(Correction { bytes, text })
}

/// A character of a password that a URL has percent-encoded only.
fn escaped(document: &Document, error: &UrlError, at: &Range<usize>) -> Option<Correction> {
    if !matches!(error.code(), "unescaped_at" | "unescaped_delimiter") {
        return None;
    }
    let text = match document.text(at) {
        "@" => "%40",
        "#" => "%23",
        "/" => "%2F",
        "?" => "%3F",
        _ => return None,
    };
    Some(Correction {
        bytes: at.clone(),
        text: text.to_owned(),
    })
}

/// A second assignment of the same value says nothing; another value may be the one that is meant.
fn repeated(document: &Document, variable: &Variable) -> Option<Correction> {
    let first = document
        .variables
        .iter()
        .find(|first| first.name.text == variable.name.text)?;
    let value = document.text(&variable.written);
    let is_repeated = first.name != variable.name
        && document.text(&first.written) == value
        && !value.contains('\n');
    let start = document.lines[variable.name.index].span.start;
    is_repeated.then(|| Correction {
        bytes: start..start,
        text: "# ".to_owned(),
    })
}

/// A value with spaces gets quotes where all readers of such files then read the same text.
fn quoted(document: &Document, at: usize) -> Option<Correction> {
    let before = document.lines.partition_point(|line| line.span.start <= at);
    let line = document.lines[..before].last()?;
    let LineKind::Broken(FaultKind::TextAfterSpace) = line.kind else {
        return None;
    };
    let text = document.text(&line.span);
    let value = commented_assignment(text)?.value;
    let start = line.span.start + value.start;
    let value = &text[value];
    let is_plain = !value.contains(['"', '\'', '\\', '$', '`', '#', '=']) && !value.contains("//");
    is_plain.then(|| Correction {
        bytes: start..start + value.len(),
        text: format!("\"{value}\""),
    })
}
