//! [`Inspection`]: what the command line tool asks of a `.env.example`.

use std::collections::HashSet;

use super::check::Check;
use super::correction::{self, Correction};
use super::document::Document;
use super::document_reader;
use super::finding::Finding;
use super::rules;
use super::suggestion;
use super::warnings;

/// A `.env.example` as one [`Check`] sees it.
pub(crate) struct Inspection {
    pub(crate) findings: Vec<Finding>,
    /// What the build warns of where nothing is wrong.
    pub(crate) warnings: Vec<Finding>,
    /// Each variable that the application may use, and the line that documents it first, from 1.
    pub(crate) documented: Vec<(String, usize)>,
    /// The assigned variables that are the application's own.
    pub(crate) own: HashSet<String>,
    /// The variables that are asked for and not there.
    pub(crate) missing: Vec<MissingVariable>,
    /// A URL for one that is missing: the local one that the file shows, else `localhost`.
    pub(crate) local_url: String,
    /// The formats that no URL shows.
    pub(crate) missing_formats: Option<MissingFormats>,
    /// What would mend a finding and cannot be wrong, in the order of the file.
    pub(crate) corrections: Vec<Correction>,
}

/// A variable that is asked for and not in the file.
pub(crate) struct MissingVariable {
    pub(crate) name: String,
    /// Whether its line may be commented out.
    pub(crate) is_optional: bool,
}

/// The formats that no URL of the file shows.
pub(crate) struct MissingFormats {
    /// The line of the variable that they are documented for, from 1.
    pub(crate) line: Option<usize>,
    /// The lines that document them.
    pub(crate) lines: String,
}

impl Check {
    /// Reads the text of the file that the findings call `file`.
    pub(crate) fn inspect(&self, text: &str, file: &str) -> Inspection {
        let requirements = self.requirements(file);
        let document = document_reader::read(text, &requirements);
        let findings = rules::apply(&document);
        let names = requirements.names;
        let missing = document.missing_names().into_iter();
        let missing = missing.map(|name| MissingVariable {
            name: name.to_owned(),
            is_optional: names.is_optional(name),
        });
        let own = document.assigned_names.iter();
        Inspection {
            documented: documented(&document),
            own: own.map(|name| name.text.clone()).collect(),
            missing: missing.collect(),
            missing_formats: missing_formats(&document),
            corrections: correction::corrections(&document, &findings),
            warnings: warnings::findings(&document),
            local_url: suggestion::local_or_default(&document).to_owned(),
            findings,
        }
    }
}

fn missing_formats(document: &Document) -> Option<MissingFormats> {
    let formats = rules::missing_formats(document);
    let name = rules::first_name(document);
    let documented = documented(document).into_iter();
    let mut lines = documented.filter_map(|(known, line)| (known == name).then_some(line));
    (!formats.is_empty()).then(|| MissingFormats {
        line: lines.next(),
        lines: suggestion::formats(name, &formats),
    })
}

/// Returns the names that the application may use, each with its first line.
fn documented(document: &Document) -> Vec<(String, usize)> {
    let mut known = HashSet::new();
    let names = document.documented_names().into_iter();
    let first = names.filter(|name| known.insert(&name.text));
    first
        .map(|name| (name.text.clone(), document.line_number(name.span.start)))
        .collect()
}
