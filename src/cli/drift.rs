//! Which variables the sources of a package name and none of its documents has.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::paths;
use super::sources::Use;
use crate::build::{self, Check, Finding, Inspection};
use crate::report::printable;

/// The text of a document, and what one check makes of it.
pub(super) struct CheckedDocument {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) check: Check,
    pub(super) inspection: Inspection,
}

impl CheckedDocument {
    pub(super) fn new(path: PathBuf, text: String, check: &Check) -> CheckedDocument {
        CheckedDocument {
            inspection: check.inspect(&text, &paths::shown(&path)),
            path,
            text,
            check: check.clone(),
        }
    }

    /// Returns whether the check accepts the name.
    pub(super) fn documents(&self, name: &str) -> bool {
        let documented = &self.inspection.documented;
        documented.iter().any(|(known, _)| known == name)
    }

    /// Returns whether the check accepts the name, or finds that it is missing.
    fn knows(&self, name: &str) -> bool {
        let missing = &self.inspection.missing;
        self.documents(name) || missing.iter().any(|missing| missing.name == name)
    }
}

/// Returns the first use of each variable that no check of the package knows.
pub(super) fn unknown<'a>(uses: &'a [Use], documents: &[CheckedDocument]) -> Vec<&'a Use> {
    let mut first: BTreeMap<&str, &Use> = BTreeMap::new();
    for used in uses.iter().filter(|it| it.is_certain) {
        first.entry(&used.name).or_insert(used);
    }
    first.retain(|name, _| !documents.iter().any(|document| document.knows(name)));
    first.into_values().collect()
}

/// Returns a finding for each of them, with the file of the source.
pub(super) fn undocumented(uses: &[Use], documents: &[CheckedDocument]) -> Vec<(PathBuf, Finding)> {
    let Some(first) = documents.first() else {
        return Vec::new();
    };
    let finding = |used: &Use| {
        let elsewhere = documents.iter().find_map(|it| unaccepted(used, it));
        let finding = elsewhere.unwrap_or_else(|| missing(used, first));
        (used.file.clone(), finding)
    };
    unknown(uses, documents).into_iter().map(finding).collect()
}

/// The file has the variable, and the check does not accept it.
fn unaccepted(used: &Use, document: &CheckedDocument) -> Option<Finding> {
    let name = printable(&used.name);
    let asked = document.check.clone().variable(&used.name);
    let documented = asked.inspect(&document.text, "").documented;
    let (_, line) = documented.iter().find(|(known, _)| *known == used.name)?;
    let file = paths::shown(&document.path);
    let message = format!("`{name}` is in `{file}:{line}`, but the check does not accept it");
    let help = format!(
        "add `.variable(\"{name}\")` to the check in the build script, as in \
         `Check::new().variable(\"{name}\").run()`"
    );
    Some(at(used, message).with_help(help))
}

fn missing(used: &Use, document: &CheckedDocument) -> Finding {
    let name = printable(&used.name);
    let file = paths::shown(&document.path);
    let finding = at(used, format!("`{name}` is not documented in `{file}`"));
    let lines = build::assignment(&name, &document.inspection.local_url);
    let finding = finding.with_help(format!("add these lines to `{file}`:\n{lines}"));
    if document.check.accepts(&used.name) {
        return finding;
    }
    let help = format!("write `Check::new().variable(\"{name}\").run()` in the build script");
    finding.with_help(help)
}

fn at(used: &Use, message: String) -> Finding {
    let line = (&*used.text, used.span.clone());
    let source = paths::shown(&used.file);
    Finding::in_line(
        "undocumented_variable",
        &source,
        used.position,
        line,
        message,
    )
}
