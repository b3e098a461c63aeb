//! Where a document has real secrets: in URLs, variables and comments.

use std::ops::Range;

use super::document::Document;
use super::document_reader::MOST_IN_A_LINE;
use super::host::Place;
use super::randomness;
use super::secret;
use super::suggestion;

/// What to write for a password in a URL, and for any other secret.
pub(super) const EXAMPLE_PASSWORD: &str = "password";
const EXAMPLE_SECRET: &str = "your-secret";

/// A place in the file that looks like a real secret.
pub(super) struct Secret {
    pub(super) at: Range<usize>,
    /// What to write in its place.
    pub(super) example: &'static str,
}

/// Returns the secrets, in the order of the file.
pub(super) fn of(document: &Document) -> Vec<Secret> {
    let mut found: Vec<_> = in_urls(document)
        .chain(in_variables(document))
        .chain(in_comments(document))
        .collect();
    found.sort_by_key(|secret| secret.at.start);
    found.dedup_by_key(|secret| secret.at.start);
    let (mut line, mut count) = (0, 0);
    found.retain(|secret| {
        let is_next = document.line_number(secret.at.start) != line;
        line = document.line_number(secret.at.start);
        count = if is_next { 1 } else { count + 1 };
        count <= MOST_IN_A_LINE
    });
    found
}

fn in_urls(document: &Document) -> impl Iterator<Item = Secret> {
    let of_rest = document.others.iter();
    let of_rest = of_rest.filter(|it| {
        let has_options = document.text(&it.written).contains(",password=");
        has_options || secret::is_of_redis(&it.name.text)
    });
    let urls = document
        .all_urls()
        .chain(of_rest.map(|it| document.bare(&it.written)));
    urls.filter_map(|span| {
        let secret = secret::in_url(document.text(&span))?;
        Some(Secret {
            at: within(&span, &secret),
            example: EXAMPLE_PASSWORD,
        })
    })
}

/// Where a variable names a host that others can reach, a password is a secret without looking random.
fn in_variables(document: &Document) -> impl Iterator<Item = Secret> {
    let is_reachable = document.others.iter().any(|it| {
        secret::names_a_host(&it.name.text)
            && secret::place(suggestion::plain_value(document, it)) == Place::Reachable
    });
    let is_secret = if is_reachable {
        secret::is_no_example
    } else {
        randomness::looks_random
    };
    let secrets = document.others.iter().filter(move |it| {
        secret::is_named_by(&it.name.text) && is_secret(suggestion::plain_value(document, it))
    });
    secrets.map(|it| Secret {
        at: document.bare(&it.written),
        example: EXAMPLE_SECRET,
    })
}

fn in_comments(document: &Document) -> impl Iterator<Item = Secret> {
    document.prose.iter().flat_map(|span| {
        let secrets = secret::in_prose(document.text(span)).into_iter();
        secrets.map(|secret| Secret {
            at: within(span, &secret),
            example: EXAMPLE_SECRET,
        })
    })
}

fn within(span: &Range<usize>, secret: &Range<usize>) -> Range<usize> {
    span.start + secret.start..span.start + secret.end
}
