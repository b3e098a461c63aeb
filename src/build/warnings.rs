//! What the parser knows of providers: a documented URL that is valid and cannot work.

use super::document::Document;
use super::finding::Finding;

/// The codes of the warnings that a document is told; the others are for the value at start-up.
const CODES: [&str; 5] = [
    "plaintext_to_tls_only",
    "sentinel_port",
    "cluster_endpoint",
    "tls_verify_off",
    "tls_hostname_off",
];

/// Returns the warnings as findings, in the order of the file.
pub(super) fn findings(document: &Document) -> Vec<Finding> {
    let mut found = Vec::new();
    for (url, span) in document.shown_urls() {
        let warnings = url.warnings().iter();
        let known = warnings.filter(|warning| CODES.contains(&warning.code()));
        found.extend(known.map(|warning| {
            let finding = document.finding_at(span, warning.code(), warning.message());
            finding.into_warning()
        }));
    }
    found.sort_by_key(Finding::position);
    found
}

/// Returns each warning as one line, with its place.
pub(super) fn lines(document: &Document) -> Vec<String> {
    let line = |finding: &Finding| {
        let (line, _) = finding.position().unwrap_or_default();
        format!("{}:{line}: {}", finding.file(), finding.message())
    };
    findings(document).iter().map(line).collect()
}
