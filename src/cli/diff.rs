//! [`Change`]: a file before and after, written or shown as a diff.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use similar::{ChangeTag, TextDiff};

use super::failure::Failure;
use super::paths;
use crate::build;
use crate::report::printable;

/// What a file holds, and what it is to hold.
pub(super) struct Change {
    pub(super) path: PathBuf,
    pub(super) before: String,
    pub(super) after: String,
    /// Whether its values may be secrets.
    pub(super) holds_values: bool,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        self.before == self.after
    }

    pub(super) fn write(&self) -> Result<(), Failure> {
        if self.is_empty() {
            return Ok(());
        }
        fs::write(&self.path, &self.after).map_err(|error| {
            let path = paths::shown(&self.path);
            Failure::new(format!("cannot write `{path}`: {error}"))
        })
    }

    /// Returns the unified diff without secrets, empty where nothing changes.
    pub(super) fn diff(&self) -> String {
        let (before, after) = (lines(&self.before), lines(&self.after));
        let (shown_before, shown_after) = (self.shown(&self.before), self.shown(&self.after));
        let diff = TextDiff::from_slices(&before, &after);
        let mut text = String::new();
        let mut hides_the_difference = false;
        for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
            if text.is_empty() {
                let path = paths::shown(&self.path);
                let _ = writeln!(text, "--- {path}\n+++ {path}");
            }
            let _ = writeln!(text, "{}", hunk.header());
            let mut deleted = Vec::new();
            for change in hunk.iter_changes() {
                let (sign, shown, index) = match change.tag() {
                    ChangeTag::Delete => ('-', &shown_before, change.old_index()),
                    ChangeTag::Insert => ('+', &shown_after, change.new_index()),
                    ChangeTag::Equal => (' ', &shown_before, change.old_index()),
                };
                let line = index.and_then(|index| shown.get(index));
                let line = line.map_or("", String::as_str);
                match change.tag() {
                    ChangeTag::Delete => deleted.push((line, change.value().trim_end())),
                    ChangeTag::Insert => {
                        let value = change.value().trim_end();
                        let looks_equal = |it: &&(&str, &str)| it.0 == line && it.1 != value;
                        hides_the_difference |= deleted.iter().find(looks_equal).is_some();
                    }
                    ChangeTag::Equal => {}
                }
                let _ = writeln!(text, "{sign}{}", printable(line));
                if !change.value().ends_with('\n') {
                    text += "\\ No newline at end of file\n";
                }
            }
        }
        if hides_the_difference {
            text += "note: `***` hides values that may be secrets: lines that look equal differ in them\n";
        }
        text
    }

    fn shown(&self, text: &str) -> Vec<String> {
        if self.holds_values {
            return build::redacted_lines(text);
        }
        let ends = ['\n', '\r'];
        lines(text)
            .iter()
            .map(|line| line.trim_end_matches(ends).to_owned())
            .collect()
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}
